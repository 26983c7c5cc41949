package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// HeldCount implements scanner.Store.
func (s *Store) HeldCount(ctx context.Context, scan *scanner.Scan) (n int, err error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return 0, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM resources WHERE account_id = ? AND gone_seq IS NULL`, account).Scan(&n)
	return n, err
}

// Held implements scanner.Store.
func (s *Store) Held(ctx context.Context, scan *scanner.Scan, after int64, limit int) ([]scanner.Held, error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	page, at, err := s.heldWhere(ctx, "account_id = ? AND gone_seq IS NULL AND key > ? ORDER BY key LIMIT ?", account, after, limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	return s.heldWhole(ctx, page, at, "resource_key BETWEEN ? AND ?", page[0].Key, page[len(page)-1].Key)
}

// HeldKeys implements scanner.Store.
func (s *Store) HeldKeys(ctx context.Context, _ *scanner.Scan, keys []int64) ([]scanner.Held, error) {
	marks, args := in(keys)
	page, at, err := s.heldWhere(ctx, "key IN ("+marks+") AND gone_seq IS NULL ORDER BY key", args...)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	return s.heldWhole(ctx, page, at, "resource_key IN ("+marks+")", args...)
}

// heldWhole adds parts and verdicts to a page.
func (s *Store) heldWhole(ctx context.Context, page []scanner.Held, at map[int64]int, condition string, args ...any) ([]scanner.Held, error) {
	if err := s.heldParts(ctx, page, at, condition, args...); err != nil {
		return nil, err
	}
	return page, s.heldVerdicts(ctx, page, at, condition, args...)
}

func (s *Store) heldWhere(ctx context.Context, condition string, args ...any) ([]scanner.Held, map[int64]int, error) {
	var page []scanner.Held
	at := map[int64]int{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var h scanner.Held
		err := rows.Scan(&h.Key, &h.Type, &h.Identity, &h.Region, &h.UID, &h.Since, &h.Changed, &h.Missing)
		at[h.Key] = len(page)
		page = append(page, h)
		return err
	}, `SELECT key, type, identity, region, uid, from_seq, changed_seq, missing_class FROM resources WHERE `+condition, args...)
	return page, at, err
}

// HeldOf implements scanner.Store. The resources have no verdicts.
func (s *Store) HeldOf(ctx context.Context, scan *scanner.Scan, resourceType, after string, limit int) ([]scanner.Held, error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return nil, err
	}
	page, at, err := s.heldWhere(ctx, "org_id = ? AND account_id = ? AND type = ? AND gone_seq IS NULL AND identity > ? ORDER BY identity LIMIT ?",
		s.org.id, account, resourceType, after, limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	keys := make([]int64, len(page))
	for i, held := range page {
		keys[i] = held.Key
	}
	marks, args := in(keys)
	return page, s.heldParts(ctx, page, at, "resource_key IN ("+marks+")", args...)
}

func (s *Store) heldParts(ctx context.Context, page []scanner.Held, at map[int64]int, condition string, args ...any) error {
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var hash []byte
		var part scanner.HeldPart
		err := rows.Scan(&key, &part.Name, &hash, &part.Unread, &part.Stale, &part.From)
		part.Hash = hashOf(hash)
		if i, ours := at[key]; ours {
			page[i].Parts = append(page[i].Parts, part)
		}
		return err
	}, `SELECT resource_key, part, hash, unread, stale_class, from_seq FROM parts
		WHERE `+condition+` AND to_seq IS NULL ORDER BY resource_key, part`, args...)
}

func (s *Store) heldVerdicts(ctx context.Context, page []scanner.Held, at map[int64]int, condition string, args ...any) error {
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var content, judged []byte
		var v scanner.HeldVerdict
		err := rows.Scan(&key, &v.PackDigest, &v.ConfigDigest, &v.Pack, &content, &judged)
		v.Content, v.Judged = hashOf(content), hashOf(judged)
		if i, ours := at[key]; ours {
			page[i].Verdicts = append(page[i].Verdicts, v)
		}
		return err
	}, `SELECT resource_key, pack_digest, config_digest, pack, content, judged FROM verdicts
		WHERE `+condition+` ORDER BY resource_key`, args...)
}

// in gives a list of parameters for keys: at most a page of them.
func in(keys []int64) (marks string, args []any) {
	for _, key := range keys {
		args = append(args, key)
	}
	return strings.TrimSuffix(strings.Repeat("?,", len(keys)), ","), args
}

// Load implements scanner.Store.
func (s *Store) Load(ctx context.Context, _ *scanner.Scan, keys []int64, read *providers.Projection) ([]*providers.Resource, error) {
	marks, args := in(keys)
	byKey := make(map[int64]*providers.Resource, len(keys))
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var tagText, ancestors string
		r := &providers.Resource{Parts: map[string]providers.Part{}}
		err := rows.Scan(&key, &r.Type, &r.Identity, &r.ID, &r.Name, &r.Region, &r.UID, &tagText, &ancestors)
		if err != nil {
			return err
		}
		byKey[key] = r
		if err := json.Unmarshal([]byte(tagText), &r.Tags); err != nil {
			return err
		}
		return json.Unmarshal([]byte(ancestors), &r.Ancestors)
	}, `SELECT key, type, identity, id, name, region, uid, tags, ancestors FROM resources WHERE key IN (`+marks+`)`, args...)
	if err != nil {
		return nil, err
	}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var name, unread, body string
		var hash []byte
		if err := rows.Scan(&key, &name, &hash, &unread, &body); err != nil {
			return err
		}
		part, err := partOf(name, hash, unread, body, read)
		byKey[key].Parts[name] = part
		return err
	}, `SELECT p.resource_key, p.part, p.hash, p.unread, b.body FROM parts p JOIN bodies b ON b.part_id = p.id
		WHERE p.resource_key IN (`+marks+`) AND p.to_seq IS NULL AND p.stale_class = ''`, args...)
	resources := make([]*providers.Resource, len(keys))
	for i, key := range keys {
		resources[i] = byKey[key]
	}
	return resources, err
}

// partOf reads a stored part back, with redacted leaves in their places.
func partOf(name string, hash []byte, unreadText, body string, read *providers.Projection) (providers.Part, error) {
	unread, err := scanner.DecodeUnread(unreadText)
	if err != nil {
		return providers.Part{}, err
	}
	part := providers.Part{Hash: hashOf(hash), Unread: unread}
	inside, reads := read.Below(providers.PartPath(name))
	if !reads {
		return part, nil
	}
	value, err := inside.ParseValue([]byte(body))
	if err != nil {
		return part, fmt.Errorf("stored %s %w", name, err)
	}
	part.Value = providers.Restore(name, value, unread)
	return part, nil
}

// ViolationsOf implements scanner.Store.
func (s *Store) ViolationsOf(ctx context.Context, _ *scanner.Scan, keys []int64) (map[int64][]scanner.Violation, error) {
	marks, args := in(keys)
	return s.violationsWhere(ctx, "v.resource_key IN ("+marks+")", args...)
}

// violationsWhere reads violations by the key of their resource; 0 is the account itself.
func (s *Store) violationsWhere(ctx context.Context, condition string, args ...any) (map[int64][]scanner.Violation, error) {
	groups := map[int64][]scanner.Row{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var key int64
		var row scanner.Row
		err := rows.Scan(&key, &row.Group, &row.Level, &row.PackVersion, &row.Message)
		groups[key] = append(groups[key], row)
		return err
	}, `SELECT g.violation_key, g.group_name, g.level, g.pack_version, g.message
		FROM violation_groups g JOIN violations v ON v.key = g.violation_key
		WHERE `+condition+` AND g.to_seq IS NULL ORDER BY g.violation_key, g.group_name`, args...)
	if err != nil {
		return nil, err
	}
	found := map[int64][]scanner.Violation{}
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var key, resource int64
		var v scanner.Violation
		err := rows.Scan(&key, &resource, &v.ID, &v.Pack, &v.Policy, &v.Key, &v.Severity, &v.Message, &v.State,
			&v.Resolution, &v.Triage, &v.UID, &v.Unverified)
		v.Rows = groups[key]
		found[resource] = append(found[resource], v)
		return err
	}, `SELECT key, COALESCE(resource_key, 0), id, pack, policy, violation_key, severity, message, state,
		resolution, triage, resource_uid, unverified_seq IS NOT NULL
		FROM violations v WHERE `+condition, args...)
	return found, err
}
