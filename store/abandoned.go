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
	}, `WITH RECURSIVE open (name) AS (
			SELECT MIN(pack) FROM violations WHERE org_id = ?1 AND state = 'open' AND account_id = ?2
			UNION ALL
			SELECT (SELECT MIN(pack) FROM violations WHERE org_id = ?1 AND state = 'open' AND account_id = ?2 AND pack > name) FROM open WHERE name IS NOT NULL)
		SELECT name FROM open WHERE name IS NOT NULL`, s.org.id, account)
	for pack, keys := range abandoned {
		err = errors.Join(err, query(ctx, s.read, func(rows *sql.Rows) error {
			var key int64
			err := rows.Scan(&key)
			keys.Add(key)
			return err
		}, `SELECT DISTINCT COALESCE(resource_key, 0) FROM violations WHERE org_id = ? AND state = 'open' AND account_id = ? AND pack = ?`, s.org.id, account, pack))
	}
	return abandoned, err
}
