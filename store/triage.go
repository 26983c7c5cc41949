package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"cloudaudit/policy"
)

// Triage is people's side of a violation (design rule 3.4).
type Triage struct {
	Triage   policy.Triage `json:"triage"`
	Priority string        `json:"priority"`
	Assignee string        `json:"assignee"`
	Note     string        `json:"note,omitempty"`
}

// TriageUpdate changes what is not nil.
type TriageUpdate struct {
	Triage   *policy.Triage
	Priority *string
	Assignee *string
	// Note says why, for the history.
	Note string
}

// Check tells everything that is wrong with the update.
func (u TriageUpdate) Check() error {
	switch {
	case u.Triage == nil && u.Priority == nil && u.Assignee == nil && u.Note == "":
		return fmt.Errorf("nothing is to be set: give triage, priority, assignee or note")
	case u.Triage != nil && !slices.Contains(policy.Triages, *u.Triage):
		return fmt.Errorf("triage %q: use one of %v", *u.Triage, policy.Triages)
	case u.Priority != nil && !slices.Contains(policy.Priorities, *u.Priority):
		return fmt.Errorf("priority %q: use one of %v", *u.Priority, policy.Priorities)
	}
	return nil
}

// apply gives the triage after the update, and whether it differs.
func (u TriageUpdate) apply(was Triage) (Triage, bool) {
	now := was
	now.Note = u.Note
	if u.Triage != nil {
		now.Triage = *u.Triage
	}
	if u.Priority != nil {
		now.Priority = *u.Priority
	}
	if u.Assignee != nil {
		now.Assignee = *u.Assignee
	}
	return now, now != was
}

// SetTriage changes people's side of violations, each named by its id or the beginning of it, all or
// none. It gives the full ids.
func (s *Store) SetTriage(ctx context.Context, access Access, ids []string, update TriageUpdate, actor string) ([]string, error) {
	if err := update.Check(); err != nil {
		return nil, err
	}
	var set []string
	err := s.withTx(ctx, func(tx *sql.Tx) error {
		b := newBatch(tx)
		for _, id := range ids {
			whole, err := s.setTriage(ctx, b, access, id, update, actor)
			if err != nil {
				return err
			}
			set = append(set, whole)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return set, nil
}

func (s *Store) setTriage(ctx context.Context, b *batch, access Access, id string, update TriageUpdate, actor string) (string, error) {
	w := s.scope(access)
	w.add("v.id >= ? AND v.id < ?", id, id+"g")
	var whole string
	var key int64
	var was Triage
	n := 0
	err := query(ctx, b, func(rows *sql.Rows) error {
		n++
		return rows.Scan(&key, &whole, &was.Triage, &was.Priority, &was.Assignee)
	}, `SELECT v.key, v.id, v.triage, v.priority, v.assignee FROM violations v JOIN accounts a ON a.id = v.account_id`+w.String()+` LIMIT 2`, w.args...)
	if err != nil {
		return "", err
	}
	if err := unique("violation", id, n); err != nil {
		return "", err
	}
	now, changed := update.apply(was)
	if !changed {
		return whole, nil
	}
	at := micros(s.now())
	if err := b.exec(ctx, `UPDATE violations SET triage = ?, priority = ?, assignee = ?, updated_at = ? WHERE key = ?`,
		now.Triage, now.Priority, now.Assignee, at, key); err != nil {
		return "", err
	}
	if err := b.triageEvent(ctx, s.org.id, key, nil, at, actor, now); err != nil {
		return "", err
	}
	return whole, audit(ctx, b.tx, s.org.id, at, actor, "triage", "violation "+whole, was, now)
}

// triageEvent writes what triage is from now on into the history.
func (b *batch) triageEvent(ctx context.Context, org, violation int64, scan *int64, at int64, actor string, now Triage) error {
	detail, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return b.exec(ctx, `INSERT INTO violation_events (org_id, violation_key, scan_seq, at, kind, actor, detail) VALUES (?, ?, ?, ?, 'triage', ?, ?)`,
		org, violation, scan, at, actor, string(detail))
}
