package scanner_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/store"
)

// inPieces is a thing whose property "public" is read apart, as it is for a scan that did not read it.
func inPieces(id string, value any) *providers.Resource {
	resource := thing(id, map[string]any{"size": "small"})
	if value == nil {
		main := resource.Parts[providers.Properties]
		main.Unread = []providers.Unread{{Path: "/properties/public", Class: providers.NotRead}}
		resource.Parts[providers.Properties] = main
		return resource
	}
	resource.Parts[providers.Piece("access")] = providers.Part{Value: map[string]any{"public": value}}
	return resource
}

// TestPieces_AreProperties holds that policies see a piece among the properties, and that reading a
// piece or not is no change of the resource.
func TestPieces_AreProperties(t *testing.T) {
	t.Parallel()
	type found struct {
		added, changed int
		unknown        int
		open           string
		properties     string
		unread         []providers.Unread
	}
	notRead := []providers.Unread{{Path: "/properties/public", Class: providers.NotRead}}
	for name, steps := range map[string][]struct {
		value any
		want  found
	}{
		"read_and_not": {
			{true, found{added: 1, open: "a no-public ", properties: `{"public":true,"size":"small"}`}},
			{nil, found{unknown: 1, open: "a no-public ", properties: `{"public":true,"size":"small"}`, unread: notRead}},
			{true, found{open: "a no-public ", properties: `{"public":true,"size":"small"}`}},
			{false, found{changed: 1, properties: `{"public":false,"size":"small"}`}},
			{nil, found{unknown: 1, properties: `{"public":false,"size":"small"}`, unread: notRead}},
		},
		"not_read_at_first": {
			{nil, found{added: 1, unknown: 1, properties: `{"size":"small"}`, unread: notRead}},
			{true, found{open: "a no-public ", properties: `{"public":true,"size":"small"}`}},
			{true, found{open: "a no-public ", properties: `{"public":true,"size":"small"}`}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			for i, step := range steps {
				r.fake.Set(scope("one", inPieces("a", step.value)))
				got := found{}
				result := r.mustScan(t)
				got.added, got.changed = result.Counts.Added, result.Counts.Changed
				accounts, err := r.store.Accounts(t.Context(), store.Access{}, r.now)
				fatal(t, err)
				got.unknown = accounts[0].Score.Unknown
				got.open = strings.Join(r.openViolations(t), ", ")
				detail, err := r.store.Resource(t.Context(), store.Access{}, "a", r.now)
				fatal(t, err)
				got.properties = string(detail.Properties)
				if len(detail.Unread) > 0 {
					got.unread = detail.Unread
				}
				if diff := cmp.Diff(step.want, got, cmp.AllowUnexported(found{})); diff != "" {
					t.Errorf("scan %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}

// TestPieces_AreInTheInventory holds that account policies see pieces among the properties.
func TestPieces_AreInTheInventory(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	d := declared(r.packs(t, publicRule))
	d.Packs[0].Policies = append(d.Packs[0].Policies, fewPublic)
	d.Packs[0].Digest = "sha256:with an account policy"
	r.declare(t, d)
	r.fake.Set(scope("one", inPieces("a", true), inPieces("b", true)))
	r.scanCounting(t)
	open := r.rows(t, `SELECT policy FROM violations WHERE resource_key IS NULL AND state = 'open'`)
	if diff := cmp.Diff([]string{fewPublic.Name}, open); diff != "" {
		t.Errorf("open violations of the account (-want +got):\n%s", diff)
	}
}
