package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	s3controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
)

var (
	s3controlService = &service{name: "s3control", client: "s3control", listings: []*listing{accessPoints}}
	// s3accountService is what holds for all buckets of the account, in whichever region it is asked.
	s3accountService = &service{name: "s3account", client: "s3control", global: true, listings: []*listing{accountPublicAccess}}
)

func (r *run) s3control() *s3control.Client { return s3control.NewFromConfig(r.config()) }

var accountPublicAccess = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*s3control.GetPublicAccessBlockOutput, error) {
		out, err := r.s3control().GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &r.id})
		if has(err, []string{"NoSuchPublicAccessBlockConfiguration"}) { // which blocks nothing
			return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &s3controltypes.PublicAccessBlockConfiguration{}}, nil
		}
		return out, err
	}),
	kind: &kind{
		name: "AWS::S3::AccountPublicAccessBlock", id: "AWS::S3::AccountPublicAccessBlock/{account}", global: true,
		fields: join(
			by("BlockPublicAcls", "PublicAccessBlockConfiguration.BlockPublicAcls", orFalse), by("BlockPublicPolicy", "PublicAccessBlockConfiguration.BlockPublicPolicy", orFalse),
			by("IgnorePublicAcls", "PublicAccessBlockConfiguration.IgnorePublicAcls", orFalse), by("RestrictPublicBuckets", "PublicAccessBlockConfiguration.RestrictPublicBuckets", orFalse),
		),
	},
}

var accessPoints = &listing{
	items: "AccessPointList[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*s3control.ListAccessPointsOutput, error) {
		return r.s3control().ListAccessPoints(ctx, &s3control.ListAccessPointsInput{AccountId: &r.id, MaxResults: 1000, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::S3::AccessPoint", id: "{AccessPointArn}", title: "Name",
		fields: join(as("Arn", "AccessPointArn"), same("Alias", "Bucket", "BucketAccountId", "Name", "NetworkOrigin"), nest("VpcConfiguration", "VpcConfiguration", same("VpcId"))),
		tagged: taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*s3control.ListTagsForResourceOutput, error) {
			return r.s3control().ListTagsForResource(ctx, &s3control.ListTagsForResourceInput{AccountId: &r.id, ResourceArn: sdk.String(text(o, "id"))})
		})),
		facets: []*facet{
			{name: "accesspoint", fields: join(nest("PublicAccessBlockConfiguration", "PublicAccessBlockConfiguration", publicAccess), extra(same("CreationDate"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3control.GetAccessPointOutput, error) {
					return r.s3control().GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: &r.id, Name: named(o)})
				})},
			{name: "policy", fields: by("Policy", "Policy", document), absent: []string{"NoSuchAccessPointPolicy"},
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*s3control.GetAccessPointPolicyOutput, error) {
					return r.s3control().GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: &r.id, Name: named(o)})
				})},
		},
	},
}
