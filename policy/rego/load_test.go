package rego_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

var update = flag.Bool("update", false, "write the golden files")

// TestLoad_Errors holds the messages of faulty packs, each text of which stands in the golden file
// before what is said of it. A line "--- name" begins another file.
func TestLoad_Errors(t *testing.T) {
	t.Parallel()
	const good = "package p\ndeny contains \"x\" if input.a\n"
	texts := []string{
		"",
		"# nothing but a comment\n",
		"package p\n",
		"package p\nhelper if input.a\n",
		"package p\ndeny contains \"x\" if {\n\tinput.a ==\n}\n",
		"package p\ndeny contains \"x\" if { input.a == }\nwarn contains \"y\" if { )\n",
		"package p\ndeny[msg] {\n\tmsg := sprintf(\"%s\", [missing])\n\tunsafe > 1\n}\n",
		"package p\ndeny contains \"x\" if nothing(input.a)\nwarn contains \"y\" if neither(input.a)\n",
		"package p\ndeny contains \"x\" if http.send({\"url\": \"http://localhost\"}).body\nwarn contains \"x\" if opa.runtime().env\n",
		"package p\ndeny contains \"x\" if net.lookup_ip_addr(\"example.com\")\ndeny contains \"y\" if bits.lsh(1, 1000000000000) > 0\ndeny contains \"z\" if rego.parse_module(\"a\", \"b\")\n",
		"package p\ndeny contains \"x\" if count(7) == 1\n",
		"package p\ndeny if input.a\n",
		"package p\ndeny := true\nwarn := {\"a\": 1}\nviolation.x contains 1\n",
		"package p\ndeny[x] := 1 if some x in input.l\n",
		"package p\na := b + 1\nb := a + 1\ndeny contains \"x\" if a\n",
		"package cloudaudit.mine\ndeny contains \"x\"\n",
		good + "--- other.rego\npackage q\ndeny contains \"x\"\n--- third.rego\npackage r\n",
		good + "--- other.rego\npackage p\ndeny contains\n--- third.rego\npackage p\nwarn contains }\n",
		"package p\n# METADATA\n# custom:\n#   severity: terrible\n#   types: AWS::S3::Bucket\n#   message: [a]\n#   frameworks: [{framework: CIS}, x]\n#   tags: []\n#   remediation: 7\ndeny contains \"x\"\n",
		"package p\n# METADATA\n# title: [\ndeny contains \"x\"\n",
		"package p\nimport data.cloudaudit.network\ndeny contains \"x\" if network.covers(1)\n",
		"package p\nimport data.cloudaudit.nothing\ndeny contains \"x\" if nothing.covers(1)\n",
		good + "--- config-schema.json\n{\"deny\": {\"properties\": {\"a\": {\"type\": \"nonsense\"}}}, \"denny\": {}}\n",
		good + "--- config-schema.json\n{\"deny\": {\"property\": {}}}\n",
		good + "--- config-schema.json\n{\n",
		good + "--- PulumiPolicy.yaml\nruntime: opa\ninputFormat: terraform\n",
		good + "--- PulumiPolicy.yaml\nruntime: opa\nmain: nowhere\n",
	}
	var got strings.Builder
	for _, text := range texts {
		loader, _ := engine()
		_, err := loader.FS(context.Background(), "pack", split(text))
		if err == nil {
			t.Errorf("no error for %q", text)
			continue
		}
		fmt.Fprintf(&got, "%s\n=> %s\n\n", strings.TrimSpace(text), err)
	}
	golden := filepath.Join("testdata", "errors.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

// split makes a pack of a text with several files.
func split(text string) fstest.MapFS {
	all := files("")
	for i, part := range strings.Split(text, "--- ") {
		name, content := "policies.rego", part
		if i > 0 {
			name, content, _ = strings.Cut(part, "\n")
		}
		all[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return all
}

func TestLoad_Main(t *testing.T) {
	t.Parallel()
	all := fstest.MapFS{
		"PulumiPolicy.yaml":               {Data: []byte("runtime: opa\nname: pack\nmain: policies\n")},
		"policies/b/one.rego":             {Data: []byte("package p\ndeny_b contains \"x\"\n")},
		"policies/a.rego":                 {Data: []byte("package p\ndeny_a contains \"x\"\n")},
		"policies/a_test.rego":            {Data: []byte("package p_test\nimport data.p\ntest_a if p.deny_a\n")},
		"policies/b_test.rego":            {Data: []byte("package p\ntest_b if deny_b\n")},
		"policies/testdata/deny_a/x.rego": {Data: []byte("not a policy")},
		"policies/readme.txt":             {Data: []byte("not a policy")},
		"policies/empty.rego":             {Data: []byte("# nothing")},
		"other.rego":                      {Data: []byte("not a policy")},
	}
	pack, _ := load(t, all)
	var names []string
	for _, p := range pack.Policies {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"deny_a", "deny_b"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_Metadata(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, files(`package p

# METADATA
# title: Open ports
# description: |
#   Ports must not be open to everybody.
# related_resources:
#   - https://example.com/ports
# custom:
#   severity: critical
#   message: Close them.
#   remediation: |
#     Close them all.
#   tags: [network, ports]
#   types: [A, B]
#   frameworks:
#     - {framework: CIS GCP, version: "4.0", id: "3.6"}
#     - {framework: NIST, id: AC-1}
#   somebody_elses: 7
deny_ports contains "x" if input.properties.open

# METADATA
# custom:
#   severity: high
#   frameworks: {framework: NIST, id: AC-2}
#   url: https://example.com/later
deny_ports contains "y" if input.properties.wide
`))
	want := []policy.Policy{{
		Name: "deny_ports", Place: "policies.rego:20", DisplayName: "Open ports", Description: "Ports must not be open to everybody.", Message: "Close them.",
		Level: policy.Mandatory, Severity: policy.Critical, Kind: policy.OnResource, Tags: []string{"network", "ports"},
		Controls:         []policy.Control{{Framework: "CIS GCP", Version: "4.0", ID: "3.6"}, {Framework: "NIST", ID: "AC-1"}},
		RemediationSteps: "Close them all.", URL: "https://example.com/ports", Types: []string{"A", "B"},
		Reads: []string{"/properties/open", "/properties/wide"},
	}}
	if diff := cmp.Diff(want, pack.Policies); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_Types(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, rules string
		want        []string
	}{
		{"equal", `deny contains "x" if input.type == "A"`, []string{"A"}},
		{"turned_round", `deny contains "x" if "A" == input.type`, []string{"A"}},
		{"several", "deny contains \"x\" if input.type == \"B\"\ndeny contains \"y\" if { input.properties.a; input.type = \"A\" }", []string{"A", "B"}},
		{"one_does_not", "deny contains \"x\" if input.type == \"B\"\ndeny contains \"y\" if input.properties.a", nil},
		{"member", `deny contains "x" if input.type in {"A", "B"}`, []string{"A", "B"}},
		{"member_of_list", `deny contains "x" if input.type in ["A"]`, []string{"A"}},
		{"member_of_rule", "types := {\"A\", \"B\"}\ndeny contains \"x\" if input.type in types", []string{"A", "B"}},
		{"member_of_unknown", `deny contains "x" if input.type in input.properties.types`, nil},
		{"key_of_set", `deny contains "x" if {"A", "B"}[input.type]`, []string{"A", "B"}},
		{"key_of_rule", "deny contains \"x\" if types[input.type]\ntypes := {\"A\", \"B\"}", []string{"A", "B"}},
		{"variable", `deny contains "x" if { t := input.type; t == "A" }`, []string{"A"}},
		{"helper", "is_a if input.type == \"A\"\nis_a if input.type == \"B\"\ndeny contains \"x\" if is_a", []string{"A", "B"}},
		{"loose_helper", "is_a if input.type == \"A\"\nis_a if input.properties.a\ndeny contains \"x\" if is_a", nil},
		{"negated", `deny contains "x" if not input.type == "A"`, nil},
		{"different", `deny contains "x" if input.type != "A"`, nil},
		{"other_input", `deny contains "x" if input.type == "A" with input as {"type": "A"}`, nil},
		{"in_a_comprehension", `deny contains "x" if count([1 | input.type == "A"]) == 0`, nil},
		{"else", "deny := [\"x\"] if input.type == \"A\" else := [\"y\"] if input.properties.a", nil},
		{"both_of_else", "deny := [\"x\"] if input.type == \"A\" else := [\"y\"] if input.type == \"B\"", []string{"A", "B"}},
		{"property", `deny contains "x" if input.properties.type == "A"`, nil},
		{"number", `deny contains "x" if input.type == 7`, nil},
		{"declared", "# METADATA\n# custom: {types: [C]}\ndeny contains \"x\" if input.type == \"A\"", []string{"C"}},
		{"arm", `deny contains "x" if input.type == "microsoft.storage/storageaccounts"`, []string{"Microsoft.Storage/storageAccounts", "microsoft.storage/storageaccounts"}},

		{"account", `stack_deny contains "x" if { some r in input.resources; r.type == "A"; r.properties.a }`, []string{"A"}},
		{"account_counted", `stack_deny contains "x" if count([r | some r in input.resources; r.type in {"A", "B"}]) > 1`, []string{"A", "B"}},
		{"account_two", `stack_deny contains "x" if { some a in input.resources; a.type == "A"; some b in input.resources; b.type == "B" }`, []string{"A", "B"}},
		{"account_any", `stack_deny contains "x" if { some a in input.resources; a.type == "A"; some b in input.resources; b.id == a.id }`, nil},
		{"account_all", `stack_deny contains "x" if count(input.resources) > 1`, nil},
		{"account_helper", "stack_deny contains \"x\" if count(found) > 1\nfound contains a if { some a in input.resources; a.type == \"A\" }", []string{"A"}},
		{"account_declared", "# METADATA\n# custom: {types: [C]}\nstack_deny contains \"x\" if count(input.resources) > 1", []string{"C"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pack, _ := load(t, files("package p\n"+test.rules+"\n"))
			if diff := cmp.Diff(test.want, pack.Policies[0].Types); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoad_Reads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, rules string
		want        []string
		clock       bool
	}{
		{"nothing", `deny contains "x" if input.account.name == "a"`, nil, false},
		{"paths", `deny contains "x" if { input.properties.a.b; input.properties["c/d"]; input.facets.iamPolicy.bindings }`,
			[]string{"/facets/iamPolicy/bindings", "/properties/a/b", "/properties/c~1d"}, false},
		{"indexes", `deny contains "x" if input.properties.l[0].a`, []string{"/properties/l/0/a"}, false},
		{"elements", `deny contains "x" if input.properties.l[_].a`, []string{"/properties/l/*/a"}, false},
		{"some_in", `deny contains "x" if { some e in input.properties.l; e.a }`, []string{"/properties/l/*"}, false},
		{"wider", `deny contains "x" if { input.properties.a; input.properties.a.b }`, []string{"/properties/a"}, false},
		{"negated", `deny contains "x" if { not input.properties.a; every e in input.properties.l { not e == input.properties.b } }`,
			[]string{"/properties/a", "/properties/b", "/properties/l"}, false},
		{"everything", `deny contains "x" if input[_] == 1`, []string{""}, false},
		{"handed_on", "deny contains \"x\" if f(input)\nf(x) if x.a", []string{""}, false},
		{"helpers", "deny contains \"x\" if { helper; f(1) }\nhelper if input.properties.a else if input.properties.b\nf(_) if input.properties.c\ndefault helper := false",
			[]string{"/properties/a", "/properties/b", "/properties/c"}, false},
		{"helper_of_another", "helper if input.properties.b\ndeny contains \"x\" if input.properties.a\nwarn contains \"y\" if helper", []string{"/properties/a"}, false},
		{"in_the_head", `deny contains {"msg": input.name, "key": input.properties.k}`, []string{"/name", "/properties/k"}, false},
		{"by_a_name", "deny contains \"x\" if data.p.h[input.properties.name]\nh.a if input.properties.a", []string{"/properties/a", "/properties/name"}, false},
		{"other_input", `deny contains "x" if input.properties.a with input as {}`, []string{""}, false},
		{"clock", `deny contains "x" if time.now_ns() > input.properties.t`, []string{"/properties/t"}, true},
		{"clock_in_a_helper", "deny contains \"x\" if old(input.properties.t)\nold(t) if time.now_ns() > t", []string{"/properties/t"}, true},
		{"clock_in_the_library", "import data.cloudaudit.age\ndeny contains \"x\" if age.older_than(input.properties.t, 7)", []string{"/properties/t"}, true},
		{"account_policy", `stack_deny contains "x" if { input.resources[_].properties.a; input.other }`, []string{"/properties/a"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pack, _ := load(t, files("package p\n"+test.rules+"\n"))
			if diff := cmp.Diff(test.want, pack.Policies[0].Reads); diff != "" {
				t.Error(diff)
			}
			if got := pack.Policies[0].Clock; got != test.clock {
				t.Errorf("clock: got %t", got)
			}
		})
	}
}

func TestLoad_Properties(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, files("package p\ndeny contains \"x\" if { data.config.deny.a; helper; data.config.warn.c }\nhelper if data.config.deny.b\nwarn contains \"x\" if data.config.deny.d\n"))
	want := &policy.Schema{Properties: map[string]any{"a": map[string]any{}, "b": map[string]any{}}}
	if diff := cmp.Diff(want, pack.Policies[0].Schema); diff != "" || pack.Policies[1].Schema != nil {
		t.Error(diff, pack.Policies[1].Schema)
	}
}

// FuzzLoad holds that no pack, however broken, makes the loader or an evaluation panic.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		one("input.properties.a[_].b == 1"), oldStyle, newStyle, gatekeeper, header, helpers, "package p\ndeny[", "package a.b\nimport data.cloudaudit.iam\ndeny[x] { iam.is_public(input.a); x := 1 }",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		loader, e := engine()
		pack, err := loader.FS(context.Background(), "pack", files(text))
		if err != nil {
			return
		}
		r := resource(t, `{"a": [1, {"b": "x"}], "s": {"$redacted": false}, "n": 18446744073709551617}`)
		for _, r.Type = range append(pack.Policies[0].Types, "T") {
			_, err := openAll(t, e, pack).Evaluate(context.Background(), policy.Input{
				Resource: r, Unread: []providers.Unread{{Path: "/properties/a/1/b", Class: providers.NotRead}},
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}
