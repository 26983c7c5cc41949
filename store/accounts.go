package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Score says how many (resource, policy) pairs are how (design rule 3.2).
type Score struct {
	// Value is compliant / (violating + compliant), nil where that is nothing.
	Value     *float64 `json:"value"`
	Compliant int      `json:"compliant"`
	Violating int      `json:"violating"`
	Unknown   int      `json:"unknown"`
	Excused   int      `json:"excused"`
}

// AccountStatus is an account with where it stands.
type AccountStatus struct {
	Name     string            `json:"name"`
	Provider string            `json:"provider"`
	Cloud    string            `json:"cloud"`
	CloudID  string            `json:"cloudId"`
	Tags     map[string]string `json:"tags"`
	// Audited tells whether any policy audits the account; one that is not is never shown as clean.
	Audited    bool           `json:"audited"`
	Status     string         `json:"status"`
	LastScan   string         `json:"lastScan"`
	FinishedAt *time.Time     `json:"finishedAt"`
	Resources  int            `json:"resources"`
	Coverage   *float64       `json:"coverage"`
	Score      Score          `json:"score"`
	Open       map[string]int `json:"open"` // violations by severity
	Groups     []string       `json:"groups"`

	id int64
}

// Accounts lists accounts by name with where they stand.
func (s *Store) Accounts(ctx context.Context, access Access) ([]AccountStatus, error) {
	w := s.scope(access)
	w.add("a.archived_at IS NULL")
	list := []AccountStatus{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		a := AccountStatus{Open: map[string]int{}, Groups: []string{}}
		var tagText string
		if err := rows.Scan(&a.id, &a.Name, &a.Provider, &a.Cloud, &a.CloudID, &tagText); err != nil {
			return err
		}
		list = append(list, a)
		return json.Unmarshal([]byte(tagText), &list[len(list)-1].Tags)
	}, `SELECT a.id, a.name, a.provider, a.cloud, a.cloud_id, a.tags FROM accounts a`+w.String()+` ORDER BY a.name`, w.args...)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := s.stand(ctx, &list[i]); err != nil {
			return nil, fmt.Errorf("account %s: %w", list[i].Name, err)
		}
	}
	return list, nil
}

// Account gives one account by name.
func (s *Store) Account(ctx context.Context, access Access, name string) (AccountStatus, error) {
	list, err := s.Accounts(ctx, access)
	for _, account := range list {
		if account.Name == name {
			return account, err
		}
	}
	if err != nil {
		return AccountStatus{}, err
	}
	return AccountStatus{}, fmt.Errorf("account %s: %w", name, ErrNotFound)
}

// stand fills in where an account stands.
func (s *Store) stand(ctx context.Context, a *AccountStatus) error {
	for _, step := range []func(context.Context, *AccountStatus) error{s.lastScan, s.score, s.openBySeverity, s.groupsOf} {
		if err := step(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) lastScan(ctx context.Context, a *AccountStatus) error {
	scans, err := s.Scans(ctx, Access{Accounts: []string{a.Name}}, a.Name, Page{Limit: 1})
	if err != nil || len(scans) == 0 {
		a.Status = "never scanned"
		return err
	}
	last := scans[0]
	a.Status, a.LastScan, a.FinishedAt, a.Coverage = last.Status, last.ID, last.FinishedAt, &last.Coverage
	if err := s.read.QueryRowContext(ctx, `SELECT audited FROM scans WHERE seq = ?`, last.seq).Scan(&a.Audited); err != nil {
		return err
	}
	return s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM resources WHERE account_id = ? AND gone_seq IS NULL`, a.id).Scan(&a.Resources)
}

// score sums the counters in which a pair counts once, whatever the number of configs that judge it.
func (s *Store) score(ctx context.Context, a *AccountStatus) error {
	err := s.read.QueryRowContext(ctx, `
		SELECT COALESCE(SUM(CASE outcome WHEN 'compliant' THEN pairs END), 0), COALESCE(SUM(CASE outcome WHEN 'violation' THEN pairs END), 0),
			COALESCE(SUM(CASE outcome WHEN 'unknown' THEN pairs END), 0)
		FROM verdict_counts WHERE org_id = ? AND account_id = ? AND pack_digest = ''`, s.org.id, a.id).Scan(&a.Score.Compliant, &a.Score.Violating, &a.Score.Unknown)
	if judged := a.Score.Compliant + a.Score.Violating; judged > 0 {
		value := float64(a.Score.Compliant) / float64(judged)
		a.Score.Value = &value
	}
	return err
}

func (s *Store) openBySeverity(ctx context.Context, a *AccountStatus) error {
	for _, severity := range policy.Severities {
		a.Open[string(severity)] = 0
	}
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var severity string
		var n int
		err := rows.Scan(&severity, &n)
		a.Open[severity] = n
		return err
	}, `SELECT severity, COUNT(*) FROM violations WHERE org_id = ? AND account_id = ? AND state = 'open' GROUP BY severity`, s.org.id, a.id)
}

func (s *Store) groupsOf(ctx context.Context, a *AccountStatus) error {
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		a.Groups = append(a.Groups, name)
		return err
	}, `SELECT DISTINCT p.name FROM group_accounts g JOIN policy_groups p ON p.id = g.group_id
		WHERE g.account_id = ? AND p.archived_at IS NULL ORDER BY p.name`, a.id)
}

// Scannable gives the accounts that can be scanned, by name, as the scanner wants them.
func (s *Store) Scannable(ctx context.Context) ([]providers.Account, error) {
	var accounts []providers.Account
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var a providers.Account
		var tagText, settings string
		err := rows.Scan(&a.Name, &a.Key, &a.Provider, &a.Cloud, &a.CloudID, &tagText, &settings)
		if err != nil {
			return err
		}
		a.Settings = json.RawMessage(settings)
		err = json.Unmarshal([]byte(tagText), &a.Tags)
		accounts = append(accounts, a)
		return err
	}, `SELECT name, key, provider, cloud, cloud_id, tags, settings FROM accounts WHERE org_id = ? AND archived_at IS NULL ORDER BY name`, s.org.id)
	return accounts, err
}
