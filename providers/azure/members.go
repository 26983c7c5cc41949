package azure

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"cloudaudit/providers"
)

var _ providers.Organization = (*Provider)(nil)

// Members lists the subscriptions below a parent, in the order of their ids, each as an account named
// parent/<subscription id> that is read with the parent's credentials. Their keys are the caller's to give.
// An account that is no parent has no members.
func (p *Provider) Members(ctx context.Context, account providers.Account) ([]providers.Account, error) {
	s, err := p.open(account, nil)
	if err != nil || !s.settings.parent() {
		return nil, err
	}
	ids, err := s.members(ctx)
	if err != nil {
		return nil, explain(err)
	}
	members := make([]providers.Account, 0, len(ids))
	for _, id := range ids {
		member, err := s.member(account, id)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

// members lists the ids of the subscriptions that are members. Those of other tenants, which somebody may
// have delegated to us, are not.
func (s *session) members(ctx context.Context) ([]string, error) {
	rows, err := s.rows(ctx, s.below(subscriptionQuery))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range rows {
		id := subscriptionOf(row)
		other := s.settings.Tenant != "" && !strings.EqualFold(text(row, "tenantId"), s.settings.Tenant)
		if other || strings.EqualFold(text(member(row, "properties"), "state"), "Deleted") || s.excludes(id) {
			continue
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (s *session) excludes(id string) bool {
	return slices.ContainsFunc(s.settings.ExcludeSubscriptions, func(other string) bool { return strings.EqualFold(id, other) })
}

// member makes the account of a member.
func (s *session) member(parent providers.Account, id string) (providers.Account, error) {
	settings := Settings{
		Subscriptions: []string{id}, Cloud: s.settings.Cloud, Endpoint: s.settings.Endpoint, Inventory: s.settings.Inventory, Credentials: s.settings.Credentials,
	}
	if settings.Credentials.TenantID == "" {
		settings.Credentials.TenantID = s.settings.Tenant
	}
	data, err := json.Marshal(settings)
	if err != nil {
		return providers.Account{}, failure(providers.Failure, "write the settings of subscription %s: %w", id, err)
	}
	return providers.Account{
		Name: parent.Name + "/" + id, Provider: providers.Azure, Cloud: providers.Azure, CloudID: id, Tags: parent.Tags, Settings: data,
	}, nil
}
