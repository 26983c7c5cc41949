package scanner_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

const quotingRule = `name: named
severity: low
description: Has the right name.
match: {types: [T]}
validations:
  - {expression: resource.properties.public != true, messageExpression: '"pin is " + resource.properties.pin'}
`

// newer seals like a list that knows pins to be secrets.
func newer(resource *providers.Resource, part string, body []byte, unread []providers.Unread) ([]byte, error) {
	value, err := providers.ParseValue(body)
	if err != nil {
		return nil, err
	}
	if object, ok := value.(map[string]any); ok && object["pin"] != nil {
		object["pin"] = providers.Redacted{}
		unread = append(unread, providers.Unread{Path: "/properties/pin", Class: providers.RedactedValue})
	}
	resource.Parts = map[string]providers.Part{part: {Value: value, Unread: unread}}
	sealed := providertest.Clone(resource)
	resource.Parts = sealed.Parts
	return providers.FormatValue(value)
}

// TestReseal_RewritesHistory holds design §12.9: a newer list reaches everything that is stored, and no
// resource looks changed.
func TestReseal_RewritesHistory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, quotingRule)
	fatal(t, r.store.Reseal(ctx, newer))
	secret := func(pin string) map[string]any { return map[string]any{"pin": pin, "public": true} }
	r.fake.Set(scope("a", thing("a1", secret("4711")), thing("a2", secret("0815"))))
	r.mustScan(t)
	r.fake.Set(scope("a", thing("a1", secret("4712")), thing("a2", secret("0815"))))
	r.mustScan(t)
	fatal(t, r.store.Close())

	s, err := store.Open(ctx, r.path, store.Options{Now: func() time.Time { return r.now }, Redaction: 1})
	fatal(t, err)
	r.store = s
	fatal(t, s.Use(ctx, "acme"))
	fatal(t, s.Reseal(ctx, newer))
	for _, query := range []string{`SELECT body || head FROM bodies`, `SELECT message FROM violations`, `SELECT message FROM violation_groups`} {
		for _, text := range r.rows(t, query) {
			if strings.Contains(text, "4711") || strings.Contains(text, "4712") || strings.Contains(text, "0815") {
				t.Errorf("%s shows %s", query, text)
			}
		}
	}
	if stale := r.rows(t, `SELECT id FROM parts WHERE redaction <> 1`); len(stale) > 0 {
		t.Errorf("parts %q were left out", stale)
	}
	sealed := func(pin string) *providers.Resource {
		x := thing("", map[string]any{"pin": providers.Redacted{}, "public": true})
		x.Parts[providers.Properties] = providers.Part{
			Value: x.Parts[providers.Properties].Value, Unread: []providers.Unread{{Path: "/properties/pin", Class: providers.RedactedValue}},
		}
		x.ID, x.Name = pin, pin
		return x
	}
	r.fake.Set(scope("a", sealed("a1"), sealed("a2")))
	if c := r.mustScan(t).Counts; c.Added+c.Changed+c.Removed+c.Resolved > 0 {
		t.Errorf("the next scan: %+v", c)
	}
	fatal(t, r.store.Close())
	r.open(t)
	if err := r.store.Reseal(ctx, newer); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("an older program: %v", err)
	}
}

// TestReseal_EndsAScanThatCannotGoOn although its process ended without a word.
func TestReseal_EndsAScanThatCannotGoOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	fatal(t, r.store.Reseal(ctx, newer))
	accounts, err := r.store.Scannable(ctx)
	fatal(t, err)
	_, err = r.store.Begin(ctx, accounts[0], scanner.Manual)
	fatal(t, err)
	fatal(t, r.store.Close())
	s, err := store.Open(ctx, r.path, store.Options{Now: func() time.Time { return r.now }, Redaction: 1})
	fatal(t, err)
	r.store = s
	fatal(t, s.Use(ctx, "acme"))
	fatal(t, s.Reseal(ctx, newer))
	r.fake.Set(scope("a"))
	r.mustScan(t)
	if diff := cmp.Diff([]string{"interrupted", "succeeded"}, r.rows(t, `SELECT status FROM scans ORDER BY seq`)); diff != "" {
		t.Errorf("scans (-want +got):\n%s", diff)
	}
}
