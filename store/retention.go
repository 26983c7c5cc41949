package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Retention says for how long what is over is kept; 0 keeps it for ever.
type Retention struct {
	// ScanLogs are the logs, scopes and gaps of scans; the scans themselves are kept.
	ScanLogs time.Duration
	// Intervals are past versions of resources, resolved violations, past coverage and scores.
	Intervals time.Duration
	AuditLog  time.Duration
}

// pruneEvery is how often there is something worth removing.
const pruneEvery = 24 * time.Hour

// Prune removes what is older than the retention, if that was not done within the last day. What a
// moment that may still be asked for needs, is kept: an interval goes only when it had ended before
// the horizon. It works in small transactions, so that others can write in between, and may be
// interrupted at any time.
func (s *Store) Prune(ctx context.Context, keep Retention) error {
	last, err := s.settingTime(ctx, "pruned_at")
	now := s.now()
	if err != nil || now.Sub(last) < pruneEvery {
		return err
	}
	p := pruning{Store: s}
	steps := []func(context.Context) error{}
	if keep.ScanLogs > 0 {
		p.logsBefore = micros(now.Add(-keep.ScanLogs))
		steps = append(steps, p.scanLogs)
	}
	if keep.Intervals > 0 {
		p.horizon = micros(now.Add(-keep.Intervals))
		steps = append(steps, p.setHorizon, p.violations, p.resources, p.exceptions, p.coverage)
	}
	if keep.AuditLog > 0 {
		p.auditBefore = micros(now.Add(-keep.AuditLog))
		steps = append(steps, p.auditLog)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("remove what is older than the retention: %w", err)
		}
	}
	return s.withTx(ctx, func(tx *sql.Tx) error {
		return s.set(ctx, newBatch(tx), "pruned_at", strconv.FormatInt(micros(now), 10))
	})
}

func (s *Store) settingTime(ctx context.Context, name string) (time.Time, error) {
	text, err := s.setting(ctx, s.read, name)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := strconv.ParseInt(text, 10, 64)
	return fromMicros(at), err
}

// pruning is one call of Prune.
type pruning struct {
	*Store
	logsBefore, horizon, auditBefore int64
}

// setHorizon is the first step, so that no moment is answered of which a part is gone.
func (p pruning) setHorizon(ctx context.Context) error {
	return p.withTx(ctx, func(tx *sql.Tx) error {
		known, err := p.setting(ctx, tx, "horizon")
		if err != nil {
			return err
		}
		if before, err := strconv.ParseInt(known, 10, 64); err == nil && before >= p.horizon {
			return nil // it was set from a shorter retention: what is gone stays gone
		}
		return p.set(ctx, newBatch(tx), "horizon", strconv.FormatInt(p.horizon, 10))
	})
}

// pruneSize is how many objects go in one transaction.
const pruneSize = 1000

// pages finds what is to go, page by page by key, and removes each page in a transaction. From names the
// tables and the condition. What a page holds is asked again in the transaction: a scan may have reopened
// a violation in between.
func (p pruning) pages(ctx context.Context, key, from string, args []any, remove func(*batch, []int64) error) error {
	find := `SELECT ` + key + ` FROM ` + from + ` AND ` + key
	for after := int64(0); ; {
		keys, err := keysOf(ctx, p.read, find+` > ? ORDER BY `+key+` LIMIT ?`, append(slices.Clone(args), after, pruneSize)...)
		if err != nil || len(keys) == 0 {
			return err
		}
		after = keys[len(keys)-1]
		marks, page := in(keys)
		err = p.withTx(ctx, func(tx *sql.Tx) error {
			still, err := keysOf(ctx, tx, find+` IN (`+marks+`)`, append(slices.Clone(args), page...)...)
			if err != nil || len(still) == 0 {
				return err
			}
			return remove(newBatch(tx), still)
		})
		if err != nil {
			return err
		}
	}
}

// keysOf gives what a query of one number finds.
func keysOf(ctx context.Context, db source, text string, args ...any) (keys []int64, err error) {
	err = query(ctx, db, func(rows *sql.Rows) error {
		var key int64
		err := rows.Scan(&key)
		keys = append(keys, key)
		return err
	}, text, args...)
	return keys, err
}

// each runs the statements for every key.
func (b *batch) each(ctx context.Context, keys []int64, texts []string) error {
	for _, key := range keys {
		for _, text := range texts {
			if err := b.exec(ctx, text, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanLogs leaves those of each account's last scans, which say what was listed.
func (p pruning) scanLogs(ctx context.Context) error {
	return p.pages(ctx, "s.seq", `scans s WHERE s.org_id = ? AND s.finished_at < ? AND s.seq < (
			SELECT MAX(l.seq) FROM scans l WHERE l.account_id = s.account_id AND l.status IN ('succeeded', 'partial'))
			AND (EXISTS (SELECT 1 FROM scan_scopes c WHERE c.scan_seq = s.seq) OR EXISTS (SELECT 1 FROM scan_log g WHERE g.scan_seq = s.seq))`,
		[]any{p.org.id, p.logsBefore}, func(b *batch, keys []int64) error {
			return b.each(ctx, keys, []string{
				`DELETE FROM scan_log WHERE scan_seq = ?`, `DELETE FROM scan_gaps WHERE scan_seq = ?`, `DELETE FROM scan_scopes WHERE scan_seq = ?`,
				`DELETE FROM scan_seen WHERE scan_seq = ?`, `DELETE FROM scan_deferred WHERE scan_seq = ?`,
			})
		})
}

// violations removes those that had resolved before the horizon, and reports that had ended.
func (p pruning) violations(ctx context.Context) error {
	err := p.pages(ctx, "v.key", `violations v CROSS JOIN `+moments+` m ON m.account_id = v.account_id
		WHERE v.org_id = ? AND v.state = 'resolved' AND v.resolved_seq <= m.seq`,
		[]any{p.org.id, p.horizon, p.org.id}, func(b *batch, keys []int64) error {
			if err := b.uncount(ctx, p.org.id, keys); err != nil {
				return err
			}
			return b.each(ctx, keys, []string{
				`DELETE FROM outbox WHERE violation_key = ?`, `DELETE FROM violation_events WHERE violation_key = ?`,
				`DELETE FROM violation_exceptions WHERE violation_key = ?`, `DELETE FROM violation_groups WHERE violation_key = ?`,
				`DELETE FROM violations WHERE key = ?`,
			})
		})
	if err != nil {
		return err
	}
	return p.pages(ctx, "g.id", `violation_groups g CROSS JOIN violations v ON v.key = g.violation_key JOIN `+moments+` m ON m.account_id = v.account_id
		WHERE v.org_id = ? AND g.to_seq <= m.seq`,
		[]any{p.org.id, p.horizon, p.org.id}, func(b *batch, keys []int64) error {
			return b.each(ctx, keys, []string{`DELETE FROM violation_groups WHERE id = ?`})
		})
}

// uncount takes violations out of the counters.
func (b *batch) uncount(ctx context.Context, org int64, keys []int64) error {
	marks, args := in(keys)
	counts, err := countViolations(ctx, b, "key IN ("+marks+")", args...)
	if err != nil {
		return err
	}
	for kind := range counts {
		counts[kind] = -counts[kind]
	}
	return counts.apply(ctx, b, org)
}

// resources removes versions that had ended before the horizon, and resources of which nothing is
// left.
func (p pruning) resources(ctx context.Context) error {
	err := p.pages(ctx, "p.id", `parts p CROSS JOIN resources r ON r.key = p.resource_key JOIN `+moments+` m ON m.account_id = r.account_id
		WHERE r.org_id = ? AND p.to_seq <= m.seq`,
		[]any{p.org.id, p.horizon, p.org.id}, func(b *batch, keys []int64) error {
			return b.each(ctx, keys, []string{`DELETE FROM bodies WHERE part_id = ?`, `DELETE FROM parts WHERE id = ?`})
		})
	if err != nil {
		return err
	}
	return p.pages(ctx, "r.key", `resources r CROSS JOIN `+moments+` m ON m.account_id = r.account_id
		WHERE r.org_id = ? AND r.gone_seq <= m.seq AND NOT EXISTS (SELECT 1 FROM parts p WHERE p.resource_key = r.key)
			AND NOT EXISTS (SELECT 1 FROM violations v WHERE v.resource_key = r.key)`,
		[]any{p.org.id, p.horizon, p.org.id}, func(b *batch, keys []int64) error {
			return b.each(ctx, keys, []string{`DELETE FROM unseen WHERE resource_key = ?`, `DELETE FROM verdicts WHERE resource_key = ?`, `DELETE FROM resources WHERE key = ?`})
		})
}

func (p pruning) exceptions(ctx context.Context) error {
	return p.pages(ctx, "key", `exceptions WHERE org_id = ? AND removed_at < ?`,
		[]any{p.org.id, p.horizon}, func(b *batch, keys []int64) error {
			return b.each(ctx, keys, []string{`DELETE FROM violation_exceptions WHERE exception_key = ?`, `DELETE FROM exceptions WHERE key = ?`})
		})
}

// coverage removes what is small: past coverage and scores.
func (p pruning) coverage(ctx context.Context) error {
	return p.withTx(ctx, func(tx *sql.Tx) error {
		b := newBatch(tx)
		err := b.exec(ctx, `DELETE FROM coverage WHERE id IN (
			SELECT c.id FROM coverage c JOIN `+moments+` m ON m.account_id = c.account_id WHERE c.org_id = ? AND c.to_seq <= m.seq)`,
			p.org.id, p.horizon, p.org.id)
		if err != nil {
			return err
		}
		return b.exec(ctx, `DELETE FROM score_history WHERE org_id = ? AND day < ?`, p.org.id, fromMicros(p.horizon).Format(time.DateOnly))
	})
}

func (p pruning) auditLog(ctx context.Context) error {
	return p.pages(ctx, "id", `audit_log WHERE org_id = ? AND at < ?`,
		[]any{p.org.id, p.auditBefore}, func(b *batch, keys []int64) error {
			return b.each(ctx, keys, []string{`DELETE FROM audit_log WHERE id = ?`})
		})
}
