package rego_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cloudaudit/policy"
	"cloudaudit/policy/rego"
	"cloudaudit/providers"
)

// engine gives a loader and its engine.
func engine() (policy.Loader, *rego.Engine) {
	e := rego.New()
	return policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeOPA: e}}, e
}

// files makes a pack in our own format of one file of rules.
func files(rules string) fstest.MapFS {
	return fstest.MapFS{
		"PulumiPolicy.yaml": {Data: []byte("runtime: opa\nname: pack\nversion: 1.0.0\ninputFormat: cloudaudit\n")},
		"policies.rego":     {Data: []byte(rules)},
	}
}

func load(t testing.TB, files fstest.MapFS) (*policy.Pack, *rego.Engine) {
	t.Helper()
	loader, e := engine()
	pack, err := loader.FS(context.Background(), "pack", files)
	if err != nil {
		t.Fatal(err)
	}
	return pack, e
}

func openFiles(t testing.TB, files fstest.MapFS, config policy.Config) policy.Session {
	t.Helper()
	pack, e := load(t, files)
	reconciled, err := policy.Reconcile(pack, config)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	session, err := e.Open(context.Background(), pack, policy.SessionOptions{Config: reconciled, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func open(t testing.TB, rules string, config policy.Config) policy.Session {
	t.Helper()
	return openFiles(t, files(rules), config)
}

// one makes a policy of one rule body.
func one(body string) string {
	return "package p\n\n# METADATA\n# custom:\n#   types: [T]\ndeny contains \"bad\" if {\n\t" + body + "\n}\n"
}

// tree decodes JSON with its digits; {"$redacted": bool} becomes a secret.
func tree(t testing.TB, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return redact(value)
}

func redact(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if empty, ok := value["$redacted"].(bool); ok {
			return providers.Redacted{Empty: empty}
		}
		for key := range value {
			value[key] = redact(value[key])
		}
	case []any:
		for i := range value {
			value[i] = redact(value[i])
		}
	}
	return value
}

func resource(t testing.TB, properties string) *providers.Resource {
	t.Helper()
	return &providers.Resource{
		Type: "T", ID: "id", Name: "n", Region: "r",
		Parts: map[string]providers.Part{providers.Properties: {Value: tree(t, properties)}},
	}
}

func evaluate(t testing.TB, s policy.Session, r *providers.Resource, unread ...providers.Unread) policy.Outcome {
	t.Helper()
	outcomes, err := s.Evaluate(context.Background(), policy.Input{
		Account: &providers.Account{Name: "acme", Cloud: providers.GCP}, Resource: r, Unread: unread,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != 1 {
		t.Fatalf("want one outcome, got %d", len(outcomes))
	}
	return outcomes[0]
}

func notRead(paths ...string) (unread []providers.Unread) {
	for _, path := range paths {
		unread = append(unread, providers.Unread{Path: path, Class: providers.NotRead})
	}
	return unread
}

// Every row evaluates the body of one rule over {"properties": …} with a path unread.
func TestEvaluate_Verdicts(t *testing.T) {
	t.Parallel()
	const (
		pass    = policy.Compliant
		fail    = policy.Violates
		unknown = policy.Unknown
	)
	for _, test := range []struct {
		name, body, properties string
		unread                 string
		want                   policy.Verdict
		reason                 string
	}{
		{"true", `input.properties.a == 1`, `{"a": 1}`, "", fail, ""},
		{"false", `input.properties.a == 1`, `{"a": 2}`, "", pass, ""},
		{"missing_key", `input.properties.b == 1`, `{"a": 2}`, "", pass, ""},
		{"long_digits", `input.properties.n == 123456789012`, `{"n": 123456789012}`, "", fail, ""},
		{"longer_digits", `input.properties.n == 2807208141737654787`, `{"n": 2807208141737654787}`, "", fail, ""},
		{"longer_digits_differ", `input.properties.n == 2807208141737654787`, `{"n": 2807208141737654788}`, "", pass, ""},

		{"unread", `input.properties.a == 1`, `{"a": 1}`, "/properties/a", unknown, "not_read"},
		{"unread_other", `input.properties.a == 1`, `{"a": 1}`, "/properties/b", fail, ""},
		{"unread_below", `input.properties.a.b == 1`, `{"a": {"b": 1}}`, "/properties/a", unknown, "not_read"},
		{"unread_above_missing", `input.properties.a.b == 1`, `{}`, "/properties/a/b", unknown, "not_read"},
		{"unread_sibling", `input.properties.a.b == 1`, `{"a": {"b": 1}}`, "/properties/a/c", fail, ""},
		{"unread_not", `not input.properties.a`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread_not_child", `not input.properties.a`, `{"a": {}}`, "/properties/a/b", pass, ""},
		{"unread_decided_before", `input.properties.b == 2; input.properties.a == 1`, `{"b": 1}`, "/properties/a", pass, ""},
		{"unread_decided_after", `input.properties.a == 1; input.properties.b == 2`, `{"b": 1}`, "/properties/a", pass, ""},
		{"unread_dynamic_key", `k := input.properties.k; input.properties[k] == 1`, `{"k": "a", "a": 1}`, "/properties/a", unknown, "not_read"},
		{"unread_dynamic_other_key", `k := input.properties.k; input.properties[k] == 1`, `{"k": "a", "a": 1}`, "/properties/b", fail, ""},
		{"unread_keys", `some k; input.properties[k]; k == "a"`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread_other_key_violates", `some k; input.properties[k] == 1`, `{"b": 1}`, "/properties/a", fail, "not_read"},
		{"unread_count", `count(input.properties) == 1`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread_element", `some e in input.properties.l; e.v == "x"`, `{"l": [{"k": "a", "v": "x"}, {"k": "b"}]}`, "/properties/l/0/v", unknown, "not_read"},
		{"unread_element_violates", `some e in input.properties.l; e.v == "x"`, `{"l": [{"k": "a"}, {"k": "b", "v": "x"}]}`, "/properties/l/0/v", fail, "not_read"},
		{"unread_element_passed_by", `some e in input.properties.l; e.k == "b"; e.v == "x"`, `{"l": [{"k": "a", "v": "x"}, {"k": "b", "v": "y"}]}`, "/properties/l/0/v", pass, ""},
		{"unread_element_not", `some e in input.properties.l; not e.v`, `{"l": [{"k": "a", "v": "x"}, {"k": "b", "v": 1}]}`, "/properties/l/0/v", unknown, "not_read"},
		{"unread_element_every", `every e in input.properties.l { e.k != "c" }`, `{"l": [{"k": "a", "v": "x"}, {"k": "b", "v": 1}]}`, "/properties/l/0/v", fail, ""},
		{"unread_element_comprehension", `count([e | some e in input.properties.l; e.v == 1]) == 0`, `{"l": [{"k": "a", "v": "x"}]}`, "/properties/l/0/v", unknown, "not_read"},
		{"unread_walk", `walk(input.properties, [_, 7])`, `{"l": [{"k": "a", "v": 7}]}`, "/properties/l/0/v", unknown, "not_read"},
		{"unread_function", `f(input.properties.m)`, `{"m": {"a": 1, "b": 2}}`, "/properties/m/b", pass, ""},
		{"unread_in_function", `g(input.properties.m)`, `{"m": {"a": 1, "b": 2}}`, "/properties/m/b", unknown, "not_read"},
		{"unread_facet", `input.facets.iamPolicy.bindings`, `{}`, "/facets/iamPolicy", unknown, "not_read"},
		{"unread_properties", `input.properties.a`, `{"a": 1}`, "/properties", unknown, "not_read"},
		{"unread_properties_not_asked", `input.name == "n"`, `{"a": 1}`, "/properties", fail, ""},
		{"unread_root", `input.name == "n"`, `{"a": 1}`, "", fail, ""},
		{"unread_helper", `helper`, `{"a": 1, "b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread_default", `fallback == 7`, `{"b": 1}`, "/properties/a", unknown, "not_read"},

		{"redacted", `input.properties.s == "x"`, `{"s": {"$redacted": false}}`, "", unknown, "redacted"},
		{"redacted_is_there", `input.properties.s`, `{"s": {"$redacted": false}}`, "", fail, ""},
		{"redacted_is_not_absent", `not input.properties.s`, `{"s": {"$redacted": false}}`, "", pass, ""},
		{"redacted_empty", `input.properties.s == ""`, `{"s": {"$redacted": true}}`, "", fail, ""},
		{"redacted_keys", `some k; input.properties[k]; k == "s"`, `{"s": {"$redacted": false}}`, "", fail, ""},
		{"redacted_element", `some e in input.properties.l; e.k == "b"; e.v == "x"`, `{"l": [{"k": "a", "v": {"$redacted": false}}, {"k": "b", "v": "x"}]}`, "", fail, ""},
		{"redacted_in_a_list", `"x" in input.properties.l`, `{"l": ["y", {"$redacted": false}]}`, "", unknown, "redacted"},
		{"huge_number", `input.properties.n > 1`, `{"n": 1e100000000}`, "", unknown, "decode"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rules := one(test.body) + "f(x) if x.a == 2\n\ng(x) if x.b == 2\n\nhelper if input.properties.a == 1\n\ndefault fallback := 7\n\nfallback := 1 if input.properties.a\n"
			var unread []providers.Unread
			if test.unread != "" {
				unread = notRead(test.unread)
			}
			got := evaluate(t, open(t, rules, nil), resource(t, test.properties), unread...)
			if got.Verdict != test.want || got.Reason != test.reason {
				t.Errorf("got %+v, want %s %s", got, test.want, test.reason)
			}
		})
	}
}
