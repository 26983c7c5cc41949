package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"cloudaudit/scanner"
)

// takeLast gives what the account's last scan left, and forgets it: from here on it may be wrong. What
// is damaged is as good as nothing.
func (b *batch) takeLast(ctx context.Context, account int64) (*scanner.Last, error) {
	last := &scanner.Last{Seen: scanner.Seen{}, Contested: &scanner.KeySet{}}
	var contested []byte
	var damage error
	err := b.row(ctx, []any{&last.Basis, &contested}, `SELECT basis, contested FROM last_scans WHERE account_id = ?`, account)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = query(ctx, b, func(rows *sql.Rows) error {
		var part string
		var data []byte
		if err := rows.Scan(&part, &data); err != nil {
			return err
		}
		last.Seen[part] = &scanner.KeySet{}
		damage = errors.Join(damage, last.Seen[part].UnmarshalBinary(data))
		return nil
	}, `SELECT part, keys FROM last_seen WHERE account_id = ?`, account)
	if err != nil {
		return nil, err
	}
	if errors.Join(damage, last.Contested.UnmarshalBinary(contested)) != nil {
		last = nil
	}
	return last, b.forgetLast(ctx, account)
}

// forgetLast sees to it that the account's next scan asks about everything.
func (b *batch) forgetLast(ctx context.Context, account int64) error {
	return errors.Join(
		b.exec(ctx, `DELETE FROM last_scans WHERE account_id = ?`, account),
		b.exec(ctx, `DELETE FROM last_seen WHERE account_id = ?`, account),
	)
}

// saveLast leaves word for the next scan. Trails of scopes that this one did not list go.
func (b *batch) saveLast(ctx context.Context, account, seq int64, last *scanner.Last) error {
	contested, err := last.Contested.MarshalBinary()
	if err != nil {
		return err
	}
	if err := b.forgetLast(ctx, account); err != nil {
		return err
	}
	if err := b.exec(ctx, `INSERT INTO last_scans (account_id, basis, contested) VALUES (?, ?, ?)`, account, last.Basis, contested); err != nil {
		return err
	}
	for part, set := range last.Seen {
		keys, err := set.MarshalBinary()
		if err != nil {
			return err
		}
		if err := b.exec(ctx, `INSERT INTO last_seen (account_id, part, keys) VALUES (?, ?, ?)`, account, part, keys); err != nil {
			return err
		}
	}
	return b.exec(ctx, `DELETE FROM trails WHERE account_id = ? AND scope NOT IN (SELECT name FROM scan_scopes WHERE scan_seq = ?)`, account, seq)
}

// Trail implements scanner.Store.
func (s *Store) Trail(ctx context.Context, scan *scanner.Scan, scope string, n int) (data []byte, err error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT steps FROM trails WHERE account_id = ? AND scope = ? AND chunk = ?`, account, scope, n).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return data, err
}

// SaveTrail implements scanner.Store. A chunk that stays as it is costs no writing.
func (s *Store) SaveTrail(ctx context.Context, scan *scanner.Scan, scope string, n int, data []byte) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		account, err := s.accountID(ctx, b.tx, scan.Account)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			return b.exec(ctx, `DELETE FROM trails WHERE account_id = ? AND scope = ? AND chunk >= ?`, account, scope, n)
		}
		return b.exec(ctx, `INSERT INTO trails (account_id, scope, chunk, steps) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, scope, chunk) DO UPDATE SET steps = excluded.steps WHERE steps <> excluded.steps`, account, scope, n, data)
	})
}

// HeldTypes implements scanner.Store. It skips from type to type on the index.
func (s *Store) HeldTypes(ctx context.Context, scan *scanner.Scan) (types []string, err error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		types = append(types, name)
		return err
	}, skipping("type", "resources WHERE org_id = ?1 AND account_id = ?2")+
		` AND EXISTS (SELECT 1 FROM resources WHERE org_id = ?1 AND account_id = ?2 AND type = to_value AND gone_seq IS NULL) ORDER BY to_value`,
		s.org.id, account)
	return types, err
}

// unsettledText goes by what is unseen, which is little, and not by what the account has.
const unsettledText = `SELECT r.key FROM unseen u CROSS JOIN resources r
	WHERE u.to_seq IS NULL AND r.key = u.resource_key AND r.account_id = ? AND r.gone_seq IS NULL`

// Unsettled implements scanner.Store.
func (s *Store) Unsettled(ctx context.Context, scan *scanner.Scan, types []string) (*scanner.KeySet, error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	keys := &scanner.KeySet{}
	err = query(ctx, s.read, into(keys), unsettledText, account)
	for _, name := range slices.Compact(types) {
		err = errors.Join(err, query(ctx, s.read, into(keys),
			`SELECT key FROM resources WHERE org_id = ? AND account_id = ? AND type = ? AND gone_seq IS NULL`, s.org.id, account, name))
	}
	return keys, err
}
