package rego_test

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

const branchedRules = `package p

# METADATA
# custom:
#   types: [T]
deny contains msg if {
	some port in input.properties.ports
	print(port)
	risky(port)
	not input.properties.closed
	names := [n | some n in input.properties.names; n != ""]
	every n in names { startswith(n, "x") }
	msg := sprintf("port %d", [port])
}

# METADATA
# custom:
#   types: [T]
deny_other contains "other" if {
	some port in input.properties.ports
	risky(port)
}

risky(port) if port == 22

risky(3389)

unused if input.properties.never == 1
`

const branchTests = `package p

test_closed if count(deny) == 0 with input as {"properties": {"ports": [22], "closed": true}}
`

// TestWatch_Branches holds which branches the rules of a policy have, and which of them resources and
// the pack's own tests take. What is unread goes no way.
func TestWatch_Branches(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	for _, p := range policy.BranchesOf(branchWatch(t), []string{"deny", "deny_other"}) {
		for _, b := range p.All {
			got[p.Policy] = append(got[p.Policy], map[bool]string{true: "+ ", false: "- "}[b.Taken]+b.Of+": "+b.Expression+" "+b.Gives)
		}
	}
	want := map[string][]string{
		"deny": {
			"+ rule deny: some port in input.properties.ports true",
			"+ rule deny: risky(port) true",
			"+ rule deny: risky(port) false",
			"+ rule deny: not input.properties.closed true",
			"+ rule deny: not input.properties.closed false",
			`+ rule deny: names := [n | some n in input.properties.names; n != ""] true`,
			"+ rule deny: some n in input.properties.names true",
			`+ rule deny: n != "" true`,
			`- rule deny: n != "" false`,
			`- rule deny: every n in names { startswith(n, "x") } true`,
			`+ rule deny: every n in names { startswith(n, "x") } false`,
			`- rule deny: startswith(n, "x") true`,
			`+ rule deny: startswith(n, "x") false`,
			`- rule deny: msg := sprintf("port %d", [port]) true`,
			"+ rule risky: port == 22 true",
			"+ rule risky: port == 22 false",
		},
		"deny_other": {
			"+ rule deny_other: some port in input.properties.ports true",
			"+ rule deny_other: risky(port) true",
			"+ rule deny_other: risky(port) false",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("branches (-want +got):\n%s", diff)
	}
}

// branchWatch judges some resources by the branched rules, and runs their tests.
func branchWatch(t *testing.T) policy.Watch {
	t.Helper()
	all := files(branchedRules)
	all["p_test.rego"] = &fstest.MapFile{Data: []byte(branchTests)}
	pack, engine := load(t, all)
	config, err := policy.Reconcile(pack, nil)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := engine.Watch(t.Context(), pack)
	if err != nil {
		t.Fatal(err)
	}
	session, err := watch.Open(t.Context(), pack, policy.SessionOptions{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []policy.Input{
		{Account: &providers.Account{}, Resource: resource(t, `{"ports": [80, 22], "names": ["y"]}`)},
		{Account: &providers.Account{}, Resource: resource(t, `{"ports": [22]}`), Unread: []providers.Unread{{Path: "/properties/names", Class: providers.NotRead}}},
	} {
		if _, err := session.Evaluate(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	manifest, err := policy.ReadManifest(all)
	if err != nil {
		t.Fatal(err)
	}
	tests, is := watch.(interface {
		RunTests(ctx context.Context, manifest policy.Manifest, files fs.FS) ([]policy.CaseResult, error)
	})
	if !is {
		t.Fatalf("%T runs no tests", watch)
	}
	if _, err := tests.RunTests(t.Context(), manifest, all); err != nil {
		t.Fatal(err)
	}
	return watch
}
