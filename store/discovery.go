package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Resources implements scanner.Store.
func (s *Store) Resources(ctx context.Context, scan *scanner.Scan, records []*providers.Resource) ([]scanner.Known, error) {
	known := make([]scanner.Known, len(records))
	err := s.scanTx(ctx, scan, func(tx *sql.Tx) error {
		account, err := s.accountID(ctx, tx, scan.Account)
		if err != nil {
			return err
		}
		lookup, err := newLookup(ctx, tx, s.org.id, account, scan.Seq)
		if err != nil {
			return err
		}
		defer lookup.close()
		for i, record := range records {
			if known[i], err = lookup.find(ctx, record); err != nil {
				return fmt.Errorf("resource of type %s: %w", record.Type, err)
			}
		}
		return nil
	})
	return known, err
}

// lookup holds the statements of a batch.
type lookup struct {
	org, account, seq             int64
	find1, insert, revive, parts1 *sql.Stmt
}

func newLookup(ctx context.Context, tx *sql.Tx, org, account, seq int64) (*lookup, error) {
	l := &lookup{org: org, account: account, seq: seq}
	for statement, text := range map[**sql.Stmt]string{
		&l.find1: `SELECT key, gone_seq IS NOT NULL FROM resources WHERE org_id = ? AND account_id = ? AND type = ? AND identity = ?`,
		&l.insert: `INSERT INTO resources (org_id, account_id, type, identity, id, name, region, uid, tags, ancestors, from_seq, changed_seq, version)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		&l.revive: `UPDATE resources SET gone_seq = NULL, gone_why = '', missing_class = '', missing_seq = NULL, misses = 0,
			id = ?, name = ?, region = ?, uid = ?, tags = ?, ancestors = ?, from_seq = ?, changed_seq = ? WHERE key = ?`,
		&l.parts1: `SELECT part, hash, unread, rank_time, rank_scope, rank_line, stale_class, from_seq
			FROM parts WHERE resource_key = ? AND to_seq IS NULL`,
	} {
		prepared, err := tx.PrepareContext(ctx, text) //nolint:sqlclosecheck // close does it
		if err != nil {
			l.close()
			return nil, err
		}
		*statement = prepared
	}
	return l, nil
}

func (l *lookup) close() {
	for _, statement := range []*sql.Stmt{l.find1, l.insert, l.revive, l.parts1} {
		if statement != nil {
			_ = statement.Close() // the transaction closes it anyway
		}
	}
}

// find gives what is known of a record's resource, making or reviving its row.
func (l *lookup) find(ctx context.Context, record *providers.Resource) (scanner.Known, error) {
	var known scanner.Known
	var gone bool
	err := l.find1.QueryRowContext(ctx, l.org, l.account, record.Type, record.Identity).Scan(&known.Key, &gone)
	head := []any{record.ID, record.Name, record.Region, record.UID, tags(record.Tags), texts(record.Ancestors)}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		known.New = true
		args := append([]any{l.org, l.account, record.Type, record.Identity}, head...)
		result, err := l.insert.ExecContext(ctx, append(args, l.seq, l.seq)...)
		if err != nil {
			return known, err
		}
		known.Key, err = result.LastInsertId()
		return known, err
	case err != nil:
		return known, err
	case gone:
		known.New = true
		_, err := l.revive.ExecContext(ctx, append(head, l.seq, l.seq, known.Key)...)
		return known, err
	}
	known.Parts, err = l.parts(ctx, known.Key)
	return known, err
}

func (l *lookup) parts(ctx context.Context, key int64) (map[string]scanner.KnownPart, error) {
	rows, err := l.parts1.QueryContext(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what went wrong
	parts := map[string]scanner.KnownPart{}
	for rows.Next() {
		var name, stale string
		var hash []byte
		var at int64
		var part scanner.KnownPart
		if err := rows.Scan(&name, &hash, &part.Unread, &at, &part.Rank.Scope, &part.Rank.Line, &stale, &part.From); err != nil {
			return nil, err
		}
		part.Hash, part.Rank.Updated, part.Stale = hashOf(hash), fromMicros(at), stale != ""
		parts[name] = part
	}
	return parts, rows.Err()
}

func hashOf(data []byte) (hash providers.Hash) {
	copy(hash[:], data)
	return hash
}

// SaveParts implements scanner.Store.
func (s *Store) SaveParts(ctx context.Context, scan *scanner.Scan, writes []scanner.PartWrite) error {
	if len(writes) == 0 {
		return nil
	}
	return s.scanTx(ctx, scan, func(tx *sql.Tx) error {
		for _, write := range writes {
			var err error
			switch {
			case write.Version:
				err = saveVersion(ctx, tx, scan.Seq, write)
			case write.Reread:
				err = saveReread(ctx, tx, write)
			case write.Defer:
				err = saveDeferred(ctx, tx, scan.Seq, write)
			}
			if err != nil {
				return fmt.Errorf("part %s of resource %d: %w", write.Part, write.Key, err)
			}
		}
		return nil
	})
}

// saveVersion opens a new version of a part.
func saveVersion(ctx context.Context, tx *sql.Tx, seq int64, write scanner.PartWrite) error {
	var current, from int64
	err := tx.QueryRowContext(ctx, `SELECT id, from_seq FROM parts WHERE resource_key = ? AND part = ? AND to_seq IS NULL`, write.Key, write.Part).
		Scan(&current, &from)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case from == seq:
		if err := deletePart(ctx, tx, current); err != nil {
			return err
		}
		reopened, err := reopen(ctx, tx, seq, write)
		if err != nil {
			return err
		}
		if reopened {
			return setHead(ctx, tx, seq, write, 0)
		}
	default:
		if _, err := tx.ExecContext(ctx, `UPDATE parts SET to_seq = ? WHERE id = ?`, seq, current); err != nil {
			return err
		}
	}
	if err := insertPart(ctx, tx, seq, write); err != nil {
		return err
	}
	grown := 1
	if from == seq {
		grown = 0
	}
	return setHead(ctx, tx, seq, write, grown)
}

func deletePart(ctx context.Context, tx *sql.Tx, id int64) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM bodies WHERE part_id = ?`, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM parts WHERE id = ?`, id)
	return err
}

// reopen lets the version that this scan closed go on, if the content is the same again.
func reopen(ctx context.Context, tx *sql.Tx, seq int64, write scanner.PartWrite) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		UPDATE parts SET to_seq = NULL, unread = ?, rank_time = ?, rank_scope = ?, rank_line = ?
		WHERE resource_key = ? AND part = ? AND to_seq = ? AND hash = ?`,
		write.Unread, micros(write.Rank.Updated), write.Rank.Scope, write.Rank.Line, write.Key, write.Part, seq, write.Hash[:])
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func insertPart(ctx context.Context, tx *sql.Tx, seq int64, write scanner.PartWrite) error {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO parts (resource_key, part, from_seq, hash, unread, rank_time, rank_scope, rank_line, redaction)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)`,
		write.Key, write.Part, seq, write.Hash[:], write.Unread, micros(write.Rank.Updated), write.Rank.Scope, write.Rank.Line)
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	head, err := json.Marshal(headOf(write.Head))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO bodies (part_id, head, body) VALUES (?, ?, ?)`, id, string(head), string(write.Body))
	return err
}

// head is what a version remembers of the resource beside its parts.
type head struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Region    string            `json:"region"`
	UID       string            `json:"uid,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	Ancestors []string          `json:"ancestors,omitempty"`
}

func headOf(r *providers.Resource) head {
	return head{ID: r.ID, Name: r.Name, Region: r.Region, UID: r.UID, Tags: r.Tags, Ancestors: r.Ancestors}
}

// setHead counts the version and, for the main part, sets the resource's head.
func setHead(ctx context.Context, tx *sql.Tx, seq int64, write scanner.PartWrite, grown int) error {
	_, err := tx.ExecContext(ctx, `UPDATE resources SET changed_seq = ?, version = version + ? WHERE key = ?`, seq, grown, write.Key)
	if err != nil || write.Part != providers.Properties {
		return err
	}
	r := write.Head
	_, err = tx.ExecContext(ctx, `
		UPDATE resources SET id = ?, name = ?, region = ?, uid = ?, tags = ?, ancestors = ? WHERE key = ?`,
		r.ID, r.Name, r.Region, r.UID, tags(r.Tags), texts(r.Ancestors), write.Key)
	return err
}

func saveReread(ctx context.Context, tx *sql.Tx, write scanner.PartWrite) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE parts SET unread = ?, rank_time = ?, rank_scope = ?, rank_line = ?, stale_class = '', stale_seq = NULL
		WHERE resource_key = ? AND part = ? AND to_seq IS NULL`,
		write.Unread, micros(write.Rank.Updated), write.Rank.Scope, write.Rank.Line, write.Key, write.Part)
	return err
}

// saveDeferred keeps the record of the highest rank among those put aside.
func saveDeferred(ctx context.Context, tx *sql.Tx, seq int64, write scanner.PartWrite) error {
	head, err := json.Marshal(headOf(write.Head))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO scan_deferred (scan_seq, resource_key, part, head, body, hash, unread, rank_time, rank_scope, rank_line)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (scan_seq, resource_key, part) DO UPDATE SET
			head = excluded.head, body = excluded.body, hash = excluded.hash, unread = excluded.unread,
			rank_time = excluded.rank_time, rank_scope = excluded.rank_scope, rank_line = excluded.rank_line
		WHERE (excluded.rank_time, excluded.rank_scope, excluded.rank_line) >= (rank_time, rank_scope, rank_line)`,
		seq, write.Key, write.Part, string(head), string(write.Body), write.Hash[:], write.Unread,
		micros(write.Rank.Updated), write.Rank.Scope, write.Rank.Line)
	return err
}

// Deferred implements scanner.Store.
func (s *Store) Deferred(ctx context.Context, scan *scanner.Scan, after scanner.DeferredKey, limit int) ([]scanner.DeferredPart, error) {
	var page []scanner.DeferredPart
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var hash []byte
		var at int64
		var headText, body string
		var write scanner.PartWrite
		err := rows.Scan(&write.Key, &write.Part, &headText, &body, &hash, &write.Unread, &at, &write.Rank.Scope, &write.Rank.Line)
		if err != nil {
			return err
		}
		var h head
		if err := json.Unmarshal([]byte(headText), &h); err != nil {
			return err
		}
		write.Body, write.Hash, write.Rank.Updated = []byte(body), hashOf(hash), fromMicros(at)
		write.Head = &providers.Resource{ID: h.ID, Name: h.Name, Region: h.Region, UID: h.UID, Tags: h.Tags, Ancestors: h.Ancestors}
		page = append(page, scanner.DeferredPart{Write: write})
		return nil
	}, `SELECT resource_key, part, head, body, hash, unread, rank_time, rank_scope, rank_line FROM scan_deferred
		WHERE scan_seq = ? AND (resource_key, part) > (?, ?) ORDER BY resource_key, part LIMIT ?`,
		scan.Seq, after.Key, after.Part, limit)
	return page, err
}
