package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
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

	cursor             int64
	seq, unverifiedSeq int64 // at a past moment
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
	// Excused gives only those that are excused, or only those that are not.
	Excused *bool
	// At gives the list as it was at a past moment.
	At time.Time
}

// AnyState asks for open and resolved violations.
const AnyState policy.State = "all"

// conditions adds those of the filter.
func (f ViolationFilter) conditions(w *where, from violationsFrom) {
	state := f.State
	if state == "" {
		state = policy.Open
	}
	if state != AnyState {
		w.add(from.state+" = ?", state)
	}
	w.equal("a.name", f.Account)
	w.equal(from.region, f.Region)
	w.equal("v.pack", f.Pack)
	w.equal("v.policy", f.Policy)
	w.equal(from.level, f.Level)
	w.equal("r.type", f.Type)
	w.equal("r.id", f.Resource)
	w.oneOf(from.severity, f.Severities)
	switch {
	case !f.Unverified:
	case f.At.IsZero():
		w.add("v.unverified_seq IS NOT NULL")
	default:
		w.add(`(SELECT e.kind FROM violation_events e WHERE e.violation_key = v.key AND e.scan_seq <= m.seq AND e.kind <> 'level' AND e.kind <> 'triage'
			ORDER BY e.id DESC LIMIT 1) = 'unverified'`)
	}
	if f.Group != "" {
		now := "q.to_seq IS NULL"
		if !f.At.IsZero() {
			now = holds("q")
		}
		w.add("EXISTS (SELECT 1 FROM violation_groups q WHERE q.violation_key = v.key AND q.group_name = ? AND "+now+")", f.Group)
	}
	if f.Excused != nil {
		w.add(excused("v")+" = ?", from.at, from.at, from.at, *f.Excused)
	}
	w.contains(from.message+" || ' ' || COALESCE(r.id, '')", f.Search)
}

// columns are those of a violation; their arguments come first in the query.
func (from violationsFrom) columns() (text string, args []any) {
	return `v.key, ` + from.seq + `, v.id, a.name, a.cloud, ` + from.region + `, v.pack, ` + from.version + `, v.policy, ` + from.severity + `, ` +
		from.level + `, ` + from.state + `, v.triage, v.priority, v.assignee, COALESCE(r.type, ''), COALESCE(r.id, ''), COALESCE(r.name, ''),
		` + from.head + `, v.violation_key, ` + from.message + `, v.resolution, (SELECT started_at FROM scans WHERE seq = v.first_seq), ` + from.seen + `, ` +
		from.unverified + `, ` + from.resolved + `, ` + excused("v"), []any{from.at, from.at, from.at}
}

// violations reads those that meet the conditions, whole.
func (s *Store) violations(ctx context.Context, from violationsFrom, w *where, order string, limit int) ([]Violation, error) {
	names, err := s.displayNames(ctx)
	if err != nil {
		return nil, err
	}
	columns, args := from.columns()
	args = append(append(append(args, from.args...), w.args...), limit)
	list := []Violation{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		v, err := scanViolation(rows, names)
		list = append(list, v)
		return err
	}, `SELECT `+columns+from.from+w.String()+` ORDER BY `+order+` LIMIT ?`, args...)
	if err != nil || len(list) == 0 {
		return list, err
	}
	if len(from.args) > 0 {
		if err := s.rewind(ctx, list, from.at); err != nil {
			return nil, err
		}
	}
	return list, s.fillGroups(ctx, list)
}

// Violations gives a page of the list, in the order in which violations were first found, and the
// cursor of the next page, 0 after the last.
func (s *Store) Violations(ctx context.Context, access Access, filter ViolationFilter, page Page) ([]Violation, int64, error) {
	from, err := s.violationsFrom(ctx, filter.At)
	if err != nil {
		return nil, 0, err
	}
	w := s.scope(access)
	filter.conditions(w, from)
	w.add("v.key > ?", page.After)
	list, err := s.violations(ctx, from, w, "v.key", page.limit()+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list violations: %w", err)
	}
	if len(list) > page.limit() {
		list = list[:page.limit()]
		return list, list[len(list)-1].cursor, nil
	}
	return list, 0, nil
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
		var key, begins int64
		var ends sql.NullInt64
		var group string
		err := rows.Scan(&key, &group, &begins, &ends)
		v := &list[at[key]]
		if v.seq == 0 && !ends.Valid || v.seq > 0 && begins <= v.seq && (!ends.Valid || ends.Int64 > v.seq) {
			v.Groups = append(v.Groups, group)
		}
		return err
	}, `SELECT violation_key, group_name, from_seq, to_seq FROM violation_groups WHERE violation_key IN (`+marks+`) ORDER BY group_name`, args...)
}

func scanViolation(row interface{ Scan(...any) error }, names map[[2]string]policy.Policy) (v Violation, err error) {
	var first, seen, unverified, resolved sql.NullInt64
	var headText string
	err = row.Scan(&v.cursor, &v.seq, &v.ID, &v.Account, &v.Provider, &v.Region, &v.Pack, &v.PackVersion, &v.Policy, &v.Severity, &v.Level,
		&v.State, &v.Triage, &v.Priority, &v.Assignee, &v.ResourceType, &v.ResourceID, &v.ResourceName, &headText, &v.Key, &v.Message, &v.Resolution,
		&first, &seen, &unverified, &resolved, &v.Excused)
	if err != nil {
		return v, err
	}
	v.FirstSeen, v.LastSeen, v.LastVerified = when(first), when(seen), when(seen)
	v.UnverifiedSince, v.ResolvedAt = when(unverified), when(resolved)
	v.DisplayName = names[[2]string{v.Pack, v.Policy}].DisplayName
	v.Groups = []string{}
	if headText != "" {
		var h head
		err = json.Unmarshal([]byte(headText), &h)
		v.ResourceName = h.Name
	}
	return v, err
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

// exportPage is how many rows are held at once where a list is handed out whole.
const exportPage = 1000

// EachViolation hands every violation of the list to do, in order of their ids, so that the same
// violations come in the same order from every store. It reads in pages, so that no reading
// transaction stays open.
func (s *Store) EachViolation(ctx context.Context, access Access, filter ViolationFilter, do func(Violation) error) error {
	from, err := s.violationsFrom(ctx, filter.At)
	if err != nil {
		return err
	}
	for after := ""; ; {
		w := s.scope(access)
		filter.conditions(w, from)
		w.add("v.org_id = ? AND v.id > ?", s.org.id, after)
		list, err := s.violations(ctx, from, w, "v.id", exportPage)
		if err != nil {
			return fmt.Errorf("read violations: %w", err)
		}
		for _, v := range list {
			if err := do(v); err != nil {
				return err
			}
		}
		if len(list) < exportPage {
			return nil
		}
		after = list[len(list)-1].ID
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
	// Exceptions are those that excuse it.
	Exceptions []policy.Exception `json:"exceptions"`
	History    []Event            `json:"history"`
}

// Violation gives one violation by its id or the beginning of it, now or, if at is set, at a past
// moment.
func (s *Store) Violation(ctx context.Context, access Access, id string, at time.Time) (ViolationDetail, error) {
	from, err := s.violationsFrom(ctx, at)
	if err != nil {
		return ViolationDetail{}, err
	}
	w := s.scope(access)
	w.add(`v.id >= ? AND v.id < ?`, id, id+"g") // ids are hexadecimal
	found, err := s.violations(ctx, from, w, "v.id", 2)
	if err != nil {
		return ViolationDetail{}, err
	}
	if err := unique("violation", id, len(found)); err != nil {
		return ViolationDetail{}, err
	}
	names, err := s.displayNames(ctx)
	if err != nil {
		return ViolationDetail{}, err
	}
	p := names[[2]string{found[0].Pack, found[0].Policy}]
	detail := ViolationDetail{
		Violation: found[0], Description: p.Description, RemediationSteps: p.RemediationSteps, URL: p.URL,
		Controls: append([]policy.Control{}, p.Controls...), Exceptions: []policy.Exception{}, History: []Event{},
	}
	if err := s.fillExceptions(ctx, &detail, from.at); err != nil {
		return ViolationDetail{}, err
	}
	err = s.fillHistory(ctx, &detail, from.at)
	return detail, err
}

func (s *Store) fillExceptions(ctx context.Context, v *ViolationDetail, at int64) error {
	rows, err := s.exceptions(ctx, s.read, `(expires_at IS NULL OR expires_at > ?) AND key IN (
		SELECT exception_key FROM violation_exceptions WHERE violation_key = ? AND from_at <= ? AND (to_at IS NULL OR to_at > ?))`, at, v.cursor, at, at)
	for _, row := range rows {
		v.Exceptions = append(v.Exceptions, row.Exception)
	}
	return err
}

func (s *Store) fillHistory(ctx context.Context, v *ViolationDetail, at int64) error {
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var e Event
		var when int64
		var scan sql.NullInt64
		var text string
		err := rows.Scan(&when, &scan, &e.Kind, &e.Actor, &text)
		e.At, e.Detail = fromMicros(when), json.RawMessage(text)
		if v.seq == 0 || !scan.Valid || scan.Int64 <= v.seq {
			v.History = append(v.History, e)
		}
		return err
	}, `SELECT at, scan_seq, kind, actor, detail FROM violation_events WHERE violation_key = ? AND at <= ? ORDER BY id`, v.cursor, at)
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

// Groupings lists what violations can be counted by.
var Groupings = []string{"account", "level", "pack", "policy", "provider", "region", "severity", "type"}

// grouping is the column that violations are counted by.
func (from violationsFrom) grouping(by string) (string, bool) {
	column, known := map[string]string{
		"policy": "v.policy", "pack": "v.pack", "account": "a.name", "severity": from.severity, "type": "COALESCE(r.type, '')",
		"level": from.level, "region": from.region, "provider": "a.cloud",
	}[by]
	return column, known
}

// plain tells whether the filter asks for nothing but what the counters tell apart.
func (f ViolationFilter) plain() bool {
	rest := f
	rest.Account, rest.Pack, rest.Policy, rest.Severities, rest.State = "", "", "", nil, ""
	return reflect.DeepEqual(rest, ViolationFilter{})
}

// CountViolations counts the violations of the list by one of Groupings, most first.
func (s *Store) CountViolations(ctx context.Context, access Access, filter ViolationFilter, by string) ([]Tally, error) {
	from, err := s.violationsFrom(ctx, filter.At)
	if err != nil {
		return nil, err
	}
	column, known := from.grouping(by)
	if !known {
		return nil, fmt.Errorf("violations cannot be grouped by %q: use one of %v", by, Groupings)
	}
	w := s.scope(access)
	filter.conditions(w, from)
	rows, weight := from.from, "1"
	if filter.plain() && slices.Contains([]string{"account", "pack", "policy", "provider", "severity"}, by) {
		w.add("v.org_id = ?", s.org.id)
		rows, weight = ` FROM violation_counts v JOIN accounts a ON a.id = v.account_id`, "v.number"
	}
	tallies := []Tally{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var t Tally
		err := rows.Scan(&t.Name, &t.Count, &t.Critical, &t.High, &t.Medium, &t.Low)
		tallies = append(tallies, t)
		return err
	}, `SELECT name, SUM(number), SUM(CASE severity WHEN 'critical' THEN number ELSE 0 END), SUM(CASE severity WHEN 'high' THEN number ELSE 0 END),
		SUM(CASE severity WHEN 'medium' THEN number ELSE 0 END), SUM(CASE severity WHEN 'low' THEN number ELSE 0 END)
		FROM (SELECT `+column+` AS name, `+from.severity+` AS severity, `+weight+` AS number`+rows+w.String()+`) AS counted GROUP BY name ORDER BY 2 DESC, 1`,
		append(append([]any{}, from.args...), w.args...)...)
	return tallies, err
}
