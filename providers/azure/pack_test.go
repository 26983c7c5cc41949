package azure_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/packs"
	"cloudaudit/providers"
)

// loaded gives the built-in pack, and the engine that runs it.
func loaded(t *testing.T) (*policy.Pack, *cel.Engine) {
	t.Helper()
	all, err := packs.All()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(b packs.Builtin) bool { return b.Name == "azure-foundations" })
	engine := cel.New()
	loader := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: engine}}
	pack, err := loader.FS(t.Context(), all[at].Name, all[at].Files)
	if err != nil {
		t.Fatal(err)
	}
	return pack, engine
}

// builtIn is what the built-in policies read.
func builtIn(t *testing.T) providers.Want {
	t.Helper()
	want := providers.Want{Paths: map[string][]string{}}
	pack, _ := loaded(t)
	for _, p := range pack.Policies {
		for _, name := range p.Types {
			want.Paths[name] = append(want.Paths[name], p.ReadsOf(name)...)
		}
	}
	return want
}

// TestPlan_HoldsWhatPoliciesRead holds that every type of which a built-in policy reads anything is planned:
// of all others an account policy would never know anything.
func TestPlan_HoldsWhatPoliciesRead(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	want := builtIn(t)
	if len(want.Paths) < 25 {
		t.Fatalf("the built-in policies read %d types", len(want.Paths))
	}
	r := scan(t, newProvider(), account(c, "", shop), want)
	r.clean(t)
	var manager []string
	for name := range want.Paths {
		held := 0
		for _, scope := range r.scopes {
			if scope.Holds(name) {
				held++
			}
		}
		if held != 1 {
			t.Errorf("%d scopes hold %s", held, name)
		}
		if without := scan(t, newProvider(), account(c, "", shop), providers.Want{}); !slices.ContainsFunc(scopesOf(without), func(scope providers.Scope) bool { return scope.Holds(name) }) {
			manager = append(manager, name)
		}
	}
	slices.Sort(manager)
	if diff := cmp.Diff(slices.Sorted(slices.Values(foundations)), manager); diff != "" {
		t.Errorf("types that Resource Manager is asked for (-want +got):\n%s", diff)
	}
	for name, paths := range want.Paths {
		for _, path := range paths {
			if strings.HasPrefix(path, "/properties/_azure") {
				t.Errorf("a policy reads %s of %s, which costs calls: put it into the budget", path, name)
			}
		}
	}
}

func scopesOf(r *read) []providers.Scope {
	var scopes []providers.Scope
	for _, scope := range r.scopes {
		scopes = append(scopes, scope)
	}
	return scopes
}
