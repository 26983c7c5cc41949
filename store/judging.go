package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"cloudaudit/scanner"
)

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

// judging is one call of Judge.
type judging struct {
	*batch
	org, account int64
	scan         *scanner.Scan
	before       int64 // the account's last scan that read something
	counts       verdictCounts
	violations   violationCounts
	exceptions   []exceptionRow // in force
	now          int64
}

func (s *Store) newJudging(ctx context.Context, b *batch, scan *scanner.Scan) (*judging, error) {
	account, err := s.accountID(ctx, b.tx, scan.Account)
	if err != nil {
		return nil, err
	}
	j := &judging{batch: b, org: s.org.id, scan: scan, account: account, counts: verdictCounts{}, violations: violationCounts{}, now: micros(s.now())}
	if j.before, err = s.lastEnded(ctx, b.tx, account, scan.Seq); err != nil {
		return nil, err
	}
	j.exceptions, err = s.exceptions(ctx, b, "removed_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", j.now)
	return j, err
}

// end writes the counters and adds to the scan's counts.
func (j *judging) end(ctx context.Context, counts scanner.Counts) error {
	if err := errors.Join(j.counts.apply(ctx, j.batch, j.org), j.violations.apply(ctx, j.batch, j.org)); err != nil {
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
