package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mattn/go-sqlite3"
)

// withTx runs do in one transaction of the writing connection.
func (s *Store) withTx(ctx context.Context, do func(*sql.Tx) error) (err error) {
	if s.write == nil {
		return errReadOnly
	}
	tx, err := s.begin(ctx)
	if err != nil {
		return explained(err)
	}
	defer func() { err = errors.Join(err, ignoreDone(tx.Rollback())) }()
	if err := do(tx); err != nil {
		return explained(err)
	}
	return explained(tx.Commit())
}

// patience is how often a transaction waits for the one of another process. Each waiting is as long as
// the connection's busy timeout.
const patience = 12

func (s *Store) begin(ctx context.Context) (tx *sql.Tx, err error) {
	for range patience {
		switch tx, err = s.write.BeginTx(ctx, nil); {
		case ctx.Err() != nil && err != nil:
			return nil, context.Cause(ctx) // the driver has other words for it
		case !isCode(err, sqlite3.ErrBusy):
			return tx, err
		}
	}
	return nil, fmt.Errorf("another process has been writing to %s for a minute: %w", s.path, err)
}

func isCode(err error, code sqlite3.ErrNo) bool {
	var fault sqlite3.Error
	return errors.As(err, &fault) && fault.Code == code
}

// explained tells what to do about a full disk.
func explained(err error) error {
	if isCode(err, sqlite3.ErrFull) {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil // it was committed, or the context ended it
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

// nanos is the stored form of a record's time of update. Clouds give these to the nanosecond, and a
// rounded one would look as if it moved with every scan.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// fromNanos reads what nanos wrote; 0 is no time.
func fromNanos(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at).UTC()
}

// batch is a transaction that runs the same few statements for many rows: each is compiled once.
// The context is asked between statements and not during them, for they take microseconds, and the
// driver would start a goroutine to watch over each.
type batch struct {
	tx         *sql.Tx
	statements map[string]*sql.Stmt
	redaction  int // of parts that are written
	keys       map[string]int64
}

func newBatch(tx *sql.Tx) *batch {
	return &batch{tx: tx, statements: map[string]*sql.Stmt{}, keys: map[string]int64{}}
}

// next gives the key of a new row: one more than the last, which is asked for once, as the one who
// writes is alone. To have the database choose it and tell costs three times the row itself.
func (b *batch) next(ctx context.Context, last string) (int64, error) {
	key, known := b.keys[last]
	if !known {
		if err := b.row(ctx, []any{&key}, last); err != nil {
			return 0, err
		}
	}
	b.keys[last] = key + 1
	return key + 1, nil
}

// prepare gives the compiled statement; the end of the transaction closes it.
func (b *batch) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if statement := b.statements[text]; statement != nil {
		return statement, nil
	}
	statement, err := b.tx.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	b.statements[text] = statement
	return statement, nil
}

// exec runs a statement.
func (b *batch) exec(ctx context.Context, text string, args ...any) error {
	_, err := b.change(ctx, text, args...)
	return err
}

// change runs a statement and tells how many rows it changed.
func (b *batch) change(ctx context.Context, text string, args ...any) (int64, error) {
	statement, err := b.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row reads the one row that a statement gives, or sql.ErrNoRows.
func (b *batch) row(ctx context.Context, into []any, text string, args ...any) error {
	statement, err := b.prepare(ctx, text)
	if err != nil {
		return err
	}
	return statement.QueryRowContext(context.WithoutCancel(ctx), args...).Scan(into...)
}

// QueryContext makes a batch a source for query.
func (b *batch) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	statement, err := b.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(context.WithoutCancel(ctx), args...)
}

// source is what query asks: a pool, a transaction or a batch.
type source interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// query runs a query and hands each row to scan. Rows are closed before it returns, so that no
// reading transaction stays open.
func query(ctx context.Context, db source, scan func(*sql.Rows) error, text string, args ...any) (err error) {
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
