package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Dump is an account as its last scan left it.
type Dump struct {
	Account, Cloud, CloudID string
	// StartedAt and Status are the scan's.
	StartedAt time.Time
	Status    scanner.Status
	Coverage  []scanner.Coverage
	// Resources hands out those that are not gone, by type and identity, until an error.
	Resources iter.Seq2[DumpedResource, error]
}

// DumpedResource is a resource whole.
type DumpedResource struct {
	// Resource has no Parts; its Rank is that of its latest part.
	providers.Resource
	Missing providers.Class
	Stored  []DumpedPart
}

// DumpedPart is a part as it is stored.
type DumpedPart struct {
	Name   string
	Body   json.RawMessage
	Unread []providers.Unread
	Stale  providers.Class
}

// Dump hands an account to do, all of it as of one moment. The sequence is valid until do returns.
func (s *Store) Dump(ctx context.Context, access Access, account string, do func(Dump) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	dump, id, err := s.dump(ctx, tx, access, account)
	if err != nil {
		return fmt.Errorf("account %s: %w", account, err)
	}
	dump.Resources = s.dumpResources(ctx, tx, id)
	return do(dump)
}

func (s *Store) dump(ctx context.Context, tx *sql.Tx, access Access, account string) (dump Dump, id int64, err error) {
	w := s.scope(access)
	w.add("a.archived_at IS NULL AND a.name = ?", account)
	err = tx.QueryRowContext(ctx, `SELECT a.id, a.name, a.cloud, a.cloud_id FROM accounts a`+w.String(), w.args...).
		Scan(&id, &dump.Account, &dump.Cloud, &dump.CloudID)
	if errors.Is(err, sql.ErrNoRows) {
		return dump, 0, ErrNotFound
	}
	if err != nil {
		return dump, 0, err
	}
	var started int64
	err = tx.QueryRowContext(ctx, `
		SELECT started_at, status FROM scans WHERE org_id = ? AND account_id = ? AND status IN ('succeeded', 'partial', 'failed') ORDER BY seq DESC LIMIT 1`,
		s.org.id, id).Scan(&started, &dump.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return dump, 0, errors.New("was never scanned: scan it first")
	}
	dump.StartedAt = fromMicros(started)
	if err != nil {
		return dump, 0, err
	}
	err = query(ctx, tx, func(rows *sql.Rows) error {
		var c scanner.Coverage
		err := rows.Scan(&c.Region, &c.Type, &c.Facet, &c.Listing, &c.Class, &c.Permission, &c.Place, &c.Reason, &c.Gaps)
		dump.Coverage = append(dump.Coverage, c)
		return err
	}, `SELECT region, type, facet, listing, class, permission, place, reason, gaps FROM coverage
		WHERE org_id = ? AND account_id = ? AND to_seq IS NULL ORDER BY region, type, facet`, s.org.id, id)
	return dump, id, err
}

// dumpPage is how many resources are held at once.
const dumpPage = 200

func (s *Store) dumpResources(ctx context.Context, tx *sql.Tx, account int64) iter.Seq2[DumpedResource, error] {
	return func(yield func(DumpedResource, error) bool) {
		for kind, identity := "", ""; ; {
			page, err := dumpedPage(ctx, tx, s.org.id, account, kind, identity)
			if err != nil {
				yield(DumpedResource{}, err)
				return
			}
			for _, resource := range page {
				if !yield(resource, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
			last := page[len(page)-1]
			kind, identity = last.Type, last.Identity
		}
	}
}

func dumpedPage(ctx context.Context, tx *sql.Tx, org, account int64, kind, identity string) (page []DumpedResource, err error) {
	at := map[int64]int{}
	var keys []int64
	err = query(ctx, tx, func(rows *sql.Rows) error {
		var key int64
		var r DumpedResource
		var tagText, ancestors string
		err := rows.Scan(&key, &r.Type, &r.Identity, &r.ID, &r.Name, &r.Region, &r.UID, &tagText, &ancestors, &r.Missing)
		if err == nil {
			err = errors.Join(json.Unmarshal([]byte(tagText), &r.Tags), json.Unmarshal([]byte(ancestors), &r.Ancestors))
		}
		at[key] = len(page)
		page, keys = append(page, r), append(keys, key)
		return err
	}, `SELECT key, type, identity, id, name, region, uid, tags, ancestors, missing_class FROM resources
		WHERE org_id = ? AND account_id = ? AND gone_seq IS NULL AND (type, identity) > (?, ?) ORDER BY type, identity LIMIT ?`, org, account, kind, identity, dumpPage)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	marks, args := in(keys)
	err = query(ctx, tx, func(rows *sql.Rows) error {
		var key, updated int64
		var p DumpedPart
		var unread, body string
		if err := rows.Scan(&key, &p.Name, &unread, &p.Stale, &updated, &body); err != nil {
			return err
		}
		resource := &page[at[key]]
		p.Body = json.RawMessage(body)
		if rank := fromNanos(updated); rank.After(resource.Rank.Updated) {
			resource.Rank.Updated = rank
		}
		var err error
		p.Unread, err = scanner.DecodeUnread(unread)
		resource.Stored = append(resource.Stored, p)
		return err
	}, `SELECT p.resource_key, p.part, p.unread, p.stale_class, p.rank_time, b.body FROM parts p JOIN bodies b ON b.part_id = p.id
		WHERE p.resource_key IN (`+marks+`) AND p.to_seq IS NULL ORDER BY p.resource_key, p.part`, args...)
	return page, err
}
