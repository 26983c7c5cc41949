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
	"cloudaudit/scanner"
)

// HeldCount implements scanner.Store.
func (s *Store) HeldCount(ctx context.Context, scan *scanner.Scan) (n int, err error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return 0, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM resources WHERE account_id = ? AND gone_seq IS NULL`, account).Scan(&n)
	return n, err
}

// Held implements scanner.Store.
func (s *Store) Held(ctx context.Context, scan *scanner.Scan, after int64, limit int) ([]scanner.Held, error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	page, at, err := s.heldWhere(ctx, "account_id = ? AND gone_seq IS NULL AND key > ? ORDER BY key LIMIT ?", account, after, limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	first, last := page[0].Key, page[len(page)-1].Key
	if err := s.heldParts(ctx, page, at, "resource_key BETWEEN ? AND ?", first, last); err != nil {
		return nil, err
	}
	return page, s.heldVerdicts(ctx, page, at, first, last)
}

func (s *Store) heldWhere(ctx context.Context, condition string, args ...any) ([]scanner.Held, map[int64]int, error) {
	var page []scanner.Held
	at := map[int64]int{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var h scanner.Held
		err := rows.Scan(&h.Key, &h.Type, &h.Identity, &h.Region, &h.UID, &h.Since, &h.Changed, &h.Missing)
		at[h.Key] = len(page)
		page = append(page, h)
		return err
	}, `SELECT key, type, identity, region, uid, from_seq, changed_seq, missing_class FROM resources WHERE `+condition, args...)
	return page, at, err
}

// HeldOf implements scanner.Store. The resources have no verdicts.
func (s *Store) HeldOf(ctx context.Context, scan *scanner.Scan, resourceType, after string, limit int) ([]scanner.Held, error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	page, at, err := s.heldWhere(ctx, "org_id = ? AND account_id = ? AND type = ? AND gone_seq IS NULL AND identity > ? ORDER BY identity LIMIT ?",
		s.org.id, account, resourceType, after, limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	keys := make([]int64, len(page))
	for i, held := range page {
		keys[i] = held.Key
	}
	marks, args := in(keys)
	return page, s.heldParts(ctx, page, at, "resource_key IN ("+marks+")", args...)
}

func (s *Store) heldParts(ctx context.Context, page []scanner.Held, at map[int64]int, condition string, args ...any) error {
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var hash []byte
		var part scanner.HeldPart
		err := rows.Scan(&key, &part.Name, &hash, &part.Unread, &part.Stale, &part.From)
		part.Hash = hashOf(hash)
		if i, ours := at[key]; ours {
			page[i].Parts = append(page[i].Parts, part)
		}
		return err
	}, `SELECT resource_key, part, hash, unread, stale_class, from_seq FROM parts
		WHERE `+condition+` AND to_seq IS NULL ORDER BY resource_key, part`, args...)
}

func (s *Store) heldVerdicts(ctx context.Context, page []scanner.Held, at map[int64]int, first, last int64) error {
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var content, judged []byte
		var v scanner.HeldVerdict
		err := rows.Scan(&key, &v.PackDigest, &v.ConfigDigest, &v.Pack, &content, &judged)
		v.Content, v.Judged = hashOf(content), hashOf(judged)
		if i, ours := at[key]; ours {
			page[i].Verdicts = append(page[i].Verdicts, v)
		}
		return err
	}, `SELECT resource_key, pack_digest, config_digest, pack, content, judged FROM verdicts
		WHERE resource_key BETWEEN ? AND ? ORDER BY resource_key`, first, last)
}

// in gives a list of parameters for keys: at most a page of them.
func in(keys []int64) (marks string, args []any) {
	for _, key := range keys {
		args = append(args, key)
	}
	return strings.TrimSuffix(strings.Repeat("?,", len(keys)), ","), args
}

// Load implements scanner.Store.
func (s *Store) Load(ctx context.Context, _ *scanner.Scan, keys []int64) ([]*providers.Resource, error) {
	marks, args := in(keys)
	byKey := make(map[int64]*providers.Resource, len(keys))
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var tagText, ancestors string
		r := &providers.Resource{Parts: map[string]providers.Part{}}
		err := rows.Scan(&key, &r.Type, &r.Identity, &r.ID, &r.Name, &r.Region, &r.UID, &tagText, &ancestors)
		if err != nil {
			return err
		}
		byKey[key] = r
		if err := json.Unmarshal([]byte(tagText), &r.Tags); err != nil {
			return err
		}
		return json.Unmarshal([]byte(ancestors), &r.Ancestors)
	}, `SELECT key, type, identity, id, name, region, uid, tags, ancestors FROM resources WHERE key IN (`+marks+`)`, args...)
	if err != nil {
		return nil, err
	}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var name, unread, body string
		var hash []byte
		if err := rows.Scan(&key, &name, &hash, &unread, &body); err != nil {
			return err
		}
		part, err := partOf(name, hash, unread, body)
		byKey[key].Parts[name] = part
		return err
	}, `SELECT p.resource_key, p.part, p.hash, p.unread, b.body FROM parts p JOIN bodies b ON b.part_id = p.id
		WHERE p.resource_key IN (`+marks+`) AND p.to_seq IS NULL AND p.stale_class = ''`, args...)
	resources := make([]*providers.Resource, len(keys))
	for i, key := range keys {
		resources[i] = byKey[key]
	}
	return resources, err
}

// partOf reads a stored part back, with redacted leaves in their places.
func partOf(name string, hash []byte, unreadText, body string) (providers.Part, error) {
	unread, err := scanner.DecodeUnread(unreadText)
	if err != nil {
		return providers.Part{}, err
	}
	value, err := providers.ParseValue([]byte(body))
	if err != nil {
		return providers.Part{}, fmt.Errorf("stored %s %w", name, err)
	}
	return providers.Part{Value: providers.Restore(name, value, unread), Hash: hashOf(hash), Unread: unread}, nil
}

// ViolationsOf implements scanner.Store.
func (s *Store) ViolationsOf(ctx context.Context, _ *scanner.Scan, keys []int64) (map[int64][]scanner.Violation, error) {
	marks, args := in(keys)
	return s.violationsWhere(ctx, "v.resource_key IN ("+marks+")", args...)
}

// violationsWhere reads violations by the key of their resource; 0 is the account itself.
func (s *Store) violationsWhere(ctx context.Context, condition string, args ...any) (map[int64][]scanner.Violation, error) {
	groups := map[int64][]scanner.Row{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var row scanner.Row
		err := rows.Scan(&key, &row.Group, &row.Level, &row.PackVersion, &row.Message)
		groups[key] = append(groups[key], row)
		return err
	}, `SELECT g.violation_key, g.group_name, g.level, g.pack_version, g.message
		FROM violation_groups g JOIN violations v ON v.key = g.violation_key
		WHERE `+condition+` AND g.to_seq IS NULL ORDER BY g.violation_key, g.group_name`, args...)
	if err != nil {
		return nil, err
	}
	found := map[int64][]scanner.Violation{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var key, resource int64
		var v scanner.Violation
		err := rows.Scan(&key, &resource, &v.ID, &v.Pack, &v.Policy, &v.Key, &v.Severity, &v.Message, &v.State,
			&v.Resolution, &v.Triage, &v.UID, &v.Unverified)
		v.Rows = groups[key]
		found[resource] = append(found[resource], v)
		return err
	}, `SELECT key, COALESCE(resource_key, 0), id, pack, policy, violation_key, severity, message, state,
		resolution, triage, resource_uid, unverified_seq IS NOT NULL
		FROM violations v WHERE `+condition, args...)
	return found, err
}

// Judge implements scanner.Store.
func (s *Store) Judge(ctx context.Context, scan *scanner.Scan, judgements []scanner.Judgement, counts scanner.Counts) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		j, err := s.newJudging(ctx, b, scan)
		if err != nil {
			return err
		}
		subjects, err := j.subjects(ctx, judgements)
		if err != nil {
			return err
		}
		for _, judgement := range judgements {
			if err := j.judge(ctx, subjects[judgement.Key], judgement); err != nil {
				return fmt.Errorf("resource %d: %w", judgement.Key, err)
			}
		}
		return j.end(ctx, counts)
	})
}

func (s *Store) newJudging(ctx context.Context, b *batch, scan *scanner.Scan) (*judging, error) {
	account, err := s.accountID(ctx, b.tx, scan.Account)
	if err != nil {
		return nil, err
	}
	j := &judging{batch: b, org: s.org.id, scan: scan, account: account, counts: verdictCounts{}, now: micros(s.now())}
	if j.before, err = s.lastEnded(ctx, b.tx, account, scan.Seq); err != nil {
		return nil, err
	}
	j.exceptions, err = s.exceptions(ctx, b, "removed_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", j.now)
	return j, err
}

// end writes the counters and adds to the scan's counts.
func (j *judging) end(ctx context.Context, counts scanner.Counts) error {
	if err := j.counts.apply(ctx, j.batch, j.org); err != nil {
		return err
	}
	return j.exec(ctx, `
		UPDATE scans SET removed = removed + ?, opened = opened + ?, resolved = resolved + ?, evaluated = evaluated + ? WHERE seq = ?`,
		counts.Removed, counts.Opened, counts.Resolved, counts.Evaluated, j.scan.Seq)
}

// lastEnded is the account's last scan before seq that read something, 0 if there is none.
func (s *Store) lastEnded(ctx context.Context, tx *sql.Tx, account, seq int64) (last int64, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT COALESCE(MAX(seq), 0) FROM scans WHERE org_id = ? AND account_id = ? AND seq < ? AND status IN ('succeeded', 'partial')`,
		s.org.id, account, seq).Scan(&last)
	return last, err
}

// judging is one call of Judge.
type judging struct {
	*batch
	org, account int64
	scan         *scanner.Scan
	before       int64 // the account's last scan that read something
	counts       verdictCounts
	exceptions   []exceptionRow // in force
	now          int64
}

// subjects reads what is judged, all at once.
func (j *judging) subjects(ctx context.Context, judgements []scanner.Judgement) (map[int64]*subject, error) {
	keys := make([]int64, len(judgements))
	for i, jd := range judgements {
		keys[i] = jd.Key
	}
	marks, args := in(keys)
	subjects := make(map[int64]*subject, len(keys))
	err := query(ctx, j, func(rows *sql.Rows) error {
		of := &subject{account: j.account, verdicts: verdictRows{}}
		err := rows.Scan(&of.key, &of.region, &of.kind, &of.missing)
		subjects[of.key] = of
		return err
	}, `SELECT key, region, type, missing_seq IS NOT NULL FROM resources WHERE key IN (`+marks+`)`, args...)
	if err != nil {
		return nil, err
	}
	return subjects, j.verdictsOf(ctx, subjects, marks, args)
}

func (j *judging) judge(ctx context.Context, of *subject, jd scanner.Judgement) error {
	if of == nil {
		return ErrNotFound
	}
	if err := j.presence(ctx, of, jd); err != nil {
		return err
	}
	if err := j.parts(ctx, jd); err != nil {
		return err
	}
	if err := j.verdicts(ctx, of, jd); err != nil {
		return err
	}
	for _, change := range jd.Changes {
		if err := j.violation(ctx, sql.NullInt64{Int64: jd.Key, Valid: true}, change); err != nil {
			return fmt.Errorf("violation %s: %w", change.ID, err)
		}
	}
	if len(j.exceptions) == 0 || len(jd.Put)+len(jd.Changes) == 0 {
		return nil
	}
	return excuseOpen(ctx, j.batch, j.exceptions, j.now, "v.resource_key = ?", jd.Key)
}

// verdicts writes what was judged anew. A resource that is gone has no verdicts.
func (j *judging) verdicts(ctx context.Context, of *subject, jd scanner.Judgement) error {
	gone := jd.Presence == scanner.Gone || jd.Presence == scanner.Outside
	if !gone && len(jd.Put)+len(jd.Drop) == 0 {
		return nil
	}
	return j.judgeVerdicts(ctx, j.counts, of, jd.Put, func(key scanner.VerdictKey) bool { return gone || slices.Contains(jd.Drop, key) })
}

func (j *judging) presence(ctx context.Context, of *subject, jd scanner.Judgement) error {
	switch jd.Presence {
	case scanner.Gone, scanner.Outside:
		for _, text := range []string{
			`UPDATE parts SET to_seq = ? WHERE resource_key = ? AND to_seq IS NULL`,
			`UPDATE unseen SET to_seq = ? WHERE resource_key = ? AND to_seq IS NULL`,
		} {
			if err := j.exec(ctx, text, j.scan.Seq, jd.Key); err != nil {
				return err
			}
		}
		return j.exec(ctx, `UPDATE resources SET gone_seq = ?, gone_why = ?, missing_class = '', missing_seq = NULL WHERE key = ?`,
			j.scan.Seq, jd.Presence, jd.Key)
	case scanner.Missing:
		if err := j.unseen(ctx, j.scan.Seq, jd.Key, "", jd.Missing); err != nil {
			return err
		}
		return j.exec(ctx, `UPDATE resources SET missing_class = ?, missing_seq = COALESCE(missing_seq, ?), misses = 1 WHERE key = ?`,
			jd.Missing, j.scan.Seq, jd.Key)
	}
	if !of.missing {
		return nil
	}
	if err := j.exec(ctx, `UPDATE resources SET missing_class = '', missing_seq = NULL, misses = 0 WHERE key = ?`, jd.Key); err != nil {
		return err
	}
	return j.seen(ctx, j.scan.Seq, jd.Key, "")
}

func (j *judging) parts(ctx context.Context, jd scanner.Judgement) error {
	for part, class := range jd.Stale {
		err := j.exec(ctx, `UPDATE parts SET stale_class = ?, stale_seq = ? WHERE resource_key = ? AND part = ? AND to_seq IS NULL`,
			class, j.scan.Seq, jd.Key, part)
		if err := errors.Join(err, j.unseen(ctx, j.scan.Seq, jd.Key, part, class)); err != nil {
			return err
		}
	}
	for _, part := range jd.Fresh {
		err := j.exec(ctx, `UPDATE parts SET stale_class = '', stale_seq = NULL WHERE resource_key = ? AND part = ? AND to_seq IS NULL`, jd.Key, part)
		if err := errors.Join(err, j.seen(ctx, j.scan.Seq, jd.Key, part)); err != nil {
			return err
		}
	}
	for _, part := range jd.Ended {
		err := j.exec(ctx, `UPDATE parts SET to_seq = ? WHERE resource_key = ? AND part = ? AND to_seq IS NULL`, j.scan.Seq, jd.Key, part)
		if err := errors.Join(err, j.seen(ctx, j.scan.Seq, jd.Key, part)); err != nil {
			return err
		}
		if err := j.exec(ctx, `UPDATE resources SET changed_seq = ? WHERE key = ?`, j.scan.Seq, jd.Key); err != nil {
			return err
		}
	}
	return nil
}

// violation writes a violation over what is known of it.
func (j *judging) violation(ctx context.Context, resource sql.NullInt64, c scanner.Change) error {
	key, was, err := j.upsert(ctx, resource, c)
	if err != nil {
		return err
	}
	if err := j.rows(ctx, key, c); err != nil {
		return err
	}
	return j.events(ctx, key, was, c)
}

// was is what the row said before a change.
type was struct {
	state      policy.State
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
	err = j.row(ctx, []any{&key, &before.state, &before.level, &before.unverified, &before.triage.Triage, &before.triage.Priority, &before.triage.Assignee},
		`SELECT key, state, level, unverified_seq IS NOT NULL, triage, priority, assignee FROM violations WHERE org_id = ? AND id = ?`, j.org, c.ID)
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
