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

// SaveParts implements scanner.Store.
func (s *Store) SaveParts(ctx context.Context, scan *scanner.Scan, writes []scanner.PartWrite) error {
	if len(writes) == 0 {
		return nil
	}
	return s.scanTx(ctx, scan, func(b *batch) error { return b.saveParts(ctx, scan.Seq, writes) })
}

func (b *batch) saveParts(ctx context.Context, seq int64, writes []scanner.PartWrite) error {
	for _, write := range writes {
		var err error
		if write.Contends {
			err = b.exec(ctx, `UPDATE scans SET contended = 1 WHERE seq = ?`, seq)
		}
		switch {
		case err != nil:
		case write.First:
			err = b.insertPart(ctx, seq, write)
		case write.Version:
			err = b.saveVersion(ctx, seq, write)
		case write.Reread:
			err = b.saveReread(ctx, seq, write)
		case write.Defer:
			err = b.saveDeferred(ctx, seq, write)
		}
		if err != nil {
			return fmt.Errorf("part %s of resource %d: %w", write.Part, write.Key, err)
		}
	}
	return nil
}

// saveVersion opens a new version of a part.
func (b *batch) saveVersion(ctx context.Context, seq int64, write scanner.PartWrite) error {
	var current, from int64
	err := b.row(ctx, []any{&current, &from},
		`SELECT id, from_seq FROM parts WHERE resource_key = ? AND part = ? AND to_seq IS NULL`, write.Key, write.Part)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case from == seq:
		return b.replaceVersion(ctx, seq, current, write)
	default:
		if err := b.exec(ctx, `UPDATE parts SET to_seq = ? WHERE id = ?`, seq, current); err != nil {
			return err
		}
		if err := b.seen(ctx, seq, write.Key, write.Part); err != nil {
			return err
		}
	}
	if err := b.insertPart(ctx, seq, write); err != nil {
		return err
	}
	if current == 0 && providers.IsPiece(write.Part) { // that a piece is read for the first time is no change of the resource
		return b.exec(ctx, `UPDATE resources SET version = version + 1 WHERE key = ?`, write.Key)
	}
	return b.setHead(ctx, seq, 1, write)
}

// replaceVersion changes a version that this scan opened, or takes it back.
func (b *batch) replaceVersion(ctx context.Context, seq, current int64, write scanner.PartWrite) error {
	var before int64
	err := b.row(ctx, []any{&before}, `SELECT id FROM parts WHERE resource_key = ? AND part = ? AND to_seq = ? AND hash = ?`,
		write.Key, write.Part, seq, write.Hash[:])
	switch {
	case err == nil:
		return b.takeBack(ctx, current, before, write)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if err := b.exec(ctx, `UPDATE parts SET hash = ?, unread = ?, rank_time = ?, rank_scope = ?, rank_line = ?, region = ?, redaction = ? WHERE id = ?`,
		write.Hash[:], write.Unread, nanos(write.Rank.Updated), write.Rank.Scope, write.Rank.Line, write.Head.Region, b.redaction, current); err != nil {
		return err
	}
	head, err := headOf(write.Head)
	if err != nil {
		return err
	}
	if err := b.exec(ctx, `UPDATE bodies SET head = ?, body = ? WHERE part_id = ?`, head, string(write.Body), current); err != nil {
		return err
	}
	return b.setHead(ctx, seq, 0, write)
}

// takeBack removes the version that this scan opened, and lets the one before it, whose content has
// come again, go on as if nothing had happened.
func (b *batch) takeBack(ctx context.Context, current, before int64, write scanner.PartWrite) error {
	if err := b.exec(ctx, `DELETE FROM bodies WHERE part_id = ?`, current); err != nil {
		return err
	}
	if err := b.exec(ctx, `DELETE FROM parts WHERE id = ?`, current); err != nil {
		return err
	}
	if err := b.exec(ctx, `
		UPDATE parts SET to_seq = NULL, unread = ?, rank_time = ?, rank_scope = ?, rank_line = ?, stale_class = '', stale_seq = NULL WHERE id = ?`,
		write.Unread, nanos(write.Rank.Updated), write.Rank.Scope, write.Rank.Line, before); err != nil {
		return err
	}
	var changed int64
	if err := b.row(ctx, []any{&changed}, `
		SELECT MAX(at) FROM (
			SELECT from_seq AS at FROM parts WHERE resource_key = ? UNION ALL SELECT to_seq AS at FROM parts WHERE resource_key = ?) AS changes`,
		write.Key, write.Key); err != nil {
		return err
	}
	return b.setHead(ctx, changed, -1, write)
}

func (b *batch) insertPart(ctx context.Context, seq int64, write scanner.PartWrite) error {
	id, err := b.next(ctx, `SELECT COALESCE(MAX(id), 0) FROM parts`)
	if err != nil {
		return err
	}
	err = b.exec(ctx, `
		INSERT INTO parts (id, resource_key, part, from_seq, hash, unread, rank_time, rank_scope, rank_line, region, redaction)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, write.Key, write.Part, seq, write.Hash[:], write.Unread, nanos(write.Rank.Updated), write.Rank.Scope, write.Rank.Line, write.Head.Region, b.redaction)
	if err != nil {
		return err
	}
	head, err := headOf(write.Head)
	if err != nil {
		return err
	}
	return b.exec(ctx, `INSERT INTO bodies (part_id, head, body) VALUES (?, ?, ?)`, id, head, string(write.Body))
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

// headOf is the stored form of a record's head.
func headOf(r *providers.Resource) (string, error) {
	data, err := json.Marshal(head{ID: r.ID, Name: r.Name, Region: r.Region, UID: r.UID, Tags: r.Tags, Ancestors: r.Ancestors})
	return string(data), err
}

// setHead counts versions and, for the main part, sets the resource's head.
func (b *batch) setHead(ctx context.Context, changed int64, versions int, write scanner.PartWrite) error {
	if write.Part != providers.Properties {
		return b.exec(ctx, `UPDATE resources SET changed_seq = ?, version = version + ? WHERE key = ?`, changed, versions, write.Key)
	}
	r := write.Head
	return b.exec(ctx, `
		UPDATE resources SET changed_seq = ?, version = version + ?, id = ?, name = ?, region = ?, uid = ?, tags = ?, ancestors = ? WHERE key = ?`,
		changed, versions, r.ID, r.Name, r.Region, r.UID, tags(r.Tags), texts(r.Ancestors), write.Key)
}

func (b *batch) saveReread(ctx context.Context, seq int64, write scanner.PartWrite) error {
	if err := b.seen(ctx, seq, write.Key, write.Part); err != nil {
		return err
	}
	err := b.exec(ctx, `
		UPDATE parts SET unread = ?, rank_time = ?, rank_scope = ?, rank_line = ?, stale_class = '', stale_seq = NULL
		WHERE resource_key = ? AND part = ? AND to_seq IS NULL`,
		write.Unread, nanos(write.Rank.Updated), write.Rank.Scope, write.Rank.Line, write.Key, write.Part)
	if err != nil || write.Part != providers.Properties {
		return err
	}
	return b.exec(ctx, `UPDATE resources SET uid = ?, changed_seq = ? WHERE key = ? AND uid <> ?`, write.Head.UID, seq, write.Key, write.Head.UID)
}

// saveDeferred keeps the record of the highest rank among those put aside.
func (b *batch) saveDeferred(ctx context.Context, seq int64, write scanner.PartWrite) error {
	head, err := headOf(write.Head)
	if err != nil {
		return err
	}
	return b.exec(ctx, `
		INSERT INTO scan_deferred (scan_seq, resource_key, part, head, body, hash, unread, rank_time, rank_scope, rank_line)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (scan_seq, resource_key, part) DO UPDATE SET
			head = excluded.head, body = excluded.body, hash = excluded.hash, unread = excluded.unread,
			rank_time = excluded.rank_time, rank_scope = excluded.rank_scope, rank_line = excluded.rank_line
		WHERE (excluded.rank_time, excluded.rank_scope, excluded.rank_line)
			>= (scan_deferred.rank_time, scan_deferred.rank_scope, scan_deferred.rank_line)`,
		seq, write.Key, write.Part, head, string(write.Body), write.Hash[:], write.Unread,
		nanos(write.Rank.Updated), write.Rank.Scope, write.Rank.Line)
}

// Deferred implements scanner.Store.
func (s *Store) Deferred(ctx context.Context, scan *scanner.Scan, after scanner.DeferredKey, limit int) ([]scanner.DeferredPart, error) {
	var page []scanner.DeferredPart
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var hash []byte
		var at, currentAt int64
		var headText, body string
		var write scanner.PartWrite
		var current providers.Rank
		err := rows.Scan(&write.Key, &write.Part, &headText, &body, &hash, &write.Unread, &at, &write.Rank.Scope, &write.Rank.Line,
			&currentAt, &current.Scope, &current.Line)
		if err != nil {
			return err
		}
		var h head
		if err := json.Unmarshal([]byte(headText), &h); err != nil {
			return err
		}
		write.Body, write.Hash, write.Rank.Updated = []byte(body), hashOf(hash), fromNanos(at)
		write.Head = &providers.Resource{ID: h.ID, Name: h.Name, Region: h.Region, UID: h.UID, Tags: h.Tags, Ancestors: h.Ancestors}
		current.Updated = fromNanos(currentAt)
		page = append(page, scanner.DeferredPart{Write: write, Current: current})
		return nil
	}, `SELECT d.resource_key, d.part, d.head, d.body, d.hash, d.unread, d.rank_time, d.rank_scope, d.rank_line,
			COALESCE(p.rank_time, 0), COALESCE(p.rank_scope, ''), COALESCE(p.rank_line, 0)
		FROM scan_deferred d LEFT JOIN parts p ON p.resource_key = d.resource_key AND p.part = d.part AND p.to_seq IS NULL
		WHERE d.scan_seq = ? AND (d.resource_key, d.part) > (?, ?) ORDER BY d.resource_key, d.part LIMIT ?`,
		scan.Seq, after.Key, after.Part, limit)
	return page, err
}
