package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

var ecrService = &service{name: "ecr", client: "ecr", listings: []*listing{repositories}}

func (r *run) ecr() *ecr.Client { return ecr.NewFromConfig(r.config()) }

func repositoryOf(o object) *string { return sdk.String(text(o, "RepositoryName")) }

var repositories = &listing{
	items: "Repositories[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ecr.DescribeRepositoriesOutput, error) {
		return r.ecr().DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{MaxResults: sdk.Int32(1000), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::ECR::Repository", id: "{RepositoryArn}", title: "RepositoryName", uid: "CreatedAt",
		fields: join(
			like(`Arn=RepositoryArn EncryptionConfiguration{EncryptionType KmsKey} ImageScanningConfiguration{ScanOnPush} ImageTagMutability
				ImageTagMutabilityExclusionFilters[]{ImageTagMutabilityExclusionFilterType=FilterType ImageTagMutabilityExclusionFilterValue=Filter}
				RepositoryName RepositoryUri`),
			extra(same("CreatedAt", "RegistryId")),
		),
		tagged: taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*ecr.ListTagsForResourceOutput, error) {
			return r.ecr().ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: sdk.String(text(o, "id"))})
		})),
		facets: []*facet{
			{name: "policy", absent: []string{"RepositoryPolicyNotFoundException"}, fields: like("RepositoryPolicyText=PolicyText:document"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*ecr.GetRepositoryPolicyOutput, error) {
					return r.ecr().GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: repositoryOf(o)})
				})},
			{name: "lifecycle", absent: []string{"LifecyclePolicyNotFoundException"}, fields: nest("LifecyclePolicy", "", same("LifecyclePolicyText", "RegistryId")),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*ecr.GetLifecyclePolicyOutput, error) {
					return r.ecr().GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: repositoryOf(o)})
				})},
		},
	},
}
