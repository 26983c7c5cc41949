package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// goOn turns to the account's last scan if that did not come to its end, and tells whether it did.
func (s *Store) goOn(ctx context.Context, b *batch, account int64, scan *scanner.Scan) (bool, error) {
	var status scanner.Status
	var resumable, contended bool
	var started int64
	found := *scan
	left := &scanner.Left{Seen: map[string]scanner.Seen{}}
	c := &left.Counts
	err := b.row(ctx, []any{&found.Seq, &found.ID, &found.Trigger, &status, &resumable, &contended, &started, &left.Plan, &c.Removed, &c.Opened, &c.Resolved, &c.Evaluated}, `
		SELECT seq, id, trigger, status, resumable, contended, started_at, plan, removed, opened, resolved, evaluated
		FROM scans WHERE org_id = ? AND account_id = ? ORDER BY seq DESC LIMIT 1`, s.org.id, account)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil && !resumable && status == scanner.Running {
		return false, b.giveUp(ctx, found.Seq, micros(s.now()))
	}
	if err != nil || !resumable || status != scanner.Running && status != scanner.Interrupted && status != scanner.Failed {
		return false, err
	}
	*scan = found
	scan.StartedAt, scan.Left = fromMicros(started), left
	if err := b.exec(ctx, `UPDATE scans SET status = 'running', finished_at = NULL, error = '', cancel_by = '' WHERE seq = ?`, scan.Seq); err != nil {
		return false, err
	}
	if contended { // which of the scopes would have prevailed is not known
		return true, b.listAnew(ctx, scan.Seq)
	}
	// Records put aside while a scope was listed that never ended are put aside anew.
	if err := b.exec(ctx, `DELETE FROM scan_deferred WHERE scan_seq = ? AND rank_scope NOT IN (SELECT name FROM scan_scopes WHERE scan_seq = ?)`,
		scan.Seq, scan.Seq); err != nil {
		return false, err
	}
	err = b.left(ctx, scan.Seq, left)
	if errors.Is(err, scanner.ErrDamaged) {
		left.Scopes, left.Seen = nil, map[string]scanner.Seen{}
		return true, b.listAnew(ctx, scan.Seq)
	}
	return true, err
}

// giveUp ends a scan whose process has ended and that cannot be gone on with.
func (b *batch) giveUp(ctx context.Context, seq, now int64) error {
	if err := b.exec(ctx, `UPDATE scans SET status = 'interrupted', finished_at = ?, error = ? WHERE seq = ?`,
		now, "the scanning process ended before the scan did", seq); err != nil {
		return err
	}
	return b.forget(ctx, seq)
}

// listAnew forgets what a scan recorded of its scopes.
func (b *batch) listAnew(ctx context.Context, seq int64) error {
	if err := b.forget(ctx, seq); err != nil {
		return err
	}
	return b.each(ctx, []int64{seq}, []string{
		`DELETE FROM scan_gaps WHERE scan_seq = ?`, `DELETE FROM scan_scopes WHERE scan_seq = ?`, `UPDATE scans SET contended = 0 WHERE seq = ?`,
	})
}

// left reads what a scan recorded of the scopes that ended.
func (b *batch) left(ctx context.Context, seq int64, left *scanner.Left) (err error) {
	if left.Scopes, err = scopesOf(ctx, b, seq); err != nil {
		return err
	}
	return query(ctx, b, func(rows *sql.Rows) error {
		var scope, part string
		var data []byte
		if err := rows.Scan(&scope, &part, &data); err != nil {
			return err
		}
		keys := &scanner.KeySet{}
		if left.Seen[scope] == nil {
			left.Seen[scope] = scanner.Seen{}
		}
		left.Seen[scope][part] = keys
		return keys.UnmarshalBinary(data)
	}, `SELECT scope, part, keys FROM scan_seen WHERE scan_seq = ?`, seq)
}

// scopesOf reads how the scopes of a scan ended, sorted by name.
func scopesOf(ctx context.Context, db source, seq int64) (scopes []scanner.ScopeResult, err error) {
	gaps, err := gapsOf(ctx, db, seq)
	if err != nil {
		return nil, err
	}
	err = query(ctx, db, func(rows *sql.Rows) error {
		var r scanner.ScopeResult
		var types, whole string
		var micros int64
		err := rows.Scan(&r.Scope.Name, &r.Scope.Region, &types, &whole, &r.Scope.Revision, &r.Listing, &r.Class, &r.Permission,
			&r.Error, &r.GapCount, &r.Resources, &micros)
		if err == nil {
			err = errors.Join(json.Unmarshal([]byte(types), &r.Scope.Types), json.Unmarshal([]byte(whole), &r.Scope.Whole))
		}
		r.Duration, r.Gaps = time.Duration(micros)*time.Microsecond, gaps[r.Scope.Name]
		scopes = append(scopes, r)
		return err
	}, `SELECT name, region, types, whole, revision, listing, class, permission, error, gaps, resources, duration_us
		FROM scan_scopes WHERE scan_seq = ? ORDER BY name`, seq)
	return scopes, err
}

// gapsOf reads the gaps of a scan's scopes, by their names.
func gapsOf(ctx context.Context, db source, seq int64) (map[string][]providers.Gap, error) {
	gaps := map[string][]providers.Gap{}
	err := query(ctx, db, func(rows *sql.Rows) error {
		var scope string
		var g providers.Gap
		err := rows.Scan(&scope, &g.Region, &g.Type, &g.Facet, &g.Class, &g.Permission, &g.Place, &g.Reason)
		gaps[scope] = append(gaps[scope], g)
		return err
	}, `SELECT scope, region, type, facet, class, permission, place, reason FROM scan_gaps WHERE scan_seq = ? ORDER BY scope, ordinal`, seq)
	return gaps, err
}

// Plan implements scanner.Store.
func (s *Store) Plan(ctx context.Context, scan *scanner.Scan, digest string) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		return b.exec(ctx, `UPDATE scans SET plan = ? WHERE seq = ?`, digest, scan.Seq)
	})
}

// Reopen implements scanner.Store.
func (s *Store) Reopen(ctx context.Context, scan *scanner.Scan, scope string) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		for _, text := range []string{
			`DELETE FROM scan_seen WHERE scan_seq = ? AND scope = ?`,
			`DELETE FROM scan_deferred WHERE scan_seq = ? AND rank_scope = ?`,
			`DELETE FROM scan_gaps WHERE scan_seq = ? AND scope = ?`,
			`DELETE FROM scan_scopes WHERE scan_seq = ? AND name = ?`,
		} {
			if err := b.exec(ctx, text, scan.Seq, scope); err != nil {
				return err
			}
		}
		return nil
	})
}

// Wanted implements scanner.Store.
func (s *Store) Wanted(ctx context.Context, scan *scanner.Scan) error {
	if err := s.checkLease(ctx, s.read, scan); err != nil {
		return err
	}
	var by string
	err := s.read.QueryRowContext(ctx, `SELECT cancel_by FROM scans WHERE seq = ?`, scan.Seq).Scan(&by)
	if err == nil && by != "" {
		err = fmt.Errorf("%w by %s", scanner.ErrCancelled, by)
	}
	return err
}

// CancelScan asks for the end of a running scan on behalf of an actor, and cancels one that was
// interrupted at once. It fails with ErrConflict if the scan is over.
func (s *Store) CancelScan(ctx context.Context, access Access, id, actor string) (ScanSummary, error) {
	scan, err := s.Scan(ctx, access, id)
	if err != nil {
		return ScanSummary{}, err
	}
	err = s.withTx(ctx, func(tx *sql.Tx) error {
		b := newBatch(tx)
		asked, err := b.change(ctx, `UPDATE scans SET cancel_by = ? WHERE seq = ? AND status = 'running'`, actor, scan.seq)
		if err == nil && asked == 0 {
			asked, err = b.change(ctx, `
				UPDATE scans SET status = 'cancelled', resumable = 0, cancel_by = ? WHERE seq = ? AND status = 'interrupted' AND resumable = 1`, actor, scan.seq)
			err = errors.Join(err, b.forget(ctx, scan.seq))
		}
		if err == nil && asked == 0 {
			err = fmt.Errorf("scan %s is over: it %s: %w", scan.ID, scan.Status, ErrConflict)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, s.org.id, micros(s.now()), actor, "cancel", "scan "+scan.ID, scan.Status, scanner.Cancelled)
	})
	if err != nil {
		return ScanSummary{}, err
	}
	scan, err = s.Scan(ctx, access, scan.ID)
	return scan.ScanSummary, err
}
