package cel_test

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
// before what is said of it.
func TestLoad_Errors(t *testing.T) {
	t.Parallel()
	const valid = "severity: low\nvalidations: [{expression: 'true'}]\n"
	texts := []string{
		"",
		"just text",
		"name: p\nserverity: low\nvalidation: []\nmatch: {type: [T]}\n",
		"name: all\nenforcementLevel: high\nseverity: mandatory\nmatch: {types: ['']}\ncontrols: [{framework: CIS}]\n",
		"name: with space\n" + valid,
		"name: p\n" + valid + "---\nname: p\n" + valid,
		"name: p\nseverity: low\nconfigSchema: {properties: {a: {type: nonsense}}}\nvalidations: [{expression: params.b == 1}]\n",
		"name: p\nseverity: low\nvalidations:\n  - expression: |\n      resource.propertys.a == 1 &&\n        true\n",
		"name: p\nseverity: low\nvalidations:\n  - expression: |\n      true &&\n        unknown.a == 1\n",
		"name: p\nseverity: low\nvalidations:\n  - expression: 'resource.properties.a =='\n",
		"name: p\nseverity: low\nvalidations:\n  - expression: size(resource.name)\n    key: '1'\n    messageExpression: 'true'\n    forEach: '\"x\"'\n  - message: m\n",
		"name: p\nseverity: low\nmatch: {condition: '\"yes\"'}\nvariables:\n  - {name: a b, expression: '1'}\n  - {name: c, expression: variables.d}\n  - {name: d, expression: nope}\n  - {name: x}\nvalidations: [{expression: variables.d == variables.e}]\n",
		"name: p\nseverity: low\nvalidations: [{expression: item == 1}]\n",
		"name: p\nseverity: low\nvalidations: [{expression: 'google.protobuf.Int32Value{value: 1} == 1'}]\n",
		"name: p\nseverity: low\nvalidations: [{expression: 'resource.name.matches(\"(\")'}]\n",
		"name: p\nseverity: low\nvalidations: [{expression: 'account.?naem.hasValue() && resource[\"name\"] == 1 && true'}]\n",
		"name: 5\nseverity: low\ntags: x\nvalidations: {}\n",
		"name: &a p\nseverity: low\n",
		"name: p\nseverity: low\nvalidations: [{expression: 1}]\n",
		"name: p\nkind: stack\n" + valid,
		"name: p\nkind: account\nmatch: {types: [T]}\n" + valid,
		"name: p\nkind: account\nseverity: low\nvalidations: [{expression: 'inventory(account.name).size() > 0'}]\n",
		"name: p\nkind: account\nseverity: low\nvalidations: [{expression: 'inventory(\"\").size() > 0 && resource.name == \"x\"'}]\n",
		"name: p\nkind: account\nseverity: low\nvalidations: [{expression: 'inventory(\"T\").all(t, t.propertys.a == 1)'}]\n",
		"name: p\nseverity: low\nvalidations: [{expression: 'inventory(\"T\").size() == 0'}]\n",
		"name: p\nseverity: low\nvalidations: [{expression: 'net.isWorld(1) && net.covers(\"a\") && net.nothing()'}]\n",
	}
	var got strings.Builder
	for _, text := range texts {
		loader, _ := engine()
		_, err := loader.FS(context.Background(), "pack", files(text))
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

func TestLoad_Main(t *testing.T) {
	t.Parallel()
	all := fstest.MapFS{
		"PulumiPolicy.yaml":             {Data: []byte("runtime: cel\nname: pack\nmain: policies\n")},
		"policies/b/one.yml":            {Data: []byte("name: b\nseverity: low\nvalidations: [{expression: 'true'}]\n")},
		"policies/a.yaml":               {Data: []byte("name: a\nseverity: low\nvalidations: [{expression: 'true'}]\n")},
		"policies/b/testdata/case.yaml": {Data: []byte("not a policy")},
		"policies/readme.txt":           {Data: []byte("not a policy")},
		"other.yaml":                    {Data: []byte("not a policy")},
	}
	loader, _ := engine()
	pack, err := loader.FS(context.Background(), "pack", all)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range pack.Policies {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Error(diff)
	}
	all["PulumiPolicy.yaml"].Data = []byte("runtime: cel\nname: pack\nmain: nowhere\n")
	_, err = loader.FS(context.Background(), "pack", all)
	if err == nil || !strings.Contains(err.Error(), `main: the pack has no folder "nowhere"`) {
		t.Error(err)
	}
}

// FuzzLoad holds that no pack, however broken, makes the loader or an evaluation panic.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{one("true"), one(`resource.properties.l.exists(x, x.a == 1)`), casePolicies, header, "a: [", one("a.b(c)[?0]")} {
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
