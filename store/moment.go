package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"cloudaudit/policy"
)

// A past moment is, for each account, its last scan that had ended then (design §12.6): what a scan
// wrote holds from its seq on. What people do (triage, exceptions) holds from its time on.

// moments gives m (account_id, seq) for a time; its arguments are organization and time.
const moments = `(SELECT account_id, MAX(seq) AS seq FROM scans
	WHERE org_id = ? AND finished_at <= ? AND status IN ('succeeded', 'partial', 'failed') GROUP BY account_id)`

// holds is the condition that an interval, by its alias, holds at the moment m.
func holds(alias string) string {
	return alias + `.from_seq <= m.seq AND (` + alias + `.to_seq IS NULL OR ` + alias + `.to_seq > m.seq)`
}

// checkMoment refuses moments of which nothing is known: an empty list would say that nothing was.
func (s *Store) checkMoment(ctx context.Context, at time.Time) error {
	if at.After(s.now()) {
		return fmt.Errorf("%w: %s is still to come", ErrPast, at.UTC().Format(time.RFC3339))
	}
	text, err := s.setting(ctx, s.read, "horizon")
	if err != nil || text == "" {
		return err
	}
	horizon, err := strconv.ParseInt(text, 10, 64)
	if err == nil && micros(at) < horizon {
		err = fmt.Errorf("%w: what was before %s is not kept any more; retention.intervals says for how long it is",
			ErrPast, fromMicros(horizon).Format(time.RFC3339))
	}
	return err
}

// violationsFrom says where lists of violations read: the tables as they are now, or as they were.
type violationsFrom struct {
	// from and its arguments; level, severity and the others are the columns to read and filter by.
	from, level, severity, version, message, state, region, head, seen, unverified, resolved, seq string
	args                                                                                          []any
	at                                                                                            int64
}

func (s *Store) violationsFrom(ctx context.Context, at time.Time) (violationsFrom, error) {
	if at.IsZero() {
		return violationsFrom{
			from:  ` FROM violations v JOIN accounts a ON a.id = v.account_id LEFT JOIN resources r ON r.key = v.resource_key`,
			level: "v.level", severity: "v.severity", version: "v.pack_version", message: "v.message", state: "v.state", region: "COALESCE(r.region, '')",
			seen: `(SELECT MAX(finished_at) FROM scans WHERE account_id = v.account_id AND status IN ('succeeded', 'partial')
				AND seq <= COALESCE(v.verified_seq, v.resolved_seq, 9223372036854775807))`,
			unverified: "(SELECT started_at FROM scans WHERE seq = v.unverified_seq)",
			resolved:   "(SELECT started_at FROM scans WHERE seq = v.resolved_seq)",
			head:       "''", seq: "0", at: micros(s.now()),
		}, nil
	}
	if err := s.checkMoment(ctx, at); err != nil {
		return violationsFrom{}, err
	}
	return violationsFrom{
		from: ` FROM violations v JOIN accounts a ON a.id = v.account_id JOIN ` + moments + ` m ON m.account_id = v.account_id AND v.first_seq <= m.seq
			LEFT JOIN resources r ON r.key = v.resource_key
			LEFT JOIN parts p ON p.id = (SELECT q.id FROM parts q WHERE q.resource_key = r.key AND q.part = 'properties' AND q.from_seq <= m.seq
				ORDER BY q.from_seq DESC LIMIT 1)
			LEFT JOIN bodies b ON b.part_id = p.id
			JOIN violation_groups g ON g.id = (SELECT s.id FROM violation_groups s WHERE s.violation_key = v.key AND s.from_seq <= m.seq
				ORDER BY CASE WHEN s.to_seq <= m.seq THEN s.to_seq ELSE 9223372036854775807 END DESC,
					CASE s.level WHEN 'remediate' THEN 0 WHEN 'mandatory' THEN 1 ELSE 2 END, s.group_name LIMIT 1)`,
		level: "g.level", severity: "g.severity", version: "g.pack_version", message: "g.message",
		state:  "CASE WHEN g.to_seq <= m.seq THEN 'resolved' ELSE 'open' END",
		region: "COALESCE(p.region, r.region, '')", head: "COALESCE(b.head, '')", seen: "(SELECT finished_at FROM scans WHERE seq = m.seq)", unverified: "NULL", resolved: "NULL",
		seq: "m.seq", args: []any{s.org.id, micros(at)}, at: micros(at),
	}, nil
}

// rewind sets what the rows of violations do not tell of a past moment, by their history: triage,
// since when they were unverified, and when and how they had resolved.
func (s *Store) rewind(ctx context.Context, list []Violation, at int64) error {
	byKey := map[int64]*Violation{}
	keys := make([]int64, len(list))
	for i := range list {
		v := &list[i]
		byKey[v.cursor], keys[i] = v, v.cursor
		v.Triage, v.Priority, v.Assignee, v.Resolution = string(policy.TriageOpen), policy.LowestPriority, "", ""
	}
	marks, args := in(keys)
	var unverified []*Violation
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var key, when int64
		var scan sql.NullInt64
		var kind, detail string
		if err := rows.Scan(&key, &scan, &when, &kind, &detail); err != nil {
			return err
		}
		v := byKey[key]
		if scan.Valid && scan.Int64 > v.seq {
			return nil
		}
		if kind == "unverified" {
			unverified = append(unverified, v)
			v.unverifiedSeq = scan.Int64
		}
		return v.replay(kind, fromMicros(when), []byte(detail))
	}, `SELECT violation_key, scan_seq, at, kind, detail FROM violation_events WHERE violation_key IN (`+marks+`) AND at <= ? ORDER BY id`,
		append(args, at)...)
	if err != nil {
		return err
	}
	for _, v := range unverified {
		if v.UnverifiedSince != nil {
			if err := s.lastVerified(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// replay lets an event of the history happen to the violation.
func (v *Violation) replay(kind string, at time.Time, detail []byte) error {
	switch kind {
	case "opened", "reopened":
		v.ResolvedAt, v.Resolution, v.UnverifiedSince = nil, "", nil
	case "verified":
		v.UnverifiedSince = nil
	case "unverified":
		v.UnverifiedSince = &at
	case "resolved":
		v.ResolvedAt, v.UnverifiedSince = &at, nil
		return json.Unmarshal(detail, &struct {
			Resolution *string `json:"resolution"`
		}{&v.Resolution})
	case "triage":
		var now Triage
		err := json.Unmarshal(detail, &now)
		v.Triage, v.Priority, v.Assignee = string(now.Triage), now.Priority, now.Assignee
		return err
	}
	return nil
}

// lastVerified sets when an unverified violation was seen last: by the scan before the one that could
// not verify it.
func (s *Store) lastVerified(ctx context.Context, v *Violation) error {
	var seen sql.NullInt64
	err := s.read.QueryRowContext(ctx, `
		SELECT MAX(s.finished_at) FROM scans s JOIN violations v ON v.account_id = s.account_id
		WHERE v.key = ? AND s.seq < ? AND s.status IN ('succeeded', 'partial')`, v.cursor, v.unverifiedSeq).Scan(&seen)
	v.LastSeen, v.LastVerified = when(seen), when(seen)
	return err
}
