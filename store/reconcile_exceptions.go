package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cloudaudit/policy"
)

// exceptions makes the declared exceptions those in force. One that changed ends, and a new one of
// its name begins, so that what was excused when stays known.
func (r *reconciling) exceptions(ctx context.Context) error {
	rows, err := r.Store.exceptions(ctx, r, "removed_at IS NULL")
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, row := range rows {
		at := slices.IndexFunc(r.declared.Exceptions, func(e policy.Exception) bool { return e.Name == row.Name })
		switch {
		case at >= 0 && !row.declared:
			r.fault("exception", row.Name, made("an exception", row.created.Int64))
			kept[row.Name] = true
		case at >= 0 && sameException(r.declared.Exceptions[at], row.Exception):
			kept[row.Name] = true
		case row.declared:
			if err := r.removeException(ctx, r.batch, row, "config"); err != nil {
				return fmt.Errorf("exception %s: %w", row.Name, err)
			}
			r.done.Changes = append(r.done.Changes, "end exception "+row.Name)
		}
	}
	for _, e := range r.declared.Exceptions {
		if kept[e.Name] {
			continue
		}
		if err := r.exception(ctx, e); err != nil {
			r.fault("exception", e.Name, err)
			continue
		}
		r.done.Changes = append(r.done.Changes, "begin exception "+e.Name)
	}
	return nil
}

func (r *reconciling) exception(ctx context.Context, e policy.Exception) error {
	if err := e.Check(); err != nil {
		return err
	}
	for _, name := range e.Scope.Accounts {
		if strings.Contains(name, "*") || strings.Contains(name, "/") {
			continue // a pattern, or a member account that may be found later
		}
		var n int
		if err := r.row(ctx, []any{&n}, `SELECT COUNT(*) FROM accounts WHERE org_id = ? AND name = ? AND archived_at IS NULL`, r.org.id, name); err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("scope.accounts: account %s: %w; declare it under accounts", name, ErrNotFound)
		}
	}
	return r.addException(ctx, r.batch, e, true, "config")
}

func sameException(a, b policy.Exception) bool {
	texts := [2][]byte{}
	for i, e := range []policy.Exception{a, b} {
		if e.Expires != nil {
			at := fromMicros(micros(*e.Expires)) // as it is stored
			e.Expires = &at
		}
		data, err := json.Marshal(e)
		if err != nil {
			return false
		}
		texts[i] = data
	}
	return bytes.Equal(texts[0], texts[1])
}

// renameInExceptions lets made exceptions that name an account follow its new name; the declared ones
// follow the configuration.
func (r *reconciling) renameInExceptions(ctx context.Context, from, to string) error {
	rows, err := r.Store.exceptions(ctx, r, "removed_at IS NULL AND declared = 0")
	if err != nil {
		return err
	}
	for _, row := range rows {
		at := slices.Index(row.Scope.Accounts, from)
		if at < 0 {
			continue
		}
		row.Scope.Accounts[at] = to
		scope, err := json.Marshal(row.Scope)
		if err != nil {
			return err
		}
		if err := r.exec(ctx, `UPDATE exceptions SET scope = ? WHERE key = ?`, string(scope), row.key); err != nil {
			return err
		}
	}
	return nil
}
