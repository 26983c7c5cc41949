package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudaudit/policy"
)

// Violation is a violation as lists show it. The JSON names are a contract (design §10).
type Violation struct {
	ID              string     `json:"id"`
	Account         string     `json:"account"`
	Provider        string     `json:"provider"`
	Region          string     `json:"region"`
	Pack            string     `json:"pack"`
	PackVersion     int        `json:"packVersion"`
	Policy          string     `json:"policy"`
	DisplayName     string     `json:"displayName"`
	Severity        string     `json:"severity"`
	Level           string     `json:"level"`
	State           string     `json:"state"`
	Triage          string     `json:"triage"`
	Priority        string     `json:"priority"`
	Assignee        string     `json:"assignee"`
	ResourceType    string     `json:"resourceType"`
	ResourceID      string     `json:"resourceId"`
	ResourceName    string     `json:"resourceName"`
	Key             string     `json:"key"`
	Message         string     `json:"message"`
	Groups          []string   `json:"groups"`
	FirstSeen       *time.Time `json:"firstSeen"`
	LastSeen        *time.Time `json:"lastSeen"`
	LastVerified    *time.Time `json:"lastVerified"`
	UnverifiedSince *time.Time `json:"unverifiedSince"`
	ResolvedAt      *time.Time `json:"resolvedAt"`
	Resolution      string     `json:"resolution"`
	Excused         bool       `json:"excused"`

	cursor int64
}

// ViolationFilter narrows a list; zero fields do not.
type ViolationFilter struct {
	Account, Region, Pack, Policy, Type, Resource, Group, Level string
	// Severities lists those that are wanted.
	Severities []string
	// State is open unless told; AnyState for both.
	State      policy.State
	Unverified bool
	Search     string
}

// AnyState asks for open and resolved violations.
const AnyState policy.State = "all"

func (s *Store) violationWhere(access Access, f ViolationFilter) *where {
	w := s.scope(access)
	state := f.State
	if state == "" {
		state = policy.Open
	}
	if state != AnyState {
		w.equal("v.state", string(state))
	}
	w.equal("a.name", f.Account)
	w.equal("r.region", f.Region)
	w.equal("v.pack", f.Pack)
	w.equal("v.policy", f.Policy)
	w.equal("v.level", f.Level)
	w.equal("r.type", f.Type)
	w.equal("r.id", f.Resource)
	w.oneOf("v.severity", f.Severities)
	if f.Unverified {
		w.add("v.unverified_seq IS NOT NULL")
	}
	if f.Group != "" {
		w.add("EXISTS (SELECT 1 FROM violation_groups g WHERE g.violation_key = v.key AND g.to_seq IS NULL AND g.group_name = ?)", f.Group)
	}
	w.contains("v.message || ' ' || r.id", f.Search)
	return w
}

const violationFrom = ` FROM violations v JOIN accounts a ON a.id = v.account_id LEFT JOIN resources r ON r.key = v.resource_key`

const violationColumns = `v.key, v.id, a.name, a.cloud, COALESCE(r.region, ''), v.pack, v.pack_version, v.policy, v.severity, v.level,
	v.state, v.triage, v.priority, v.assignee, COALESCE(r.type, ''), COALESCE(r.id, ''), COALESCE(r.name, ''), v.violation_key, v.message,
	v.resolution,
	(SELECT started_at FROM scans WHERE seq = v.first_seq),
	(SELECT MAX(finished_at) FROM scans WHERE account_id = v.account_id AND status IN ('succeeded', 'partial')
		AND seq <= COALESCE(v.verified_seq, v.resolved_seq, 9223372036854775807)),
	(SELECT started_at FROM scans WHERE seq = v.unverified_seq),
	(SELECT started_at FROM scans WHERE seq = v.resolved_seq),
	EXISTS (SELECT 1 FROM violation_exceptions e WHERE e.violation_key = v.key AND e.to_at IS NULL)`

// Violations gives a page of the list, in the order in which violations were first found, and the
// cursor of the next page, 0 after the last.
func (s *Store) Violations(ctx context.Context, access Access, filter ViolationFilter, page Page) ([]Violation, int64, error) {
	w := s.violationWhere(access, filter)
	w.add("v.key > ?", page.After)
	names, err := s.displayNames(ctx)
	if err != nil {
		return nil, 0, err
	}
	list := []Violation{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		v, err := scanViolation(rows, names)
		list = append(list, v)
		return err
	}, `SELECT `+violationColumns+violationFrom+w.String()+` ORDER BY v.key LIMIT ?`, append(w.args, page.limit()+1)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list violations: %w", err)
	}
	next := int64(0)
	if len(list) > page.limit() {
		list = list[:page.limit()]
		next = list[len(list)-1].cursor
	}
	return list, next, s.fillGroups(ctx, list)
}

// fillGroups reads which groups report the violations of a page.
func (s *Store) fillGroups(ctx context.Context, list []Violation) error {
	at := map[int64]int{}
	keys := make([]int64, len(list))
	for i, v := range list {
		at[v.cursor], keys[i] = i, v.cursor
	}
	marks, args := in(keys)
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var group string
		err := rows.Scan(&key, &group)
		v := &list[at[key]]
		v.Groups = append(v.Groups, group)
		return err
	}, `SELECT violation_key, group_name FROM violation_groups WHERE violation_key IN (`+marks+`) AND to_seq IS NULL ORDER BY group_name`, args...)
}

func scanViolation(row interface{ Scan(...any) error }, names map[[2]string]policy.Policy) (v Violation, err error) {
	var first, seen, unverified, resolved sql.NullInt64
	err = row.Scan(&v.cursor, &v.ID, &v.Account, &v.Provider, &v.Region, &v.Pack, &v.PackVersion, &v.Policy, &v.Severity, &v.Level,
		&v.State, &v.Triage, &v.Priority, &v.Assignee, &v.ResourceType, &v.ResourceID, &v.ResourceName, &v.Key, &v.Message, &v.Resolution,
		&first, &seen, &unverified, &resolved, &v.Excused)
	if err != nil {
		return v, err
	}
	v.FirstSeen, v.LastSeen, v.LastVerified = when(first), when(seen), when(seen)
	v.UnverifiedSince, v.ResolvedAt = when(unverified), when(resolved)
	v.DisplayName = names[[2]string{v.Pack, v.Policy}].DisplayName
	v.Groups = []string{}
	return v, nil
}

func when(at sql.NullInt64) *time.Time {
	if !at.Valid || at.Int64 == 0 {
		return nil
	}
	t := fromMicros(at.Int64)
	return &t
}

// displayNames gives the policies of the latest packs by pack and name.
func (s *Store) displayNames(ctx context.Context) (map[[2]string]policy.Policy, error) {
	packs, err := s.Packs(ctx)
	if err != nil {
		return nil, err
	}
	names := map[[2]string]policy.Policy{}
	for _, pack := range packs {
		for _, p := range pack.Policies {
			names[[2]string{pack.Name, p.Name}] = p
		}
	}
	return names, nil
}

// EachViolation hands every violation of the list to do, reading in pages so that no reading
// transaction stays open.
func (s *Store) EachViolation(ctx context.Context, access Access, filter ViolationFilter, do func(Violation) error) error {
	for page := (Page{Limit: 1000}); ; {
		list, next, err := s.Violations(ctx, access, filter, page)
		if err != nil {
			return err
		}
		for _, v := range list {
			if err := do(v); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		page.After = next
	}
}

// Event is an entry of a violation's history.
type Event struct {
	At     time.Time       `json:"at"`
	Kind   string          `json:"kind"`
	Actor  string          `json:"actor"`
	Detail json.RawMessage `json:"detail"`
}

// ViolationDetail is a violation with everything that is known of it.
type ViolationDetail struct {
	Violation
	Description      string           `json:"description"`
	RemediationSteps string           `json:"remediationSteps"`
	URL              string           `json:"url"`
	Controls         []policy.Control `json:"controls"`
	History          []Event          `json:"history"`
}

// Violation gives one violation by its id or the beginning of it.
func (s *Store) Violation(ctx context.Context, access Access, id string) (ViolationDetail, error) {
	names, err := s.displayNames(ctx)
	if err != nil {
		return ViolationDetail{}, err
	}
	w := s.scope(access)
	w.add(`v.id >= ? AND v.id < ?`, id, id+"g") // ids are hexadecimal
	var found []Violation
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		v, err := scanViolation(rows, names)
		found = append(found, v)
		return err
	}, `SELECT `+violationColumns+violationFrom+w.String()+` ORDER BY v.id LIMIT 2`, w.args...)
	if err != nil {
		return ViolationDetail{}, err
	}
	if err := unique("violation", id, len(found)); err != nil {
		return ViolationDetail{}, err
	}
	if err := s.fillGroups(ctx, found); err != nil {
		return ViolationDetail{}, err
	}
	p := names[[2]string{found[0].Pack, found[0].Policy}]
	detail := ViolationDetail{
		Violation: found[0], Description: p.Description, RemediationSteps: p.RemediationSteps, URL: p.URL,
		Controls: append([]policy.Control{}, p.Controls...), History: []Event{},
	}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var e Event
		var at int64
		var text string
		err := rows.Scan(&at, &e.Kind, &e.Actor, &text)
		e.At, e.Detail = fromMicros(at), json.RawMessage(text)
		detail.History = append(detail.History, e)
		return err
	}, `SELECT at, kind, actor, detail FROM violation_events WHERE violation_key = ? ORDER BY id`, detail.cursor)
	return detail, err
}

// unique tells what is wrong with the number of things that the beginning of an id names.
func unique(noun, id string, n int) error {
	switch n {
	case 0:
		return fmt.Errorf("%s %s: %w", noun, id, ErrNotFound)
	case 1:
		return nil
	}
	return errors.New(noun + " " + id + ": more than one answers to this; give the whole id, or the account")
}

// Tally is a row of a grouped list.
type Tally struct {
	Name     string `json:"name"`
	Count    int    `json:"count"`
	Critical int    `json:"critical"`
	High     int    `json:"high"`
	Medium   int    `json:"medium"`
	Low      int    `json:"low"`
}

// groupings are the columns that violations can be counted by.
var groupings = map[string]string{
	"policy": "v.policy", "pack": "v.pack", "account": "a.name", "severity": "v.severity", "type": "COALESCE(r.type, '')",
	"level": "v.level", "region": "COALESCE(r.region, '')", "provider": "a.cloud",
}

// Groupings lists what violations can be counted by.
var Groupings = []string{"account", "level", "pack", "policy", "provider", "region", "severity", "type"}

// CountViolations counts the violations of the list by one of Groupings, most first.
func (s *Store) CountViolations(ctx context.Context, access Access, filter ViolationFilter, by string) ([]Tally, error) {
	column, known := groupings[by]
	if !known {
		return nil, fmt.Errorf("violations cannot be grouped by %q: use one of %v", by, Groupings)
	}
	w := s.violationWhere(access, filter)
	tallies := []Tally{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var t Tally
		err := rows.Scan(&t.Name, &t.Count, &t.Critical, &t.High, &t.Medium, &t.Low)
		tallies = append(tallies, t)
		return err
	}, `SELECT `+column+`, COUNT(*), SUM(CASE v.severity WHEN 'critical' THEN 1 ELSE 0 END), SUM(CASE v.severity WHEN 'high' THEN 1 ELSE 0 END),
		SUM(CASE v.severity WHEN 'medium' THEN 1 ELSE 0 END), SUM(CASE v.severity WHEN 'low' THEN 1 ELSE 0 END)`+
		violationFrom+w.String()+` GROUP BY 1 ORDER BY 2 DESC, 1`, w.args...)
	return tallies, err
}
