package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
)

var cloudtrailService = &service{name: "cloudtrail", client: "cloudtrail", listings: []*listing{trails}}

func (r *run) cloudtrail() *cloudtrail.Client { return cloudtrail.NewFromConfig(r.config()) }

func trailOf(o object) *string { return sdk.String(text(o, "TrailARN")) }

// trails are listed in their home region, where the settings are. A policy that asks for a trail in
// every region finds it by IsMultiRegionTrail.
var trails = &listing{
	items: "TrailList[]", token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*cloudtrail.DescribeTrailsOutput, error) {
		return r.cloudtrail().DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: sdk.Bool(false)})
	}),
	keep: func(r *run, o object) bool { return text(o, "HomeRegion") == "" || text(o, "HomeRegion") == r.region },
	kind: &kind{
		name: "AWS::CloudTrail::Trail", id: "{TrailARN}", title: "Name",
		fields: join(
			like(`Arn=TrailARN CloudWatchLogsLogGroupArn=CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn EnableLogFileValidation=LogFileValidationEnabled
				IncludeGlobalServiceEvents IsMultiRegionTrail IsOrganizationTrail KMSKeyId=KmsKeyId S3BucketName S3KeyPrefix
				SnsTopicArn=SnsTopicARN SnsTopicName=SnsTopicARN:last TrailName=Name`),
			extra(like("HomeRegion")),
		),
		tagged: taggedMany(20, "ResourceTagList[]", "ResourceId", "TagsList",
			ask(func(ctx context.Context, r *run, o object, token *string) (*cloudtrail.ListTagsOutput, error) {
				return r.cloudtrail().ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: namesIn(o), NextToken: token})
			})),
		facets: []*facet{
			{name: "status", always: true, fields: join(like("IsLogging"), extra(like("LatestCloudWatchLogsDeliveryError LatestDeliveryError LatestNotificationError"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*cloudtrail.GetTrailStatusOutput, error) {
					return r.cloudtrail().GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: trailOf(o)})
				})},
			{name: "selectors", fields: like(`
					AdvancedEventSelectors[]{Name FieldSelectors[]{EndsWith Equals Field NotEndsWith NotEquals NotStartsWith StartsWith}}
					EventSelectors[]{DataResources[]{Type Values} ExcludeManagementEventSources IncludeManagementEvents ReadWriteType}`),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*cloudtrail.GetEventSelectorsOutput, error) {
					return r.cloudtrail().GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: trailOf(o)})
				})},
			{name: "insights", fields: like("InsightSelectors[]{EventCategories InsightType}"), absent: []string{"InsightNotEnabledException"},
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*cloudtrail.GetInsightSelectorsOutput, error) {
					return r.cloudtrail().GetInsightSelectors(ctx, &cloudtrail.GetInsightSelectorsInput{TrailName: trailOf(o)})
				})},
		},
	},
}
