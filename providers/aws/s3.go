package aws

import (
	"context"
	"maps"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// s3Service are the buckets of a region. All buckets are listed once; each region takes its own, where
// S3 wants to be asked about them.
var s3Service = &service{name: "s3", client: "s3", listings: []*listing{buckets}}

func (r *run) s3() *s3.Client { return s3.NewFromConfig(r.config(), r.s3Style) }

// s3Style puts the bucket into the path for emulators, which have no names for buckets.
func (r *run) s3Style(o *s3.Options) { o.UsePathStyle = r.settings.Endpoint != "" }

var buckets = &listing{
	local: func(ctx context.Context, r *run, _ object) ([]object, error) {
		all, err := r.buckets.get(ctx, func(ctx context.Context) ([]object, error) { return r.allBuckets(ctx) })
		var here []object
		for _, o := range all {
			if text(o, "BucketRegion") == r.region {
				here = append(here, maps.Clone(o)) // the listing is shared with other regions
			}
		}
		return here, err
	},
	prepare: func(r *run, _, o object) object {
		name, suffix := text(o, "Name"), hostSuffix(r.partition)
		o["Domain"] = name + ".s3." + suffix
		o["RegionalDomain"] = name + ".s3." + r.region + "." + suffix
		o["DualStackDomain"] = name + ".s3.dualstack." + r.region + "." + suffix
		o["Arn"] = r.expand("arn:{partition}:s3:::{Name}", r.region, o)
		return o
	},
	kind: bucket,
}

// hostSuffix is what a partition's host names end with.
func hostSuffix(partition string) string {
	if partition == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// allBuckets lists the buckets of the account with their regions.
func (r *run) allBuckets(ctx context.Context) ([]object, error) {
	client := s3.NewFromConfig(r.session.config(r.home(), "s3"), r.s3Style)
	l := &listing{
		sections: []section{{items: "Buckets[]"}}, token: "ContinuationToken",
		call: ask(func(ctx context.Context, _ *run, _ object, token *string) (*s3.ListBucketsOutput, error) {
			// Without a number of buckets, S3 leaves out their regions.
			return client.ListBuckets(ctx, &s3.ListBucketsInput{MaxBuckets: sdk.Int32(10000), ContinuationToken: token})
		}),
	}
	var all []object
	err := r.pages(ctx, l, nil, func(_ *kind, items []object) error {
		for _, o := range items {
			if err := locate(ctx, client, o); err != nil {
				return err
			}
		}
		all = append(all, items...)
		return nil
	})
	return all, err
}

// locate asks for the region of a bucket that was listed without.
func locate(ctx context.Context, client *s3.Client, o object) error {
	if text(o, "BucketRegion") != "" {
		return nil
	}
	out, err := client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: sdk.String(text(o, "Name"))})
	switch {
	case gone(err):
		return nil
	case err != nil:
		return err
	}
	switch region := string(out.LocationConstraint); region {
	case "":
		o["BucketRegion"] = "us-east-1"
	case "EU":
		o["BucketRegion"] = "eu-west-1"
	default:
		o["BucketRegion"] = region
	}
	return nil
}

// named gives the name of the bucket that a call is about.
func named(o object) *string { return sdk.String(text(o, "Name")) }

var bucket = &kind{
	name: "AWS::S3::Bucket", id: "{Arn}", title: "Name", uid: "CreationDate", tagged: tagged,
	fields: join(
		same("Arn"), as("BucketName", "Name"), as("DomainName", "Domain"), as("RegionalDomainName", "RegionalDomain"), as("DualStackDomainName", "DualStackDomain"),
		extra(same("CreationDate")),
	),
	facets: []*facet{
		{name: "encryption", absent: []string{"ServerSideEncryptionConfigurationNotFoundError"},
			fields: nest("BucketEncryption", "ServerSideEncryptionConfiguration", nest("ServerSideEncryptionConfiguration", "Rules[]",
				same("BucketKeyEnabled"), nest("ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault", same("KMSMasterKeyID", "SSEAlgorithm")))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketEncryptionOutput, error) {
				return r.s3().GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: named(o)})
			})},
		{name: "publicaccess", absent: []string{"NoSuchPublicAccessBlockConfiguration"},
			fields: nest("PublicAccessBlockConfiguration", "PublicAccessBlockConfiguration", publicAccess),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetPublicAccessBlockOutput, error) {
				return r.s3().GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: named(o)})
			})},
		{name: "policy", absent: noPolicy, keep: true, feeds: bucketPolicy.name,
			fields: extra(by("Policy", "Policy", document)),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketPolicyOutput, error) {
				return r.s3().GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: named(o)})
			})},
		{name: "policystatus", absent: noPolicy, fields: extra(as("PolicyIsPublic", "PolicyStatus.IsPublic")),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketPolicyStatusOutput, error) {
				return r.s3().GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: named(o)})
			})},
		{name: "acl", fields: extra(nest("Acl", "",
			nest("Owner", "Owner", same("DisplayName", "ID")),
			sets("Grants", "Grants[]", same("Permission"), nest("Grantee", "Grantee", same("DisplayName", "EmailAddress", "ID", "Type", "URI"))))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketAclOutput, error) {
				return r.s3().GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: named(o)})
			})},
		{name: "versioning", fields: join(nest("VersioningConfiguration", "", same("Status")), extra(as("MfaDelete", "MFADelete"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketVersioningOutput, error) {
				return r.s3().GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: named(o)})
			})},
		{name: "logging", fields: nest("LoggingConfiguration", "LoggingEnabled", as("DestinationBucketName", "TargetBucket"), as("LogFilePrefix", "TargetPrefix"),
			nest("TargetObjectKeyFormat", "TargetObjectKeyFormat", same("SimplePrefix"), nest("PartitionedPrefix", "PartitionedPrefix", same("PartitionDateSource")))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketLoggingOutput, error) {
				return r.s3().GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: named(o)})
			})},
		{name: "ownership", absent: []string{"OwnershipControlsNotFoundError"},
			fields: nest("OwnershipControls", "OwnershipControls", nest("Rules", "Rules[]", same("ObjectOwnership"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketOwnershipControlsOutput, error) {
				return r.s3().GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: named(o)})
			})},
		{name: "lifecycle", absent: []string{"NoSuchLifecycleConfiguration"}, fields: lifecycle,
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketLifecycleConfigurationOutput, error) {
				return r.s3().GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: named(o)})
			})},
		{name: "website", absent: []string{"NoSuchWebsiteConfiguration"}, fields: website,
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketWebsiteOutput, error) {
				return r.s3().GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: named(o)})
			})},
		{name: "cors", absent: []string{"NoSuchCORSConfiguration"},
			fields: nest("CorsConfiguration", "", nest("CorsRules", "CORSRules[]", same("AllowedHeaders", "AllowedMethods", "AllowedOrigins"),
				as("ExposedHeaders", "ExposeHeaders"), as("Id", "ID"), as("MaxAge", "MaxAgeSeconds"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketCorsOutput, error) {
				return r.s3().GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: named(o)})
			})},
		{name: "replication", absent: []string{"ReplicationConfigurationNotFoundError"}, fields: replication,
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketReplicationOutput, error) {
				return r.s3().GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: named(o)})
			})},
		{name: "objectlock", absent: []string{"ObjectLockConfigurationNotFoundError"},
			fields: join(made("ObjectLockEnabled", func(o object) any { return text(o, "ObjectLockConfiguration.ObjectLockEnabled") == "Enabled" }),
				nest("ObjectLockConfiguration", "ObjectLockConfiguration", same("ObjectLockEnabled"),
					nest("Rule", "Rule", nest("DefaultRetention", "DefaultRetention", same("Days", "Mode", "Years"))))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetObjectLockConfigurationOutput, error) {
				return r.s3().GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: named(o)})
			})},
		{name: "notification", fields: notification,
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketNotificationConfigurationOutput, error) {
				return r.s3().GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: named(o)})
			})},
		{name: "acceleration", fields: nest("AccelerateConfiguration", "", as("AccelerationStatus", "Status")),
			// Where a region or a bucket's name does not allow acceleration, there is none.
			absent: []string{"MethodNotAllowed", "UnsupportedArgument", "InvalidRequest"},
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketAccelerateConfigurationOutput, error) {
				return r.s3().GetBucketAccelerateConfiguration(ctx, &s3.GetBucketAccelerateConfigurationInput{Bucket: named(o)})
			})},
		{name: "payment", fields: extra(as("RequestPayer", "Payer")),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3.GetBucketRequestPaymentOutput, error) {
				return r.s3().GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: named(o)})
			})},
	},
	children: []*listing{bucketPolicies},
}

var (
	noPolicy     = []string{"NoSuchBucketPolicy"}
	publicAccess = same("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
)

// bucketPolicies are policies as resources of their own, made of what the bucket's facet told.
var bucketPolicies = &listing{
	when: func(p *plan) bool { return p.wantsType(bucketPolicy.name) },
	local: func(ctx context.Context, r *run, bucket object) ([]object, error) {
		if _, there := bucket["Policy"]; !there {
			return nil, nil
		}
		return []object{{"Bucket": bucket["Name"], "Policy": bucket["Policy"], "Arn": bucket["Arn"]}}, nil
	},
	kind: bucketPolicy,
}

var bucketPolicy = &kind{
	name: "AWS::S3::BucketPolicy", id: "AWS::S3::BucketPolicy/{Bucket}", title: "Bucket",
	fields: join(same("Bucket"), by("PolicyDocument", "Policy", document)),
}

var lifecycle = nest("LifecycleConfiguration", "",
	as("TransitionDefaultMinimumObjectSize", "TransitionDefaultMinimumObjectSize"),
	nest("Rules", "Rules[]", same("Status"), as("Id", "ID"),
		nest("AbortIncompleteMultipartUpload", "AbortIncompleteMultipartUpload", same("DaysAfterInitiation")),
		as("ExpirationDate", "Expiration.Date"), as("ExpirationInDays", "Expiration.Days"), as("ExpiredObjectDeleteMarker", "Expiration.ExpiredObjectDeleteMarker"),
		nest("NoncurrentVersionExpiration", "NoncurrentVersionExpiration", same("NewerNoncurrentVersions", "NoncurrentDays")),
		nest("NoncurrentVersionTransitions", "NoncurrentVersionTransitions[]", same("NewerNoncurrentVersions", "StorageClass"), as("TransitionInDays", "NoncurrentDays")),
		nest("Transitions", "Transitions[]", same("StorageClass"), as("TransitionDate", "Date"), as("TransitionInDays", "Days")),
		either("Prefix", "Prefix", "Filter.Prefix", "Filter.And.Prefix"),
		by("ObjectSizeGreaterThan", "Filter.ObjectSizeGreaterThan", asText), by("ObjectSizeLessThan", "Filter.ObjectSizeLessThan", asText),
		made("TagFilters", tagFilters),
	))

func tagFilters(rule object) any {
	if tag := get(rule, "Filter.Tag"); tag != nil {
		return []any{tag}
	}
	return get(rule, "Filter.And.Tags")
}

var website = nest("WebsiteConfiguration", "",
	as("ErrorDocument", "ErrorDocument.Key"), as("IndexDocument", "IndexDocument.Suffix"),
	nest("RedirectAllRequestsTo", "RedirectAllRequestsTo", same("HostName", "Protocol")),
	nest("RoutingRules", "RoutingRules[]",
		nest("RedirectRule", "Redirect", same("HostName", "HttpRedirectCode", "Protocol", "ReplaceKeyPrefixWith", "ReplaceKeyWith")),
		nest("RoutingRuleCondition", "Condition", same("HttpErrorCodeReturnedEquals", "KeyPrefixEquals"))))

var replication = nest("ReplicationConfiguration", "ReplicationConfiguration", same("Role"),
	nest("Rules", "Rules[]", as("Id", "ID"), same("Prefix", "Priority", "Status"),
		nest("DeleteMarkerReplication", "DeleteMarkerReplication", same("Status")),
		nest("Destination", "Destination", same("Account", "Bucket", "StorageClass"),
			nest("AccessControlTranslation", "AccessControlTranslation", same("Owner")),
			nest("EncryptionConfiguration", "EncryptionConfiguration", same("ReplicaKmsKeyID"))),
		nest("Filter", "Filter", same("Prefix"), as("TagFilter", "Tag"), nest("And", "And", same("Prefix"), as("TagFilters", "Tags"))),
		nest("SourceSelectionCriteria", "SourceSelectionCriteria",
			nest("ReplicaModifications", "ReplicaModifications", same("Status")), nest("SseKmsEncryptedObjects", "SseKmsEncryptedObjects", same("Status")))))

var notification = made("NotificationConfiguration", func(o object) any {
	configured := object{}
	if get(o, "EventBridgeConfiguration") != nil {
		configured["EventBridgeConfiguration"] = object{"EventBridgeEnabled": true}
	}
	for _, to := range [...]struct{ list, arn, name, from string }{
		{"LambdaConfigurations", "LambdaFunctionArn", "Function", "LambdaFunctionConfigurations[]"},
		{"QueueConfigurations", "QueueArn", "Queue", "QueueConfigurations[]"},
		{"TopicConfigurations", "TopicArn", "Topic", "TopicConfigurations[]"},
	} {
		if all := perEvent(list(o, to.from), to.arn, to.name); len(all) > 0 {
			configured[to.list] = all
		}
	}
	if len(configured) == 0 {
		return nil
	}
	return configured
})

// perEvent makes an entry for each event, as CloudFormation has them, of those that S3 gathers.
func perEvent(configurations []any, arn, name string) []any {
	var all []any
	for _, c := range configurations {
		for _, event := range list(c, "Events") {
			entry := join(as(name, arn), nest("Filter", "Filter", nest("S3Key", "Key", nest("Rules", "FilterRules[]",
				by("Name", "Name", lower), same("Value"))))).apply(c)
			entry["Event"] = event
			all = append(all, entry)
		}
	}
	return all
}

func lower(value any) any {
	if source, isText := value.(string); isText {
		return strings.ToLower(source)
	}
	return value
}
