package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Declared is what a configuration file declares.
type Declared struct {
	// ConfigID identifies the configuration; the store refuses another one unless Adopt is set.
	ConfigID   string
	Adopt      bool
	Accounts   []DeclaredAccount
	Packs      []*policy.Pack
	Groups     []policy.Group
	Exceptions []policy.Exception
	// At gives the place in the file where an object is declared, for messages; may be nil.
	At func(noun, name string) string
}

// DeclaredAccount is an account and when it is due. The account's Key is the store's to give.
type DeclaredAccount struct {
	providers.Account
	// RenamedFrom is the name that the account had before, empty if it had none.
	RenamedFrom string
	Schedule    json.RawMessage
}

// Reconciled is what Reconcile did, in words.
type Reconciled struct {
	Changes []string
	// Warnings tell of what somebody should look at.
	Warnings []string
}

// Reconcile makes the store agree with what is declared, in one transaction. What is declared no more
// is archived, its data kept, and revived when it returns. A second call with the same argument
// changes nothing. Contradictions are errors that wrap ErrConflict, unknown names ErrNotFound; all of
// them are told together, and then nothing is changed.
func (s *Store) Reconcile(ctx context.Context, declared Declared) (Reconciled, error) {
	r := &reconciling{Store: s, declared: declared}
	err := s.withTx(ctx, func(tx *sql.Tx) error {
		r.batch = newBatch(tx)
		if err := r.identify(ctx); err != nil {
			return err
		}
		for _, step := range []func(context.Context) error{r.packs, r.accounts, r.groups, r.exceptions} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return errors.Join(r.faults...)
	})
	r.release()
	if err != nil {
		return Reconciled{}, fmt.Errorf("reconcile the configuration: %w", err)
	}
	return r.done, nil
}

// reconciling is one call of Reconcile.
type reconciling struct {
	*Store
	*batch
	declared Declared
	done     Reconciled
	faults   []error
	locked   []string // accounts that are kept from being scanned
}

// identify refuses a configuration that is not the one which the store was filled from.
func (r *reconciling) identify(ctx context.Context) error {
	known, err := r.setting(ctx, r.tx, "config_id")
	if err != nil || known == r.declared.ConfigID {
		return err
	}
	if known != "" && !r.declared.Adopt {
		return fmt.Errorf("%w: this database belongs to the configuration %s, not to %s: name another database under store.path, "+
			"or use --adopt once if the new configuration takes the place of the old one", ErrConflict, known, r.declared.ConfigID)
	}
	if err := r.set(ctx, r.batch, "config_id", r.declared.ConfigID); err != nil {
		return err
	}
	if known == "" {
		return nil
	}
	return r.note(ctx, "adopt", "configuration "+r.declared.ConfigID, known, r.declared.ConfigID)
}

// fault notes what is wrong with a declared object.
func (r *reconciling) fault(noun, name string, err error) {
	if r.declared.At != nil {
		if place := r.declared.At(noun, name); place != "" {
			err = fmt.Errorf("%s: %s %s: %w", place, noun, name, err)
			r.faults = append(r.faults, err)
			return
		}
	}
	r.faults = append(r.faults, fmt.Errorf("%s %s: %w", noun, name, err))
}

// made is the fault of a name that is declared and was made by hand or by API, too.
func made(noun string, at int64) error {
	return fmt.Errorf("%w: %s of this name was made on %s, and the configuration declares another: rename or remove one of them",
		ErrConflict, noun, fromMicros(at).Format(time.DateOnly))
}

// note records a change for people and in the audit log.
func (r *reconciling) note(ctx context.Context, action, object string, before, after any) error {
	r.done.Changes = append(r.done.Changes, action+" "+object)
	return audit(ctx, r.tx, r.org.id, micros(r.now()), "config", action, object, before, after)
}

// setting reads a setting, empty if it was never set.
func (s *Store) setting(ctx context.Context, db queryer, name string) (value string, err error) {
	err = db.QueryRowContext(ctx, `SELECT value FROM settings WHERE org_id = ? AND name = ?`, s.org.id, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func (s *Store) set(ctx context.Context, b *batch, name, value string) error {
	return b.exec(ctx, `INSERT INTO settings (org_id, name, value) VALUES (?, ?, ?) ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value`,
		s.org.id, name, value)
}

// audit writes a row of the audit log.
func audit(ctx context.Context, tx *sql.Tx, org, at int64, actor, action, object string, before, after any) error {
	texts := [2]string{}
	for i, value := range []any{before, after} {
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		texts[i] = string(data)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit_log (org_id, at, actor, action, object, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		org, at, actor, action, object, texts[0], texts[1])
	return err
}

// archive puts away declared objects of a table that are declared no more.
func (r *reconciling) archive(ctx context.Context, table, noun string, names []string) error {
	var gone []string
	err := query(ctx, r, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		if !slices.Contains(names, name) {
			gone = append(gone, name)
		}
		return err
	}, `SELECT DISTINCT name FROM `+table+` WHERE org_id = ? AND declared = 1 AND archived_at IS NULL ORDER BY name`, r.org.id)
	if err != nil {
		return err
	}
	for _, name := range gone {
		if err := r.exec(ctx, `UPDATE `+table+` SET archived_at = ? WHERE org_id = ? AND name = ? AND archived_at IS NULL`,
			micros(r.now()), r.org.id, name); err != nil {
			return err
		}
		if err := r.note(ctx, "archive", noun+" "+name, nil, nil); err != nil {
			return err
		}
	}
	return nil
}
