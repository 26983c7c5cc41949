package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/securityhub"
)

var securityhubService = &service{name: "securityhub", client: "securityhub", listings: []*listing{hubs, hubStatus}}

func (r *run) securityhub() *securityhub.Client { return securityhub.NewFromConfig(r.config()) }

// notSubscribed is what Security Hub answers where it is off.
var notSubscribed = []string{"InvalidAccessException", "ResourceNotFoundException", "SubscriptionRequiredException"}

func describeHub(ctx context.Context, r *run, _ object, _ *string) (*securityhub.DescribeHubOutput, error) {
	return once(ctx, r, "hub", func(ctx context.Context) (*securityhub.DescribeHubOutput, error) {
		return r.securityhub().DescribeHub(ctx, &securityhub.DescribeHubInput{})
	})
}

var hubs = &listing{
	token: "-", off: notSubscribed, call: ask(describeHub),
	kind: &kind{
		name: "AWS::SecurityHub::Hub", id: "{HubArn}", uid: "SubscribedAt",
		fields: like("ARN=HubArn AutoEnableControls ControlFindingGenerator SubscribedAt"),
		tagged: taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*securityhub.ListTagsForResourceOutput, error) {
			arn := text(o, "id")
			return r.securityhub().ListTagsForResource(ctx, &securityhub.ListTagsForResourceInput{ResourceArn: &arn})
		})),
		facets: []*facet{{
			name: "standards", fields: extra(sets("Standards", "StandardsSubscriptions[]", like("StandardsArn StandardsStatus StandardsSubscriptionArn"))),
			call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*standards, error) {
				read := &standards{}
				l := &listing{sections: []section{{items: "StandardsSubscriptions[]"}}, call: ask(func(ctx context.Context, r *run, _ object, token *string) (*securityhub.GetEnabledStandardsOutput, error) {
					return r.securityhub().GetEnabledStandards(ctx, &securityhub.GetEnabledStandardsInput{NextToken: token})
				})}
				return read, r.pages(ctx, l, nil, func(_ *kind, items []object) error {
					for _, o := range items {
						read.StandardsSubscriptions = append(read.StandardsSubscriptions, o)
					}
					return nil
				})
			}),
		}},
	},
}

// standards are the standards that a hub checks, of all pages.
type standards struct{ StandardsSubscriptions []any }

var hubStatus = regionStatus("SecurityHub", same("Enabled"), func(ctx context.Context, r *run) (object, error) {
	_, err := describeHub(ctx, r, nil, nil)
	if has(err, notSubscribed) {
		return object{"Enabled": false}, nil
	}
	return object{"Enabled": true}, err
})
