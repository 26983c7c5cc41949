package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudaudit/policy"
)

func (r *reconciling) groups(ctx context.Context) error {
	var names []string
	for _, group := range r.declared.Groups {
		names = append(names, group.Name)
	}
	if err := r.archive(ctx, "policy_groups", "policy group", names); err != nil {
		return err
	}
	if err := r.emptyDefaults(ctx, names); err != nil {
		return err
	}
	for _, group := range r.declared.Groups {
		if err := r.group(ctx, group); errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
			r.fault("policy group", group.Name, err)
		} else if err != nil {
			return fmt.Errorf("policy group %s: %w", group.Name, err)
		}
	}
	return nil
}

// emptyDefaults takes from the default groups what the configuration gave them and gives no more.
// The groups themselves always exist.
func (r *reconciling) emptyDefaults(ctx context.Context, declared []string) error {
	for _, name := range []string{policy.DefaultAccountsGroup, policy.DefaultStacksGroup} {
		if slices.Contains(declared, name) {
			continue
		}
		n, err := r.change(ctx, `DELETE FROM group_packs WHERE declared = 1 AND group_id IN (
			SELECT id FROM policy_groups WHERE org_id = ? AND name = ? AND is_default = 1)`, r.org.id, name)
		if err == nil && n > 0 {
			err = r.note(ctx, "empty", "policy group "+name, nil, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciling) group(ctx context.Context, group policy.Group) error {
	row, err := r.groupRow(ctx, group)
	if err != nil {
		return err
	}
	before, err := r.members(ctx, row.id)
	if err != nil {
		return err
	}
	members, err := r.resolve(ctx, group)
	if err != nil {
		return err
	}
	if row.known && slices.Equal(before, members.texts()) {
		return nil
	}
	if err := r.replaceMembers(ctx, row.id, members); err != nil {
		return err
	}
	return r.note(ctx, "store", "policy group "+group.Name, before, members.texts())
}

// groupRow is a group as it is stored. Known tells that it was there as it is declared.
type groupRow struct {
	id, created                          int64
	entity                               policy.Entity
	mode                                 policy.Mode
	archived, declared, isDefault, known bool
}

// groupRow finds or makes the group's row; an archived one comes back.
func (r *reconciling) groupRow(ctx context.Context, group policy.Group) (row groupRow, err error) {
	err = r.row(ctx, []any{&row.id, &row.created, &row.entity, &row.mode, &row.archived, &row.declared, &row.isDefault}, `
		SELECT id, created_at, entity, mode, archived_at IS NOT NULL, declared, is_default FROM policy_groups
		WHERE org_id = ? AND name = ? ORDER BY archived_at IS NOT NULL, id DESC LIMIT 1`, r.org.id, group.Name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return row, r.row(ctx, []any{&row.id}, `
			INSERT INTO policy_groups (org_id, name, entity, mode, declared, created_at) VALUES (?, ?, ?, ?, 1, ?) RETURNING id`,
			r.org.id, group.Name, group.Entity, group.Mode, micros(r.now()))
	case err != nil:
		return row, err
	case row.isDefault && (row.entity != group.Entity || row.mode != group.Mode):
		return row, fmt.Errorf("%w: this group is always for %s in mode %s: leave entityType and mode as they are", ErrConflict, row.entity, row.mode)
	case row.isDefault && len(group.Accounts) > 0:
		return row, fmt.Errorf("%w: every account joins this group once, and people take it out: remove accounts", ErrConflict)
	case !row.declared && !row.archived && !row.isDefault:
		return row, made("a policy group", row.created)
	}
	row.known = row.isDefault || !row.archived && row.entity == group.Entity && row.mode == group.Mode
	if row.known {
		return row, nil
	}
	return row, r.exec(ctx, `UPDATE policy_groups SET archived_at = NULL, entity = ?, mode = ?, declared = 1 WHERE id = ?`, group.Entity, group.Mode, row.id)
}

// members is what a group holds, resolved to rows.
type members struct {
	accounts []memberAccount
	packs    []memberPack
}

type memberAccount struct {
	id           int64
	name, region string
}

type memberPack struct{ name, tag, config string }

// texts is a comparable form of what a group holds. A name says neither which account had it when, nor
// whether what follows a slash is a region.
func (m members) texts() []string {
	var list []string
	for _, account := range m.accounts {
		text := fmt.Sprintf("account %s (%d)", account.name, account.id)
		if account.region != "" {
			text += " in " + account.region
		}
		list = append(list, text)
	}
	for _, pack := range m.packs {
		list = append(list, fmt.Sprintf("pack %s %s %s", pack.name, pack.tag, pack.config))
	}
	slices.Sort(list)
	return list
}

func (r *reconciling) members(ctx context.Context, group int64) ([]string, error) {
	var m members
	err := query(ctx, r.tx, func(rows *sql.Rows) error {
		var account memberAccount
		err := rows.Scan(&account.id, &account.name, &account.region)
		m.accounts = append(m.accounts, account)
		return err
	}, `SELECT g.account_id, a.name, g.region FROM group_accounts g JOIN accounts a ON a.id = g.account_id WHERE g.group_id = ? AND g.declared = 1`, group)
	if err != nil {
		return nil, err
	}
	err = query(ctx, r.tx, func(rows *sql.Rows) error {
		var pack memberPack
		err := rows.Scan(&pack.name, &pack.tag, &pack.config)
		m.packs = append(m.packs, pack)
		return err
	}, `SELECT pack, version_tag, config FROM group_packs WHERE group_id = ? AND declared = 1`, group)
	return m.texts(), err
}

// resolve finds the rows that a declared group names.
func (r *reconciling) resolve(ctx context.Context, group policy.Group) (m members, err error) {
	for _, name := range group.Accounts {
		account, err := r.member(ctx, name)
		if err != nil {
			return m, err
		}
		below, err := r.below(ctx, account)
		if err != nil {
			return m, err
		}
		m.accounts = append(append(m.accounts, account), below...)
	}
	m.accounts = distinct(m.accounts)
	for _, applied := range group.Packs {
		config, err := json.Marshal(applied.Config)
		if err != nil {
			return m, err
		}
		if applied.Config == nil {
			config = []byte("{}")
		}
		var n int
		err = r.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM packs WHERE org_id = ? AND name = ? AND archived_at IS NULL AND (? = '' OR version_tag = ?)`,
			r.org.id, applied.Name, applied.VersionTag, applied.VersionTag).Scan(&n)
		if err != nil {
			return m, err
		}
		if n == 0 {
			return m, fmt.Errorf("policy pack %s %s: %w; declare it under policyPacks", applied.Name, applied.VersionTag, ErrNotFound)
		}
		m.packs = append(m.packs, memberPack{applied.Name, applied.VersionTag, string(config)})
	}
	return m, nil
}

// member reads a member's name: an account, or account/region. The longest stored account name
// wins over the reading as a region (design §12.5).
func (r *reconciling) member(ctx context.Context, name string) (memberAccount, error) {
	region := ""
	for account := name; ; {
		var id int64
		err := r.tx.QueryRowContext(ctx, `SELECT id FROM accounts WHERE org_id = ? AND name = ? AND archived_at IS NULL`, r.org.id, account).Scan(&id)
		if err == nil {
			return memberAccount{id, account, region}, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return memberAccount{}, err
		}
		at := strings.LastIndexByte(account, '/')
		if at < 0 {
			return memberAccount{}, fmt.Errorf("account %s: %w; declare it under accounts", name, ErrNotFound)
		}
		account, region = name[:at], name[at+1:]
	}
}

// below gives the member accounts of a parent: a group that holds a parent holds them too.
func (r *reconciling) below(ctx context.Context, parent memberAccount) (below []memberAccount, err error) {
	err = query(ctx, r.tx, func(rows *sql.Rows) error {
		account := memberAccount{region: parent.region}
		err := rows.Scan(&account.id, &account.name)
		below = append(below, account)
		return err
	}, `SELECT id, name FROM accounts WHERE org_id = ? AND parent_id = ? AND archived_at IS NULL ORDER BY name`, r.org.id, parent.id)
	return below, err
}

// distinct leaves out what is there twice: a member that a group names beside its parent.
func distinct(accounts []memberAccount) []memberAccount {
	seen := map[memberAccount]bool{}
	return slices.DeleteFunc(accounts, func(account memberAccount) bool {
		twice := seen[account]
		seen[account] = true
		return twice
	})
}

func (r *reconciling) replaceMembers(ctx context.Context, group int64, m members) error {
	for _, text := range []string{
		`DELETE FROM group_accounts WHERE group_id = ? AND declared = 1`,
		`DELETE FROM group_packs WHERE group_id = ? AND declared = 1`,
	} {
		if _, err := r.tx.ExecContext(ctx, text, group); err != nil {
			return err
		}
	}
	for _, account := range m.accounts {
		_, err := r.tx.ExecContext(ctx, `
			INSERT INTO group_accounts (group_id, account_id, region, declared) VALUES (?, ?, ?, 1)
			ON CONFLICT (group_id, account_id, region) DO UPDATE SET declared = 1`, group, account.id, account.region)
		if err != nil {
			return err
		}
	}
	for _, pack := range m.packs {
		_, err := r.tx.ExecContext(ctx, `
			INSERT INTO group_packs (group_id, pack, version_tag, config, declared) VALUES (?, ?, ?, ?, 1)
			ON CONFLICT (group_id, pack) DO UPDATE SET version_tag = excluded.version_tag, config = excluded.config, declared = 1`,
			group, pack.name, pack.tag, pack.config)
		if err != nil {
			return err
		}
	}
	return nil
}
