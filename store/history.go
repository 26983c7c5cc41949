package store

import (
	"context"
	"database/sql"
	"time"

	"cloudaudit/scanner"
)

// ScanSummary is a scan as lists show it. The JSON names are a contract (design §10).
type ScanSummary struct {
	ID         string     `json:"id"`
	Account    string     `json:"account"`
	Trigger    string     `json:"trigger"`
	Status     string     `json:"status"`
	StartedAt  *time.Time `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"`
	Resources  int        `json:"resources"`
	Added      int        `json:"added"`
	Changed    int        `json:"changed"`
	Removed    int        `json:"removed"`
	Opened     int        `json:"opened"`
	Resolved   int        `json:"resolved"`
	// Coverage is the share of planned scopes that were listed completely.
	Coverage float64 `json:"coverage"`
	Error    string  `json:"error,omitempty"`

	seq int64
}

// ScanDetail is a scan with its scopes.
type ScanDetail struct {
	ScanSummary
	Scopes []ScopeSummary `json:"scopes"`
}

// ScopeSummary is what came of a scope.
type ScopeSummary struct {
	Name      string `json:"name"`
	Region    string `json:"region"`
	Listing   string `json:"listing"`
	Class     string `json:"class"`
	Error     string `json:"error"`
	Gaps      int    `json:"gaps"`
	Resources int    `json:"resources"`
}

// scanColumns has one argument, the time: a scan whose process gives no sign of life is shown as
// interrupted before another takes it over.
const scanColumns = `s.seq, s.id, a.name, s.trigger, CASE WHEN s.status = 'running' AND NOT EXISTS (
		SELECT 1 FROM leases l WHERE l.org_id = s.org_id AND l.name = 'account/' || s.account_id AND l.expires_at > ?)
	THEN 'interrupted' ELSE s.status END, s.started_at, s.finished_at, s.resources, s.added, s.changed, s.removed,
	s.opened, s.resolved, s.scopes_planned, s.scopes_complete, s.error`

func scanScan(row interface{ Scan(...any) error }) (sum ScanSummary, err error) {
	var started, finished sql.NullInt64
	var counts scanner.Counts
	err = row.Scan(&sum.seq, &sum.ID, &sum.Account, &sum.Trigger, &sum.Status, &started, &finished, &sum.Resources, &sum.Added, &sum.Changed,
		&sum.Removed, &sum.Opened, &sum.Resolved, &counts.ScopesPlanned, &counts.ScopesComplete, &sum.Error)
	sum.StartedAt, sum.FinishedAt, sum.Coverage = when(started), when(finished), counts.Coverage()
	return sum, err
}

// Scans lists scans, the latest first.
func (s *Store) Scans(ctx context.Context, access Access, account string, page Page) ([]ScanSummary, error) {
	w := s.scope(access)
	w.equal("a.name", account)
	if page.After > 0 {
		w.add("s.seq < ?", page.After)
	}
	return s.scans(ctx, w, ` ORDER BY s.seq DESC LIMIT ?`, page.limit())
}

func (s *Store) scans(ctx context.Context, w *where, order string, limit int) ([]ScanSummary, error) {
	list := []ScanSummary{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		sum, err := scanScan(rows)
		list = append(list, sum)
		return err
	}, `SELECT `+scanColumns+` FROM scans s JOIN accounts a ON a.id = s.account_id`+w.String()+order,
		append(append([]any{micros(s.now())}, w.args...), limit)...)
	return list, err
}

// Scan gives one scan by its id or the beginning of it.
func (s *Store) Scan(ctx context.Context, access Access, id string) (ScanDetail, error) {
	w := s.scope(access)
	w.add("s.id >= ? AND s.id < ?", id, id+"g")
	found, err := s.scans(ctx, w, ` ORDER BY s.id LIMIT ?`, 2)
	if err != nil {
		return ScanDetail{}, err
	}
	if err := unique("scan", id, len(found)); err != nil {
		return ScanDetail{}, err
	}
	detail := ScanDetail{ScanSummary: found[0], Scopes: []ScopeSummary{}}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var scope ScopeSummary
		err := rows.Scan(&scope.Name, &scope.Region, &scope.Listing, &scope.Class, &scope.Error, &scope.Gaps, &scope.Resources)
		detail.Scopes = append(detail.Scopes, scope)
		return err
	}, `SELECT name, region, listing, class, error, gaps, resources FROM scan_scopes WHERE scan_seq = ? ORDER BY name`, detail.seq)
	return detail, err
}

// LogEntry is a line of a scan's log.
type LogEntry struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Scope   string    `json:"scope"`
	Message string    `json:"message"`
}

// ScanLog gives the log of a scan.
func (s *Store) ScanLog(ctx context.Context, access Access, id string) ([]LogEntry, error) {
	scan, err := s.Scan(ctx, access, id)
	if err != nil {
		return nil, err
	}
	lines := []LogEntry{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var line LogEntry
		var at int64
		err := rows.Scan(&at, &line.Level, &line.Scope, &line.Message)
		line.Time = fromMicros(at)
		lines = append(lines, line)
		return err
	}, `SELECT at, level, scope, message FROM scan_log WHERE scan_seq = ? ORDER BY id`, scan.seq)
	return lines, err
}

// CoverageRow tells how completely something was read, and when last completely.
type CoverageRow struct {
	Account      string     `json:"account"`
	Region       string     `json:"region"`
	Type         string     `json:"type"`
	Facet        string     `json:"facet"`
	Listing      string     `json:"listing"`
	Class        string     `json:"class"`
	Permission   string     `json:"permission"`
	Place        string     `json:"place"`
	Reason       string     `json:"reason"`
	Gaps         int        `json:"gaps"`
	LastComplete *time.Time `json:"lastComplete"`
}

// Coverage lists how completely accounts were read, as of their last scans, or of those at a past
// moment if at is set.
func (s *Store) Coverage(ctx context.Context, access Access, account string, at time.Time) ([]CoverageRow, error) {
	w := s.scope(access)
	w.equal("a.name", account)
	from, last, args := ` FROM coverage c JOIN accounts a ON a.id = c.account_id`, "9223372036854775807", []any(nil)
	if at.IsZero() {
		w.add("c.to_seq IS NULL")
	} else {
		if err := s.checkMoment(ctx, at); err != nil {
			return nil, err
		}
		from += ` JOIN ` + moments + ` m ON m.account_id = a.id`
		last, args = "m.seq", []any{s.org.id, micros(at)}
		w.add(holds("c"))
	}
	list := []CoverageRow{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var c CoverageRow
		var complete sql.NullInt64
		err := rows.Scan(&c.Account, &c.Region, &c.Type, &c.Facet, &c.Listing, &c.Class, &c.Permission, &c.Place, &c.Reason, &c.Gaps, &complete)
		c.LastComplete = when(complete)
		list = append(list, c)
		return err
	}, `SELECT a.name, c.region, c.type, c.facet, c.listing, c.class, c.permission, c.place, c.reason, c.gaps,
			(SELECT MAX(finished_at) FROM scans WHERE account_id = a.id AND status IN ('succeeded', 'partial') AND seq <= `+last+`
				AND (c.listing = 'complete' OR seq <= c.complete_seq) AND (c.listing = 'complete' OR c.complete_seq IS NOT NULL))`+
		from+w.String()+` ORDER BY a.name, c.region, c.type, c.facet`, append(args, w.args...)...)
	return list, err
}

// UnknownPair is a (resource, policy) pair that could not be judged.
type UnknownPair struct {
	Account      string `json:"account"`
	Pack         string `json:"pack"`
	Policy       string `json:"policy"`
	ResourceType string `json:"resourceType"`
	ResourceID   string `json:"resourceId"`
	Reason       string `json:"reason"`
}

// Unknowns lists the pairs that could not be judged, up to the page's limit of resources.
func (s *Store) Unknowns(ctx context.Context, access Access, account string, page Page) ([]UnknownPair, error) {
	w := s.scope(access)
	w.equal("a.name", account)
	w.add("v.unknowns > 0")
	list := []UnknownPair{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var pair UnknownPair
		var outcomes string
		err := rows.Scan(&pair.Account, &pair.Pack, &pair.ResourceType, &pair.ResourceID, &outcomes)
		for _, outcome := range unpack(outcomes) {
			if outcome.verdict == "unknown" {
				pair.Policy, pair.Reason = outcome.policy, outcome.reason
				list = append(list, pair)
			}
		}
		return err
	}, `SELECT a.name, v.pack, r.type, r.id, v.outcomes FROM verdicts v JOIN resources r ON r.key = v.resource_key
			JOIN accounts a ON a.id = r.account_id`+w.String()+`
		UNION ALL SELECT a.name, v.pack, '', '', v.outcomes FROM account_verdicts v JOIN accounts a ON a.id = v.account_id`+w.String()+`
		ORDER BY 1, 3, 4, 2 LIMIT ?`, append(append(append([]any{}, w.args...), w.args...), page.limit())...)
	return list, err
}
