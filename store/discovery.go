package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Ingest implements scanner.Store.
func (s *Store) Ingest(ctx context.Context, scan *scanner.Scan, records []*providers.Resource, weigh func([]scanner.Known) ([]scanner.PartWrite, error)) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		account, err := s.accountID(ctx, b.tx, scan.Account)
		if err != nil {
			return err
		}
		l := lookup{batch: b, org: s.org.id, account: account, seq: scan.Seq, made: map[identity]int64{}}
		known, err := l.find(ctx, records)
		if err != nil {
			return fmt.Errorf("look up %d resources: %w", len(records), err)
		}
		writes, err := weigh(known)
		if err != nil {
			return err
		}
		return b.saveParts(ctx, scan.Seq, writes)
	})
}

// lookup is one call of Ingest.
type lookup struct {
	*batch
	org, account, seq int64
	// made are the rows that it made, which a later record of the batch may be about.
	made map[identity]int64
}

// identity is what tells the resources of an account apart.
type identity struct{ kind, id string }

// find gives what is known of the records' resources, making or reviving rows.
func (l *lookup) find(ctx context.Context, records []*providers.Resource) ([]scanner.Known, error) {
	known := make([]scanner.Known, len(records))
	if len(records) == 0 {
		return known, nil
	}
	gone := map[int]bool{}
	err := query(ctx, l, func(rows *sql.Rows) error {
		var i int
		var key, at int64
		var isGone bool
		var hash sql.RawBytes
		var part scanner.KnownPart
		err := rows.Scan(&i, &key, &isGone, &part.Name, &hash, &part.Unread, &at, &part.Rank.Scope, &part.Rank.Line, &part.Stale, &part.From, &known[i].UID)
		known[i].Key = key
		if isGone {
			gone[i] = true
		}
		if part.Name != "" {
			part.Hash, part.Rank.Updated = hashOf(hash), fromNanos(at)
			known[i].Parts = append(known[i].Parts, part)
		}
		return err
	}, lookupText(len(records)), l.wanted(records)...)
	if err != nil {
		return nil, err
	}
	for i, record := range records {
		if err := l.settle(ctx, record, &known[i], gone[i]); err != nil {
			return nil, fmt.Errorf("resource of type %s: %w", record.Type, err)
		}
	}
	return known, nil
}

// lookupText is a query for the current parts of n resources at once, which costs a third of asking
// for each. A resource without any gives one row with an empty name.
func lookupText(n int) string {
	var values strings.Builder
	for i := range n {
		values.WriteString(",(" + strconv.Itoa(i) + ",?,?)")
	}
	return `WITH wanted (n, type, identity) AS (VALUES ` + values.String()[1:] + `)
		SELECT w.n, r.key, r.gone_seq IS NOT NULL, COALESCE(p.part, ''), p.hash, COALESCE(p.unread, ''), COALESCE(p.rank_time, 0),
			COALESCE(p.rank_scope, ''), COALESCE(p.rank_line, 0), COALESCE(p.stale_class, '') <> '', COALESCE(p.from_seq, 0), r.uid
		FROM wanted w CROSS JOIN resources r LEFT JOIN parts p ON p.resource_key = r.key AND p.to_seq IS NULL
		WHERE r.org_id = ? AND r.account_id = ? AND r.type = w.type AND r.identity = w.identity`
}

// wanted gives the arguments of the query for the records.
func (l *lookup) wanted(records []*providers.Resource) []any {
	args := make([]any, 0, 2*len(records)+2)
	for _, record := range records {
		args = append(args, record.Type, record.Identity)
	}
	return append(args, l.org, l.account)
}

// settle sees to it that the record's resource has a row that lives.
func (l *lookup) settle(ctx context.Context, r *providers.Resource, known *scanner.Known, gone bool) error {
	at := identity{r.Type, r.Identity}
	switch key, made := l.made[at]; {
	case made:
		known.Key, known.New = key, true
		return nil
	case known.Key == 0:
		return l.create(ctx, r, known)
	case gone:
		l.made[at], known.New = known.Key, true
		return l.exec(ctx, `
			UPDATE resources SET gone_seq = NULL, gone_why = '', missing_class = '', missing_seq = NULL, misses = 0, version = version + ?,
				id = ?, name = ?, region = ?, uid = ?, tags = ?, ancestors = ?, from_seq = ?, changed_seq = ? WHERE key = ?`,
			len(r.Parts), r.ID, r.Name, r.Region, r.UID, tags(r.Tags), texts(r.Ancestors), l.seq, l.seq, known.Key)
	}
	return nil
}

// create makes the resource's row. It says already that all parts of the record are its first.
func (l *lookup) create(ctx context.Context, r *providers.Resource, known *scanner.Known) (err error) {
	known.New = true
	if known.Key, err = l.next(ctx, `SELECT COALESCE(MAX(key), 0) FROM resources`); err != nil {
		return err
	}
	l.made[identity{r.Type, r.Identity}] = known.Key
	return l.exec(ctx, `
		INSERT INTO resources (key, org_id, account_id, type, identity, id, name, region, uid, tags, ancestors, from_seq, changed_seq, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		known.Key, l.org, l.account, r.Type, r.Identity, r.ID, r.Name, r.Region, r.UID, tags(r.Tags), texts(r.Ancestors), l.seq, l.seq, len(r.Parts))
}

func hashOf(data []byte) (hash providers.Hash) {
	copy(hash[:], data)
	return hash
}
