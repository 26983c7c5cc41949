package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"cloudaudit/policy"
	"cloudaudit/scanner"
)

// violation writes a violation over what is known of it.
func (j *judging) violation(ctx context.Context, resource sql.NullInt64, c scanner.Change) error {
	key, was, err := j.upsert(ctx, resource, c)
	if err != nil {
		return err
	}
	kind := violationKind{j.account, c.State, c.Pack, c.Policy, c.Severity}
	j.violations[kind]++
	if c.Was != "" {
		kind.state, kind.severity = was.state, was.severity
		j.violations[kind]--
	}
	if err := j.rows(ctx, key, c); err != nil {
		return err
	}
	return j.events(ctx, key, was, c)
}

// was is what the row said before a change.
type was struct {
	state      policy.State
	severity   policy.Severity
	level      policy.Level
	unverified bool
	triage     Triage
}

func (j *judging) upsert(ctx context.Context, resource sql.NullInt64, c scanner.Change) (key int64, before was, err error) {
	if c.Was == "" {
		if key, err = j.next(ctx, `SELECT COALESCE(MAX(key), 0) FROM violations`); err != nil {
			return 0, before, err
		}
		err = j.exec(ctx, `
			INSERT INTO violations (key, id, org_id, account_id, resource_key, pack, policy, violation_key, severity, level, pack_version,
				message, state, resource_uid, first_seq, opened_seq, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			key, c.ID, j.org, j.account, resource, c.Pack, c.Policy, c.Key, c.Severity, c.Level, c.Rows[0].PackVersion,
			c.Message, c.State, c.UID, j.scan.Seq, j.scan.Seq, micros(j.scan.StartedAt))
		return key, before, err
	}
	err = j.row(ctx, []any{&key, &before.state, &before.severity, &before.level, &before.unverified, &before.triage.Triage, &before.triage.Priority, &before.triage.Assignee},
		`SELECT key, state, severity, level, unverified_seq IS NOT NULL, triage, priority, assignee FROM violations WHERE org_id = ? AND id = ?`, j.org, c.ID)
	if err != nil {
		return 0, before, err
	}
	return key, before, j.update(ctx, key, before, c)
}

func (j *judging) update(ctx context.Context, key int64, before was, c scanner.Change) error {
	set := []string{"severity = ?", "message = ?", "state = ?", "resolution = ?", "triage = ?", "resource_uid = ?", "updated_at = ?"}
	args := []any{c.Severity, c.Message, c.State, c.Resolution, c.Triage, c.UID, micros(j.scan.StartedAt)}
	add := func(assignment string, arg ...any) {
		set = append(set, assignment)
		args = append(args, arg...)
	}
	if len(c.Rows) > 0 {
		add("level = ?", c.Level)
		add("pack_version = ?", c.Rows[0].PackVersion)
	}
	switch {
	case c.State == policy.Open && before.state == policy.Resolved:
		add("opened_seq = ?", j.scan.Seq)
		add("resolved_seq = NULL")
	case c.State == policy.Resolved && before.state == policy.Open:
		add("resolved_seq = ?", j.scan.Seq)
	}
	switch {
	case c.Unverified && !before.unverified:
		add("unverified_seq = ?", j.scan.Seq)
		add("verified_seq = ?", j.before)
	case !c.Unverified:
		add("unverified_seq = NULL")
		add("verified_seq = NULL")
	}
	if c.NewTriage {
		add("priority = ?", policy.LowestPriority)
		add("assignee = ''")
	}
	return j.exec(ctx, `UPDATE violations SET `+strings.Join(set, ", ")+` WHERE key = ?`, append(args, key)...)
}

// rows ends the reports of groups that report no more, begins new ones and changes messages in
// place.
func (j *judging) rows(ctx context.Context, key int64, c scanner.Change) error {
	known, err := j.knownRows(ctx, key, c)
	if err != nil {
		return err
	}
	for _, row := range c.Rows {
		old, exists := known[row.Group]
		delete(known, row.Group)
		if err := j.saveRow(ctx, key, reportRow{row, c.Severity}, old, exists); err != nil {
			return err
		}
	}
	for group := range known {
		if err := j.endRow(ctx, key, group); err != nil {
			return err
		}
	}
	return nil
}

// reportRow is a group's report as it is stored: level and severity hold for an interval.
type reportRow struct {
	scanner.Row
	severity policy.Severity
}

// knownRows gives the reports of groups as they stand; a violation that was never known has none.
func (j *judging) knownRows(ctx context.Context, key int64, c scanner.Change) (map[string]reportRow, error) {
	if c.Was == "" {
		return nil, nil
	}
	known := map[string]reportRow{}
	err := query(ctx, j, func(rows *sql.Rows) error {
		var row reportRow
		err := rows.Scan(&row.Group, &row.Level, &row.severity, &row.PackVersion, &row.Message)
		known[row.Group] = row
		return err
	}, `SELECT group_name, level, severity, pack_version, message FROM violation_groups WHERE violation_key = ? AND to_seq IS NULL`, key)
	return known, err
}

func (j *judging) saveRow(ctx context.Context, key int64, row, old reportRow, exists bool) error {
	switch {
	case exists && row == old:
		return nil
	case exists && row.Level == old.Level && row.severity == old.severity:
		return j.exec(ctx, `UPDATE violation_groups SET message = ?, pack_version = ? WHERE violation_key = ? AND group_name = ? AND to_seq IS NULL`,
			row.Message, row.PackVersion, key, row.Group)
	case exists:
		if err := j.endRow(ctx, key, row.Group); err != nil {
			return err
		}
	}
	return j.exec(ctx, `INSERT INTO violation_groups (violation_key, group_name, level, severity, pack_version, message, from_seq) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		key, row.Group, row.Level, row.severity, row.PackVersion, row.Message, j.scan.Seq)
}

func (j *judging) endRow(ctx context.Context, key int64, group string) error {
	return j.exec(ctx, `UPDATE violation_groups SET to_seq = ? WHERE violation_key = ? AND group_name = ? AND to_seq IS NULL`, j.scan.Seq, key, group)
}

// events writes the history of the change: state, verification and level have events, messages
// have none.
func (j *judging) events(ctx context.Context, key int64, before was, c scanner.Change) error {
	var kinds []string
	switch {
	case c.Was == "":
		kinds = append(kinds, "opened")
	case c.State == policy.Open && before.state == policy.Resolved:
		kinds = append(kinds, "reopened")
	case c.State == policy.Resolved && before.state == policy.Open:
		kinds = append(kinds, "resolved")
	case c.Unverified && !before.unverified:
		kinds = append(kinds, "unverified")
	case !c.Unverified && before.unverified:
		kinds = append(kinds, "verified")
	}
	if c.State == policy.Open && before.state == policy.Open && c.Level != before.level {
		kinds = append(kinds, "level")
	}
	detail, err := json.Marshal(map[string]any{"level": c.Level, "resolution": c.Resolution, "groups": groupNames(c.Rows)})
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		err := j.exec(ctx, `INSERT INTO violation_events (org_id, violation_key, scan_seq, at, kind, actor, detail) VALUES (?, ?, ?, ?, ?, 'scan', ?)`,
			j.org, key, j.scan.Seq, micros(j.scan.StartedAt), kind, string(detail))
		if err != nil {
			return err
		}
	}
	return j.triageStartsOver(ctx, key, before, c)
}

// triageStartsOver writes into the history what the recurrence of a violation makes of its triage.
func (j *judging) triageStartsOver(ctx context.Context, key int64, before was, c scanner.Change) error {
	now := before.triage
	now.Triage = c.Triage
	if c.NewTriage {
		now.Priority, now.Assignee = policy.LowestPriority, ""
	}
	if c.Was == "" || now == before.triage {
		return nil
	}
	return j.triageEvent(ctx, j.org, key, &j.scan.Seq, micros(j.scan.StartedAt), "scan", now)
}

func groupNames(rows []scanner.Row) []string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.Group
	}
	return names
}
