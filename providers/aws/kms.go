package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

var kmsService = &service{name: "kms", client: "kms", listings: []*listing{keys}}

func (r *run) kms() *kms.Client { return kms.NewFromConfig(r.config()) }

func keyOf(o object) *string { return sdk.String(text(o, "KeyId")) }

// customers tells whether a key is the customer's: what else there is to know of AWS's own is the same
// for all of them.
func customers(o object) bool {
	return text(o, "KeyMetadata.KeyManager") != string(kmstypes.KeyManagerTypeAws)
}

var keys = &listing{
	items: "Keys[]", token: "NextMarker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*kms.ListKeysOutput, error) {
		return r.kms().ListKeys(ctx, &kms.ListKeysInput{Limit: sdk.Int32(1000), Marker: token})
	}),
	kind: &kind{
		name: "AWS::KMS::Key", id: "{KeyArn}", title: "KeyId", tagged: tagged,
		fields: like("Arn=KeyArn KeyId"),
		facets: []*facet{
			{name: "key", always: true, keep: true,
				fields: under("KeyMetadata", like("Description Enabled KeySpec KeyUsage MultiRegion Origin"),
					nest(Extra, "", like("CreationDate DeletionDate ExpirationModel KeyManager KeyState ValidTo MultiRegionKeyType=MultiRegionConfiguration.MultiRegionKeyType"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*kms.DescribeKeyOutput, error) {
					return r.kms().DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: keyOf(o)})
				})},
			{name: "rotation", when: customers, absent: []string{"UnsupportedOperationException"},
				fields: join(like("EnableKeyRotation=KeyRotationEnabled RotationPeriodInDays"), extra(like("NextRotationDate"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*kms.GetKeyRotationStatusOutput, error) {
					return r.kms().GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: keyOf(o)})
				})},
			{name: "policy", when: customers, fields: like("KeyPolicy=Policy:document"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*kms.GetKeyPolicyOutput, error) {
					return r.kms().GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: keyOf(o), PolicyName: sdk.String("default")})
				})},
		},
	},
}
