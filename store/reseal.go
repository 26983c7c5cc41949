package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// Resealing redacts a stored part by the present list: shape.Reseal. The resource holds what is stored
// about it; it gives the new body, and leaves the part's hash and unread paths in the resource.
type Resealing func(resource *providers.Resource, part string, body []byte, unread []providers.Unread) ([]byte, error)

// withheld takes the place of messages that may quote what is a secret now.
const withheld = "the message may have quoted a secret and was removed; the next scan writes it anew"

// Reseal brings stored bodies up to the redaction list of this program, history included (design
// §12.9). Versions stay what they are: nothing looks as if a resource had changed. It does nothing
// if the list is the one that the store knows, and refuses a store that a newer list was applied to.
func (s *Store) Reseal(ctx context.Context, reseal Resealing) error {
	text, err := s.setting(ctx, s.read, "redaction_revision")
	if err != nil {
		return err
	}
	known, err := strconv.Atoi(text)
	switch {
	case text == "":
		return s.withTx(ctx, func(tx *sql.Tx) error { return s.setRedaction(ctx, newBatch(tx)) })
	case err != nil:
		return fmt.Errorf("redaction_revision %q is damaged: %w", text, err)
	case known > s.redaction:
		return fmt.Errorf("%s was redacted by list %d, this version has list %d: %w", s.path, known, s.redaction, ErrNewerSchema)
	case known == s.redaction:
		return nil
	}
	return s.alone(func() error {
		if err := s.resealAll(ctx, reseal); err != nil {
			return fmt.Errorf("redact what is stored in %s anew: %w", s.path, err)
		}
		return nil
	})
}

func (s *Store) setRedaction(ctx context.Context, b *batch) error {
	return s.set(ctx, b, "redaction_revision", strconv.Itoa(s.redaction))
}

// resealAll works page by page, each in a transaction, and starts where it was interrupted.
func (s *Store) resealAll(ctx context.Context, reseal Resealing) error {
	for after := int64(0); ; {
		page, err := s.sealedBefore(ctx, after)
		if err != nil {
			return err
		}
		err = s.withTx(ctx, func(tx *sql.Tx) error {
			b := newBatch(tx)
			if err := b.exec(ctx, `DELETE FROM last_scans WHERE account_id IN (SELECT id FROM accounts WHERE org_id = ?)`, s.org.id); err != nil {
				return err // what it left is told by hashes that are no more
			}
			for _, part := range page {
				if err := b.reseal(ctx, part, reseal, s.redaction); err != nil {
					return err
				}
			}
			if len(page) > 0 {
				return nil
			}
			// Records that a scan put aside are not sealed again, so none goes on with them.
			if err := b.exec(ctx, `UPDATE scans SET resumable = 0 WHERE org_id = ?`, s.org.id); err != nil {
				return err
			}
			if err := b.exec(ctx, `DELETE FROM scan_deferred WHERE scan_seq IN (SELECT seq FROM scans WHERE org_id = ?)`, s.org.id); err != nil {
				return err
			}
			return s.setRedaction(ctx, b)
		})
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].id
	}
}

// sealedPart is a part that an older list was applied to.
type sealedPart struct {
	id, resource             int64
	part, unread, body, head string
	kind, identity           string
	current                  bool
}

// sealedText goes by the parts in their order, so that a page costs what is in it.
const sealedText = `SELECT p.id, p.resource_key, p.part, p.unread, b.body, b.head, r.type, r.identity, p.to_seq IS NULL
	FROM parts p CROSS JOIN bodies b CROSS JOIN resources r
	WHERE b.part_id = p.id AND r.key = p.resource_key AND r.org_id = ? AND p.redaction < ? AND p.id > ? ORDER BY p.id LIMIT 500`

func (s *Store) sealedBefore(ctx context.Context, after int64) (page []sealedPart, err error) {
	err = query(ctx, s.read, func(rows *sql.Rows) error {
		var p sealedPart
		err := rows.Scan(&p.id, &p.resource, &p.part, &p.unread, &p.body, &p.head, &p.kind, &p.identity, &p.current)
		page = append(page, p)
		return err
	}, sealedText, s.org.id, s.redaction, after)
	return page, err
}

func (b *batch) reseal(ctx context.Context, p sealedPart, reseal Resealing, revision int) error {
	var h head
	if err := json.Unmarshal([]byte(p.head), &h); err != nil {
		return fmt.Errorf("head of part %d: %w", p.id, err)
	}
	unread, err := scanner.DecodeUnread(p.unread)
	if err != nil {
		return fmt.Errorf("part %d: %w", p.id, err)
	}
	resource := &providers.Resource{
		Type: p.kind, ID: h.ID, Identity: p.identity, Name: h.Name, Region: h.Region, UID: h.UID, Tags: h.Tags, Ancestors: h.Ancestors,
	}
	body, err := reseal(resource, p.part, []byte(p.body), unread)
	if err != nil {
		return fmt.Errorf("part %d: %w", p.id, err)
	}
	headText, err := headOf(resource)
	if err != nil {
		return err
	}
	now := resource.Parts[p.part]
	if err := errors.Join(
		b.exec(ctx, `UPDATE parts SET hash = ?, unread = ?, redaction = ? WHERE id = ?`, now.Hash[:], scanner.EncodeUnread(now.Unread), revision, p.id),
		b.exec(ctx, `UPDATE bodies SET body = ?, head = ? WHERE part_id = ?`, string(body), headText, p.id),
	); err != nil {
		return err
	}
	if string(body) == p.body && headText == p.head {
		return nil
	}
	return b.withhold(ctx, p, resource)
}

// withhold removes what else may show what is a secret now: messages, and the tags of the resource.
func (b *batch) withhold(ctx context.Context, p sealedPart, resource *providers.Resource) error {
	if p.current && p.part == providers.Properties {
		if err := b.exec(ctx, `UPDATE resources SET tags = ? WHERE key = ?`, tags(resource.Tags), p.resource); err != nil {
			return err
		}
	}
	if err := b.exec(ctx, `UPDATE violations SET message = ? WHERE resource_key = ?`, withheld, p.resource); err != nil {
		return err
	}
	return b.exec(ctx, `UPDATE violation_groups SET message = ? WHERE violation_key IN (SELECT key FROM violations WHERE resource_key = ?)`, withheld, p.resource)
}
