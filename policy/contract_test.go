package policy_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/rego"
	"cloudaudit/providers"
)

// contract is one policy in the language of every engine, and resources to hold it against. The
// engines have to say the same of each resource whatever is unread of it, and to say that they do not
// know if and only if it depends on what is unread.
type contract struct {
	name string
	// cel is what follows the match of a CEL policy.
	cel string
	// rego is the rules of a Rego policy.
	rego      string
	resources []string
	// unread are the paths that are unread, in all combinations, with the values that may be there
	// in truth; "" is none.
	unread map[string][]string
}

var contracts = []contract{
	{
		name: "equality", cel: `validations: [{expression: 'resource.properties.?a.orValue(0) != 1'}]`,
		rego:      `deny contains "bad" if input.properties.a == 1`,
		resources: []string{`{"a": 1, "b": 1}`, `{"a": 2}`, `{}`},
		unread:    map[string][]string{"/properties/a": {"", "1", `"x"`}, "/properties/b": {"", "1"}, "/properties": {`{}`, `{"a": 1}`}},
	}, {
		name: "absence", cel: `validations: [{expression: has(resource.properties.key)}]`,
		rego:      `deny contains "bad" if not input.properties.key`,
		resources: []string{`{"key": "k"}`, `{"key": {"of": 1}}`, `{}`},
		unread:    map[string][]string{"/properties/key": {"", `"k"`}, "/properties/key/of": {"1"}, "/properties/other": {"", "1"}},
	}, {
		name: "both", cel: `validations: [{expression: '!(resource.properties.?a.orValue(0) == 1 && resource.properties.?b.orValue(0) == 1)'}]`,
		rego:      `deny contains "bad" if { input.properties.a == 1; input.properties.b == 1 }`,
		resources: []string{`{"a": 1, "b": 1}`, `{"a": 2, "b": 1}`, `{"a": 1, "b": 2}`, `{}`},
		unread:    map[string][]string{"/properties/a": {"", "1", "2"}, "/properties/b": {"", "1", "2"}},
	}, {
		name: "either",
		cel:  `validations: [{expression: 'resource.properties.?a.orValue(0) != 1'}, {expression: 'resource.properties.?b.orValue(0) != 1', message: second}]`,
		rego: `deny contains "bad" if input.properties.a == 1

deny contains "second" if input.properties.b == 1`,
		resources: []string{`{"a": 1, "b": 1}`, `{"a": 2, "b": 1}`, `{"a": 1, "b": 2}`, `{}`},
		unread:    map[string][]string{"/properties/a": {"", "1", "2"}, "/properties/b": {"", "1", "2"}},
	}, {
		name: "neither", cel: `validations: [{expression: 'resource.properties.?a.orValue(0) == 1 || resource.properties.?b.orValue(0) == 1'}]`,
		rego:      `deny contains "bad" if { not input.properties.a == 1; not input.properties.b == 1 }`,
		resources: []string{`{"a": 1, "b": 1}`, `{"a": 2, "b": 1}`, `{"a": 1}`, `{}`},
		unread:    map[string][]string{"/properties/a": {"", "1", "2"}, "/properties/b": {"", "1", "2"}},
	}, {
		name: "keyed_elements",
		cel: `validations:
  - forEach: resource.properties.?l.orValue([])
    expression: item.?open.orValue(false) != true
    key: item.k
    message: open`,
		rego:      `deny contains {"msg": "open", "key": e.k} if { some e in input.properties.l; e.open == true }`,
		resources: []string{`{"l": [{"k": "a", "open": true}, {"k": "b", "open": false}]}`, `{"l": [{"k": "a"}, {"k": "b", "open": true}]}`, `{"l": []}`, `{}`},
		unread:    map[string][]string{"/properties/l/0/open": {"", "true", "false"}, "/properties/other": {"1"}},
	}, {
		name: "element_by_name",
		cel:  `validations: [{expression: '!resource.properties.?l.orValue([]).exists(e, e.?k.orValue("") == "debug" && e.?v.orValue("") == "on")'}]`,
		rego: `deny contains "bad" if { some e in input.properties.l; e.k == "debug"; e.v == "on" }`,
		resources: []string{
			`{"l": [{"k": "debug", "v": "on"}, {"k": "name", "v": "x"}]}`, `{"l": [{"k": "debug", "v": "off"}, {"k": "name", "v": "x"}]}`,
			`{"l": [{"k": "name", "v": "x"}, {"k": "debug", "v": "on"}]}`,
		},
		unread: map[string][]string{"/properties/l/0/v": {"", `"on"`, `"off"`}, "/properties/l/1/v": {"", `"on"`, `"off"`}},
	}, {
		name: "members",
		cel:  `validations: [{expression: '!resource.facets.?iamPolicy.?bindings.orValue([]).exists(b, "allUsers" in b.members)'}]`,
		rego: `deny contains "bad" if { some b in input.facets.iamPolicy.bindings; "allUsers" in b.members }`,
		resources: []string{
			`{"facets": {"iamPolicy": {"bindings": [{"members": ["user:a"]}, {"members": ["allUsers"]}]}}}`, `{"facets": {"iamPolicy": {}}}`, `{"facets": {}}`,
		},
		unread: map[string][]string{
			"/facets/iamPolicy": {"", `{"bindings": [{"members": ["allUsers"]}]}`}, "/facets/other": {"", "{}"}, "/properties": {"{}"},
		},
	}, {
		name: "limit", cel: `validations: [{expression: 'resource.properties.?n.orValue(0) <= params.most'}]
configSchema: {properties: {most: {type: integer, default: 5}}}`,
		rego:      `deny contains "bad" if input.properties.n > data.config.deny.most`,
		resources: []string{`{"n": 5}`, `{"n": 6}`, `{"n": 123456789012}`, `{"n": 2807208141737654787}`, `{}`},
		unread:    map[string][]string{"/properties/n": {"", "5", "6"}},
	}, {
		name: "long_ids", cel: `validations: [{expression: 'resource.properties.?id.orValue(0) != 2807208141737654787 && resource.properties.?id.orValue(0) != 123456789012'}]`,
		rego:      `deny contains "bad" if input.properties.id in {2807208141737654787, 123456789012}`,
		resources: []string{`{"id": 2807208141737654787}`, `{"id": 2807208141737654786}`, `{"id": 123456789012}`, `{"id": 123456789011}`},
		unread:    map[string][]string{"/properties/id": {"2807208141737654787", "7"}},
	}, {
		name: "tags", cel: `validations: [{expression: '"owner" in resource.tags'}]`,
		rego:      `deny contains "bad" if not input.tags.owner`,
		resources: []string{`{"tags": {"owner": "me"}}`, `{"tags": {"team": "us"}}`, `{}`},
		unread:    map[string][]string{"/tags/team": {"", `"us"`}, "/tags/owner": {"", `"me"`}},
	}, {
		name: "deeper", cel: `validations: [{expression: 'resource.properties.?m.?x.?y.orValue(0) != 1'}]`,
		rego:      "deny contains \"bad\" if y_of(input.properties.m) == 1\n\ny_of(m) := m.x.y",
		resources: []string{`{"m": {"x": {"y": 1, "z": 1}}}`, `{"m": {"x": {"y": 2}}}`, `{"m": {}}`, `{}`},
		unread: map[string][]string{
			"/properties/m/x/y": {"", "1", "2"}, "/properties/m/x/z": {"", "1"}, "/properties/m/w": {"", "1"},
		},
	},
}

// contractFiles are the packs of a contract, by runtime.
func (c contract) contractFiles() map[string]fstest.MapFS {
	schema := fstest.MapFS{}
	regoFiles := fstest.MapFS{
		"PulumiPolicy.yaml": {Data: []byte("runtime: opa\nname: pack\ninputFormat: cloudaudit\n")},
		"deny.rego":         {Data: []byte("package p\n\n# METADATA\n# title: bad\n# custom: {types: [T]}\n" + c.rego + "\n")},
	}
	if strings.Contains(c.rego, "data.config") {
		schema["config-schema.json"] = &fstest.MapFile{Data: []byte(`{"deny": {"properties": {"most": {"type": "integer", "default": 5}}}}`)}
	}
	maps.Copy(regoFiles, schema)
	return map[string]fstest.MapFS{
		policy.RuntimeCEL: {
			"PulumiPolicy.yaml": {Data: []byte("runtime: cel\nname: pack\n")},
			"deny.yaml":         {Data: []byte("name: deny\ndisplayName: bad\nseverity: low\nmatch: {types: [T]}\n" + c.cel + "\n")},
		},
		policy.RuntimeOPA: regoFiles,
	}
}

// sessions opens the contract's policy in every engine.
func (c contract) sessions(t *testing.T) map[string]policy.Session {
	t.Helper()
	engines := map[string]policy.Engine{policy.RuntimeCEL: cel.New(), policy.RuntimeOPA: rego.New()}
	sessions := map[string]policy.Session{}
	for runtime, files := range c.contractFiles() {
		pack, err := policy.Loader{Engines: engines}.FS(context.Background(), "pack", files)
		if err != nil {
			t.Fatal(err)
		}
		config, err := policy.Reconcile(pack, nil)
		if err != nil {
			t.Fatal(err)
		}
		if sessions[runtime], err = engines[runtime].Open(context.Background(), pack, policy.SessionOptions{Config: config}); err != nil {
			t.Fatal(err)
		}
	}
	return sessions
}

// contractResource makes a resource of properties, unless the text names facets or tags.
func contractResource(t *testing.T, text string) map[string]any {
	t.Helper()
	value, err := providers.ParseValue([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tree, _ := value.(map[string]any)
	_, facets := tree["facets"]
	_, tags := tree["tags"]
	if !facets && !tags {
		tree = map[string]any{"properties": tree}
	}
	for _, key := range []string{"properties", "facets", "tags"} {
		if tree[key] == nil {
			tree[key] = map[string]any{}
		}
	}
	return tree
}

func contractInput(tree map[string]any, unread []providers.Unread) policy.Input {
	r := &providers.Resource{Type: "T", ID: "id", Parts: map[string]providers.Part{}, Tags: map[string]string{}}
	for key, value := range tree["tags"].(map[string]any) {
		r.Tags[key] = value.(string)
	}
	for key, value := range tree["facets"].(map[string]any) {
		r.Parts[key] = providers.Part{Value: value}
	}
	if properties, there := tree["properties"]; there {
		r.Parts[providers.Properties] = providers.Part{Value: properties}
	}
	return policy.Input{Resource: r, Account: &providers.Account{}, Unread: unread}
}

// put stands a value at a path, or takes it away. It tells whether the path can be reached.
func put(t *testing.T, tree any, path []string, value string) bool {
	t.Helper()
	switch container := tree.(type) {
	case map[string]any:
		switch {
		case len(path) > 1:
			return put(t, container[path[0]], path[1:], value)
		case value == "":
			delete(container, path[0])
		default:
			parsed, err := providers.ParseValue([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			container[path[0]] = parsed
		}
		return true
	case []any:
		for i := range container {
			if fmt.Sprint(i) == path[0] && len(path) > 1 {
				return put(t, container[i], path[1:], value)
			}
		}
	}
	return false
}

// completions gives the resource with every combination of values at the unread paths.
func (c contract) completions(t *testing.T, resource string, unread []providers.Unread) []map[string]any {
	t.Helper()
	fillings := []map[string]string{{}}
	for _, u := range unread {
		var next []map[string]string
		for _, filling := range fillings {
			for _, value := range c.unread[u.Path] {
				more := maps.Clone(filling)
				more[u.Path] = value
				next = append(next, more)
			}
		}
		fillings = next
	}
	var trees []map[string]any
	for _, filling := range fillings {
		tree, reached := contractResource(t, resource), true
		for _, path := range slices.Sorted(maps.Keys(filling)) {
			reached = put(t, tree, providers.Segments(path), filling[path]) && reached
		}
		if reached {
			trees = append(trees, tree)
		}
	}
	return trees
}

func contractOutcome(t *testing.T, s policy.Session, input policy.Input) policy.Outcome {
	t.Helper()
	outcomes, err := s.Evaluate(context.Background(), input)
	if err != nil || len(outcomes) != 1 {
		t.Fatal(outcomes, err)
	}
	outcomes[0].Detail = "" // which names places of the policy
	return outcomes[0]
}

// TestEngines_Agree holds the contract of the engines.
func TestEngines_Agree(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sessions := c.sessions(t)
			paths := slices.Sorted(maps.Keys(c.unread))
			for _, resource := range c.resources {
				for chosen := range 1 << len(paths) {
					var unread []providers.Unread
					for i, path := range paths {
						if chosen&(1<<i) != 0 {
							unread = append(unread, providers.Unread{Path: path, Class: providers.NotRead})
						}
					}
					c.compare(t, sessions, resource, unread)
				}
			}
		})
	}
}

func (c contract) compare(t *testing.T, sessions map[string]policy.Session, resource string, unread []providers.Unread) {
	t.Helper()
	input := contractInput(contractResource(t, resource), unread)
	want := contractOutcome(t, sessions[policy.RuntimeCEL], input)
	got := contractOutcome(t, sessions[policy.RuntimeOPA], input)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s with %v unread, CEL and Rego: %s", resource, unread, diff)
	}
	completions := c.completions(t, resource, unread)
	if len(completions) == 0 {
		return // no value can stand at all of these paths at once
	}
	verdicts := map[policy.Verdict]bool{}
	for _, tree := range completions {
		verdicts[contractOutcome(t, sessions[policy.RuntimeOPA], contractInput(tree, nil)).Verdict] = true
	}
	if depends := len(verdicts) > 1; depends != (got.Verdict == policy.Unknown) || !depends && !verdicts[got.Verdict] {
		t.Errorf("%s with %v unread is %s, but can be %v", resource, unread, got.Verdict, slices.Collect(maps.Keys(verdicts)))
	}
}

// TestEngines_AgreeOnSecrets holds that a secret is there and has a value that no policy knows.
func TestEngines_AgreeOnSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []contract{
		{name: "is_there", cel: `validations: [{expression: '!has(resource.properties.s)'}]`, rego: `deny contains "bad" if input.properties.s`},
		{name: "is_not_there", cel: `validations: [{expression: has(resource.properties.s)}]`, rego: `deny contains "bad" if not input.properties.s`},
		{name: "value", cel: `validations: [{expression: 'resource.properties.s != "x"'}]`, rego: `deny contains "bad" if input.properties.s == "x"`},
		{name: "other", cel: `validations: [{expression: 'resource.properties.o != "x"'}]`, rego: `deny contains "bad" if input.properties.o == "x"`},
		{name: "keys", cel: `validations: [{expression: '!("s" in resource.properties)'}]`, rego: `deny contains "bad" if { some k, _ in input.properties; k == "s" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sessions := c.sessions(t)
			for _, secret := range []any{providers.Redacted{}, providers.Redacted{Empty: true}} {
				for _, unread := range [][]providers.Unread{nil, {{Path: "/properties/s", Class: providers.RedactedValue}}} {
					tree := map[string]any{"properties": map[string]any{"s": secret, "o": "x"}, "facets": map[string]any{}, "tags": map[string]any{}}
					want := contractOutcome(t, sessions[policy.RuntimeCEL], contractInput(tree, unread))
					got := contractOutcome(t, sessions[policy.RuntimeOPA], contractInput(tree, unread))
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%v, listed %t: %s", secret, unread != nil, diff)
					}
				}
			}
		})
	}
}
