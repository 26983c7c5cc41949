package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// withTx runs do in one transaction of the writing connection.
func (s *Store) withTx(ctx context.Context, do func(*sql.Tx) error) error {
	if s.write == nil {
		return errors.New("the database is open for reading only")
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil // the context ended it
	}
	return err
}

// micros is the stored form of a time: microseconds since 1970, UTC.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros reads the stored form of a time; 0 is no time.
func fromMicros(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// query runs a query and hands each row to scan. Rows are closed before it returns, so that no
// reading transaction stays open.
func query(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, scan func(*sql.Rows) error, text string, args ...any) (err error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
