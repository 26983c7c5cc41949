package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

var cloudwatchService = &service{name: "cloudwatch", client: "cloudwatch", listings: []*listing{alarms}}

// cloudwatch speaks the protocol that emulators know, where one is read: the SDK's own choice is a
// newer one.
func (r *run) cloudwatch() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(r.config(), func(o *cloudwatch.Options) {
		if r.settings.Endpoint != "" {
			o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
		}
	})
}

// alarms are read without their state, which comes and goes by itself.
var alarms = &listing{
	items: "MetricAlarms[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*cloudwatch.DescribeAlarmsOutput, error) {
		return r.cloudwatch().DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeMetricAlarm, cloudwatchtypes.AlarmTypeCompositeAlarm},
			MaxRecords: sdk.Int32(100), NextToken: token,
		})
	}),
	sections: []section{{"CompositeAlarms[]", compositeAlarm}},
	kind: &kind{
		name: "AWS::CloudWatch::Alarm", id: "{AlarmArn}", title: "AlarmName", tagged: tagged,
		fields: like(`ActionsEnabled AlarmActions:set AlarmDescription AlarmName Arn=AlarmArn ComparisonOperator DatapointsToAlarm Dimensions[]{Name Value}:set
			EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions:set MetricName
			Metrics[]{AccountId Expression Id Label MetricStat{Metric{Dimensions[]{Name Value} MetricName Namespace} Period Stat Unit} Period ReturnData}
			Namespace OKActions:set Period Statistic Threshold ThresholdMetricId TreatMissingData Unit`),
	},
}

var compositeAlarm = &kind{
	name: "AWS::CloudWatch::CompositeAlarm", id: "{AlarmArn}", title: "AlarmName", tagged: tagged,
	fields: like(`ActionsEnabled ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod AlarmActions:set AlarmDescription AlarmName
		AlarmRule Arn=AlarmArn InsufficientDataActions:set OKActions:set`),
}
