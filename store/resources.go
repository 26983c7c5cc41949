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

	cursor int64
}

// ResourceDetail is a resource with its parts.
type ResourceDetail struct {
	Resource
	Properties json.RawMessage            `json:"properties"`
	Facets     map[string]json.RawMessage `json:"facets"`
	Unread     []providers.Unread         `json:"unread"`
	Ancestors  []string                   `json:"ancestors"`
}

// ResourceFilter narrows a list; zero fields do not.
type ResourceFilter struct{ Account, Type, Region, Search string }

const resourceFrom = ` FROM resources r JOIN accounts a ON a.id = r.account_id`

const resourceColumns = `r.key, a.name, a.cloud, r.type, r.id, r.name, r.region, r.tags, r.version, r.missing_class, r.ancestors,
	(SELECT started_at FROM scans WHERE seq = r.from_seq),
	(SELECT MAX(finished_at) FROM scans WHERE account_id = r.account_id AND status IN ('succeeded', 'partial')
		AND seq < COALESCE(r.missing_seq, 9223372036854775807))`

// ListResources lists the resources that are there, in the order in which they were first found, with
// the cursor of the next page, 0 after the last.
func (s *Store) ListResources(ctx context.Context, access Access, f ResourceFilter, page Page) ([]Resource, int64, error) {
	w := s.scope(access)
	w.add("r.gone_seq IS NULL")
	w.add("r.key > ?", page.After)
	w.equal("a.name", f.Account)
	w.equal("r.type", f.Type)
	w.equal("r.region", f.Region)
	w.contains("r.id || ' ' || r.name", f.Search)
	list := []Resource{}
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		r, err := scanResource(rows)
		list = append(list, r.Resource)
		return err
	}, `SELECT `+resourceColumns+resourceFrom+w.String()+` ORDER BY r.key LIMIT ?`, append(w.args, page.limit()+1)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list resources: %w", err)
	}
	if len(list) > page.limit() {
		list = list[:page.limit()]
		return list, list[len(list)-1].cursor, nil
	}
	return list, 0, nil
}

func scanResource(row interface{ Scan(...any) error }) (r ResourceDetail, err error) {
	var first, seen sql.NullInt64
	var tagText, ancestors string
	err = row.Scan(&r.cursor, &r.Account, &r.Provider, &r.Type, &r.ID, &r.Name, &r.Region, &tagText, &r.Version, &r.Missing, &ancestors, &first, &seen)
	if err != nil {
		return r, err
	}
	r.FirstSeen, r.LastSeen = when(first), when(seen)
	if err := json.Unmarshal([]byte(tagText), &r.Tags); err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(ancestors), &r.Ancestors)
}

// Resource gives one resource whole, by its id, or by its name if no other has it.
func (s *Store) Resource(ctx context.Context, access Access, id string) (ResourceDetail, error) {
	for _, column := range []string{"r.id", "r.identity", "r.name"} {
		w := s.scope(access)
		w.add("r.gone_seq IS NULL")
		w.add(column+" = ?", id)
		var found []ResourceDetail
		err := query(ctx, s.read, func(rows *sql.Rows) error {
			r, err := scanResource(rows)
			found = append(found, r)
			return err
		}, `SELECT `+resourceColumns+resourceFrom+w.String()+` ORDER BY r.key LIMIT 2`, w.args...)
		if err != nil {
			return ResourceDetail{}, err
		}
		if len(found) > 0 {
			if err := unique("resource", id, len(found)); err != nil {
				return ResourceDetail{}, err
			}
			return found[0], s.fillParts(ctx, &found[0])
		}
	}
	return ResourceDetail{}, unique("resource", id, 0)
}

func (s *Store) fillParts(ctx context.Context, r *ResourceDetail) error {
	r.Properties, r.Facets, r.Unread = json.RawMessage("null"), map[string]json.RawMessage{}, []providers.Unread{}
	return query(ctx, s.read, func(rows *sql.Rows) error {
		var name, unread, stale, body string
		if err := rows.Scan(&name, &unread, &stale, &body); err != nil {
			return err
		}
		paths, err := scanner.DecodeUnread(unread)
		r.Unread = append(r.Unread, paths...)
		if stale != "" {
			r.Unread = append(r.Unread, providers.Unread{Path: providers.PartPath(name), Class: providers.Class(stale)})
		}
		if name == providers.Properties {
			r.Properties = json.RawMessage(body)
		} else {
			r.Facets[name] = json.RawMessage(body)
		}
		return err
	}, `SELECT p.part, p.unread, p.stale_class, b.body FROM parts p JOIN bodies b ON b.part_id = p.id
		WHERE p.resource_key = ? AND p.to_seq IS NULL ORDER BY p.part`, r.cursor)
}
