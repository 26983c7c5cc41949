package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Resource is a resource as lists show it. The JSON names are a contract (design §10).
type Resource struct {
	Account   string            `json:"account"`
	Provider  string            `json:"provider"`
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Region    string            `json:"region"`
	Tags      map[string]string `json:"tags"`
	FirstSeen *time.Time        `json:"firstSeen"`
	LastSeen  *time.Time        `json:"lastSeen"`
	Version   int               `json:"version"`
	// Missing says why the resource could not be seen lately, empty while it can.
	Missing string `json:"missing,omitempty"`

	cursor   int64
	identity string
	seq      int64 // at a past moment
}

// ResourceDetail is a resource with its parts.
type ResourceDetail struct {
	Resource
	Properties json.RawMessage            `json:"properties"`
	Facets     map[string]json.RawMessage `json:"facets"`
	Unread     []providers.Unread         `json:"unread"`
	Ancestors  []string                   `json:"ancestors"`
}

// Key is what the scanner calls the resource by.
func (r Resource) Key() int64 { return r.cursor }

// ResourceFilter narrows a list; zero fields do not.
type ResourceFilter struct {
	Account, Type, Region, Search string
	// At gives the list as it was at a past moment.
	At time.Time
}

// resourcesFrom says where lists of resources read: the tables as they are now, or as they were.
type resourcesFrom struct {
	from, region, version, missing, seen, head, seq, there string
	args                                                   []any
}

func (s *Store) resourcesFrom(ctx context.Context, at time.Time) (resourcesFrom, error) {
	if at.IsZero() {
		return resourcesFrom{
			from: ` FROM resources r JOIN accounts a ON a.id = r.account_id`, region: "r.region", version: "r.version", missing: "r.missing_class",
			seen: `(SELECT MAX(finished_at) FROM scans WHERE account_id = r.account_id AND status IN ('succeeded', 'partial')
				AND seq < COALESCE(r.missing_seq, 9223372036854775807))`,
			head: "''", seq: "0", there: "r.gone_seq IS NULL",
		}, nil
	}
	if err := s.checkMoment(ctx, at); err != nil {
		return resourcesFrom{}, err
	}
	return resourcesFrom{
		from: ` FROM resources r JOIN accounts a ON a.id = r.account_id JOIN ` + moments + ` m ON m.account_id = r.account_id
			JOIN parts p ON p.id = (SELECT q.id FROM parts q WHERE q.resource_key = r.key AND ` + holds("q") + `
				ORDER BY CASE q.part WHEN 'properties' THEN 0 ELSE 1 END, q.part LIMIT 1)
			JOIN bodies b ON b.part_id = p.id
			LEFT JOIN unseen u ON u.resource_key = r.key AND u.part = '' AND ` + holds("u"),
		region: "p.region", version: "r.version - (SELECT COUNT(*) FROM parts c WHERE c.resource_key = r.key AND c.from_seq > m.seq)",
		missing: "COALESCE(u.class, '')",
		seen: `(SELECT MAX(finished_at) FROM scans WHERE account_id = r.account_id AND status IN ('succeeded', 'partial')
			AND seq < COALESCE(u.since_seq, m.seq + 1))`,
		head: "b.head", seq: "m.seq", there: "1 = 1", args: []any{s.org.id, micros(at)},
	}, nil
}

// resources reads those that meet the conditions.
func (s *Store) resources(ctx context.Context, from resourcesFrom, w *where, order string, limit int) ([]ResourceDetail, error) {
	list := []ResourceDetail{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		r, err := scanResource(rows)
		list = append(list, r)
		return err
	}, `SELECT r.key, r.identity, `+from.seq+`, a.name, a.cloud, r.type, r.id, r.name, `+from.region+`, r.tags, `+from.version+`, `+from.missing+`, r.ancestors, `+from.head+`,
		(SELECT started_at FROM scans WHERE seq = r.from_seq), `+from.seen+from.from+w.String()+` ORDER BY `+order+` LIMIT ?`,
		append(append(append([]any{}, from.args...), w.args...), limit)...)
	return list, err
}

// EachResource hands every resource of the list to do, by account, type and identity, so that the same
// resources come in the same order from every store. It reads in pages like EachViolation.
func (s *Store) EachResource(ctx context.Context, access Access, f ResourceFilter, do func(Resource) error) error {
	from, err := s.resourcesFrom(ctx, f.At)
	if err != nil {
		return err
	}
	accounts, err := s.names(ctx, access, f.Account)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		f.Account = account
		if err := s.eachOf(ctx, from, f, do); err != nil {
			return fmt.Errorf("resources of account %s: %w", account, err)
		}
	}
	return nil
}

// eachOf is EachResource for one account.
func (s *Store) eachOf(ctx context.Context, from resourcesFrom, f ResourceFilter, do func(Resource) error) error {
	for kind, identity := "", ""; ; {
		w := f.conditions(s.scope(Access{}), from)
		w.add("(r.type, r.identity) > (?, ?)", kind, identity)
		list, err := s.resources(ctx, from, w, "r.type, r.identity", exportPage)
		if err != nil {
			return err
		}
		for _, resource := range list {
			if err := do(resource.Resource); err != nil {
				return err
			}
		}
		if len(list) < exportPage {
			return nil
		}
		last := list[len(list)-1]
		kind, identity = last.Type, last.identity
	}
}

// names lists the accounts that the caller may see, archived ones included, by name: all or one.
func (s *Store) names(ctx context.Context, access Access, account string) (names []string, err error) {
	w := s.scope(access)
	w.equal("a.name", account)
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT DISTINCT a.name FROM accounts a`+w.String()+` ORDER BY a.name`, w.args...)
	return names, err
}

// conditions adds those of the filter.
func (f ResourceFilter) conditions(w *where, from resourcesFrom) *where {
	w.add(from.there)
	w.equal("a.name", f.Account)
	w.equal("r.type", f.Type)
	w.equal(from.region, f.Region)
	w.contains("r.id || ' ' || r.name", f.Search)
	return w
}

// ListResources lists the resources that are there, in the order in which they were first found, with
// the cursor of the next page, 0 after the last.
func (s *Store) ListResources(ctx context.Context, access Access, f ResourceFilter, page Page) ([]Resource, int64, error) {
	from, err := s.resourcesFrom(ctx, f.At)
	if err != nil {
		return nil, 0, err
	}
	w := f.conditions(s.scope(access), from)
	w.add("r.key > ?", page.After)
	details, err := s.resources(ctx, from, w, "r.key", page.limit()+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list resources: %w", err)
	}
	list := make([]Resource, len(details))
	for i, detail := range details {
		list[i] = detail.Resource
	}
	if len(list) > page.limit() {
		list = list[:page.limit()]
		return list, list[len(list)-1].cursor, nil
	}
	return list, 0, nil
}

func scanResource(row interface{ Scan(...any) error }) (r ResourceDetail, err error) {
	var first, seen sql.NullInt64
	var tagText, ancestors, headText string
	err = row.Scan(&r.cursor, &r.identity, &r.seq, &r.Account, &r.Provider, &r.Type, &r.ID, &r.Name, &r.Region, &tagText, &r.Version, &r.Missing, &ancestors,
		&headText, &first, &seen)
	if err != nil {
		return r, err
	}
	r.FirstSeen, r.LastSeen = when(first), when(seen)
	if headText != "" {
		var h head
		err := json.Unmarshal([]byte(headText), &h)
		r.ID, r.Name, r.Region, r.Tags, r.Ancestors = h.ID, h.Name, h.Region, h.Tags, h.Ancestors
		return r.filled(), err
	}
	if err := json.Unmarshal([]byte(tagText), &r.Tags); err != nil {
		return r, err
	}
	err = json.Unmarshal([]byte(ancestors), &r.Ancestors)
	return r, err
}

// filled has empty maps and lists in the place of none.
func (r ResourceDetail) filled() ResourceDetail {
	if r.Tags == nil {
		r.Tags = map[string]string{}
	}
	if r.Ancestors == nil {
		r.Ancestors = []string{}
	}
	return r
}

// Resource gives one resource whole, by its id, or by its name if no other has it; now or, if at is
// set, as it was at a past moment.
func (s *Store) Resource(ctx context.Context, access Access, id string, at time.Time) (ResourceDetail, error) {
	from, err := s.resourcesFrom(ctx, at)
	if err != nil {
		return ResourceDetail{}, err
	}
	for _, column := range []string{"r.id", "r.identity", "r.name"} {
		w := s.scope(access)
		w.add(from.there)
		w.add(column+" = ?", id)
		found, err := s.resources(ctx, from, w, "r.key", 2)
		if err != nil {
			return ResourceDetail{}, err
		}
		if len(found) > 0 {
			if err := unique("resource", id, len(found)); err != nil {
				return ResourceDetail{}, err
			}
			err := s.fillParts(ctx, &found[0])
			return found[0], err
		}
	}
	return ResourceDetail{}, unique("resource", id, 0)
}

// fillParts reads the bodies that hold at the resource's moment, pieces of the main part joined with it,
// and what of them is unread.
func (s *Store) fillParts(ctx context.Context, r *ResourceDetail) error {
	r.Properties, r.Facets, r.Unread = json.RawMessage("null"), map[string]json.RawMessage{}, []providers.Unread{}
	condition, args := "p.to_seq IS NULL", []any{r.cursor}
	if r.seq > 0 {
		condition, args = "p.from_seq <= ? AND (p.to_seq IS NULL OR p.to_seq > ?)", []any{r.cursor, r.seq, r.seq}
	}
	pieces := map[string]json.RawMessage{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var name, unread, body string
		if err := rows.Scan(&name, &unread, &body); err != nil {
			return err
		}
		paths, err := scanner.DecodeUnread(unread)
		r.Unread = append(r.Unread, paths...)
		switch {
		case name == providers.Properties:
			r.Properties = json.RawMessage(body)
		case providers.IsPiece(name):
			pieces[name] = json.RawMessage(body)
		default:
			r.Facets[name] = json.RawMessage(body)
		}
		return err
	}, `SELECT p.part, p.unread, b.body FROM parts p JOIN bodies b ON b.part_id = p.id WHERE p.resource_key = ? AND `+condition+` ORDER BY p.part`, args...)
	if err != nil {
		return err
	}
	if r.Properties, err = joined(r.Properties, pieces); err != nil {
		return err
	}
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var name string
		var class providers.Class
		err := rows.Scan(&name, &class)
		if !providers.IsPiece(name) { // of a piece the main part tells
			r.Unread = append(r.Unread, providers.Unread{Path: providers.PartPath(name), Class: class})
		}
		return err
	}, `SELECT p.part, p.class FROM unseen p WHERE p.resource_key = ? AND `+condition+` AND p.part <> '' ORDER BY p.part`, args...)
}

// joined is the body of a main part with its pieces in it.
func joined(main json.RawMessage, pieces map[string]json.RawMessage) (json.RawMessage, error) {
	if len(pieces) == 0 {
		return main, nil
	}
	pieces[providers.Properties] = main
	resource := providers.Resource{Parts: map[string]providers.Part{}}
	for name, body := range pieces {
		value, err := providers.ParseValue(body)
		if err != nil {
			return nil, fmt.Errorf("read stored part %s: it %w", name, err)
		}
		resource.Parts[name] = providers.Part{Value: value}
	}
	resource.Join()
	return providers.FormatValue(resource.Parts[providers.Properties].Value)
}
