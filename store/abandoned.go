package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"cloudaudit/scanner"
)

// Abandoned implements scanner.Store. It skips from pack to pack on an index.
func (s *Store) Abandoned(ctx context.Context, scan *scanner.Scan, packs []string) (map[string]*scanner.KeySet, error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	abandoned := map[string]*scanner.KeySet{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var pack string
		err := rows.Scan(&pack)
		if !slices.Contains(packs, pack) {
			abandoned[pack] = &scanner.KeySet{}
		}
		return err
	}, skipping("pack", "violations WHERE org_id = ?1 AND state = 'open' AND account_id = ?2"), s.org.id, account)
	for pack, keys := range abandoned {
		err = errors.Join(err, query(ctx, s.read, into(keys), `SELECT DISTINCT COALESCE(resource_key, 0) FROM violations WHERE org_id = ? AND state = 'open' AND account_id = ? AND pack = ?`, s.org.id, account, pack))
	}
	return abandoned, err
}

// skipping is a query for the distinct values of a column that goes from one to the next on an index,
// where DISTINCT goes through all rows.
func skipping(column, rows string) string {
	least := `SELECT MIN(` + column + `) FROM ` + rows
	return `WITH RECURSIVE skipped (to_value) AS (
			` + least + ` UNION ALL SELECT (` + least + ` AND ` + column + ` > to_value) FROM skipped WHERE to_value IS NOT NULL)
		SELECT to_value FROM skipped WHERE to_value IS NOT NULL`
}

// into collects rows of keys.
func into(keys *scanner.KeySet) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var key int64
		err := rows.Scan(&key)
		keys.Add(key)
		return err
	}
}
