package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
)

var opensearchService = &service{name: "opensearch", client: "es", listings: []*listing{domains}}

func (r *run) opensearch() *opensearch.Client { return opensearch.NewFromConfig(r.config()) }

var domains = &listing{
	items: "DomainNames[]", key: "DomainName", token: "-", most: 5, described: "DomainStatusList[]",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*opensearch.ListDomainNamesOutput, error) {
		return r.opensearch().ListDomainNames(ctx, &opensearch.ListDomainNamesInput{})
	}),
	describe: ask(func(ctx context.Context, r *run, o object, _ *string) (*opensearch.DescribeDomainsOutput, error) {
		return r.opensearch().DescribeDomains(ctx, &opensearch.DescribeDomainsInput{DomainNames: namesIn(o)})
	}),
	keep: func(_ *run, o object) bool { return o["Deleted"] != true },
	kind: &kind{
		name: "AWS::OpenSearchService::Domain", id: "{ARN}", title: "DomainName",
		fields: join(
			like(`AIMLOptions{S3VectorsEngine{Enabled} ServerlessVectorAcceleration{Enabled}} AccessPolicies:document AdvancedOptions
				AdvancedSecurityOptions{AnonymousAuthDisableDate AnonymousAuthEnabled Enabled IAMFederationOptions{Enabled RolesKey SubjectKey} InternalUserDatabaseEnabled
					JWTOptions{Enabled RolesKey SubjectKey} SAMLOptions{Enabled Idp{EntityId MetadataContent} RolesKey SessionTimeoutMinutes SubjectKey}}
				Arn=ARN DomainArn=ARN Id=DomainId ClusterConfig{ColdStorageOptions{Enabled} DedicatedMasterCount DedicatedMasterEnabled DedicatedMasterType InstanceCount
					InstanceType MultiAZWithStandbyEnabled NodeOptions[]{NodeConfig{Count Enabled Type} NodeType} WarmCount WarmEnabled WarmType
					ZoneAwarenessConfig{AvailabilityZoneCount} ZoneAwarenessEnabled}
				CognitoOptions{Enabled IdentityPoolId RoleArn UserPoolId} DomainEndpoint=Endpoint
				DomainEndpointOptions{CustomEndpoint CustomEndpointCertificateArn CustomEndpointEnabled EnforceHTTPS TLSSecurityPolicy}
				DomainEndpointV2=EndpointV2 DomainEndpoints=Endpoints DomainName EBSOptions{EBSEnabled Iops Throughput VolumeSize VolumeType}
				EncryptionAtRestOptions{Enabled KmsKeyId} EngineVersion IPAddressType
				IdentityCenterOptions{EnabledAPIAccess IdentityCenterApplicationARN IdentityCenterInstanceARN IdentityStoreId RolesKey SubjectKey}
				LogPublishingOptions NodeToNodeEncryptionOptions{Enabled} OffPeakWindowOptions{Enabled OffPeakWindow{WindowStartTime{Hours Minutes}}}
				SnapshotOptions{AutomatedSnapshotStartHour} SoftwareUpdateOptions{AutoSoftwareUpdateEnabled} VPCOptions{SecurityGroupIds:set SubnetIds:set}
				ServiceSoftwareOptions{AutomatedUpdateDate Cancellable CurrentVersion Description NewVersion OptionalDeployment UpdateAvailable UpdateStatus}`),
			extra(like("VpcId=VPCOptions.VPCId Processing")),
		),
		tagged: taggedBy("TagList", ask(func(ctx context.Context, r *run, o object, _ *string) (*opensearch.ListTagsOutput, error) {
			return r.opensearch().ListTags(ctx, &opensearch.ListTagsInput{ARN: sdk.String(text(o, "id"))})
		})),
	},
}
