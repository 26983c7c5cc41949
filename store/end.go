package store

import (
	"context"
	"database/sql"
	"fmt"

	"cloudaudit/scanner"
)

// End implements scanner.Store. Whatever comes of it, this process is done with the scan.
func (s *Store) End(ctx context.Context, scan *scanner.Scan, result scanner.Result) error {
	defer s.locks.free(scan.Account.Key)
	return s.scanTx(ctx, scan, func(b *batch) error {
		account, err := s.accountID(ctx, b.tx, scan.Account)
		if err != nil {
			return err
		}
		if result.Coverage != nil {
			if err := s.saveCoverage(ctx, b, account, scan.Seq, result.Coverage); err != nil {
				return fmt.Errorf("coverage: %w", err)
			}
			if err := s.saveScores(ctx, b, account, scan.Seq, result.FinishedAt); err != nil {
				return fmt.Errorf("score: %w", err)
			}
		}
		if result.Last != nil {
			if err := b.saveLast(ctx, account, scan.Seq, result.Last); err != nil {
				return fmt.Errorf("word for the next scan: %w", err)
			}
		}
		if !result.Resumable {
			if err := b.forget(ctx, scan.Seq); err != nil {
				return err
			}
		}
		if err := endScan(ctx, b, scan.Seq, result); err != nil {
			return err
		}
		return s.release(ctx, b, accountLease(account))
	})
}

// forget drops what only a scan that is not over needs.
func (b *batch) forget(ctx context.Context, seq int64) error {
	return b.each(ctx, []int64{seq}, []string{`DELETE FROM scan_seen WHERE scan_seq = ?`, `DELETE FROM scan_deferred WHERE scan_seq = ?`})
}

func endScan(ctx context.Context, b *batch, seq int64, result scanner.Result) error {
	c := result.Counts
	return b.exec(ctx, `
		UPDATE scans SET status = ?, resumable = ?, error = ?, finished_at = ?, audited = ?, resources = ?, added = ?, changed = ?, removed = ?,
			opened = ?, resolved = ?, evaluated = ?, gaps = ?, scopes_planned = ?, scopes_complete = ? WHERE seq = ?`,
		result.Status, result.Resumable, result.Error, micros(result.FinishedAt), result.Audited, c.Resources, c.Added, c.Changed, c.Removed,
		c.Opened, c.Resolved, c.Evaluated, c.Gaps, c.ScopesPlanned, c.ScopesComplete, seq)
}

// coverageRow is a row of coverage as it stands.
type coverageRow struct {
	id       int64
	complete sql.NullInt64
	scanner.Coverage
}

// saveCoverage writes the rows that differ: coverage is kept as intervals.
func (s *Store) saveCoverage(ctx context.Context, b *batch, account, seq int64, rows []scanner.Coverage) error {
	type place struct{ region, kind, facet string }
	known := map[place]coverageRow{}
	err := query(ctx, b, func(r *sql.Rows) error {
		var c coverageRow
		err := r.Scan(&c.id, &c.Region, &c.Type, &c.Facet, &c.Listing, &c.Class, &c.Permission, &c.Place, &c.Reason, &c.Gaps, &c.complete)
		known[place{c.Region, c.Type, c.Facet}] = c
		return err
	}, `SELECT id, region, type, facet, listing, class, permission, place, reason, gaps, complete_seq
		FROM coverage WHERE org_id = ? AND account_id = ? AND to_seq IS NULL`, s.org.id, account)
	if err != nil {
		return err
	}
	for _, row := range rows {
		at := place{row.Region, row.Type, row.Facet}
		old, exists := known[at]
		delete(known, at)
		if exists && old.Coverage == row {
			continue
		}
		if err := s.replaceCoverage(ctx, b, account, seq, old, row); err != nil {
			return err
		}
	}
	for _, old := range known {
		if err := b.exec(ctx, `UPDATE coverage SET to_seq = ? WHERE id = ?`, seq, old.id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) replaceCoverage(ctx context.Context, b *batch, account, seq int64, old coverageRow, row scanner.Coverage) error {
	complete := old.complete
	if old.id != 0 {
		if old.Listing == scanner.Complete { // it was complete up to the scan before
			if err := b.row(ctx, []any{&complete}, `SELECT MAX(seq) FROM scans WHERE account_id = ? AND seq < ? AND status IN ('succeeded', 'partial')`,
				account, seq); err != nil {
				return err
			}
		}
		if err := b.exec(ctx, `UPDATE coverage SET to_seq = ? WHERE id = ?`, seq, old.id); err != nil {
			return err
		}
	}
	if row.Listing == scanner.Complete {
		complete = sql.NullInt64{Int64: seq, Valid: true}
	}
	return b.exec(ctx, `
		INSERT INTO coverage (org_id, account_id, region, type, facet, listing, class, permission, place, reason, gaps, from_seq, complete_seq)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.org.id, account, row.Region, row.Type, row.Facet, row.Listing, row.Class, row.Permission, row.Place, row.Reason, row.Gaps, seq, complete)
}
