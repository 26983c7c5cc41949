package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// accountRow is an account as it is stored.
type accountRow struct {
	id, created          int64
	parent               int64 // 0 of what is no member
	key, name, firstName string
	generation           int
	declared, archived   bool
	cloudID              string
	facts                accountFacts
}

// accountFacts are what a declaration says of an account, beside its identity.
type accountFacts struct{ Provider, Cloud, Tags, Settings, Schedule string }

func factsOf(account DeclaredAccount) accountFacts {
	facts := accountFacts{account.Provider, account.Cloud, tags(account.Tags), string(account.Settings), string(account.Schedule)}
	if facts.Schedule == "" {
		facts.Schedule = "{}"
	}
	return facts
}

// AccountKey is the account's key, from which the identities of its violations are derived. It is
// the same on every machine (design §12.3): of the cloud's id, else of the first name that the
// account had and a number that tells it from earlier accounts of that first name.
func AccountKey(organization string, account providers.Account, firstName string, generation int) string {
	if account.CloudID != "" {
		return policy.DeriveID("account", organization, account.Provider, account.CloudID)
	}
	return policy.DeriveID("account", organization, account.Provider, firstName, fmt.Sprint(generation))
}

// accounts matches the declared accounts with the stored ones, then renames, archives and writes.
func (r *reconciling) accounts(ctx context.Context) error {
	rows, err := r.accountRows(ctx)
	if err != nil {
		return err
	}
	matched := make([]*accountRow, len(r.declared.Accounts))
	taken := map[int64]bool{}
	for i, account := range r.declared.Accounts {
		row, err := r.match(rows, account)
		if err == nil && row != nil && taken[row.id] {
			err = fmt.Errorf("%w: another account of the configuration is the same one", ErrConflict)
		}
		if err != nil {
			r.fault("account", account.Name, err)
			continue
		}
		if matched[i] = row; row != nil {
			taken[row.id] = true
		}
	}
	if len(r.faults) > 0 {
		return nil // what is left would only follow from them
	}
	if err := r.removeAccounts(ctx, rows, taken); err != nil {
		return err
	}
	if err := r.makeWay(ctx, matched); err != nil {
		return err
	}
	for i, account := range r.declared.Accounts {
		if err := r.saveAccount(ctx, account, matched[i], rows); err != nil {
			return fmt.Errorf("account %s: %w", account.Name, err)
		}
	}
	return nil
}

func (r *reconciling) accountRows(ctx context.Context) (list []*accountRow, err error) {
	err = query(ctx, r, func(rows *sql.Rows) error {
		row := &accountRow{}
		f := &row.facts
		err := rows.Scan(&row.id, &row.parent, &row.key, &row.name, &row.firstName, &row.generation, &row.cloudID, &row.declared, &row.archived, &row.created,
			&f.Provider, &f.Cloud, &f.Tags, &f.Settings, &f.Schedule)
		list = append(list, row)
		return err
	}, `SELECT id, COALESCE(parent_id, 0), key, name, first_name, generation, cloud_id, declared, archived_at IS NOT NULL, created_at, provider, cloud, tags, settings, schedule
		FROM accounts WHERE org_id = ? ORDER BY archived_at IS NOT NULL, id DESC`, r.org.id)
	return list, err
}

// match finds the stored account that a declared one is, nil for a new one. Another cloud account
// behind a known name is refused, because its resources would be taken for the first one's.
func (r *reconciling) match(rows []*accountRow, account DeclaredAccount) (*accountRow, error) {
	named := findRow(rows, func(row *accountRow) bool { return row.name == account.Name })
	if named != nil && !named.archived && !named.declared && named.parent == 0 {
		return nil, made("an account", named.created)
	}
	if account.CloudID != "" {
		key := AccountKey(r.org.key, account.Account, "", 0)
		same := findRow(rows, func(row *accountRow) bool { return row.key == key })
		if same != nil && same.archived && named != nil && !named.archived { // what is scanned under the name goes on
			r.done.Warnings = append(r.done.Warnings, fmt.Sprintf("account %s is the cloud account that was %s before: what was found then stays with that name", named.name, same.name))
			same = nil
		}
		if same != nil {
			named = same
		}
	}
	if named == nil {
		from, err := r.renamed(rows, account)
		if err != nil {
			return nil, err
		}
		named = from
	}
	if named != nil && named.cloudID != "" && account.CloudID != "" && named.cloudID != account.CloudID {
		return nil, fmt.Errorf("%w: the name %s belongs to the cloud account %s, the configuration now says %s: give the new one a name of its own",
			ErrConflict, named.name, named.cloudID, account.CloudID)
	}
	return named, nil
}

// renamed finds the account that renamedFrom names.
func (r *reconciling) renamed(rows []*accountRow, account DeclaredAccount) (*accountRow, error) {
	if account.RenamedFrom == "" {
		return nil, nil
	}
	if slices.ContainsFunc(r.declared.Accounts, func(a DeclaredAccount) bool { return a.Name == account.RenamedFrom }) {
		return nil, fmt.Errorf("%w: renamedFrom names %s, which the configuration declares too: remove one of the two", ErrConflict, account.RenamedFrom)
	}
	return findRow(rows, func(row *accountRow) bool { return row.name == account.RenamedFrom }), nil
}

// findRow gives the first that fits: those that are not archived come first.
func findRow(rows []*accountRow, fits func(*accountRow) bool) *accountRow {
	if i := slices.IndexFunc(rows, fits); i >= 0 {
		return rows[i]
	}
	return nil
}

// makeWay gives accounts that are renamed a name which nobody has, so that they can swap theirs.
func (r *reconciling) makeWay(ctx context.Context, matched []*accountRow) error {
	for i, row := range matched {
		if row == nil || row.name == r.declared.Accounts[i].Name {
			continue
		}
		if err := r.exec(ctx, `UPDATE accounts SET name = '#' || id WHERE id = ?`, row.id); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciling) saveAccount(ctx context.Context, account DeclaredAccount, row *accountRow, rows []*accountRow) error {
	facts := factsOf(account)
	if row == nil {
		return r.insertAccount(ctx, account, facts, rows)
	}
	if facts.Cloud == "" { // an inventory that cannot be read now does not tell
		facts.Cloud = row.facts.Cloud
	}
	if row.name == account.Name && row.facts == facts && row.declared && !row.archived && (account.CloudID == "" || row.cloudID == account.CloudID) {
		return nil
	}
	if err := r.exec(ctx, `
		UPDATE accounts SET name = ?, provider = ?, cloud = ?, cloud_id = COALESCE(NULLIF(?, ''), cloud_id), tags = ?, settings = ?, schedule = ?,
			parent_id = NULL, declared = 1, archived_at = NULL WHERE id = ?`,
		account.Name, facts.Provider, facts.Cloud, account.CloudID, facts.Tags, facts.Settings, facts.Schedule, row.id); err != nil {
		return err
	}
	if row.cloudID == "" && account.CloudID != "" {
		if err := r.rekey(ctx, account, row.id); err != nil {
			return err
		}
	}
	action := "change"
	switch {
	case row.archived:
		action = "revive"
	case row.name != account.Name:
		action = "rename " + row.name + " to"
		if err := r.renameInExceptions(ctx, row.name, account.Name); err != nil {
			return err
		}
	}
	return r.note(ctx, action, "account "+account.Name, row.facts, facts)
}

// rekey derives the key of an account anew from the cloud's id of it, which was not known when it was
// stored, unless something was found in it by then: identities never change.
func (r *reconciling) rekey(ctx context.Context, account DeclaredAccount, id int64) error {
	key := AccountKey(r.org.key, account.Account, "", 0)
	return r.exec(ctx, `
		UPDATE accounts SET key = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM resources WHERE account_id = accounts.id)
			AND NOT EXISTS (SELECT 1 FROM violations WHERE account_id = accounts.id)
			AND NOT EXISTS (SELECT 1 FROM accounts same WHERE same.org_id = accounts.org_id AND same.key = ?)
			AND NOT EXISTS (SELECT 1 FROM leases WHERE org_id = ? AND name = ? AND expires_at > ?)`,
		key, id, key, r.org.id, accountLease(id), micros(r.now()))
}

func (r *reconciling) insertAccount(ctx context.Context, account DeclaredAccount, facts accountFacts, rows []*accountRow) error {
	first, generation := account.Name, 1
	if account.RenamedFrom != "" {
		first = account.RenamedFrom
	}
	for _, row := range rows {
		if row.firstName == first && row.facts.Provider == facts.Provider {
			generation = max(generation, row.generation+1)
		}
	}
	var id int64
	if err := r.row(ctx, []any{&id}, `
		INSERT INTO accounts (org_id, key, name, first_name, generation, provider, cloud, cloud_id, tags, settings, schedule, declared, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) RETURNING id`,
		r.org.id, AccountKey(r.org.key, account.Account, first, generation), account.Name, first, generation, facts.Provider, facts.Cloud,
		account.CloudID, facts.Tags, facts.Settings, facts.Schedule, micros(r.now())); err != nil {
		return err
	}
	if err := r.joinDefault(ctx, id); err != nil {
		return err
	}
	return r.note(ctx, "store", "account "+account.Name, nil, facts)
}

// joinDefault makes the account a member of the default group, once: a removal sticks.
func (r *reconciling) joinDefault(ctx context.Context, account int64) error {
	n, err := r.change(ctx, `INSERT INTO default_joins (account_id, joined_at) VALUES (?, ?) ON CONFLICT (account_id) DO NOTHING`, account, micros(r.now()))
	if err != nil || n == 0 {
		return err
	}
	return r.exec(ctx, `
		INSERT INTO group_accounts (group_id, account_id)
		SELECT id, ? FROM policy_groups WHERE org_id = ? AND name = ? AND archived_at IS NULL`,
		account, r.org.id, policy.DefaultAccountsGroup)
}

// removeAccounts archives the declared accounts that are declared no more.
func (r *reconciling) removeAccounts(ctx context.Context, rows []*accountRow, kept map[int64]bool) error {
	removed := map[int64]bool{}
	for _, row := range rows {
		removed[row.id] = row.declared && !row.archived && !kept[row.id]
	}
	for _, row := range rows {
		if row.archived || kept[row.id] || !removed[row.id] && !removed[row.parent] {
			continue
		}
		if err := r.removeAccount(ctx, row, policy.AccountRemoved); err != nil {
			return err
		}
	}
	return nil
}

// removeAccount archives an account. Its violations resolve, by a scan that reads nothing, so that they
// have their place in time like all others. Its verdicts go, so that the first scan after its return
// judges everything.
func (r *reconciling) removeAccount(ctx context.Context, row *accountRow, why policy.Resolution) error {
	if err := r.archiveAccount(ctx, row, why); err != nil {
		return fmt.Errorf("archive account %s: %w", row.name, err)
	}
	return r.note(ctx, "archive", "account "+row.name, row.facts, nil)
}

func (r *reconciling) archiveAccount(ctx context.Context, row *accountRow, why policy.Resolution) error {
	locked, err := r.locks.try(row.key, false)
	if err != nil {
		return err
	}
	if locked == lockTaken {
		r.locked = append(r.locked, row.key)
	}
	if _, err := r.take(ctx, r.tx, accountLease(row.id), locked); err != nil {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	scan := &scanner.Scan{Trigger: scanner.Removal, StartedAt: r.now()}
	if err := r.insertScan(ctx, r.tx, row.id, scan); err != nil {
		return err
	}
	if err := r.forgetLast(ctx, row.id); err != nil {
		return err
	}
	resolved, err := r.resolveAll(ctx, row.id, scan.Seq, why)
	if err != nil {
		return err
	}
	now := micros(scan.StartedAt)
	for _, step := range []struct {
		text string
		args []any
	}{
		{`UPDATE scans SET status = ?, finished_at = ?, resolved = ?, resumable = 0 WHERE seq = ?`, []any{scanner.Succeeded, now, resolved, scan.Seq}},
		{`DELETE FROM verdicts WHERE resource_key IN (SELECT key FROM resources WHERE org_id = ? AND account_id = ?)`, []any{r.org.id, row.id}},
		{`DELETE FROM account_verdicts WHERE account_id = ?`, []any{row.id}},
		{`DELETE FROM verdict_counts WHERE org_id = ? AND account_id = ?`, []any{r.org.id, row.id}},
		{`UPDATE accounts SET archived_at = ? WHERE id = ?`, []any{now, row.id}},
	} {
		if err := r.exec(ctx, step.text, step.args...); err != nil {
			return err
		}
	}
	return r.Store.release(ctx, r.batch, accountLease(row.id))
}

// release lets go of the accounts that were archived.
func (r *reconciling) release() {
	for _, key := range r.locked {
		r.locks.free(key)
	}
}

// resolveAll resolves the open violations of an account that is removed, and tells how many.
func (r *reconciling) resolveAll(ctx context.Context, account, seq int64, why policy.Resolution) (int64, error) {
	const open = `(SELECT key FROM violations WHERE org_id = ? AND account_id = ? AND state = 'open')`
	if err := r.exec(ctx, `UPDATE violation_groups SET to_seq = ? WHERE to_seq IS NULL AND violation_key IN `+open, seq, r.org.id, account); err != nil {
		return 0, err
	}
	if err := r.countResolved(ctx, account); err != nil {
		return 0, err
	}
	now := micros(r.now())
	if err := r.exec(ctx, `
		INSERT INTO violation_events (org_id, violation_key, scan_seq, at, kind, actor, detail)
		SELECT org_id, key, ?, ?, 'resolved', 'config', ? FROM violations WHERE key IN `+open,
		seq, now, fmt.Sprintf(`{"resolution":%q}`, why), r.org.id, account); err != nil {
		return 0, err
	}
	return r.change(ctx, `
		UPDATE violations SET state = 'resolved', resolution = ?, resolved_seq = ?, unverified_seq = NULL, verified_seq = NULL, updated_at = ?
		WHERE org_id = ? AND account_id = ? AND state = 'open'`, why, seq, now, r.org.id, account)
}

// countResolved counts the open violations of an account for resolved.
func (r *reconciling) countResolved(ctx context.Context, account int64) error {
	counts, err := countViolations(ctx, r, "account_id = ? AND state = 'open'", account)
	if err != nil {
		return err
	}
	for kind, n := range maps.Clone(counts) {
		counts[kind] = -n
		kind.state = policy.Resolved
		counts[kind] = n
	}
	return counts.apply(ctx, r.batch, r.org.id)
}
