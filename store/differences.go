package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudaudit/providers"
)

// Difference is one thing that changed between two scans of an account.
type Difference struct {
	Change string `json:"change"` // opened, resolved, unverified, verified, added, changed or removed
	What   string `json:"what"`   // violation or resource
	ID     string `json:"id"`
	Policy string `json:"policy"`
	// Resource is the resource's id, with its type beside it.
	Resource string `json:"resourceId"`
	Type     string `json:"resourceType"`
}

// ScanDiff gives what changed from one scan of an account to a later one: violations first, then
// resources. Without from it is the last one before that came to its end.
func (s *Store) ScanDiff(ctx context.Context, access Access, from, to string) ([]Difference, error) {
	later, err := s.Scan(ctx, access, to)
	if err != nil {
		return nil, err
	}
	first := int64(0)
	if from == "" {
		first, err = s.before(ctx, later.seq)
	} else {
		var earlier ScanDetail
		if earlier, err = s.Scan(ctx, access, from); err == nil {
			first, err = earlier.seq, ordered(earlier, later)
		}
	}
	if err != nil {
		return nil, err
	}
	list := []Difference{}
	violations, err := s.violationsBetween(ctx, first, later.seq)
	if err != nil {
		return nil, fmt.Errorf("violations between the scans: %w", err)
	}
	resources, err := s.resourcesBetween(ctx, first, later.seq)
	if err != nil {
		return nil, fmt.Errorf("resources between the scans: %w", err)
	}
	return append(append(list, violations...), resources...), nil
}

// ordered tells what is wrong with the order of two scans.
func ordered(earlier, later ScanDetail) error {
	switch {
	case earlier.Account != later.Account:
		return fmt.Errorf("the scans are of two accounts, %s and %s: name two of one account", earlier.Account, later.Account)
	case earlier.seq >= later.seq:
		return errors.New("the first scan is not the earlier one: name the earlier one first")
	}
	return nil
}

// before is the account's last scan before this one that came to its end, 0 if there is none.
func (s *Store) before(ctx context.Context, seq int64) (before int64, err error) {
	err = s.read.QueryRowContext(ctx, `
		SELECT COALESCE(MAX(b.seq), 0) FROM scans s JOIN scans b ON b.account_id = s.account_id AND b.seq < s.seq
			AND b.status IN ('succeeded', 'partial', 'failed') WHERE s.seq = ?`, seq).Scan(&before)
	return before, err
}

// violationsBetween compares whether violations were open, and verified, at the two scans.
func (s *Store) violationsBetween(ctx context.Context, from, to int64) ([]Difference, error) {
	const open = `EXISTS (SELECT 1 FROM violation_groups g WHERE g.violation_key = v.key AND g.from_seq <= ? AND (g.to_seq IS NULL OR g.to_seq > ?))`
	const doubted = `COALESCE((SELECT d.kind FROM violation_events d WHERE d.violation_key = v.key AND d.scan_seq <= ?
		AND d.kind IN ('opened', 'reopened', 'resolved', 'unverified', 'verified') ORDER BY d.id DESC LIMIT 1), '') = 'unverified'`
	var list []Difference
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		d := Difference{What: "violation"}
		var was, is, wasDoubted, isDoubted bool
		err := rows.Scan(&d.ID, &d.Policy, &d.Resource, &d.Type, &was, &is, &wasDoubted, &isDoubted)
		switch {
		case !was && is:
			d.Change = "opened"
		case was && !is:
			d.Change = "resolved"
		case is && !wasDoubted && isDoubted:
			d.Change = "unverified"
		case is && wasDoubted && !isDoubted:
			d.Change = "verified"
		default:
			return err
		}
		list = append(list, d)
		return err
	}, `SELECT v.id, v.policy, COALESCE(r.id, ''), COALESCE(r.type, ''), `+open+`, `+open+`, `+doubted+`, `+doubted+`
		FROM violations v LEFT JOIN resources r ON r.key = v.resource_key
		WHERE v.key IN (SELECT e.violation_key FROM violation_events e JOIN violations w ON w.key = e.violation_key
			WHERE e.scan_seq > ? AND e.scan_seq <= ? AND w.account_id = (SELECT account_id FROM scans WHERE seq = ?))
		ORDER BY v.policy, r.id, v.id`, from, from, to, to, from, to, from, to, to)
	return list, err
}

// resourcesBetween compares which parts of resources there were at the two scans.
func (s *Store) resourcesBetween(ctx context.Context, from, to int64) ([]Difference, error) {
	const there = `EXISTS (SELECT 1 FROM parts p WHERE p.resource_key = r.key AND p.from_seq <= ? AND (p.to_seq IS NULL OR p.to_seq > ?))`
	var list []Difference
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		d := Difference{What: "resource", Change: "changed"}
		var was, is bool
		err := rows.Scan(&d.ID, &d.Type, &was, &is)
		d.Resource = d.ID
		switch {
		case !was && is:
			d.Change = "added"
		case was && !is:
			d.Change = "removed"
		case !was && !is: // came and went
			return err
		}
		list = append(list, d)
		return err
	}, `SELECT r.id, r.type, `+there+`, `+there+` FROM resources r
		WHERE r.account_id = (SELECT account_id FROM scans WHERE seq = ?) AND (r.changed_seq > ? OR r.gone_seq > ?) AND EXISTS (
			SELECT 1 FROM parts c WHERE c.resource_key = r.key AND (c.from_seq > ? AND c.from_seq <= ? OR c.to_seq > ? AND c.to_seq <= ?))
		ORDER BY r.type, r.id`, from, from, to, to, to, from, from, from, to, from, to)
	return list, err
}

// PropertyChange is a path of a resource whose value differs between two moments.
type PropertyChange struct {
	Path string `json:"path"`
	// Change is added, removed or changed; Before and After are JSON, null where there is nothing.
	Change string          `json:"change"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// ResourceDiff gives what differs in a resource between two moments, by path. Without from it is what
// the last change before to changed; without to it is now.
func (s *Store) ResourceDiff(ctx context.Context, access Access, id string, from, to time.Time) ([]PropertyChange, error) {
	after, err := s.Resource(ctx, access, id, to)
	if err != nil {
		return nil, err
	}
	if from.IsZero() {
		before, err := s.versionBefore(ctx, after)
		if err != nil {
			return nil, err
		}
		return diffResources(before, after)
	}
	before, err := s.Resource(ctx, access, after.ID, from)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	return diffResources(before, after)
}

// versionBefore gives a resource as it was before its last change; nothing if it never changed.
func (s *Store) versionBefore(ctx context.Context, after ResourceDetail) (ResourceDetail, error) {
	var changed int64
	condition, args := "", []any{after.cursor}
	if after.seq > 0 {
		condition, args = " AND at <= ?", append(args, after.seq)
	}
	err := s.read.QueryRowContext(ctx, `
		SELECT COALESCE(MAX(at), 0) FROM (
			SELECT resource_key, from_seq AS at FROM parts UNION ALL SELECT resource_key, to_seq AS at FROM parts WHERE to_seq IS NOT NULL) AS changes
		WHERE resource_key = ?`+condition, args...).Scan(&changed)
	before := after
	before.seq = changed - 1
	if err != nil || before.seq <= 0 {
		return ResourceDetail{}, err
	}
	if err := s.headAt(ctx, &before); err != nil {
		return before, err
	}
	err = s.fillParts(ctx, &before)
	return before, err
}

// headAt sets what a resource told about itself at its moment.
func (s *Store) headAt(ctx context.Context, r *ResourceDetail) error {
	var text string
	err := s.read.QueryRowContext(ctx, `
		SELECT b.head FROM parts p JOIN bodies b ON b.part_id = p.id
		WHERE p.resource_key = ? AND p.part = ? AND p.from_seq <= ? AND (p.to_seq IS NULL OR p.to_seq > ?)`,
		r.cursor, providers.Properties, r.seq, r.seq).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		r.Name, r.Region, r.Tags, r.Ancestors = "", "", nil, nil
		return nil
	}
	if err != nil {
		return err
	}
	var h head
	err = json.Unmarshal([]byte(text), &h)
	r.Name, r.Region, r.Tags, r.Ancestors = h.Name, h.Region, h.Tags, h.Ancestors
	return err
}
