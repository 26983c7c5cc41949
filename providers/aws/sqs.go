package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var sqsService = &service{name: "sqs", client: "sqs", listings: []*listing{queues}}

func (r *run) sqs() *sqs.Client { return sqs.NewFromConfig(r.config()) }

var queues = &listing{
	items: "QueueUrls[]", key: "QueueUrl",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*sqs.ListQueuesOutput, error) {
		// Without a number of results, SQS gives no token and stops at a thousand.
		return r.sqs().ListQueues(ctx, &sqs.ListQueuesInput{MaxResults: sdk.Int32(1000), NextToken: token})
	}),
	prepare: func(_ *run, _, o object) object {
		o["QueueName"] = last(text(o, "QueueUrl"))
		return o
	},
	kind: &kind{
		name: "AWS::SQS::Queue", id: "arn:{partition}:sqs:{region}:{account}:{QueueName}", title: "QueueName", uid: "Attributes.CreatedTimestamp", tagged: tagged,
		fields: same("QueueName", "QueueUrl"),
		facets: []*facet{{
			name: "attributes", always: true, keep: true, fields: under("Attributes",
				like(`Arn=QueueArn ContentBasedDeduplication:bool DeduplicationScope DelaySeconds:number FifoQueue:bool FifoThroughputLimit
					KmsDataKeyReusePeriodSeconds:number KmsMasterKeyId MaximumMessageSize:number MessageRetentionPeriod:number
					ReceiveMessageWaitTimeSeconds:number RedriveAllowPolicy:document RedrivePolicy:document SqsManagedSseEnabled:bool VisibilityTimeout:number`),
				nest(Extra, "", like("CreatedTimestamp:number Policy:document"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*sqs.GetQueueAttributesOutput, error) {
				return r.sqs().GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
					QueueUrl: sdk.String(text(o, "QueueUrl")), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
				})
			}),
		}},
	},
}
