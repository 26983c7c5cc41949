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
	"cloudaudit/providers"
)

// Declared is what a configuration file declares.
type Declared struct {
	Accounts []DeclaredAccount
	Packs    []*policy.Pack
	Groups   []policy.Group
}

// DeclaredAccount is an account and when it is due. The account's Key is the store's to give.
type DeclaredAccount struct {
	providers.Account
	Schedule json.RawMessage
}

// Reconcile makes the store agree with what is declared, in one transaction, and says what it
// changed. What is declared no more is archived, its data kept, and revived when it returns. A
// second call with the same argument changes nothing.
func (s *Store) Reconcile(ctx context.Context, declared Declared) ([]string, error) {
	r := &reconciling{Store: s, declared: declared}
	err := s.withTx(ctx, func(tx *sql.Tx) error {
		r.tx = tx
		for _, step := range []func(context.Context) error{r.packs, r.accounts, r.groups} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reconcile the configuration: %w", err)
	}
	return r.changes, nil
}

// reconciling is one call of Reconcile.
type reconciling struct {
	*Store
	tx       *sql.Tx
	declared Declared
	changes  []string
}

// note records a change for people and in the audit log.
func (r *reconciling) note(ctx context.Context, action, object string, before, after any) error {
	r.changes = append(r.changes, action+" "+object)
	return audit(ctx, r.tx, r.org.id, micros(r.now()), "config", action, object, before, after)
}

// audit writes a row of the audit log.
func audit(ctx context.Context, tx *sql.Tx, org, at int64, actor, action, object string, before, after any) error {
	texts := [2]string{}
	for i, value := range []any{before, after} {
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		texts[i] = string(data)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit_log (org_id, at, actor, action, object, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		org, at, actor, action, object, texts[0], texts[1])
	return err
}

func (r *reconciling) packs(ctx context.Context) error {
	var names []string
	for _, pack := range r.declared.Packs {
		names = append(names, pack.Name)
		changed, err := r.savePack(ctx, r.tx, pack)
		if err != nil {
			return fmt.Errorf("pack %s: %w", pack.Name, err)
		}
		if changed {
			if err := r.note(ctx, "store", fmt.Sprintf("pack %s version %d", pack.Name, pack.Version), nil, pack.Digest); err != nil {
				return err
			}
		}
	}
	return r.archive(ctx, "packs", "pack", names)
}

// archive puts away declared objects of a table that are declared no more.
func (r *reconciling) archive(ctx context.Context, table, noun string, names []string) error {
	var gone []string
	err := query(ctx, r.tx, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		if !slices.Contains(names, name) {
			gone = append(gone, name)
		}
		return err
	}, `SELECT DISTINCT name FROM `+table+` WHERE org_id = ? AND declared = 1 AND archived_at IS NULL`, r.org.id)
	if err != nil {
		return err
	}
	for _, name := range gone {
		if _, err := r.tx.ExecContext(ctx, `UPDATE `+table+` SET archived_at = ? WHERE org_id = ? AND name = ? AND archived_at IS NULL`,
			micros(r.now()), r.org.id, name); err != nil {
			return err
		}
		if err := r.note(ctx, "archive", noun+" "+name, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciling) accounts(ctx context.Context) error {
	var names []string
	for _, account := range r.declared.Accounts {
		names = append(names, account.Name)
	}
	if err := r.archive(ctx, "accounts", "account", names); err != nil {
		return err
	}
	for _, account := range r.declared.Accounts {
		if err := r.account(ctx, account); err != nil {
			return fmt.Errorf("account %s: %w", account.Name, err)
		}
	}
	return nil
}

// accountRow is what is compared to notice a change.
type accountRow struct {
	id                                              int64
	cloudID, key                                    string
	Name, Provider, Cloud, Tags, Settings, Schedule string
	Archived                                        bool
}

func (r *reconciling) account(ctx context.Context, account DeclaredAccount) error {
	key := AccountKey(r.org.key, account.Account)
	old, err := r.findAccount(ctx, account, key)
	if err != nil {
		return err
	}
	schedule := string(account.Schedule)
	if schedule == "" {
		schedule = "{}"
	}
	row := accountRow{Name: account.Name, Provider: account.Provider, Cloud: account.Cloud, Tags: tags(account.Tags),
		Settings: string(account.Settings), Schedule: schedule, id: old.id, cloudID: old.cloudID, key: old.key}
	if row == old {
		return nil
	}
	if old.id == 0 {
		err = r.tx.QueryRowContext(ctx, `
			INSERT INTO accounts (org_id, key, name, provider, cloud, cloud_id, tags, settings, schedule, declared, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) RETURNING id`, r.org.id, key, row.Name, row.Provider, row.Cloud, account.CloudID,
			row.Tags, row.Settings, row.Schedule, micros(r.now())).Scan(&row.id)
	} else {
		_, err = r.tx.ExecContext(ctx, `
			UPDATE accounts SET name = ?, provider = ?, cloud = ?, cloud_id = ?, tags = ?, settings = ?, schedule = ?, declared = 1, archived_at = NULL
			WHERE id = ?`, row.Name, row.Provider, row.Cloud, account.CloudID, row.Tags, row.Settings, row.Schedule, old.id)
	}
	if err != nil {
		return err
	}
	if err := r.joinDefault(ctx, row.id); err != nil {
		return err
	}
	return r.note(ctx, "store", "account "+account.Name, old, row)
}

// AccountKey is the account's key, from which the identities of its violations are derived. It is
// the same on every machine (design §12.3).
func AccountKey(organization string, account providers.Account) string {
	if account.CloudID != "" {
		return policy.DeriveID("account", organization, account.Provider, account.CloudID)
	}
	return policy.DeriveID("account", organization, account.Provider, account.Name, "1")
}

// findAccount finds the row of a declared account: by key, else by name. Another cloud account
// behind a known name is refused, because its resources would be taken for the first one's.
func (r *reconciling) findAccount(ctx context.Context, account DeclaredAccount, key string) (row accountRow, err error) {
	err = r.tx.QueryRowContext(ctx, `
		SELECT id, cloud_id, key, name, provider, cloud, tags, settings, schedule, archived_at IS NOT NULL FROM accounts
		WHERE org_id = ? AND (key = ? OR name = ?) ORDER BY archived_at IS NOT NULL, key = ? DESC LIMIT 1`,
		r.org.id, key, account.Name, key).
		Scan(&row.id, &row.cloudID, &row.key, &row.Name, &row.Provider, &row.Cloud, &row.Tags, &row.Settings, &row.Schedule, &row.Archived)
	if errors.Is(err, sql.ErrNoRows) {
		return accountRow{}, nil
	}
	if err == nil && row.cloudID != "" && account.CloudID != "" && row.cloudID != account.CloudID {
		err = fmt.Errorf("%w: this name belongs to the cloud account %s, the configuration now says %s; give the new one a name of its own",
			ErrConflict, row.cloudID, account.CloudID)
	}
	return row, err
}

// joinDefault makes the account a member of the default group, once: a removal sticks.
func (r *reconciling) joinDefault(ctx context.Context, account int64) error {
	result, err := r.tx.ExecContext(ctx, `INSERT INTO default_joins (account_id, joined_at) VALUES (?, ?) ON CONFLICT (account_id) DO NOTHING`,
		account, micros(r.now()))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = r.tx.ExecContext(ctx, `
		INSERT INTO group_accounts (group_id, account_id)
		SELECT id, ? FROM policy_groups WHERE org_id = ? AND name = ? AND archived_at IS NULL`,
		account, r.org.id, policy.DefaultAccountsGroup)
	return err
}

func (r *reconciling) groups(ctx context.Context) error {
	var names []string
	for _, group := range r.declared.Groups {
		names = append(names, group.Name)
	}
	if err := r.archive(ctx, "policy_groups", "policy group", names); err != nil {
		return err
	}
	for _, group := range r.declared.Groups {
		if err := r.group(ctx, group); err != nil {
			return fmt.Errorf("policy group %s: %w", group.Name, err)
		}
	}
	return nil
}

func (r *reconciling) group(ctx context.Context, group policy.Group) error {
	id, known, err := r.groupRow(ctx, group)
	if err != nil {
		return err
	}
	before, err := r.members(ctx, id)
	if err != nil {
		return err
	}
	members, err := r.resolve(ctx, group)
	if err != nil {
		return err
	}
	if known && slices.Equal(before, members.texts()) {
		return nil
	}
	if err := r.replaceMembers(ctx, id, members); err != nil {
		return err
	}
	return r.note(ctx, "store", "policy group "+group.Name, before, members.texts())
}

// groupRow finds or makes the group's row; an archived one comes back.
func (r *reconciling) groupRow(ctx context.Context, group policy.Group) (id int64, known bool, err error) {
	var archived bool
	err = r.tx.QueryRowContext(ctx, `
		SELECT id, archived_at IS NOT NULL FROM policy_groups WHERE org_id = ? AND name = ? ORDER BY archived_at IS NOT NULL, id DESC LIMIT 1`,
		r.org.id, group.Name).Scan(&id, &archived)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = r.tx.QueryRowContext(ctx, `
			INSERT INTO policy_groups (org_id, name, entity, mode, declared, created_at) VALUES (?, ?, ?, ?, 1, ?) RETURNING id`,
			r.org.id, group.Name, group.Entity, group.Mode, micros(r.now())).Scan(&id)
		return id, false, err
	case err == nil && archived:
		_, err = r.tx.ExecContext(ctx, `UPDATE policy_groups SET archived_at = NULL, entity = ?, mode = ?, declared = 1 WHERE id = ?`, group.Entity, group.Mode, id)
		return id, false, err
	}
	return id, true, err
}

// members is what a group holds, resolved to rows.
type members struct {
	accounts []memberAccount
	packs    []memberPack
}

type memberAccount struct {
	id     int64
	region string
}

type memberPack struct{ name, tag, config string }

// texts is a comparable form of what a group holds.
func (m members) texts() []string {
	var list []string
	for _, account := range m.accounts {
		list = append(list, fmt.Sprintf("account %d %s", account.id, account.region))
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
		err := rows.Scan(&account.id, &account.region)
		m.accounts = append(m.accounts, account)
		return err
	}, `SELECT account_id, region FROM group_accounts WHERE group_id = ? AND declared = 1`, group)
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
		m.accounts = append(m.accounts, account)
	}
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
			return memberAccount{id, region}, nil
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
