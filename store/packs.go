package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"cloudaudit/policy"
)

// savePack stores a pack, or a new version of it if its content differs from the latest, and tells
// whether it did. The pack gets its version.
func (s *Store) savePack(ctx context.Context, tx *sql.Tx, pack *policy.Pack) (bool, error) {
	var digest string
	err := tx.QueryRowContext(ctx, `
		SELECT version, digest FROM packs WHERE org_id = ? AND name = ? AND completed_at IS NOT NULL ORDER BY version DESC LIMIT 1`,
		s.org.id, pack.Name).Scan(&pack.Version, &digest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if err == nil && digest == pack.Digest {
		return s.revivePack(ctx, tx, pack)
	}
	pack.Version++
	if pack.VersionTag != "" {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM packs WHERE org_id = ? AND name = ? AND version_tag = ?`, s.org.id, pack.Name, pack.VersionTag).Scan(&n)
		if err != nil {
			return false, err
		}
		if n > 0 {
			pack.VersionTag = "" // a tag never names two contents
		}
	}
	return true, s.insertPack(ctx, tx, pack)
}

// revivePack brings a pack back that was archived and tells whether it was.
func (s *Store) revivePack(ctx context.Context, tx *sql.Tx, pack *policy.Pack) (bool, error) {
	result, err := tx.ExecContext(ctx, `UPDATE packs SET archived_at = NULL, declared = 1 WHERE org_id = ? AND name = ? AND archived_at IS NOT NULL`,
		s.org.id, pack.Name)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, err
	}
	return n > 0, s.refreshPack(ctx, tx, pack)
}

// refreshPack keeps what this program finds in the pack's policies, the types that they are about and the
// paths that they read: another one may have found less.
func (s *Store) refreshPack(ctx context.Context, tx *sql.Tx, pack *policy.Pack) error {
	policies, err := json.Marshal(pack.Policies)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE packs SET policies = ? WHERE org_id = ? AND name = ? AND version = ? AND policies <> ?`,
		string(policies), s.org.id, pack.Name, pack.Version, string(policies))
	return err
}

func (s *Store) insertPack(ctx context.Context, tx *sql.Tx, pack *policy.Pack) error {
	initial, err := json.Marshal(pack.Initial)
	if err != nil {
		return err
	}
	policies, err := json.Marshal(pack.Policies)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO pack_archives (digest, archive) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`, pack.Digest, pack.Archive)
	if err != nil {
		return err
	}
	now := micros(s.now())
	_, err = tx.ExecContext(ctx, `
		INSERT INTO packs (org_id, name, version, version_tag, display_name, description, readme, runtime, digest, builtin, declared,
			initial, policies, created_at, completed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)`,
		s.org.id, pack.Name, pack.Version, pack.VersionTag, pack.DisplayName, pack.Description, pack.Readme, pack.Runtime,
		pack.Digest, pack.Builtin, string(initial), string(policies), now, now)
	return err
}

const packColumns = `p.name, p.version, p.version_tag, p.display_name, p.description, p.readme, p.runtime, p.digest, p.builtin, p.initial, p.policies`

func scanPack(row interface{ Scan(...any) error }) (*policy.Pack, error) {
	var pack policy.Pack
	var initial, policies string
	into := []any{&pack.Name, &pack.Version, &pack.VersionTag, &pack.DisplayName, &pack.Description, &pack.Readme,
		&pack.Runtime, &pack.Digest, &pack.Builtin, &initial, &policies}
	if err := row.Scan(into...); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(initial), &pack.Initial); err != nil {
		return nil, fmt.Errorf("initial config of pack %s: %w", pack.Name, err)
	}
	if err := json.Unmarshal([]byte(policies), &pack.Policies); err != nil {
		return nil, fmt.Errorf("policies of pack %s: %w", pack.Name, err)
	}
	return &pack, nil
}

// Pack implements scanner.Store: the version that is pinned by its tag, else the latest.
func (s *Store) Pack(ctx context.Context, applied policy.Applied) (*policy.Pack, error) {
	pack, err := s.packOf(ctx, applied)
	if err != nil {
		return nil, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT archive FROM pack_archives WHERE digest = ?`, pack.Digest).Scan(&pack.Archive)
	if err != nil {
		return nil, fmt.Errorf("archive of pack %s: %w", pack.Name, err)
	}
	return pack, nil
}

// packOf is Pack without its archive.
func (s *Store) packOf(ctx context.Context, applied policy.Applied) (*policy.Pack, error) {
	pack, err := scanPack(s.read.QueryRowContext(ctx, `
		SELECT `+packColumns+` FROM packs p
		WHERE p.org_id = ? AND p.name = ? AND p.completed_at IS NOT NULL AND p.archived_at IS NULL AND (? = '' OR p.version_tag = ?)
		ORDER BY p.version DESC LIMIT 1`, s.org.id, applied.Name, applied.VersionTag, applied.VersionTag))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("pack %s %s: %w", applied.Name, applied.VersionTag, ErrNotFound)
	}
	return pack, err
}

// Packs gives the latest version of every pack, by name.
func (s *Store) Packs(ctx context.Context) ([]*policy.Pack, error) {
	var packs []*policy.Pack
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		pack, err := scanPack(rows)
		packs = append(packs, pack)
		return err
	}, `SELECT `+packColumns+` FROM packs p WHERE p.org_id = ? AND p.archived_at IS NULL AND p.version = (
			SELECT MAX(version) FROM packs l WHERE l.org_id = p.org_id AND l.name = p.name AND l.completed_at IS NOT NULL)
		ORDER BY p.name`, s.org.id)
	return packs, err
}
