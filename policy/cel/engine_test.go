package cel_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/providers"
)

// engine gives a loader and its engine.
func engine() (policy.Loader, *cel.Engine) {
	e := cel.New()
	return policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: e}}, e
}

// files makes a pack of policy files.
func files(policies string) fstest.MapFS {
	return fstest.MapFS{
		"PulumiPolicy.yaml": {Data: []byte("runtime: cel\nname: pack\nversion: 1.0.0\n")},
		"policies.yaml":     {Data: []byte(policies)},
	}
}

func load(t testing.TB, policies string) (*policy.Pack, *cel.Engine) {
	t.Helper()
	loader, e := engine()
	pack, err := loader.FS(context.Background(), "pack", files(policies))
	if err != nil {
		t.Fatal(err)
	}
	return pack, e
}

func open(t testing.TB, policies string, config policy.Config) policy.Session {
	t.Helper()
	pack, e := load(t, policies)
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

// one makes a policy of one expression.
func one(expression string) string {
	return "name: p\nseverity: low\nmessage: bad\nmatch: {types: [T]}\nvalidations:\n  - expression: |-\n      " +
		strings.ReplaceAll(expression, "\n", "\n      ") + "\n"
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

// Every row evaluates one expression over {"properties": …} with some paths unread.
func TestEvaluate_Verdicts(t *testing.T) {
	t.Parallel()
	const (
		pass    = policy.Compliant
		fail    = policy.Violates
		unknown = policy.Unknown
	)
	for _, test := range []struct {
		name, expression, properties string
		unread                       string
		want                         policy.Verdict
		reason                       string
	}{
		{"true", `resource.properties.a == 1`, `{"a": 1}`, "", pass, ""},
		{"false", `resource.properties.a == 1`, `{"a": 2}`, "", fail, ""},
		{"missing key", `resource.properties.b == 1`, `{"a": 2}`, "", unknown, policy.ReasonError},
		{"has", `has(resource.properties.b)`, `{"a": 2}`, "", fail, ""},
		{"optional", `resource.properties.?b.orValue(1) == 1`, `{"a": 2}`, "", pass, ""},
		{"not bool", `resource.properties.a`, `{"a": 2}`, "", unknown, policy.ReasonError},

		{"unread", `resource.properties.a == 1`, `{"a": 1}`, "/properties/a", unknown, "not_read"},
		{"unread other", `resource.properties.a == 1`, `{"a": 1}`, "/properties/b", pass, ""},
		{"unread below", `resource.properties.a.b == 1`, `{"a": {"b": 1}}`, "/properties/a", unknown, "not_read"},
		{"unread above missing", `resource.properties.a.b == 1`, `{}`, "/properties/a/b", unknown, "not_read"},
		{"unread sibling", `resource.properties.a.b == 1`, `{"a": {"b": 1}}`, "/properties/a/c", pass, ""},
		{"unread has", `has(resource.properties.a)`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread has present", `has(resource.properties.a)`, `{"a": 1}`, "/properties/a", unknown, "not_read"},
		{"unread has child", `has(resource.properties.a)`, `{"a": {}}`, "/properties/a/b", pass, ""},
		{"unread optional", `resource.properties.?a.orValue(1) == 1`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread optional deep", `resource.?properties.?a.?b.orValue(1) == 1`, `{"a": {}}`, "/properties/a/b", unknown, "not_read"},
		{"unread index", `resource.properties["a"] == 1`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread dynamic key", `resource.properties[resource.properties.k] == 1`, `{"k": "a", "a": 1}`, "/properties/a", unknown, "not_read"},
		{"unread dynamic other key", `resource.properties[resource.properties.k] == 1`, `{"k": "a", "a": 1}`, "/properties/b", pass, ""},
		{"unread key", `resource.properties[resource.properties.k] == 1`, `{"k": "a", "a": 1}`, "/properties/k", unknown, "not_read"},
		{"unread in map", `"a" in resource.properties`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread in map other", `"b" in resource.properties`, `{"b": 1}`, "/properties/a", pass, ""},
		{"unread size", `size(resource.properties) == 1`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread size deeper", `size(resource.properties) == 1`, `{"b": {}}`, "/properties/b/c", pass, ""},
		{"unread all keys", `resource.properties.all(k, k != "a")`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread keys, no var", `resource.properties.all(k, false)`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread keys two var", `resource.properties.all(k, v, v == 1)`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread or true", `resource.properties.b == 1 || resource.properties.a == 1`, `{"b": 1}`, "/properties/a", pass, ""},
		{"unread or false", `resource.properties.b == 2 || resource.properties.a == 1`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread and false", `resource.properties.a == 1 && resource.properties.b == 2`, `{"b": 1}`, "/properties/a", fail, ""},
		{"unread and true", `resource.properties.b == 1 && resource.properties.a == 1`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread not", `!resource.properties.a`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread ternary", `resource.properties.a ? true : true`, `{}`, "/properties/a", unknown, "not_read"},
		{"unread branch not taken", `resource.properties.b == 1 ? true : resource.properties.a`, `{"b": 1}`, "/properties/a", pass, ""},
		{"unread map equality", `resource.properties == {"b": 1}`, `{"b": 1}`, "/properties/a", unknown, "not_read"},
		{"unread nested equality", `resource.properties.m == {"b": 1}`, `{"m": {"b": 1}}`, "/properties/m/a", unknown, "not_read"},
		{"unread object against string", `resource.properties.m == "x"`, `{"m": {"b": 1}}`, "/properties/m/a", fail, ""},

		{"element exists other", `resource.properties.l.exists(x, x.a == 2)`, `{"l": [{"a": 1}, {"a": 2}]}`, "/properties/l/0/a", pass, ""},
		{"element exists it", `resource.properties.l.exists(x, x.a == 2)`, `{"l": [{"a": 2}, {"a": 1}]}`, "/properties/l/0/a", unknown, "not_read"},
		{"element other field", `resource.properties.l.all(x, x.a > 0)`, `{"l": [{"a": 1}, {"a": 2}]}`, "/properties/l/0/b", pass, ""},
		{"element has", `resource.properties.l.exists(x, has(x.b))`, `{"l": [{"a": 1}]}`, "/properties/l/0/b", unknown, "not_read"},
		{"element in", `resource.properties.l.exists(x, "b" in x)`, `{"l": [{"a": 1}]}`, "/properties/l/0/b", unknown, "not_read"},
		{"element size", `size(resource.properties.l) == 2`, `{"l": [1, 2]}`, "/properties/l/0", pass, ""},
		{"element beyond", `size(resource.properties.l) == 2`, `{"l": [1, 2]}`, "/properties/l/2", unknown, "not_read"},
		{"element known index", `resource.properties.l[1] == 2`, `{"l": [1, 2]}`, "/properties/l/0", pass, ""},
		{"element unknown index", `resource.properties.l[0] == 2`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"in list known", `2 in resource.properties.l`, `{"l": [1, 2]}`, "/properties/l/0", pass, ""},
		{"in list unknown", `3 in resource.properties.l`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"in list of maps", `{"a": 1} in resource.properties.l`, `{"l": [{"a": 2}]}`, "/properties/l/0/a", unknown, "not_read"},
		{"in written list", `resource.properties.m in [{"a": 1}]`, `{"m": {"a": 2}}`, "/properties/m/a", unknown, "not_read"},
		{"written list of it", `{"a": 1} in [resource.properties.m]`, `{"m": {"a": 2}}`, "/properties/m/a", unknown, "not_read"},
		{"in constant list", `resource.properties.a in ["x", "y"]`, `{"a": "x"}`, "/properties/a", unknown, "not_read"},
		{"list equality", `resource.properties.l == [1, 2]`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"list inequality", `resource.properties.l != [1, 2]`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"filter", `resource.properties.l.filter(x, x.a == 1).size() == 1`, `{"l": [{"a": 1}]}`, "/properties/l/0/a", unknown, "not_read"},
		{"filter other", `resource.properties.l.filter(x, x.b == 1).size() == 1`, `{"l": [{"a": 1, "b": 1}]}`, "/properties/l/0/a", pass, ""},
		{"filtered equality", `resource.properties.l.filter(x, x.b == 1) == [{"a": 1, "b": 1}]`, `{"l": [{"a": 1, "b": 1}]}`, "/properties/l/0/a", unknown, "not_read"},
		{"map", `resource.properties.l.map(x, x.a) == [1]`, `{"l": [{"a": 1}]}`, "/properties/l/0/a", unknown, "not_read"},
		{"exists_one", `resource.properties.l.exists_one(x, x.a == 1)`, `{"l": [{"a": 1}, {"a": 1}]}`, "/properties/l/0/a", unknown, "not_read"},
		{"join", `resource.properties.l.join(",") == "a,b"`, `{"l": ["a", "b"]}`, "/properties/l/0", unknown, "not_read"},
		{"sets", `sets.contains(["a", "b"], resource.properties.l)`, `{"l": ["a", "b"]}`, "/properties/l/0", unknown, "not_read"},
		{"distinct", `resource.properties.l.distinct().size() == 2`, `{"l": ["a", "b"]}`, "/properties/l/0", unknown, "not_read"},
		{"flatten", `resource.properties.l.flatten().size() == 2`, `{"l": [["a"], ["b"]]}`, "/properties/l/0/0", unknown, "not_read"},
		{"sort", `resource.properties.l.sort()[0] == "a"`, `{"l": ["a", "b"]}`, "/properties/l/1", unknown, "not_read"},
		{"sortBy", `resource.properties.l.sortBy(x, x.a)[0].a == 1`, `{"l": [{"a": 1}, {"a": 2}]}`, "/properties/l/1/a", unknown, "not_read"},
		{"slice", `resource.properties.l.slice(0, 1)[0] == "a"`, `{"l": ["a", "b"]}`, "/properties/l/1", unknown, "not_read"},
		{"concatenation", `(resource.properties.l + ["c"]).exists(x, x == "c")`, `{"l": ["a", "b"]}`, "/properties/l/1", pass, ""},
		{"concatenation equality", `resource.properties.l + ["c"] == ["a", "b", "c"]`, `{"l": ["a", "b"]}`, "/properties/l/1", unknown, "not_read"},
		{"math", `math.greatest(resource.properties.l) == 2`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"format", `"%s".format([resource.properties.l]) == "[1, 2]"`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"string", `string(resource.properties.a) == "1"`, `{"a": 1}`, "/properties/a", unknown, "not_read"},
		{"startsWith", `resource.properties.a.startsWith("x")`, `{"a": "x"}`, "/properties/a", unknown, "not_read"},
		{"matches", `resource.properties.a.matches("^x")`, `{"a": "x"}`, "/properties/a", unknown, "not_read"},
		{"bind", `cel.bind(m, resource.properties.m, m.b == 1)`, `{"m": {"b": 1}}`, "/properties/m/a", pass, ""},
		{"bind unknown", `cel.bind(m, resource.properties.m, m.a == 1)`, `{"m": {"b": 1}}`, "/properties/m/a", unknown, "not_read"},
		{"transformMap", `resource.properties.m.transformMap(k, v, v.a).size() == 1`, `{"m": {"b": {"a": 1}}}`, "/properties/m/b/a", unknown, "not_read"},
		{"transformMap passes", `resource.properties.m.transformMap(k, v, v)["b"].c == 1`, `{"m": {"b": {"c": 1}}}`, "/properties/m/b/a", pass, ""},
		{"transformMap equality", `resource.properties.m.transformMap(k, v, v) == {"b": {"c": 1}}`, `{"m": {"b": {"c": 1}}}`, "/properties/m/b/a", unknown, "not_read"},
		{"optional equality", `resource.properties.?m == optional.of({"b": 1})`, `{"m": {"b": 1}}`, "/properties/m/a", unknown, "not_read"},
		{"optional hasValue of", `resource.properties.?m.hasValue({"b": 1})`, `{"m": {"b": 1}}`, "/properties/m/a", unknown, "not_read"},
		{"non-zero value", `optional.ofNonZeroValue(resource.properties.m).hasValue()`, `{"m": {}}`, "/properties/m/a", unknown, "not_read"},
		{"optMap", `resource.properties.?m.optMap(m, m.b).orValue(0) == 1`, `{"m": {"b": 1}}`, "/properties/m/a", pass, ""},
		{"null", `resource.properties.a == null`, `{"a": null}`, "/properties/a", unknown, "not_read"},
		{"type", `type(resource.properties.m) == map`, `{"m": {"b": 1}}`, "/properties/m/a", pass, ""},
		{"optional unwrap", `optional.unwrap([resource.properties.?m]) == [{"b": 1}]`, `{"m": {"b": 1}}`, "/properties/m/a", unknown, "not_read"},
		{"reverse", `resource.properties.l.reverse() == [2, 1]`, `{"l": [1, 2]}`, "/properties/l/0", unknown, "not_read"},
		{"tags", `resource.tags["x"] == "y"`, `{}`, "/tags/x", unknown, "not_read"},
		{"ancestors", `"x" in resource.ancestors`, `{}`, "/ancestors", unknown, "not_read"},
		{"facet", `resource.facets.f.a == 1`, `{}`, "/facets/f", unknown, "not_read"},
		{"facets has", `has(resource.facets.f)`, `{}`, "/facets/f", unknown, "not_read"},
		{"properties", `resource.name == "n"`, `{}`, "/properties", pass, ""},
		{"pointer escapes", `resource.properties["a/b"]["c~d"] == 1`, `{}`, "/properties/a~1b/c~0d", unknown, "not_read"},

		{"redacted", `resource.properties.s == "x"`, `{"s": {"$redacted": false}}`, "", unknown, "redacted"},
		{"redacted has", `has(resource.properties.s)`, `{"s": {"$redacted": false}}`, "", pass, ""},
		{"redacted in", `"s" in resource.properties`, `{"s": {"$redacted": false}}`, "", pass, ""},
		{"redacted size", `size(resource.properties) == 1`, `{"s": {"$redacted": false}}`, "", pass, ""},
		{"redacted equality", `resource.properties == {"s": "x"}`, `{"s": {"$redacted": false}}`, "", unknown, "redacted"},
		{"redacted keys", `resource.properties.all(k, k == "s")`, `{"s": {"$redacted": false}}`, "", pass, ""},
		{"redacted element", `"x" in resource.properties.l`, `{"l": [{"$redacted": false}]}`, "", unknown, "redacted"},
		{"redacted empty", `resource.properties.s == ""`, `{"s": {"$redacted": true}}`, "", pass, ""},
		{"redacted select", `resource.properties.s.a == ""`, `{"s": {"$redacted": false}}`, "", unknown, "redacted"},
		{"redacted element has", `resource.properties.l.all(x, has(x.s))`, `{"l": [{"s": {"$redacted": false}}]}`, "", pass, ""},

		{"12 digits", `resource.properties.n == 123456789012`, `{"n": 123456789012}`, "", pass, ""},
		{"12 digits as text", `string(resource.properties.n) == "123456789012"`, `{"n": 123456789012}`, "", pass, ""},
		{"19 digits", `resource.properties.n == 1234567890123456789`, `{"n": 1234567890123456789}`, "", pass, ""},
		{"19 digits differ", `resource.properties.n == 1234567890123456788`, `{"n": 1234567890123456789}`, "", fail, ""},
		{"19 digits as text", `string(resource.properties.n) == "1234567890123456789"`, `{"n": 1234567890123456789}`, "", pass, ""},
		{"uint", `resource.properties.n == 18446744073709551615u`, `{"n": 18446744073709551615}`, "", pass, ""},
		{"beyond uint", `resource.properties.n > 0`, `{"n": 18446744073709551617}`, "", unknown, "decode"},
		{"double", `resource.properties.n == 0.1`, `{"n": 0.1}`, "", pass, ""},
		{"17 digits", `resource.properties.n > 0.3`, `{"n": 0.30000000000000004}`, "", pass, ""},
		{"21 digits", `resource.properties.n > 3.0`, `{"n": 3.14159265358979323846}`, "", unknown, "decode"},
		{"infinite", `resource.properties.n > 3.0`, `{"n": 1e400}`, "", unknown, "decode"},
		{"round big", `resource.properties.n == 1e20`, `{"n": 100000000000000000000}`, "", pass, ""},
		{"int and double", `resource.properties.n == 1`, `{"n": 1.0}`, "", pass, ""},
		{"int below double", `resource.properties.n < 1.5`, `{"n": 1}`, "", pass, ""},
		{"inexact in list", `1 in resource.properties.l`, `{"l": [18446744073709551617]}`, "", unknown, "decode"},

		{"now", `now == timestamp("2026-01-01T00:00:00Z")`, `{}`, "", pass, ""},
		{"account", `account.name == "acme" && account.provider == "gcp" && account.tags == {}`, `{}`, "", pass, ""},
		{"fields", `resource.id == "id" && resource.type == "T" && resource.region == "r" && resource.uid == ""`, `{}`, "", pass, ""},
		{"no ancestors", `resource.ancestors == [] && resource.tags == {} && resource.facets == {}`, `{}`, "", pass, ""},
		{"error and false", `resource.properties.b == 1 && false`, `{}`, "", fail, ""},
		{"error or true", `resource.properties.b == 1 || true`, `{}`, "", pass, ""},
		{"base64", `base64.decode("YQ==") == b"a"`, `{}`, "", pass, ""},
		{"regex", `regex.extract("a1", "[0-9]") == optional.of("1")`, `{}`, "", pass, ""},
	} {
		t.Run(strings.NewReplacer(" ", "_").Replace(test.name), func(t *testing.T) {
			t.Parallel()
			var unread []providers.Unread
			if test.unread != "" {
				unread = append(unread, providers.Unread{Path: test.unread, Class: providers.NotRead})
			}
			got := evaluate(t, open(t, one(test.expression), nil), resource(t, test.properties), unread...)
			if got.Verdict != test.want || test.reason != "" && got.Reason != test.reason {
				t.Errorf("got %s (%s, %s), want %s (%s)", got.Verdict, got.Reason, got.Detail, test.want, test.reason)
			}
		})
	}
}

// Whatever expressions make of the keys of an object is the same every time.
func TestEvaluate_GoesThroughObjectsInOrder(t *testing.T) {
	t.Parallel()
	const properties = `{"m": {"e": 5, "b": 2, "d": 4, "a": 1, "c": 3}}`
	for name, expression := range map[string]string{
		"resource": `resource.properties.m.map(k, k).join("") == "abcde"`,
		"literal":  `{"c": 1, "a": resource.properties.m.a, "b": 3}.map(k, k).join("") == "abc"`,
		"open":     `resource.properties.map(k, k).join("") == "m" && resource.properties.m.transformList(k, v, v) == [1, 2, 3, 4, 5]`,
		"tags":     `resource.tags.map(k, k).join("") == "xyz"`,
	} {
		s := open(t, one(expression), nil)
		r := resource(t, properties)
		r.Tags = map[string]string{"y": "", "x": "", "z": ""}
		for range 20 {
			if got := evaluate(t, s, r); got.Verdict != policy.Compliant {
				t.Fatalf("%s: %+v", name, got)
			}
		}
	}
	inventory := account(`inventory("T").all(r, r.properties.m.map(k, k).join("") == "abcde" && r.properties.m.transformList(k, v, v) == [1, 2, 3, 4, 5])`)
	for range 20 {
		if got := evaluateAccount(t, inventory, (&estate{}).add(t, "T", "id", properties)); got[0].Verdict != policy.Compliant {
			t.Fatalf("inventory: %+v", got)
		}
	}
}
