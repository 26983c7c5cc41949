package aws

import (
	"context"
	"encoding/json"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"

	"cloudaudit/providers"
)

// Members lists the member accounts of a parent, in the order of their ids: those of its organization
// that are active and that the settings leave in, but not the parent itself. Each is named
// parent/<account id> and read by a role of its own, by way of the parent's. Their keys are the
// caller's to give. An account without the setting organization has no members.
func (p *Provider) Members(ctx context.Context, account providers.Account) ([]providers.Account, error) {
	settings, err := ParseSettings(account.Settings)
	if err != nil || settings.Organization == nil {
		return nil, err
	}
	s, err := p.open(ctx, account)
	if err != nil {
		return nil, err
	}
	found, err := s.members(ctx)
	if err != nil {
		return nil, explain(err)
	}
	members := make([]providers.Account, 0, len(found))
	for _, o := range found {
		member, err := s.member(account, o)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

var _ providers.Organization = (*Provider)(nil)

// members lists the accounts that are members, by id.
func (s *session) members(ctx context.Context) ([]object, error) {
	r := &run{plan: &plan{session: s}, region: providers.Global, service: organizationsService}
	all, err := r.allAccounts(ctx)
	if err != nil {
		return nil, err
	}
	within, err := r.within(ctx, s.settings.Organization.Units)
	if err != nil {
		return nil, err
	}
	without, err := r.within(ctx, s.settings.Organization.ExcludeUnits)
	if err != nil {
		return nil, err
	}
	var members []object
	for _, o := range all {
		id := text(o, "Id")
		if id == s.id || !active(o) || slices.Contains(s.settings.Organization.ExcludeAccounts, id) || without[id] {
			continue
		}
		if len(s.settings.Organization.Units) > 0 && !within[id] {
			continue
		}
		tagged, err := r.carries(ctx, o)
		if err != nil {
			return nil, err
		}
		if tagged {
			members = append(members, o)
		}
	}
	slices.SortFunc(members, func(a, b object) int { return compareText(a, b, "Id") })
	return members, nil
}

// active tells whether an account is neither suspended nor about to be closed.
func active(o object) bool {
	if state := text(o, "State"); state != "" {
		return state == string(orgtypes.AccountStateActive)
	}
	return text(o, "Status") == string(orgtypes.AccountStatusActive)
}

// within lists the accounts in some organizational units and all units below them.
func (r *run) within(ctx context.Context, units []string) (map[string]bool, error) {
	accounts := map[string]bool{}
	for left := slices.Clone(units); len(left) > 0; {
		unit := left[0]
		left = left[1:]
		here, err := r.gather(ctx, object{"id": unit}, "Accounts[]", ask(func(ctx context.Context, r *run, o object, token *string) (*organizations.ListAccountsForParentOutput, error) {
			return r.organizations().ListAccountsForParent(ctx, &organizations.ListAccountsForParentInput{ParentId: sdk.String(text(o, "id")), NextToken: token})
		}))
		if err != nil {
			return nil, err
		}
		for _, o := range here {
			accounts[text(o, "Id")] = true
		}
		below, err := r.gather(ctx, object{"id": unit}, "OrganizationalUnits[]", ask(func(ctx context.Context, r *run, o object, token *string) (*organizations.ListOrganizationalUnitsForParentOutput, error) {
			return r.organizations().ListOrganizationalUnitsForParent(ctx, &organizations.ListOrganizationalUnitsForParentInput{ParentId: sdk.String(text(o, "id")), NextToken: token})
		}))
		if err != nil {
			return nil, err
		}
		for _, o := range below {
			left = append(left, text(o, "Id"))
		}
	}
	return accounts, nil
}

// carries tells whether an account has the tags that the settings ask for, and notes its tags.
func (r *run) carries(ctx context.Context, o object) (bool, error) {
	if len(r.settings.Organization.Tags) == 0 {
		return true, nil
	}
	id := text(o, "Id")
	tags, err := organizationTags.call(ctx, r, []string{id})
	if err != nil {
		return false, err
	}
	for key, value := range r.settings.Organization.Tags {
		if found, there := tags[id][key]; !there || found != value {
			return false, nil
		}
	}
	return true, nil
}

// member makes the account of a member.
func (s *session) member(parent providers.Account, o object) (providers.Account, error) {
	id := text(o, "Id")
	settings := Settings{
		RoleARN: s.expand("arn:{partition}:iam::", "", nil) + id + ":role/" + s.settings.Organization.RoleName, ExternalID: s.settings.Organization.ExternalID,
		Profile: s.settings.Profile, Regions: s.settings.Regions, ExcludeRegions: s.settings.ExcludeRegions, Endpoint: s.settings.Endpoint,
		Partition: s.partition, Inventory: s.settings.Inventory, CloudControlTypes: s.settings.CloudControlTypes,
	}
	if s.settings.RoleARN != "" {
		settings.Via = &Via{RoleARN: s.settings.RoleARN, ExternalID: s.settings.ExternalID}
	}
	data, err := json.Marshal(settings)
	if err != nil {
		return providers.Account{}, failure(providers.Failure, "write the settings of account %s: %w", id, err)
	}
	return providers.Account{
		Name: parent.Name + "/" + id, Provider: providers.AWS, Cloud: providers.AWS, CloudID: id, Tags: parent.Tags, Settings: data,
	}, nil
}

// compareText compares two objects by a member that is text.
func compareText(a, b object, member string) int {
	return slices.Compare([]string{text(a, member)}, []string{text(b, member)})
}
