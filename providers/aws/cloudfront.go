package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
)

var cloudfrontService = &service{name: "cloudfront", client: "cloudfront", global: true, listings: []*listing{distributions}}

func (r *run) cloudfront() *cloudfront.Client { return cloudfront.NewFromConfig(r.config()) }

const behaviorMembers = `{AllowedMethods=AllowedMethods.Items:set CachePolicyId CachedMethods=AllowedMethods.CachedMethods.Items:set Compress DefaultTTL FieldLevelEncryptionId
	ForwardedValues{Cookies{Forward WhitelistedNames=WhitelistedNames.Items:set} Headers=Headers.Items:set QueryString QueryStringCacheKeys=QueryStringCacheKeys.Items:set}
	FunctionAssociations=FunctionAssociations.Items{EventType FunctionARN} GrpcConfig{Enabled}
	LambdaFunctionAssociations=LambdaFunctionAssociations.Items{EventType IncludeBody LambdaFunctionARN}
	MaxTTL MinTTL OriginRequestPolicyId PathPattern RealtimeLogConfigArn ResponseHeadersPolicyId SmoothStreaming TargetOriginId
	TrustedKeyGroups=TrustedKeyGroups.Items:set TrustedSigners=TrustedSigners.Items:set ViewerProtocolPolicy}`

// distributions are listed in short, and described in full by a call for each.
var distributions = &listing{
	items: "DistributionList.Items[]", token: "DistributionList.NextMarker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*cloudfront.ListDistributionsOutput, error) {
		return r.cloudfront().ListDistributions(ctx, &cloudfront.ListDistributionsInput{Marker: token, MaxItems: sdk.Int32(100)})
	}),
	kind: &kind{
		name: "AWS::CloudFront::Distribution", id: "{ARN}", title: "Id", tagged: tagged, global: true,
		fields: join(like("Id DomainName"), extra(same("LastModifiedTime", "Status"))),
		facets: []*facet{{
			name: "config", always: true, fields: nest("DistributionConfig", "DistributionConfig",
				like(`Aliases=Aliases.Items:set AnycastIpListId CacheBehaviors=CacheBehaviors.Items`+behaviorMembers+` Comment
					ConnectionFunctionAssociation{Id} ConnectionMode ContinuousDeploymentPolicyId
					CustomErrorResponses=CustomErrorResponses.Items{ErrorCachingMinTTL ErrorCode ResponseCode:number ResponsePagePath}
					DefaultCacheBehavior`+behaviorMembers+` DefaultRootObject Enabled HttpVersion IPV6Enabled=IsIPV6Enabled
					OriginGroups{Items[]{FailoverCriteria{StatusCodes{Items Quantity}} Id Members{Items[]{OriginId} Quantity}} Quantity}
					Origins=Origins.Items{ConnectionAttempts ConnectionTimeout
						CustomOriginConfig{HTTPPort HTTPSPort IpAddressType OriginKeepaliveTimeout OriginProtocolPolicy OriginReadTimeout OriginSSLProtocols=OriginSslProtocols.Items:set}
						DomainName Id OriginAccessControlId OriginCustomHeaders=CustomHeaders.Items{HeaderName HeaderValue} OriginPath
						OriginShield{Enabled OriginShieldRegion} ResponseCompletionTimeout S3OriginConfig{OriginAccessIdentity OriginReadTimeout}
						VpcOriginConfig{OriginKeepaliveTimeout OriginReadTimeout VpcOriginId}}
					PriceClass Restrictions{GeoRestriction{Locations=Items:set RestrictionType}} Staging
					ViewerCertificate{AcmCertificateArn=ACMCertificateArn CloudFrontDefaultCertificate IamCertificateId=IAMCertificateId MinimumProtocolVersion SslSupportMethod=SSLSupportMethod}
					ViewerMtlsConfig{Mode TrustStoreConfig{AdvertiseTrustStoreCaNames IgnoreCertificateExpiry TrustStoreId}} WebACLId`),
				made("Logging", accessLogs)),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*cloudfront.GetDistributionConfigOutput, error) {
				return r.cloudfront().GetDistributionConfig(ctx, &cloudfront.GetDistributionConfigInput{Id: sdk.String(text(o, "Id"))})
			}),
		}},
	},
}

// accessLogs are the logging of a distribution, which CloudFront describes even where it is off.
func accessLogs(config object) any {
	if get(config, "Logging.Enabled") != true {
		return nil
	}
	return like("Bucket IncludeCookies Prefix").apply(config["Logging"])
}
