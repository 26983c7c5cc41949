package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cloudaudit/policy"
)

func TestLevel(t *testing.T) {
	t.Parallel()
	for i, level := range policy.Levels {
		for j, other := range policy.Levels {
			if level.Stricter(other) != (i > j) {
				t.Errorf("%s stricter than %s: %t", level, other, level.Stricter(other))
			}
		}
		if !level.Valid() {
			t.Errorf("%s is not valid", level)
		}
	}
	if policy.Level("high").Valid() || policy.Level("").Valid() {
		t.Error("a wrong level is valid")
	}
}

func TestSeverity(t *testing.T) {
	t.Parallel()
	for i, severity := range policy.Severities {
		for j, other := range policy.Severities {
			if severity.AtLeast(other) != (i >= j) {
				t.Errorf("%s at least %s: %t", severity, other, severity.AtLeast(other))
			}
		}
	}
	if policy.Severity("").AtLeast("") || policy.Severity("x").Valid() || !policy.High.Valid() {
		t.Error("a wrong severity counts")
	}
}

func TestPolicy_Matches(t *testing.T) {
	t.Parallel()
	if !(policy.Policy{}).Matches("T") || !(policy.Policy{Types: []string{"U", "T"}}).Matches("T") || (policy.Policy{Types: []string{"U"}}).Matches("T") {
		t.Error("matches wrongly")
	}
}

func TestControl_String(t *testing.T) {
	t.Parallel()
	got := []string{
		policy.Control{Framework: "CIS", Version: "5.0", ID: "2.1"}.String(), policy.Control{Framework: "PCI", ID: "1"}.String(),
	}
	if diff := cmp.Diff([]string{"CIS 5.0 2.1", "PCI 1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": true, "A-b_c.9": true, strings.Repeat("a", 100): true,
		"": false, "a b": false, "a/b": false, strings.Repeat("a", 101): false, "ä": false,
	} {
		if err := policy.CheckName("policy", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPack_Policy(t *testing.T) {
	t.Parallel()
	pack := policy.Pack{Policies: []policy.Policy{{Name: "a"}, {Name: "b", Message: "m"}}}
	if p, ok := pack.Policy("b"); !ok || p.Message != "m" {
		t.Error(p, ok)
	}
	if _, ok := pack.Policy("c"); ok {
		t.Error("found what is not there")
	}
}

func TestFacets(t *testing.T) {
	t.Parallel()
	about := func(types []string, reads ...string) policy.Policy { return policy.Policy{Types: types, Reads: reads} }
	for _, test := range []struct {
		name     string
		policies []policy.Policy
		want     []string
		all      bool
	}{
		{"none", nil, nil, false},
		{"properties", []policy.Policy{about(nil, "/properties/facets/x", "/tags")}, nil, false},
		{"names", []policy.Policy{about([]string{"T"}, "/facets/b/c", "/facets/a"), about(nil, "/facets/a/d")}, []string{"a", "b"}, false},
		{"other_type", []policy.Policy{about([]string{"U"}, "/facets/a")}, nil, false},
		{"escaped", []policy.Policy{about(nil, "/facets/a~1b~0c/*")}, []string{"a/b~c"}, false},
		{"root", []policy.Policy{about(nil, "")}, nil, true},
		{"facets", []policy.Policy{about(nil, "/facets"), about(nil, "/facets/a")}, []string{"a"}, true},
		{"any_facet", []policy.Policy{about(nil, "/facets/*/x")}, nil, true},
		{"any_field", []policy.Policy{about(nil, "/*")}, nil, true},
		{"any_field_below", []policy.Policy{about(nil, "/*/a")}, nil, true},
	} {
		got, all := policy.Facets(test.policies, "T")
		if diff := cmp.Diff(test.want, got); diff != "" || all != test.all {
			t.Errorf("%s: all %t, %s", test.name, all, diff)
		}
	}
}

func TestIdentity_ID(t *testing.T) {
	t.Parallel()
	base := policy.Identity{
		Organization: "o", Account: "a", Pack: "p", Policy: "q", ResourceType: "T", ResourceID: "r", Key: "k",
	}
	// The id is a promise: it stays from version to version and from machine to machine.
	if got := base.ID(); got != "d82cbe9b-e56d-5895-b4b1-b6cfa8c3ac71" {
		t.Errorf("the id of a violation became %s", got)
	}
	seen := map[string]bool{base.ID(): true}
	for _, change := range []func(*policy.Identity){
		func(i *policy.Identity) { i.Organization = "x" }, func(i *policy.Identity) { i.Account = "x" },
		func(i *policy.Identity) { i.Pack = "x" }, func(i *policy.Identity) { i.Policy = "x" },
		func(i *policy.Identity) { i.ResourceType = "x" }, func(i *policy.Identity) { i.ResourceID = "x" },
		func(i *policy.Identity) { i.Key = "x" }, func(i *policy.Identity) { i.Key = "" },
	} {
		other := base
		change(&other)
		if seen[other.ID()] {
			t.Errorf("%+v shares its id", other)
		}
		seen[other.ID()] = true
	}
}

// No two lists of names share an id, whatever separators and escapes they hold.
func TestDeriveID_NoCollisions(t *testing.T) {
	t.Parallel()
	name := rapid.StringOfN(rapid.SampledFrom([]rune{'a', '0', '\\', 0}), 0, 4, -1)
	rapid.Check(t, func(r *rapid.T) {
		a, b := rapid.SliceOfN(name, 1, 3).Draw(r, "a"), rapid.SliceOfN(name, 1, 3).Draw(r, "b")
		if same := cmp.Equal(a, b); same != (policy.DeriveID(a...) == policy.DeriveID(b...)) {
			r.Fatalf("%q and %q: the same list is %t", a, b, same)
		}
	})
}
