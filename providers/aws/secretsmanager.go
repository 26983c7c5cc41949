package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

var secretsService = &service{name: "secretsmanager", client: "secretsmanager", listings: []*listing{secrets}}

func (r *run) secrets() *secretsmanager.Client { return secretsmanager.NewFromConfig(r.config()) }

func secretOf(o object) *string { return sdk.String(text(o, "ARN")) }

const rotationMembers = "RotationRules{AutomaticallyAfterDays Duration ScheduleExpression}"

// secrets are read without their values, which cloudaudit has no permission for and no use.
var secrets = &listing{
	items: "SecretList[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*secretsmanager.ListSecretsOutput, error) {
		return r.secrets().ListSecrets(ctx, &secretsmanager.ListSecretsInput{MaxResults: sdk.Int32(100), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::SecretsManager::Secret", id: "{ARN}", title: "Name", uid: "CreatedDate", tags: "Tags",
		fields: join(
			like("Description Id=ARN KmsKeyId Name Type"),
			extra(like("CreatedDate DeletedDate LastChangedDate LastRotatedDate NextRotationDate OwningService PrimaryRegion RotationEnabled RotationLambdaARN "+rotationMembers)),
		),
		facets: []*facet{
			{name: "use", fields: extra(same("LastAccessedDate"))},
			{name: "replicas", fields: like("ReplicaRegions=ReplicationStatus[]{KmsKeyId Region}:set"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*secretsmanager.DescribeSecretOutput, error) {
					return r.secrets().DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: secretOf(o)})
				})},
			{name: "policy", fields: extra(like("Policy=ResourcePolicy:document")),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*secretsmanager.GetResourcePolicyOutput, error) {
					return r.secrets().GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: secretOf(o)})
				})},
		},
		children: []*listing{rotations},
	},
}

// rotations are the schedules of secrets that rotate: resources of their own in CloudFormation.
var rotations = &listing{
	local: func(_ context.Context, _ *run, secret object) ([]object, error) {
		if secret["RotationEnabled"] != true {
			return nil, nil
		}
		return []object{{"ARN": secret["ARN"], "Name": secret["Name"], "RotationLambdaARN": secret["RotationLambdaARN"], "RotationRules": secret["RotationRules"]}}, nil
	},
	kind: &kind{
		name: "AWS::SecretsManager::RotationSchedule", id: "AWS::SecretsManager::RotationSchedule/{ARN}", title: "Name",
		fields: like("Id=ARN SecretId=ARN RotationLambdaARN " + rotationMembers),
	},
}
