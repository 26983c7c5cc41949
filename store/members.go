package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Members takes over which member accounts a parent has, in one transaction: all of them, as its
// provider listed them. New ones join the default group; those that the parent has no more are archived
// with their data, their violations resolved as out of scope, and come back with it. An account that the
// configuration declares itself, or that belongs to another parent, stays what it is.
func (s *Store) Members(ctx context.Context, parent providers.Account, members []providers.Account) (Reconciled, error) {
	r := &reconciling{Store: s}
	err := s.withTx(ctx, func(tx *sql.Tx) error {
		r.batch = newBatch(tx)
		return r.replaceAccounts(ctx, parent, members)
	})
	r.release()
	if err != nil {
		return Reconciled{}, fmt.Errorf("store the members of account %s: %w", parent.Name, err)
	}
	return r.done, nil
}

// replaceAccounts makes the stored members of a parent those that were listed.
func (r *reconciling) replaceAccounts(ctx context.Context, parent providers.Account, members []providers.Account) error {
	rows, err := r.accountRows(ctx)
	if err != nil {
		return err
	}
	above := findRow(rows, func(row *accountRow) bool { return row.key == parent.Key })
	if above == nil || above.archived {
		return fmt.Errorf("account %s: %w", parent.Name, ErrNotFound)
	}
	var kept []int64
	names := map[string]bool{}
	for _, member := range members {
		if names[member.Name] { // a listing may show one twice while it changes
			continue
		}
		names[member.Name] = true
		id, err := r.saveMember(ctx, above, member, rows)
		if err != nil {
			return fmt.Errorf("member %s: %w", member.Name, err)
		}
		kept = append(kept, id)
	}
	return r.removeMembers(ctx, above, kept, rows)
}

// removeMembers archives the members that a parent has no more. One that is being scanned leaves when its
// parent is listed next.
func (r *reconciling) removeMembers(ctx context.Context, parent *accountRow, kept []int64, rows []*accountRow) error {
	for _, row := range rows {
		if row.parent != parent.id || row.archived || slices.Contains(kept, row.id) {
			continue
		}
		err := r.removeAccount(ctx, row, policy.OutOfScope)
		if errors.Is(err, ErrConflict) {
			r.done.Warnings = append(r.done.Warnings, err.Error())
		} else if err != nil {
			return err
		}
	}
	return nil
}

// saveMember stores a member and gives its id; 0 if the account is one of its own.
func (r *reconciling) saveMember(ctx context.Context, parent *accountRow, member providers.Account, rows []*accountRow) (int64, error) {
	key := AccountKey(r.org.key, member, "", 0)
	row := findRow(rows, func(row *accountRow) bool {
		return row.key == key || row.facts.Provider == member.Provider && row.cloudID == member.CloudID
	})
	taken := findRow(rows, func(row *accountRow) bool { return row.name == member.Name && !row.archived })
	if taken != nil && taken != row {
		r.done.Warnings = append(r.done.Warnings, fmt.Sprintf("member %s (%s) is not scanned: another account (%s) has its name", member.Name, member.CloudID, taken.cloudID))
		return 0, nil
	}
	facts := factsOf(DeclaredAccount{Account: member, Schedule: []byte(parent.facts.Schedule)})
	switch {
	case row == nil:
		return 0, r.insertMember(ctx, parent, member, key, facts)
	case !row.archived && row.parent != parent.id:
		r.done.Warnings = append(r.done.Warnings, fmt.Sprintf("account %s is also %s, and is scanned as that", member.Name, row.name))
		return 0, nil
	case !row.archived && row.name == member.Name && row.facts == facts:
		return row.id, nil
	}
	err := r.exec(ctx, `
		UPDATE accounts SET parent_id = ?, name = ?, provider = ?, cloud = ?, tags = ?, settings = ?, schedule = ?, declared = 0, archived_at = NULL WHERE id = ?`,
		parent.id, member.Name, facts.Provider, facts.Cloud, facts.Tags, facts.Settings, facts.Schedule, row.id)
	if err != nil {
		return 0, err
	}
	action := "change"
	if row.archived {
		action = "revive"
	}
	if row.name != member.Name {
		if err := r.renameInExceptions(ctx, row.name, member.Name); err != nil {
			return 0, err
		}
	}
	return row.id, r.note(ctx, action, "account "+member.Name, row.facts, facts)
}

func (r *reconciling) insertMember(ctx context.Context, parent *accountRow, member providers.Account, key string, facts accountFacts) error {
	var id int64
	if err := r.row(ctx, []any{&id}, `
		INSERT INTO accounts (org_id, key, name, parent_id, first_name, provider, cloud, cloud_id, tags, settings, schedule, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		r.org.id, key, member.Name, parent.id, member.Name, facts.Provider, facts.Cloud, member.CloudID, facts.Tags, facts.Settings, facts.Schedule,
		micros(r.now())); err != nil {
		return err
	}
	if err := r.joinDefault(ctx, id); err != nil {
		return err
	}
	return r.note(ctx, "store", "account "+member.Name, nil, facts)
}
