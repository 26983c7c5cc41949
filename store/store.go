// Package store remembers: one SQLite file holds organizations, accounts, scans, resources in
// versions, verdicts and violations. SQL lives here and nowhere else. A Store has one connection
// that writes and a few that read, so that lists are served while a scan writes.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
	"github.com/pressly/goose/v3"

	"cloudaudit/policy"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options are how a store is opened.
type Options struct {
	// ReadOnly opens an existing file for reading alone: commands that only ask never write.
	ReadOnly bool
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// MaxBytes bounds the size of the file; 0 leaves that to the disk.
	MaxBytes int64
	// Redaction is the revision of the redaction list that what is stored was sealed by. See Reseal.
	Redaction int
}

// Store is an open database file, used on behalf of one organization. It is safe for concurrent
// use.
type Store struct {
	path  string
	write *sql.DB // nil when read-only
	read  *sql.DB
	now   func() time.Time
	org   organization
	locks locks
	// redaction is the revision of the list that parts are sealed by.
	redaction int
}

// organization is the one that a Store is used for.
type organization struct {
	id   int64
	name string
	key  string
}

const readers = 4

// Open opens the file, creating and migrating it as needed. Call Use next, and Close at the end.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	s := &Store{path: path, now: options.Now, redaction: options.Redaction, locks: locks{path: path + "-lock", held: map[string]*os.File{}}}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.open(ctx, options); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, options Options) error {
	if options.ReadOnly {
		if _, err := os.Stat(s.path); err != nil {
			return fmt.Errorf("open database: %w", err)
		}
	} else if err := s.openWriter(ctx, options.MaxBytes); err != nil {
		return err
	}
	var err error
	if s.read, err = connect(ctx, s.path, asking, readers); err != nil {
		return err
	}
	return s.checkSchema(ctx)
}

func (s *Store) openWriter(ctx context.Context, maxBytes int64) error {
	err := s.share()
	if err != nil {
		return err
	}
	if s.write, err = connect(ctx, s.path, writing, 1); err != nil {
		return err
	}
	if err := s.bound(ctx, maxBytes); err != nil {
		return fmt.Errorf("bound the size of %s: %w", s.path, err)
	}
	return s.migrate(ctx)
}

// bound limits the size of the file. The pool has one connection, which is never given up.
func (s *Store) bound(ctx context.Context, maxBytes int64) error {
	if maxBytes <= 0 {
		return nil
	}
	var pageSize int64
	if err := s.write.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&pageSize); err != nil {
		return err
	}
	_, err := s.write.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, max(1, maxBytes/pageSize)))
	return err
}

// purpose is what connections are for: writing, reading the file, or asking, which may not even write
// to another file.
type purpose int

const (
	asking purpose = iota
	reading
	writing
)

// connect opens a pool. Settings stand in the DSN, so that every connection has them.
func connect(ctx context.Context, path string, use purpose, connections int) (*sql.DB, error) {
	settings := url.Values{
		"mode":             {"ro"},
		"_busy_timeout":    {"5000"},
		"_foreign_keys":    {"1"},
		"_txlock":          {"deferred"},
		"_synchronous":     {"NORMAL"},
		"_stmt_cache_size": {"64"},
	}
	switch use {
	case asking:
		settings.Set("_query_only", "1")
	case writing:
		settings.Set("mode", "rwc")
		settings.Set("_txlock", "immediate")
		settings.Set("_journal_mode", "WAL")
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+settings.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), db.Close())
	}
	return db, nil
}

// Close gives the connections back. It may be called twice.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	s.locks.freeAll()
	return errors.Join(errs...)
}

// Path is the file's.
func (s *Store) Path() string { return s.path }

// migrate brings the schema up to date. Before an existing file changes, a copy is laid beside it.
func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.provider(s.write)
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version of %s: %w", s.path, err)
	}
	latest := latestVersion(provider)
	switch {
	case version > latest:
		return newer(s.path, version, latest)
	case version == latest:
		return nil
	}
	return s.alone(func() error { return s.migrateFrom(ctx, provider, version) })
}

func (s *Store) migrateFrom(ctx context.Context, provider *goose.Provider, version int64) error {
	if version > 0 {
		backup := fmt.Sprintf("%s.before-%d", s.path, latestVersion(provider))
		if err := s.Backup(ctx, backup); err != nil {
			return fmt.Errorf("back up before the migration: %w", err)
		}
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

func latestVersion(provider *goose.Provider) int64 {
	sources := provider.ListSources()
	return sources[len(sources)-1].Version
}

// checkSchema refuses a file of another version, which a reader must not migrate.
func (s *Store) checkSchema(ctx context.Context) error {
	provider, err := s.provider(s.read)
	if err != nil {
		return err
	}
	var version int64
	err = s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1`).Scan(&version)
	if err != nil {
		return fmt.Errorf("read the schema version of %s: is it a cloudaudit database? %w", s.path, err)
	}
	switch latest := latestVersion(provider); {
	case version > latest:
		return newer(s.path, version, latest)
	case version < latest:
		return fmt.Errorf("database %s has schema %d and this version reads %d: run `cloudaudit db migrate`", s.path, version, latest)
	}
	return nil
}

func newer(path string, version, latest int64) error {
	return fmt.Errorf("%s has schema %d, this version knows %d: %w", path, version, latest, ErrNewerSchema)
}

// Use names the organization that the store is used for. A writable store creates it, with the two
// groups that always exist.
func (s *Store) Use(ctx context.Context, name string) error {
	if s.write != nil {
		if err := s.withTx(ctx, func(tx *sql.Tx) error { return s.ensureOrganization(ctx, tx, name) }); err != nil {
			return fmt.Errorf("create organization %s: %w", name, err)
		}
	}
	org := organization{name: name}
	err := s.read.QueryRowContext(ctx, `SELECT id, key FROM organizations WHERE name = ?`, name).Scan(&org.id, &org.key)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("organization %s in %s: %w", name, s.path, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read organization %s: %w", name, err)
	}
	s.org = org
	return nil
}

func (s *Store) ensureOrganization(ctx context.Context, tx *sql.Tx, name string) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO organizations (name, key, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		name, policy.DeriveID("organization", name), micros(s.now()))
	if err != nil {
		return err
	}
	defaults := []policy.Group{
		{Name: policy.DefaultStacksGroup, Entity: policy.Stacks, Mode: policy.Preventative},
		{Name: policy.DefaultAccountsGroup, Entity: policy.Accounts, Mode: policy.Audit},
	}
	for _, group := range defaults {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO policy_groups (org_id, name, entity, mode, is_default, created_at)
			SELECT id, ?, ?, ?, 1, ? FROM organizations o WHERE name = ? AND NOT EXISTS (
				SELECT 1 FROM policy_groups g WHERE g.org_id = o.id AND g.name = ? AND g.archived_at IS NULL)`,
			group.Name, group.Entity, group.Mode, micros(s.now()), name, group.Name)
		if err != nil {
			return err
		}
	}
	return nil
}

// integrity runs SQLite's own checks.
func (s *Store) integrity(ctx context.Context) ([]string, error) {
	var faults []string
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		if line != "ok" {
			faults = append(faults, line)
		}
		return err
	}, `PRAGMA integrity_check`)
	if err != nil {
		return nil, err
	}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var table, parent string
		var row, key sql.NullInt64
		err := rows.Scan(&table, &row, &parent, &key)
		faults = append(faults, fmt.Sprintf("row %d of %s names a row of %s that is not there", row.Int64, table, parent))
		return err
	}, `PRAGMA foreign_key_check`)
	return faults, err
}
