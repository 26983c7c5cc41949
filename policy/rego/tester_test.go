package rego_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

const caseRules = `package p

import data.cloudaudit.age

# METADATA
# custom:
#   types: [T]
deny_ports contains {"msg": sprintf("port %d is open", [port]), "key": sprintf("%d", [port])} if {
	some port in input.properties.ports
	not port in data.config.deny_ports.allowed
}

# METADATA
# custom:
#   types: [T]
warn_secret contains "empty" if input.properties.password == ""

warn_secret contains "old" if age.older_than(input.properties.created, 30)

warn_secret contains "account" if input.account.name == "bad"

warn_secret contains "facet" if input.facets.f == 2
`

func TestRunCases(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"deny_ports/pass.yaml":       "resource: {properties: {ports: [22]}}",
		"deny_ports/pass_config.yml": "resource: {properties: {ports: [22, 443]}}\nconfig: {allowed: [22, 443]}",
		"deny_ports/fail.yaml":       "resource: {properties: {ports: [22, 80, 443]}}\nkeys: ['80', '443']",
		"deny_ports/fail_keys.json":  `{"resource": {"properties": {"ports": [80]}}, "keys": ["81"]}`,
		"deny_ports/unknown.yaml":    "resource: {properties: {ports: [22]}}\nunread: [{path: /properties/ports, class: access_denied}]",
		"deny_ports/na_type.yaml":    "resource: {type: U}",
		"warn_secret/pass.yaml":      "resource: {properties: {password: x, created: 2025-12-15T00:00:00Z}}",
		"warn_secret/fail.yaml":      "resource: {properties: {password: x, created: 2025-12-15T00:00:00Z}}\nnow: 2026-02-01T00:00:00Z",
		"warn_secret/fail2.yaml":     "resource: {properties: {password: x}, facets: {f: 2}}\nunread: [{path: /properties/password, class: redacted}]",
		"warn_secret/fail3.yaml":     "resource: {properties: {password: x}}\naccount: {name: bad}",
		"warn_secret/fail4.yaml":     "resource: {properties: {password: ''}}\nunread: [{path: /properties/password, class: redacted}]",
		"warn_secret/unknown.yaml":   "resource: {properties: {password: x}}\nunread: [{path: /properties/created, class: not_read}]",
		"misspelt/pass.yaml":         "",
	}
	all := files(caseRules)
	all["config-schema.json"] = &fstest.MapFile{Data: []byte(`{"deny_ports": {"properties": {"allowed": {"type": "array", "items": {"type": "integer"}, "default": [22]}}}}`)}
	for name, text := range cases {
		all["testdata/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	pack, e := load(t, all)
	results, err := policy.RunCases(context.Background(), e, pack, all)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, result := range results {
		if result.Problem != "" {
			got[result.File] = result.Problem
		}
	}
	want := map[string]string{
		"testdata/misspelt":                  "the pack has no policy of this name; known are deny_ports, warn_secret",
		"testdata/deny_ports/fail_keys.json": `want keys ["81"], got ["80"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" || len(results) != len(cases) {
		t.Error(len(results), diff)
	}
}

func TestRunTests(t *testing.T) {
	t.Parallel()
	all := files(caseRules)
	all["ports_test.rego"] = &fstest.MapFile{Data: []byte(`package p_test

import data.p
import data.cloudaudit.network

test_open if count(p.deny_ports) == 1 with input as {"properties": {"ports": [80]}} with data.config.deny_ports.allowed as [22]

test_wrong if {
	print("ports", p.deny_ports)
	p.deny_ports == set() with input as {"properties": {"ports": [80]}} with data.config.deny_ports.allowed as [22]
}

test_old if p.warn_secret == {"old"} with input as {"properties": {"created": "2025-01-01"}}
	with time.now_ns as time.parse_rfc3339_ns("2026-01-01T00:00:00Z")

test_library if network.is_world("0.0.0.0/0")

todo_test_later if false
`)}
	all["more_test.rego"] = &fstest.MapFile{Data: []byte("package p\n\ntest_beside if deny_ports == set() with input as {}\n")}
	_, e := engine()
	manifest, err := policy.ReadManifest(all)
	if err != nil {
		t.Fatal(err)
	}
	results, err := e.RunTests(context.Background(), manifest, all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		got = append(got, r.File+" "+r.Policy+": "+r.Problem)
	}
	want := []string{
		"more_test.rego test_beside: ",
		"ports_test.rego test_open: ",
		"ports_test.rego test_wrong: ports_test.rego:8:1: the test does not hold\nports set()",
		"ports_test.rego test_old: ",
		"ports_test.rego test_library: ",
		"ports_test.rego todo_test_later: ports_test.rego:18:1: the test is skipped; make its name begin with test_ or remove it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	all["more_test.rego"] = &fstest.MapFile{Data: []byte("package p\n\ntest_beside if nothing(1)\n")}
	if _, err = e.RunTests(context.Background(), manifest, all); err == nil || !strings.Contains(err.Error(), "more_test.rego:3:16: undefined function nothing") {
		t.Error(err)
	}
}
