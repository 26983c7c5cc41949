package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Resources implements scanner.Store.
func (s *Store) Resources(ctx context.Context, scan *scanner.Scan, records []*providers.Resource) ([]scanner.Known, error) {
	known := make([]scanner.Known, len(records))
	err := s.scanTx(ctx, scan, func(b *batch) error {
		account, err := s.accountID(ctx, b.tx, scan.Account)
		if err != nil {
			return err
		}
		l := lookup{batch: b, org: s.org.id, account: account, seq: scan.Seq}
		for i, record := range records {
			if known[i], err = l.find(ctx, record); err != nil {
				return fmt.Errorf("resource of type %s: %w", record.Type, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return known, nil
}

// lookup is one call of Resources.
type lookup struct {
	*batch
	org, account, seq int64
}

// find gives what is known of a record's resource, making or reviving its row.
func (l lookup) find(ctx context.Context, r *providers.Resource) (scanner.Known, error) {
	var known scanner.Known
	var gone bool
	err := l.row(ctx, []any{&known.Key, &gone}, `
		SELECT key, gone_seq IS NOT NULL FROM resources WHERE org_id = ? AND account_id = ? AND type = ? AND identity = ?`,
		l.org, l.account, r.Type, r.Identity)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		known.New = true
		return known, l.row(ctx, []any{&known.Key}, `
			INSERT INTO resources (org_id, account_id, type, identity, id, name, region, uid, tags, ancestors, from_seq, changed_seq, version)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING key`,
			l.org, l.account, r.Type, r.Identity, r.ID, r.Name, r.Region, r.UID, tags(r.Tags), texts(r.Ancestors), l.seq, l.seq)
	case err != nil:
		return known, err
	case gone:
		known.New = true
		return known, l.exec(ctx, `
			UPDATE resources SET gone_seq = NULL, gone_why = '', missing_class = '', missing_seq = NULL, misses = 0,
				id = ?, name = ?, region = ?, uid = ?, tags = ?, ancestors = ?, from_seq = ?, changed_seq = ? WHERE key = ?`,
			r.ID, r.Name, r.Region, r.UID, tags(r.Tags), texts(r.Ancestors), l.seq, l.seq, known.Key)
	}
	known.Parts, err = l.parts(ctx, known.Key)
	return known, err
}

func (l lookup) parts(ctx context.Context, key int64) (map[string]scanner.KnownPart, error) {
	parts := map[string]scanner.KnownPart{}
	err := query(ctx, l, func(rows *sql.Rows) error {
		var name, stale string
		var hash sql.RawBytes
		var at int64
		var part scanner.KnownPart
		err := rows.Scan(&name, &hash, &part.Unread, &at, &part.Rank.Scope, &part.Rank.Line, &stale, &part.From)
		part.Hash, part.Rank.Updated, part.Stale = hashOf(hash), fromNanos(at), stale != ""
		parts[name] = part
		return err
	}, `SELECT part, hash, unread, rank_time, rank_scope, rank_line, stale_class, from_seq
		FROM parts WHERE resource_key = ? AND to_seq IS NULL`, key)
	return parts, err
}

func hashOf(data []byte) (hash providers.Hash) {
	copy(hash[:], data)
	return hash
}
