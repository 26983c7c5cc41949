package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Groups gives every policy group with its members and packs, by name.
func (s *Store) Groups(ctx context.Context) ([]policy.Group, error) {
	return s.groups(ctx, `SELECT id, name, entity, mode FROM policy_groups WHERE org_id = ? AND archived_at IS NULL ORDER BY name`, s.org.id)
}

func (s *Store) groups(ctx context.Context, text string, args ...any) ([]policy.Group, error) {
	var groups []policy.Group
	var ids []int64
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var group policy.Group
		var id int64
		err := rows.Scan(&id, &group.Name, &group.Entity, &group.Mode)
		groups, ids = append(groups, group), append(ids, id)
		return err
	}, text, args...)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if err := s.fill(ctx, &groups[i], ids[i]); err != nil {
			return nil, fmt.Errorf("policy group %s: %w", groups[i].Name, err)
		}
	}
	return groups, nil
}

// fill reads what a group holds.
func (s *Store) fill(ctx context.Context, group *policy.Group, id int64) error {
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var name, region string
		err := rows.Scan(&name, &region)
		if region != "" {
			name += "/" + region
		}
		group.Accounts = append(group.Accounts, name)
		return err
	}, `SELECT a.name, g.region FROM group_accounts g JOIN accounts a ON a.id = g.account_id
		WHERE g.group_id = ? AND a.archived_at IS NULL ORDER BY a.name, g.region`, id)
	if err != nil {
		return err
	}
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var applied policy.Applied
		var config string
		if err := rows.Scan(&applied.Name, &applied.VersionTag, &config); err != nil {
			return err
		}
		group.Packs = append(group.Packs, applied)
		return json.Unmarshal([]byte(config), &group.Packs[len(group.Packs)-1].Config)
	}, `SELECT pack, version_tag, config FROM group_packs WHERE group_id = ? ORDER BY pack`, id)
}

// Assignments implements scanner.Store.
func (s *Store) Assignments(ctx context.Context, account providers.Account) ([]scanner.Assignment, error) {
	id, err := s.accountID(ctx, s.read, account)
	if err != nil {
		return nil, err
	}
	groups, regions, err := s.groupsWith(ctx, id)
	var assignments []scanner.Assignment
	for i, group := range groups {
		assignments = append(assignments, scanner.Assignment{Group: group, Regions: regions[i]})
	}
	return assignments, err
}

// groupsWith gives the groups that audit an account, each with the regions that it is limited to;
// none if the whole account is a member.
func (s *Store) groupsWith(ctx context.Context, account int64) ([]policy.Group, [][]string, error) {
	filters := map[string][]string{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var group, region string
		err := rows.Scan(&group, &region)
		filters[group] = append(filters[group], region)
		return err
	}, `SELECT p.name, g.region FROM group_accounts g JOIN policy_groups p ON p.id = g.group_id
		WHERE g.account_id = ? AND p.archived_at IS NULL ORDER BY g.region`, account)
	if err != nil {
		return nil, nil, err
	}
	groups, err := s.groups(ctx, `
		SELECT p.id, p.name, p.entity, p.mode FROM policy_groups p
		WHERE p.org_id = ? AND p.archived_at IS NULL AND p.entity = 'accounts' AND p.mode = 'audit'
			AND EXISTS (SELECT 1 FROM group_accounts g WHERE g.group_id = p.id AND g.account_id = ?) ORDER BY p.name`, s.org.id, account)
	regions := make([][]string, len(groups))
	for i, group := range groups {
		if filter := filters[group.Name]; !slices.Contains(filter, "") {
			regions[i] = filter
		}
	}
	return groups, regions, err
}
