package aws

import (
	"context"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

var logsService = &service{name: "logs", client: "logs", listings: []*listing{logGroups, metricFilters}}

func (r *run) logs() *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(r.config()) }

var logGroups = &listing{
	items: "LogGroups[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
		return r.logs().DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{Limit: sdk.Int32(50), NextToken: token})
	}),
	prepare: func(_ *run, _, o object) object {
		o["LogGroupArn"] = strings.TrimSuffix(text(o, "Arn"), ":*") // the one that has tags
		return o
	},
	kind: &kind{
		name: "AWS::Logs::LogGroup", id: "{LogGroupArn}", title: "LogGroupName", uid: "CreationTime", tagged: tagged,
		fields: join(
			like("Arn KmsKeyId LogGroupClass LogGroupName RetentionInDays"),
			extra(same("CreationTime", "DataProtectionStatus", "MetricFilterCount")),
		),
		facets: []*facet{{
			name: "protection", absent: nothing, fields: like("DataProtectionPolicy=PolicyDocument:document"),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*cloudwatchlogs.GetDataProtectionPolicyOutput, error) {
				return r.logs().GetDataProtectionPolicy(ctx, &cloudwatchlogs.GetDataProtectionPolicyInput{LogGroupIdentifier: sdk.String(text(o, "LogGroupName"))})
			}),
		}},
	},
}

var metricFilters = &listing{
	items: "MetricFilters[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*cloudwatchlogs.DescribeMetricFiltersOutput, error) {
		return r.logs().DescribeMetricFilters(ctx, &cloudwatchlogs.DescribeMetricFiltersInput{Limit: sdk.Int32(50), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::Logs::MetricFilter", id: "AWS::Logs::MetricFilter/{account}/{region}/{LogGroupName}|{FilterName}", title: "FilterName", uid: "CreationTime",
		fields: join(
			like("ApplyOnTransformedLogs EmitSystemFieldDimensions FieldSelectionCriteria FilterName FilterPattern LogGroupName"),
			nest("MetricTransformations", "MetricTransformations[]", same("DefaultValue", "MetricName", "MetricNamespace", "MetricValue", "Unit"),
				made("Dimensions", func(o object) any { return keyValues(o["Dimensions"]) })),
			extra(same("CreationTime")),
		),
	},
}

// keyValues makes a list of keys and values out of an object of them.
func keyValues(value any) any {
	o, isObject := value.(object)
	if !isObject {
		return nil
	}
	all := []any{}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		all = append(all, object{"Key": key, "Value": o[key]})
	}
	return all
}
