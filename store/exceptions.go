package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cloudaudit/policy"
)

// ExceptionStatus is an exception with what it does.
type ExceptionStatus struct {
	policy.Exception
	// State is active, expired or removed.
	State string `json:"state"`
	// Excused is how many open violations it excuses, as if it were active where it is not.
	Excused int `json:"excused"`
	// Unused tells that it excuses nothing, Broad that it excuses more than somebody has looked at.
	Unused    bool       `json:"unused"`
	Broad     bool       `json:"broad"`
	Declared  bool       `json:"declared"`
	CreatedAt *time.Time `json:"createdAt"`
	RemovedAt *time.Time `json:"removedAt"`
}

// ExceptionFilter narrows a list; the zero value gives those that are not removed.
type ExceptionFilter struct {
	// Removed gives those that are removed too.
	Removed bool
	// At gives those of a past moment instead.
	At time.Time
}

// broadFrom is how many violations make an exception too broad, whatever its scope says.
const broadFrom = 1000

// exceptionRow is an exception as it is stored.
type exceptionRow struct {
	policy.Exception
	key                       int64
	declared                  bool
	created, expires, removed sql.NullInt64
}

const exceptionColumns = `key, name, scope, owner, reason, ticket, approver, declared, created_at, expires_at, removed_at`

func scanException(rows *sql.Rows) (row exceptionRow, err error) {
	var scope string
	err = rows.Scan(&row.key, &row.Name, &scope, &row.Owner, &row.Reason, &row.Ticket, &row.Approver, &row.declared, &row.created, &row.expires, &row.removed)
	if err != nil {
		return row, err
	}
	row.Expires = when(row.expires)
	err = json.Unmarshal([]byte(scope), &row.Scope)
	return row, err
}

// exceptions reads those that meet the condition, by name.
func (s *Store) exceptions(ctx context.Context, db source, condition string, args ...any) ([]exceptionRow, error) {
	var list []exceptionRow
	err := query(ctx, db, func(rows *sql.Rows) error {
		row, err := scanException(rows)
		list = append(list, row)
		return err
	}, `SELECT `+exceptionColumns+` FROM exceptions WHERE org_id = ? AND `+condition+` ORDER BY name, key`, append([]any{s.org.id}, args...)...)
	return list, err
}

// Exceptions lists exceptions by name. Whoever may not see all accounts sees only those that name
// accounts which they may see.
func (s *Store) Exceptions(ctx context.Context, access Access, filter ExceptionFilter) ([]ExceptionStatus, error) {
	condition, args, at := "removed_at IS NULL", []any(nil), micros(s.now())
	switch {
	case !filter.At.IsZero():
		at = micros(filter.At)
		condition, args = "created_at <= ? AND (removed_at IS NULL OR removed_at > ?)", []any{at, at}
	case filter.Removed:
		condition = "1 = 1"
	}
	rows, err := s.exceptions(ctx, s.read, condition, args...)
	if err != nil {
		return nil, fmt.Errorf("list exceptions: %w", err)
	}
	list := []ExceptionStatus{}
	for _, row := range rows {
		if !access.sees(row.Scope.Accounts) {
			continue
		}
		status, err := s.exceptionStatus(ctx, row, at)
		if err != nil {
			return nil, fmt.Errorf("exception %s: %w", row.Name, err)
		}
		list = append(list, status)
	}
	return list, nil
}

// sees tells whether the caller may see all of these accounts; none named stands for all there are.
func (a Access) sees(accounts []string) bool {
	hidden := func(name string) bool { return !slices.Contains(a.Accounts, name) }
	return a.Accounts == nil || len(accounts) > 0 && !slices.ContainsFunc(accounts, hidden)
}

func (s *Store) exceptionStatus(ctx context.Context, row exceptionRow, at int64) (ExceptionStatus, error) {
	status := ExceptionStatus{
		Exception: row.Exception, State: "active", Declared: row.declared, CreatedAt: when(row.created), RemovedAt: when(row.removed),
	}
	switch {
	case row.removed.Valid && row.removed.Int64 <= at:
		status.State = "removed"
	case row.expires.Valid && row.expires.Int64 <= at:
		status.State = "expired"
	}
	err := s.read.QueryRowContext(ctx, `
		SELECT COUNT(*) FROM violation_exceptions e JOIN violations v ON v.key = e.violation_key
		WHERE e.exception_key = ? AND e.to_at IS NULL AND v.state = 'open'`, row.key).Scan(&status.Excused)
	status.Unused = status.Excused == 0
	status.Broad = row.Scope.Broad() || status.Excused >= broadFrom
	return status, err
}

// AddException stores an exception, which excuses at once what is in its scope. A name that is taken
// is a conflict.
func (s *Store) AddException(ctx context.Context, e policy.Exception, actor string) error {
	if err := e.Check(); err != nil {
		return err
	}
	err := s.withTx(ctx, func(tx *sql.Tx) error { return s.addException(ctx, newBatch(tx), e, false, actor) })
	if err != nil {
		return fmt.Errorf("add exception %s: %w", e.Name, err)
	}
	return nil
}

func (s *Store) addException(ctx context.Context, b *batch, e policy.Exception, declared bool, actor string) error {
	var n int
	if err := b.row(ctx, []any{&n}, `SELECT COUNT(*) FROM exceptions WHERE org_id = ? AND name = ? AND removed_at IS NULL`, s.org.id, e.Name); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("%w: an exception of this name is in force; remove it first, or choose another name", ErrConflict)
	}
	scope, err := json.Marshal(e.Scope)
	if err != nil {
		return err
	}
	row := exceptionRow{Exception: e}
	if e.Expires != nil {
		row.expires = sql.NullInt64{Int64: micros(*e.Expires), Valid: true}
	}
	err = b.row(ctx, []any{&row.key}, `
		INSERT INTO exceptions (org_id, name, scope, owner, reason, ticket, approver, declared, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING key`,
		s.org.id, e.Name, string(scope), e.Owner, e.Reason, e.Ticket, e.Approver, declared, micros(s.now()), row.expires)
	if err != nil {
		return err
	}
	if err := s.excuse(ctx, b, row); err != nil {
		return err
	}
	return audit(ctx, b.tx, s.org.id, micros(s.now()), actor, "add", "exception "+e.Name, nil, e)
}

// RemoveException ends an exception: what it excused counts again at once. A declared one is a
// conflict, because the configuration would bring it back.
func (s *Store) RemoveException(ctx context.Context, name, actor string) error {
	err := s.withTx(ctx, func(tx *sql.Tx) error {
		b := newBatch(tx)
		rows, err := s.exceptions(ctx, b, "name = ? AND removed_at IS NULL", name)
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return ErrNotFound
		case rows[0].declared:
			return fmt.Errorf("%w: it is declared; remove it from the configuration under exceptions", ErrConflict)
		}
		return s.removeException(ctx, b, rows[0], actor)
	})
	if err != nil {
		return fmt.Errorf("remove exception %s: %w", name, err)
	}
	return nil
}

func (s *Store) removeException(ctx context.Context, b *batch, row exceptionRow, actor string) error {
	now := micros(s.now())
	if err := b.exec(ctx, `UPDATE exceptions SET removed_at = ? WHERE key = ?`, now, row.key); err != nil {
		return err
	}
	if err := b.exec(ctx, `UPDATE violation_exceptions SET to_at = ? WHERE exception_key = ? AND to_at IS NULL`, now, row.key); err != nil {
		return err
	}
	return audit(ctx, b.tx, s.org.id, now, actor, "remove", "exception "+row.Name, row.Exception, nil)
}

// excuse links an exception to the open violations in its scope, page by page.
func (s *Store) excuse(ctx context.Context, b *batch, e exceptionRow) error {
	for after := int64(0); ; {
		var keys []int64
		seen := 0
		err := query(ctx, b, func(rows *sql.Rows) error {
			v, err := scanExcusable(rows)
			seen, after = seen+1, v.key
			if e.Scope.Excuses(v.Excusable) {
				keys = append(keys, v.key)
			}
			return err
		}, excusables+` WHERE v.org_id = ? AND v.state = 'open' AND v.key > ? ORDER BY v.key LIMIT 1000`, s.org.id, after)
		if err != nil || seen == 0 {
			return err
		}
		for _, key := range keys {
			if err := b.link(ctx, key, e.key, micros(s.now())); err != nil {
				return err
			}
		}
	}
}

// excusable is a violation as exceptions look at it.
type excusable struct {
	policy.Excusable
	key int64
}

const excusables = `SELECT v.key, v.pack, v.policy, a.name, COALESCE(r.id, ''), COALESCE(r.name, ''), COALESCE(r.tags, '{}')
	FROM violations v JOIN accounts a ON a.id = v.account_id LEFT JOIN resources r ON r.key = v.resource_key`

func scanExcusable(rows *sql.Rows) (v excusable, err error) {
	var tagText string
	if err := rows.Scan(&v.key, &v.Pack, &v.Policy, &v.Account, &v.ResourceID, &v.ResourceName, &tagText); err != nil {
		return v, err
	}
	err = json.Unmarshal([]byte(tagText), &v.Tags)
	return v, err
}

func (b *batch) link(ctx context.Context, violation, exception, at int64) error {
	return b.exec(ctx, `INSERT INTO violation_exceptions (violation_key, exception_key, from_at) VALUES (?, ?, ?)
		ON CONFLICT (violation_key, exception_key, from_at) DO UPDATE SET to_at = NULL`, violation, exception, at)
}

// excuseOpen looks at the open violations that meet the condition, of what a scan judged anew: tags may
// have changed, and violations may be new.
func excuseOpen(ctx context.Context, b *batch, exceptions []exceptionRow, at int64, condition string, args ...any) error {
	if len(exceptions) == 0 {
		return nil
	}
	var open []excusable
	err := query(ctx, b, func(rows *sql.Rows) error {
		v, err := scanExcusable(rows)
		open = append(open, v)
		return err
	}, excusables+` WHERE v.state = 'open' AND `+condition, args...)
	if err != nil {
		return err
	}
	for _, v := range open {
		if err := b.excuseOne(ctx, exceptions, v, at); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) excuseOne(ctx context.Context, exceptions []exceptionRow, v excusable, at int64) error {
	linked := map[int64]bool{}
	err := query(ctx, b, func(rows *sql.Rows) error {
		var key int64
		err := rows.Scan(&key)
		linked[key] = true
		return err
	}, `SELECT exception_key FROM violation_exceptions WHERE violation_key = ? AND to_at IS NULL`, v.key)
	if err != nil {
		return err
	}
	for _, e := range exceptions {
		switch covers := e.Scope.Excuses(v.Excusable); {
		case covers && !linked[e.key]:
			err = b.link(ctx, v.key, e.key, at)
		case !covers && linked[e.key]:
			err = b.exec(ctx, `UPDATE violation_exceptions SET to_at = ? WHERE violation_key = ? AND exception_key = ? AND to_at IS NULL`, at, v.key, e.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// excused is the condition that a violation, by its alias in the query, is excused at a time, which is
// its three arguments. Expiry is looked at when it is asked for, so that nobody has to act on it.
func excused(alias string) string {
	return `EXISTS (SELECT 1 FROM violation_exceptions ve JOIN exceptions x ON x.key = ve.exception_key WHERE ve.violation_key = ` + alias + `.key
		AND ve.from_at <= ? AND (ve.to_at IS NULL OR ve.to_at > ?) AND (x.expires_at IS NULL OR x.expires_at > ?))`
}

// excusedPairs counts the pairs of resource and policy of which every open violation is excused now,
// among the violations v that meet the conditions. Only what is excused is looked at.
func (s *Store) excusedPairs(ctx context.Context, db queryer, conditions string, args ...any) (n int, err error) {
	now := micros(s.now())
	err = db.QueryRowContext(ctx, `
		SELECT COUNT(*) FROM (
			SELECT DISTINCT v.resource_key, v.pack, v.policy FROM exceptions e
			JOIN violation_exceptions l ON l.exception_key = e.key AND l.to_at IS NULL
			JOIN violations v ON v.key = l.violation_key
			WHERE e.org_id = ? AND e.removed_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > ?) AND v.state = 'open' AND v.unverified_seq IS NULL AND `+conditions+`
			AND NOT EXISTS (SELECT 1 FROM violations o WHERE o.resource_key IS NOT DISTINCT FROM v.resource_key AND o.account_id = v.account_id
				AND o.pack = v.pack AND o.policy = v.policy AND o.state = 'open' AND NOT `+excused("o")+`)) AS pairs`,
		append(append([]any{s.org.id, now}, args...), now, now, now)...).Scan(&n)
	return n, err
}
