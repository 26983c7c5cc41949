package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

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

// Accounts lists accounts by name with where they stand or, if at is set, stood at a past moment. Of
// the past it is not known in which groups they were.
func (s *Store) Accounts(ctx context.Context, access Access, at time.Time) ([]AccountStatus, error) {
	w := s.scope(access)
	if at.IsZero() {
		w.add("a.archived_at IS NULL")
	} else {
		if err := s.checkMoment(ctx, at); err != nil {
			return nil, err
		}
		w.add("a.created_at <= ? AND (a.archived_at IS NULL OR a.archived_at > ?)", micros(at), micros(at))
	}
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
		if err := s.stand(ctx, &list[i], at); err != nil {
			return nil, fmt.Errorf("account %s: %w", list[i].Name, err)
		}
	}
	return list, nil
}

// Account gives one account by name, now or at a past moment.
func (s *Store) Account(ctx context.Context, access Access, name string, at time.Time) (AccountStatus, error) {
	if access.Accounts != nil && !slices.Contains(access.Accounts, name) {
		return AccountStatus{}, fmt.Errorf("account %s: %w", name, ErrNotFound)
	}
	list, err := s.Accounts(ctx, Access{Accounts: []string{name}}, at)
	if err != nil {
		return AccountStatus{}, err
	}
	if len(list) == 0 {
		return AccountStatus{}, fmt.Errorf("account %s: %w", name, ErrNotFound)
	}
	return list[0], nil
}

// stand fills in where an account stands.
func (s *Store) stand(ctx context.Context, a *AccountStatus, at time.Time) error {
	seq, err := s.lastScan(ctx, a, at)
	if err != nil {
		return err
	}
	if at.IsZero() {
		if a.Score, err = s.scoreOf(ctx, s.read, scored{account: a.id}); err != nil {
			return err
		}
		if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM resources WHERE account_id = ? AND gone_seq IS NULL`, a.id).Scan(&a.Resources); err != nil {
			return err
		}
		return errors.Join(s.openBySeverity(ctx, a), s.groupsOf(ctx, a))
	}
	if err := s.scoreThen(ctx, a, seq); err != nil {
		return err
	}
	tallies, err := s.CountViolations(ctx, Access{}, ViolationFilter{Account: a.Name, At: at}, "severity")
	for _, severity := range policy.Severities {
		a.Open[string(severity)] = 0
	}
	for _, tally := range tallies {
		a.Open[tally.Name] = tally.Count
	}
	return err
}

// lastScan fills in the account's last scan, and gives its place in time.
func (s *Store) lastScan(ctx context.Context, a *AccountStatus, at time.Time) (int64, error) {
	w := s.scope(Access{Accounts: []string{a.Name}})
	w.add("s.account_id = ?", a.id)
	if !at.IsZero() {
		w.add("s.finished_at <= ? AND s.status IN ('succeeded', 'partial', 'failed')", micros(at))
	}
	scans, err := s.scans(ctx, w, ` ORDER BY s.seq DESC LIMIT ?`, 1)
	if err != nil || len(scans) == 0 {
		a.Status = "never scanned"
		return 0, err
	}
	last := scans[0]
	a.Status, a.LastScan, a.FinishedAt, a.Coverage = last.Status, last.ID, last.FinishedAt, &last.Coverage
	return last.seq, s.read.QueryRowContext(ctx, `SELECT audited FROM scans WHERE seq = ?`, last.seq).Scan(&a.Audited)
}

// scoreThen fills in what the scan found the account's score to be.
func (s *Store) scoreThen(ctx context.Context, a *AccountStatus, seq int64) error {
	score := &a.Score
	err := s.read.QueryRowContext(ctx, `SELECT resources, violating, compliant, unknown, excused FROM scans WHERE seq = ?`, seq).
		Scan(&a.Resources, &score.Violating, &score.Compliant, &score.Unknown, &score.Excused)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it was never scanned then
	}
	a.Score = score.rate()
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
	}, `SELECT severity, SUM(number) FROM violation_counts WHERE org_id = ? AND account_id = ? AND state = 'open' GROUP BY severity`, s.org.id, a.id)
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
