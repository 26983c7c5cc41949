package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
)

// organizationsService is the organization that the account belongs to. Its accounts and policies are
// listed from its management account, and from an account that is the parent of members here.
var organizationsService = &service{
	name: "organizations", client: "organizations", global: true,
	listings: []*listing{organization, memberAccounts, organizationPolicies},
}

func (s *session) organizations() *organizations.Client {
	return organizations.NewFromConfig(s.config(s.home(), "organizations"))
}

// alone is what Organizations answers to an account that belongs to none.
var alone = []string{"AWSOrganizationsNotInUseException"}

func describeOrganization(ctx context.Context, r *run, _ object, _ *string) (*organizations.DescribeOrganizationOutput, error) {
	return once(ctx, r, "organization", func(ctx context.Context) (*organizations.DescribeOrganizationOutput, error) {
		return r.organizations().DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
	})
}

// manages tells whether the account may list what belongs to the organization.
func manages(ctx context.Context, r *run) (bool, error) {
	if r.settings.Organization != nil {
		return true, nil
	}
	out, err := describeOrganization(ctx, r, nil, nil)
	if err != nil {
		return false, err
	}
	return sdk.ToString(out.Organization.MasterAccountId) == r.id, nil
}

var organization = &listing{
	items: "", token: "-", off: alone, call: ask(describeOrganization),
	kind: &kind{
		name: "AWS::Organizations::Organization", id: "{Organization.Arn}", title: "Organization.Id",
		fields: under("Organization", like("Arn FeatureSet Id ManagementAccountArn=MasterAccountArn ManagementAccountEmail=MasterAccountEmail ManagementAccountId=MasterAccountId")),
		facets: []*facet{{
			name: "root", fields: made("RootId", func(o object) any { return first(list(o, "Roots[].Id")) }),
			call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*organizations.ListRootsOutput, error) {
				return r.organizations().ListRoots(ctx, &organizations.ListRootsInput{})
			}),
		}},
	},
}

// managed lists a listing only from an account that may.
func managed(l *listing, lists func(ctx context.Context, r *run) ([]object, error)) *listing {
	l.off = alone
	l.local = func(ctx context.Context, r *run, _ object) ([]object, error) {
		may, err := manages(ctx, r)
		if err != nil || !may {
			return nil, err
		}
		return lists(ctx, r)
	}
	return l
}

var organizationTags = taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*organizations.ListTagsForResourceOutput, error) {
	return r.organizations().ListTagsForResource(ctx, &organizations.ListTagsForResourceInput{ResourceId: sdk.String(last(text(o, "id")))})
}))

var memberAccounts = managed(&listing{kind: &kind{
	name: "AWS::Organizations::Account", id: "{Arn}", title: "Name", uid: "JoinedTimestamp", tagged: organizationTags,
	fields: like("AccountId=Id AccountName=Name Arn Email JoinedMethod JoinedTimestamp Paths State Status"),
	facets: []*facet{{
		name: "parents", fields: like("ParentIds=Parents[].Id"),
		call: ask(func(ctx context.Context, r *run, o object, _ *string) (*organizations.ListParentsOutput, error) {
			return r.organizations().ListParents(ctx, &organizations.ListParentsInput{ChildId: sdk.String(text(o, "Id"))})
		}),
	}},
}}, func(ctx context.Context, r *run) ([]object, error) { return r.allAccounts(ctx) })

// allAccounts lists the accounts of the organization, suspended ones too.
func (r *run) allAccounts(ctx context.Context) ([]object, error) {
	return r.gather(ctx, nil, "Accounts[]", ask(func(ctx context.Context, r *run, _ object, token *string) (*organizations.ListAccountsOutput, error) {
		return r.organizations().ListAccounts(ctx, &organizations.ListAccountsInput{MaxResults: sdk.Int32(20), NextToken: token})
	}))
}

var organizationPolicies = managed(&listing{kind: &kind{
	name: "AWS::Organizations::Policy", id: "{Arn}", title: "Name", tagged: organizationTags,
	fields: like("Arn AwsManaged Description Id Name Type"),
	facets: []*facet{
		{name: "content", fields: like("Content=Policy.Content:document"),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*organizations.DescribePolicyOutput, error) {
				return r.organizations().DescribePolicy(ctx, &organizations.DescribePolicyInput{PolicyId: sdk.String(text(o, "Id"))})
			})},
		{name: "targets", fields: like("TargetIds=Targets[].TargetId:set"),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*targets, error) {
				items, err := r.gather(ctx, o, "Targets[]", ask(func(ctx context.Context, r *run, o object, token *string) (*organizations.ListTargetsForPolicyOutput, error) {
					return r.organizations().ListTargetsForPolicy(ctx, &organizations.ListTargetsForPolicyInput{PolicyId: sdk.String(text(o, "Id")), NextToken: token})
				}))
				found := &targets{}
				for _, target := range items {
					found.Targets = append(found.Targets, target)
				}
				return found, err
			})},
	},
}}, func(ctx context.Context, r *run) ([]object, error) {
	var all []object
	for _, t := range orgtypes.PolicyType("").Values() {
		items, err := r.gather(ctx, nil, "Policies[]", ask(func(ctx context.Context, r *run, _ object, token *string) (*organizations.ListPoliciesOutput, error) {
			return r.organizations().ListPolicies(ctx, &organizations.ListPoliciesInput{Filter: t, NextToken: token})
		}))
		if has(err, []string{"PolicyTypeNotEnabledException", "PolicyTypeNotAvailableForOrganizationException", "UnsupportedAPIEndpointException"}) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
})

// targets are what a policy is attached to, of all pages.
type targets struct{ Targets []any }
