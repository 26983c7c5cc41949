package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Begin implements scanner.Store.
func (s *Store) Begin(ctx context.Context, account providers.Account, trigger scanner.Trigger) (*scanner.Scan, error) {
	locked, err := s.locks.try(account.Key, false)
	if err != nil {
		return nil, err
	}
	scan := &scanner.Scan{Organization: s.org.key, Account: account, Trigger: trigger, StartedAt: s.now().UTC()}
	err = s.withTx(ctx, func(tx *sql.Tx) error {
		id, err := s.accountID(ctx, tx, account)
		if err != nil {
			return err
		}
		if scan.Epoch, err = s.take(ctx, tx, accountLease(id), locked); err != nil {
			return err
		}
		b := newBatch(tx)
		if found, err := s.goOn(ctx, b, id, scan); err != nil || found {
			return err
		}
		if scan.Last, err = b.takeLast(ctx, id); err != nil {
			return fmt.Errorf("read what the last scan left: %w", err)
		}
		return s.insertScan(ctx, tx, id, scan)
	})
	if err == nil {
		return scan, nil
	}
	if locked == lockTaken {
		s.locks.free(account.Key)
	}
	return nil, err
}

// queryer is what is asked for one row: a pool or a transaction.
type queryer interface {
	source
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// accountID finds the account's row by its key.
func (s *Store) accountID(ctx context.Context, db queryer, account providers.Account) (id int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT id FROM accounts WHERE org_id = ? AND key = ?`, s.org.id, account.Key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("account %s: %w", account.Name, ErrNotFound)
	}
	return id, err
}

func (s *Store) insertScan(ctx context.Context, tx *sql.Tx, accountID int64, scan *scanner.Scan) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	scan.ID = id.String()
	return tx.QueryRowContext(ctx, `
		INSERT INTO scans (id, org_id, account_id, trigger, status, started_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq`,
		scan.ID, s.org.id, accountID, scan.Trigger, scanner.Running, micros(scan.StartedAt)).Scan(&scan.Seq)
}

// Log implements scanner.Store.
func (s *Store) Log(ctx context.Context, scan *scanner.Scan, lines ...scanner.LogLine) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		for _, line := range lines {
			err := b.exec(ctx, `
				INSERT INTO scan_log (org_id, scan_seq, at, level, scope, message) VALUES (?, ?, ?, ?, ?, ?)`,
				s.org.id, scan.Seq, micros(line.Time), line.Level, line.Scope, line.Message)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Report implements scanner.Store.
func (s *Store) Report(ctx context.Context, scan *scanner.Scan, progress scanner.Progress) error {
	data, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	return s.scanTx(ctx, scan, func(b *batch) error {
		if err := b.exec(ctx, `UPDATE scans SET progress = ? WHERE seq = ?`, string(data), scan.Seq); err != nil {
			return err
		}
		return b.exec(ctx, `
			UPDATE leases SET expires_at = ? WHERE org_id = ? AND name = (
				SELECT 'account/' || account_id FROM scans WHERE seq = ?)`,
			micros(s.now().Add(leaseTime)), s.org.id, scan.Seq)
	})
}

// EndScope implements scanner.Store.
func (s *Store) EndScope(ctx context.Context, scan *scanner.Scan, result scanner.ScopeResult, seen scanner.Seen) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		if err := s.insertScope(ctx, b, scan, result); err != nil {
			return err
		}
		for part, set := range seen {
			keys, err := set.MarshalBinary()
			if err != nil {
				return err
			}
			err = b.exec(ctx, `INSERT INTO scan_seen (scan_seq, scope, part, keys) VALUES (?, ?, ?, ?)`,
				scan.Seq, result.Scope.Name, part, keys)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) insertScope(ctx context.Context, b *batch, scan *scanner.Scan, result scanner.ScopeResult) error {
	scope := result.Scope
	err := b.exec(ctx, `
		INSERT INTO scan_scopes (scan_seq, org_id, name, region, types, whole, revision, listing, class, permission, error, gaps, resources, duration_us)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		scan.Seq, s.org.id, scope.Name, scope.Region, texts(scope.Types), texts(scope.Whole), scope.Revision,
		result.Listing, result.Class, result.Permission, result.Error, result.GapCount, result.Resources, result.Duration.Microseconds())
	if err != nil {
		return err
	}
	for i, gap := range result.Gaps {
		err := b.exec(ctx, `
			INSERT INTO scan_gaps (scan_seq, org_id, scope, ordinal, region, type, facet, class, permission, place, reason)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			scan.Seq, s.org.id, scope.Name, i, gap.Region, gap.Type, gap.Facet, gap.Class, gap.Permission, gap.Place, gap.Reason)
		if err != nil {
			return err
		}
	}
	return nil
}

// texts is the stored form of a list of strings: JSON, "[]" for none.
func texts(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	data, err := json.Marshal(list)
	if err != nil {
		panic("a list of strings cannot fail to encode: " + err.Error())
	}
	return string(data)
}

// tags is the stored form of a map of strings: JSON, "{}" for none.
func tags(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	data, err := json.Marshal(m)
	if err != nil {
		panic("a map of strings cannot fail to encode: " + err.Error())
	}
	return string(data)
}

// Listed implements scanner.Store. Scans that did not come to their end count too, with the scopes of
// which they read something: what they stored has to be looked for again.
func (s *Store) Listed(ctx context.Context, account providers.Account) ([]string, error) {
	id, err := s.accountID(ctx, s.read, account)
	if err != nil {
		return nil, err
	}
	var names []string
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	}, `WITH ended (seq) AS (
			SELECT COALESCE(MAX(seq), 0) FROM scans WHERE org_id = ? AND account_id = ? AND status IN ('succeeded', 'partial'))
		SELECT DISTINCT c.name FROM ended e
		JOIN scans s ON s.org_id = ? AND s.account_id = ? AND s.seq >= e.seq
		JOIN scan_scopes c ON c.scan_seq = s.seq
		WHERE s.seq = e.seq OR c.listing <> 'failed' ORDER BY c.name`, s.org.id, id, s.org.id, id)
	return names, err
}

// Judged implements scanner.Store.
func (s *Store) Judged(ctx context.Context, account providers.Account) (*scanner.Scan, []scanner.ScopeResult, error) {
	id, err := s.accountID(ctx, s.read, account)
	if err != nil {
		return nil, nil, err
	}
	scan := &scanner.Scan{Organization: s.org.key, Account: account}
	var started int64
	err = s.read.QueryRowContext(ctx, `
		SELECT seq, id, trigger, started_at FROM scans WHERE org_id = ? AND account_id = ? AND status IN ('succeeded', 'partial')
		ORDER BY seq DESC LIMIT 1`, s.org.id, id).Scan(&scan.Seq, &scan.ID, &scan.Trigger, &started)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fmt.Errorf("account %s was not scanned yet: %w", account.Name, ErrNotFound)
	}
	if err != nil {
		return nil, nil, err
	}
	scan.StartedAt = fromMicros(started)
	scopes, err := scopesOf(ctx, s.read, scan.Seq)
	return scan, scopes, err
}
