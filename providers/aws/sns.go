package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

var snsService = &service{name: "sns", client: "sns", listings: []*listing{topics}}

func (r *run) sns() *sns.Client { return sns.NewFromConfig(r.config()) }

func topicOf(o object) *string { return sdk.String(text(o, "TopicArn")) }

var topics = &listing{
	items: "Topics[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*sns.ListTopicsOutput, error) {
		return r.sns().ListTopics(ctx, &sns.ListTopicsInput{NextToken: token})
	}),
	kind: &kind{
		name: "AWS::SNS::Topic", id: "{TopicArn}", tagged: tagged,
		fields: like("TopicArn TopicName=TopicArn:last"),
		facets: []*facet{
			{name: "attributes", always: true, fields: under("Attributes",
				like("ArchivePolicy:document ContentBasedDeduplication:bool DisplayName FifoThroughputScope FifoTopic:bool KmsMasterKeyId SignatureVersion TracingConfig"),
				made("DeliveryStatusLogging", deliveryLogging),
				nest(Extra, "", like("Owner Policy:document"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*sns.GetTopicAttributesOutput, error) {
					return r.sns().GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: topicOf(o)})
				})},
			{name: "protection", fields: like("DataProtectionPolicy:document"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*sns.GetDataProtectionPolicyOutput, error) {
					return r.sns().GetDataProtectionPolicy(ctx, &sns.GetDataProtectionPolicyInput{ResourceArn: topicOf(o)})
				})},
		},
	},
}

// deliveryLogging gathers what a topic logs of its deliveries, protocol by protocol.
func deliveryLogging(attributes object) any {
	all := []any{}
	for _, protocol := range [...][2]string{
		{"Application", "application"}, {"Firehose", "firehose"}, {"HTTP", "http/s"}, {"Lambda", "lambda"}, {"SQS", "sqs"},
	} {
		entry := join(
			as("FailureFeedbackRoleArn", protocol[0]+"FailureFeedbackRoleArn"), as("SuccessFeedbackRoleArn", protocol[0]+"SuccessFeedbackRoleArn"),
			as("SuccessFeedbackSampleRate", protocol[0]+"SuccessFeedbackSampleRate"),
		).apply(attributes)
		if len(entry) > 0 {
			entry["Protocol"] = protocol[1]
			all = append(all, entry)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
