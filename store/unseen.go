package store

import (
	"context"
	"database/sql"
	"errors"

	"cloudaudit/providers"
)

// unseen begins the time in which a resource, or a part of it, cannot be seen. Another class of the
// same gap begins a time of its own.
func (b *batch) unseen(ctx context.Context, seq, resource int64, part string, class providers.Class) error {
	since := seq
	err := b.row(ctx, []any{&since}, `SELECT since_seq FROM unseen WHERE resource_key = ? AND part = ? AND to_seq IS NULL`, resource, part)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := b.seen(ctx, seq, resource, part); err != nil {
		return err
	}
	return b.exec(ctx, `INSERT INTO unseen (resource_key, part, class, since_seq, from_seq) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (resource_key, part, from_seq) DO UPDATE SET class = excluded.class, to_seq = NULL`, resource, part, class, since, seq)
}

// seen ends it.
func (b *batch) seen(ctx context.Context, seq, resource int64, part string) error {
	return b.exec(ctx, `UPDATE unseen SET to_seq = ? WHERE resource_key = ? AND part = ? AND to_seq IS NULL`, seq, resource, part)
}
