package rego_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cloudaudit/policy"
	"cloudaudit/policy/rego"
	"cloudaudit/providers"
)

// values are what may stand at any path; values[0] is a missing one.
var values = []string{
	"", `null`, `true`, `false`, `0`, `1`, `18446744073709551617`, `"x"`, `""`, `[]`, `[1]`, `["x", 1]`, `{}`, `{"a": 1}`,
	`{"b": "x", "a": []}`, `{"a": {"a": 1}}`, `[{"a": 1}]`, `[{"a": 1, "b": "x"}, {"a": 0}]`, `{"l": [{"a": 1}]}`,
}

// paths are the paths that rules read and that are unread. The last keys of some are indexes of
// lists, where what is there is not missing.
var paths = []string{"a", "b", "m", "m/a", "m/m", "m/l", "l", "l/0", "l/1", "l/0/a", "l/0/b", "l/1/a", "m/l/0/a", "m/l/0"}

func selection(path string) string {
	text := "input.properties"
	for key := range strings.SplitSeq(path, "/") {
		if key == "0" || key == "1" {
			text += "[" + key + "]"
		} else {
			text += "." + key
		}
	}
	return text
}

// generator draws bodies of rules.
type generator struct {
	*rapid.T
	variables []string
	fresh     *int
}

func (g *generator) pick(what string, of ...string) string {
	return rapid.SampledFrom(of).Draw(g.T, what)
}

func (g *generator) path() string { return selection(g.pick("path", paths...)) }

// name makes a variable.
func (g *generator) name() string {
	*g.fresh++
	return fmt.Sprintf("v%d", *g.fresh)
}

func (g *generator) term(depth int) string {
	path := g.path()
	choices := []string{path, path, path, `object.get(input.properties, "a", 1)`, g.pick("constant", values[1:]...), "whole", "list", "chosen"}
	for _, name := range g.variables {
		choices = append(choices, name, name+".a", name)
	}
	if depth > 0 {
		inner, v := g.inner()
		choices = append(choices,
			fmt.Sprintf("[%s]", path), fmt.Sprintf(`{"a": %s}`, path), fmt.Sprintf("{%s}", path), "count("+path+")",
			fmt.Sprintf("[%s | some %s in %s; %s]", v, v, path, inner.body(depth-1)),
			fmt.Sprintf("{%s | some %s in %s; %s}", v, v, path, inner.body(depth-1)),
			fmt.Sprintf("[%s.a | some %s in %s]", v, v, path),
			fmt.Sprintf("{k: %s | some k, %s in %s}", v, v, path),
			"type_name("+path+")", "array.concat("+path+", [1])", "object.keys("+path+")", "json.marshal("+path+")", "first("+path+")",
			"object.union("+path+`, {"b": 1})`, "to_number("+path+")", "sort("+path+")",
		)
	}
	return g.pick("term", choices...)
}

// inner is a generator with one variable more.
func (g *generator) inner() (generator, string) {
	v := g.name()
	return generator{g.T, append(g.variables[:len(g.variables):len(g.variables)], v), g.fresh}, v
}

// body is one statement or several.
func (g *generator) body(depth int) string {
	a, b, path := g.term(depth-1), g.term(depth-1), g.path()
	choices := []string{
		a + " == " + b, a + " != " + b, a + " in " + b, a, "not " + a, a + " < " + b, "count(" + a + ") == 1", "has_a(" + a + ")",
		"not has_a(" + a + ")", "helper", "not helper", "members[" + a + "]", path + "[_] == 1", path + "[_].a == 1", path + `[_].a == "x"`,
		"not " + path + ".a", "is_object(" + a + ")", path + "[k] == 1; k != 0", path + `.a[_] == 1`, "kind == 1", "ordered(" + path + ") == 2",
	}
	if depth > 0 {
		inner, v := g.inner()
		choices = append(choices,
			g.body(depth-1)+"\n\t"+g.body(depth-1), g.body(depth-1)+"\n\t"+g.body(depth-1),
			fmt.Sprintf("some %s in %s\n\t%s", v, path, inner.body(depth-1)),
			fmt.Sprintf("some %s in %s\n\t%s", v, path, inner.body(depth-1)),
			fmt.Sprintf("every %s in %s { %s }", v, path, inner.body(depth-1)),
			fmt.Sprintf("%s := %s\n\t%s", v, path, inner.body(depth-1)),
			fmt.Sprintf("walk(%s, [_, %s])\n\t%s", path, v, inner.body(depth-1)),
		)
	}
	return g.pick("body", choices...)
}

// helpers are rules that bodies use.
const helpers = `
has_a(x) if x.a == 1

has_a(x) if x.b == "x"

helper if input.properties.m.a == 1

helper if { some e in input.properties.l; e.b == "x" }

members contains e.a if some e in input.properties.l

members contains 1 if not input.properties.b

whole := input.properties

list := input.properties.l

default chosen := 1

chosen := input.properties.a if input.properties.b

kind := 1 if input.properties.a == 1 else := 2 if input.properties.m.a

first(x) := x[0]

ordered(x) := 1 if x.a else := 2 if x.b else := 3
`

// set gives the tree with a value at a path, absent if the value is missing. It tells whether the
// path can be set: the containers on the way must be there.
func set(root any, keys []string, value any, missing bool) bool {
	key, last := keys[0], len(keys) == 1
	switch container := root.(type) {
	case map[string]any:
		if last && missing {
			delete(container, key)
			return true
		}
		if last {
			container[key] = value
			return true
		}
		next, ok := container[key]
		return ok && set(next, keys[1:], value, missing)
	case []any:
		i := int(key[0] - '0')
		if i > 1 || i >= len(container) || last && missing {
			return false
		}
		if last {
			container[i] = value
			return true
		}
		return set(container[i], keys[1:], value, missing)
	}
	return false
}

// drawn is a pack of random rules with a random resource and a path in it.
type drawn struct {
	session    policy.Session
	properties string
	path       string
	bodies     []string
	more       []providers.Unread // other unread paths
}

func draw(t *testing.T, r *rapid.T, count int, body func(*generator) string) drawn {
	t.Helper()
	d := drawn{path: rapid.SampledFrom(paths).Draw(r, "unread")}
	fresh := 0
	g := generator{T: r, fresh: &fresh}
	for range count {
		d.bodies = append(d.bodies, body(&g))
	}
	for _, path := range paths {
		if rapid.IntRange(0, 5).Draw(r, "also unread") == 0 && path != d.path && !strings.HasPrefix(path, d.path+"/") {
			d.more = append(d.more, providers.Unread{Path: "/properties/" + path, Class: providers.Timeout})
		}
	}
	d.session = drawnSession(t, r, d.bodies)
	d.properties = fmt.Sprintf(`{"a": %s, "b": %s, "m": {"a": %s, "m": %s, "l": [{"a": %s}]}, "l": [{"a": %s, "b": %s}, %s]}`,
		g.value(), g.value(), g.value(), g.value(), g.value(), g.value(), g.value(), g.value())
	return d
}

// drawnSession leaves out bodies that the compiler refuses, because it knows a type better. Each
// stands on lines of its own, by which the refusal names it.
func drawnSession(t *testing.T, r *rapid.T, bodies []string) policy.Session {
	t.Helper()
	loader, e := engine()
	left := slices.Clone(bodies)
	for {
		text := "package p\n" + helpers
		var ends []int
		for i, body := range left {
			text += fmt.Sprintf("\ndeny_%d contains \"bad\" if {\n\t%s\n}\n", i, body)
			ends = append(ends, strings.Count(text, "\n"))
		}
		pack, err := loader.FS(context.Background(), "pack", files(text))
		if err == nil {
			return openAll(t, e, pack)
		}
		dropped := false
		for _, place := range regexp.MustCompile(`policies\.rego:(\d+):`).FindAllStringSubmatch(err.Error(), -1) {
			line, _ := strconv.Atoi(place[1])
			i, _ := slices.BinarySearch(ends, line)
			dropped = dropped || left[i] != "false"
			left[i] = "false"
		}
		if !dropped || strings.Contains(err.Error(), "unexpected") {
			r.Fatalf("%s\n%s", err, text)
		}
	}
}

func (g *generator) value() string { return g.pick("value", values[1:]...) }

func (d drawn) evaluate(t *testing.T, properties any, unread ...providers.Unread) []policy.Outcome {
	t.Helper()
	return d.evaluateWhole(t, properties, append(unread, d.more...)...)
}

// evaluateWhole leaves nothing unread but what is given.
func (d drawn) evaluateWhole(t *testing.T, properties any, unread ...providers.Unread) []policy.Outcome {
	t.Helper()
	outcomes, err := d.session.Evaluate(context.Background(), policy.Input{
		Resource: &providers.Resource{Type: "T", Parts: map[string]providers.Part{"properties": {Value: properties}}},
		Unread:   sorted(unread),
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func sorted(unread []providers.Unread) []providers.Unread {
	slices.SortFunc(unread, func(a, b providers.Unread) int { return strings.Compare(a.Path, b.Path) })
	return unread
}

// TestProperty_KnownNeverDepends holds the half of "unknown if and only if it depends" that must
// hold of every rule: what is said in spite of an unread path, or of a secret, is said whatever
// stands there, other unread paths or not. The other half may err: an unknown that does not depend
// is allowed.
func TestProperty_KnownNeverDepends(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := draw(t, r, 10, func(g *generator) string { return g.body(3) })
		class := rapid.SampledFrom([]providers.Class{providers.NotRead, providers.RedactedValue}).Draw(r, "class")
		original := tree(t, d.properties)
		keys := strings.Split(d.path, "/")
		if class == providers.RedactedValue && !set(original, keys, providers.Redacted{}, false) {
			return
		}
		got := d.evaluate(t, original, providers.Unread{Path: "/properties/" + d.path, Class: class})
		for _, value := range append(values[1:], "") {
			properties := tree(t, d.properties)
			var standing any
			if value != "" {
				standing = tree(t, value)
			}
			if _, text := standing.(string); class == providers.RedactedValue && (!text || standing == "") {
				continue
			}
			if !set(properties, keys, standing, value == "") {
				continue
			}
			outcomes := d.evaluate(t, properties)
			whole := d.evaluateWhole(t, properties)
			for i := range got {
				for _, outcome := range []policy.Outcome{outcomes[i], whole[i]} {
					if got[i].Verdict != policy.Unknown && outcome.Verdict != policy.Unknown && outcome.Verdict != got[i].Verdict {
						r.Fatalf("%s\nof %s\nis %s with %s unread (%s), but %s with %q there", d.bodies[i], d.properties, got[i].Verdict, d.path, class, outcome.Verdict, value)
					}
				}
				if whole[i].Verdict == policy.Unknown && whole[i].Reason != policy.ReasonError && whole[i].Reason != string(providers.Decode) {
					r.Fatalf("%s\nof %s\nis unknown though all is read: %+v", d.bodies[i], d.properties, whole[i])
				}
			}
		}
	})
}

// TestProperty_UnknownExactly holds both halves for rules that read each path once and compare it
// with a constant: they are unknown if and only if two values give two outcomes.
func TestProperty_UnknownExactly(t *testing.T) {
	t.Parallel()
	once := []string{"a", "b", "m/a", "m/m"}
	rapid.Check(t, func(r *rapid.T) {
		d := draw(t, r, 10, func(g *generator) string {
			return readOnce(g, rapid.Permutation(once).Draw(r, "order"))
		})
		d.path, d.more = rapid.SampledFrom(once).Draw(r, "unread"), nil
		got := d.evaluate(t, tree(t, d.properties), providers.Unread{Path: "/properties/" + d.path, Class: providers.NotRead})
		seen := make([]map[policy.Verdict]bool, len(got))
		for _, value := range values {
			properties := tree(t, d.properties)
			var standing any
			if value != "" {
				standing = tree(t, value)
			}
			set(properties, strings.Split(d.path, "/"), standing, value == "")
			for i, outcome := range d.evaluate(t, properties) {
				if seen[i] == nil {
					seen[i] = map[policy.Verdict]bool{}
				}
				seen[i][outcome.Verdict] = true
			}
		}
		for i := range got {
			depends := seen[i][policy.Compliant] && seen[i][policy.Violates]
			if unknown := got[i].Verdict == policy.Unknown; unknown != depends {
				r.Fatalf("%s\nof %s\ndepends on %s: %t, unknown: %t", d.bodies[i], d.properties, d.path, depends, unknown)
			}
		}
	})
}

// readOnce draws a conjunction in which each of the paths stands at most once.
func readOnce(g *generator, paths []string) string {
	if len(paths) == 1 {
		path := strings.ReplaceAll("input.properties."+paths[0], "/", ".")
		return g.pick("atom", path, path+" == 1", path+` in {"x", "y"}`, "not "+path, "not "+path+" == 1")
	}
	half := rapid.IntRange(1, len(paths)-1).Draw(g.T, "half")
	a, b := readOnce(g, paths[:half]), readOnce(g, paths[half:])
	return g.pick("formula", a+"\n\t"+b, b)
}

func openAll(t testing.TB, e *rego.Engine, pack *policy.Pack) policy.Session {
	t.Helper()
	config := policy.Reconciled{}
	for _, p := range pack.Policies {
		config[p.Name] = policy.Setting{Level: policy.Advisory}
	}
	session, err := e.Open(context.Background(), pack, policy.SessionOptions{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return session
}
