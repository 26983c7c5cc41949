package cel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/providers"
)

// values are what may stand at any path; values[0] is a missing one.
var values = []string{
	"", `null`, `true`, `false`, `0`, `1`, `18446744073709551617`, `"x"`, `""`, `[]`, `[1]`, `["x", 1]`, `{}`, `{"a": 1}`,
	`{"b": "x", "a": []}`, `{"a": {"a": 1}}`, `[{"a": 1}]`, `[{"a": 1, "b": "x"}, {"a": 0}]`, `{"l": [{"a": 1}]}`,
}

// paths are the paths that expressions read and that are unread. The last keys of some are indexes
// of lists, where what is there is not missing.
var paths = []string{"a", "b", "m", "m/a", "m/m", "m/l", "l", "l/0", "l/1", "l/0/a", "l/0/b", "l/1/a", "m/l/0/a", "m/l/0"}

func selection(path string) string {
	text := "resource.properties"
	for key := range strings.SplitSeq(path, "/") {
		if key == "0" || key == "1" {
			text += "[" + key + "]"
		} else {
			text += "." + key
		}
	}
	return text
}

// generator draws expressions.
type generator struct {
	*rapid.T
	variables []string
}

func (g *generator) pick(what string, of ...string) string {
	return rapid.SampledFrom(of).Draw(g.T, what)
}

func (g *generator) term(depth int) string {
	path := selection(g.pick("path", paths...))
	choices := []string{path, path, path, strings.Replace(path, ".properties.", ".properties.?", 1) + ".orValue(dyn(1))"}
	choices = append(choices, "dyn("+strings.TrimSuffix(g.pick("constant", values[1:]...), "8446744073709551617")+")")
	for _, name := range g.variables {
		choices = append(choices, name, name+".a", name+".?a.orValue(dyn(0))")
	}
	if depth > 0 {
		choices = append(choices,
			fmt.Sprintf("(%s ? %s : %s)", g.boolean(depth-1), path, g.pick("other path", "dyn(1)", `dyn("x")`)),
			fmt.Sprintf("dyn([%s])", path), fmt.Sprintf(`dyn({"a": %s})`, path),
			fmt.Sprintf("dyn(%s.filter(%s))", path, g.body("f", depth)),
			fmt.Sprintf("dyn(%s.map(v, v))", path), fmt.Sprintf("dyn(%s.map(v, dyn(1)))", path),
			fmt.Sprintf("dyn(%s.transformMap(k, v, v))", path),
			fmt.Sprintf("dyn(%s + [1])", path), fmt.Sprintf("dyn(%s.distinct())", path),
			fmt.Sprintf("dyn(type(%s))", path), fmt.Sprintf("dyn(size(%s))", path), fmt.Sprintf("dyn(string(%s))", path),
			fmt.Sprintf("cel.bind(n, %s, dyn([n, n]))", path), fmt.Sprintf("dyn(%s.flatten())", path),
			fmt.Sprintf("dyn(optional.ofNonZeroValue(%s))", path), fmt.Sprintf("dyn(%s.reverse())", path),
			fmt.Sprintf("dyn(%s.slice(0, 1))", path), fmt.Sprintf("dyn(%s.first())", path),
			fmt.Sprintf("dyn(%s.sortBy(e, e.a))", path),
		)
	}
	return g.pick("term", choices...)
}

// body is a variable and an expression over it.
func (g *generator) body(name string, depth int) string {
	inner := generator{g.T, append(g.variables[:len(g.variables):len(g.variables)], name)}
	return name + ", " + inner.boolean(depth-1)
}

func (g *generator) boolean(depth int) string {
	a, b := g.term(depth-1), g.term(depth-1)
	path := selection(g.pick("path", paths...))
	choices := []string{
		a + " == " + b, a + " != " + b, a + " in " + b, "has(" + strings.TrimRight(path, "[01]") + ")",
		"size(" + a + ") == 1", a + " < " + b, `"a" in ` + a, "sets.contains(dyn([1]), " + a + ")", a, "true", "false",
		a + " in [dyn(1), " + b + "]", "optional.of(" + a + ") == optional.of(" + b + ")", "optional.of(" + a + ").hasValue(" + b + ")",
	}
	for _, name := range g.variables {
		choices = append(choices, "has("+name+".a)", name+" == 1", name+` == "a"`)
	}
	if depth > 0 {
		c, d := g.boolean(depth-1), g.boolean(depth-1)
		choices = append(choices, c+" && "+d, "("+c+") || "+d, "!("+c+")", "(("+c+") ? "+d+" : false)",
			path+".all("+g.body("x", depth)+")", path+".exists("+g.body("y", depth)+")",
			path+".exists_one("+g.body("z", depth)+")", path+".all(k, v, "+c+")", path+".all(k, v, v == 1)", path+".all(u, false)")
	}
	return g.pick("boolean", choices...)
}

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

// drawn is a pack of random expressions with a random resource and a path in it.
type drawn struct {
	session     policy.Session
	properties  string
	path        string
	expressions []string
	more        []providers.Unread // other unread paths
}

func draw(t *testing.T, r *rapid.T, loader policy.Loader, e *cel.Engine, expression func(*generator) string) drawn {
	t.Helper()
	d := drawn{path: rapid.SampledFrom(paths).Draw(r, "unread")}
	g := generator{T: r}
	var text strings.Builder
	for i := range 20 {
		d.expressions = append(d.expressions, expression(&g))
		text.WriteString("---\n" + strings.Replace(one(d.expressions[i]), "name: p\n", fmt.Sprintf("name: p%d\n", i), 1))
	}
	for _, path := range paths {
		if rapid.IntRange(0, 5).Draw(r, "also unread") == 0 && path != d.path {
			d.more = append(d.more, providers.Unread{Path: "/properties/" + path, Class: providers.Timeout})
		}
	}
	pack, err := loader.FS(context.Background(), "pack", files(text.String()))
	if err != nil {
		r.Fatalf("%s\n%s", err, strings.Join(d.expressions, "\n"))
	}
	d.session = openAll(t, e, pack)
	d.properties = g.properties()
	return d
}

func (g *generator) properties() string {
	return fmt.Sprintf(`{"a": %s, "b": %s, "m": {"a": %s, "m": %s, "l": [{"a": %s}]}, "l": [{"a": %s, "b": %s}, %s]}`,
		g.value(), g.value(), g.value(), g.value(), g.value(), g.value(), g.value(), g.value())
}

func (g *generator) value() string { return g.pick("value", values[1:]...) }

func (d drawn) evaluate(t *testing.T, properties any, unread ...providers.Unread) []policy.Outcome {
	t.Helper()
	outcomes, err := d.session.Evaluate(context.Background(), policy.Input{
		Resource: &providers.Resource{Type: "T", Parts: map[string]providers.Part{"properties": {Value: properties}}},
		Unread:   sorted(append(unread, d.more...)),
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
// hold of every expression: what is said in spite of an unread path, or of a secret, is said
// whatever stands there, other unread paths or not. The other half may err: an unknown that does not depend is allowed.
func TestProperty_KnownNeverDepends(t *testing.T) {
	t.Parallel()
	loader, e := engine()
	rapid.Check(t, func(r *rapid.T) {
		d := draw(t, r, loader, e, func(g *generator) string { return g.boolean(3) })
		class := rapid.SampledFrom([]providers.Class{providers.NotRead, providers.RedactedValue}).Draw(r, "class")
		original := tree(t, d.properties)
		keys := strings.Split(d.path, "/")
		if class == providers.RedactedValue && !set(original, keys, providers.Redacted{}, false) {
			return
		}
		got := d.evaluate(t, original, providers.Unread{Path: "/properties/" + d.path, Class: class})
		var unlisted []policy.Outcome
		if class == providers.RedactedValue {
			unlisted = d.evaluate(t, original)
		}
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
			for i, outcome := range d.evaluate(t, properties) {
				if got[i].Verdict != policy.Unknown && outcome.Verdict != got[i].Verdict {
					r.Fatalf("%s\nis %s with %s unread (%s), but %s with %q there", d.expressions[i], got[i].Verdict, d.path, class, outcome.Verdict, value)
				}
				if len(unlisted) > 0 && unlisted[i].Verdict != policy.Unknown && outcome.Verdict != unlisted[i].Verdict {
					r.Fatalf("%s\nis %s with %s redacted, but %s with %q there", d.expressions[i], unlisted[i].Verdict, d.path, outcome.Verdict, value)
				}
			}
		}
	})
}

// TestProperty_UnknownExactly holds both halves for expressions that read each path once and
// compare it with a constant: they are unknown if and only if two values give two outcomes.
func TestProperty_UnknownExactly(t *testing.T) {
	t.Parallel()
	loader, e := engine()
	once := []string{"a", "b", "m/a", "m/m"}
	rapid.Check(t, func(r *rapid.T) {
		d := draw(t, r, loader, e, func(g *generator) string {
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
			if unknown := got[i].Verdict == policy.Unknown; unknown != depends && !seen[i][policy.Unknown] {
				r.Fatalf("%s\ndepends on %s: %t, unknown: %t", d.expressions[i], d.path, depends, unknown)
			}
		}
	})
}

// readOnce draws a formula in which each of the paths stands at most once.
func readOnce(g *generator, paths []string) string {
	if len(paths) == 1 {
		path := strings.ReplaceAll("resource.properties."+paths[0], "/", ".")
		return g.pick("atom", "has("+path+")", optional(path)+".orValue(dyn(0)) == 1", optional(path)+`.orValue(dyn("")) in ["x", "y"]`)
	}
	half := rapid.IntRange(1, len(paths)-1).Draw(g.T, "half")
	a, b := readOnce(g, paths[:half]), readOnce(g, paths[half:])
	return g.pick("formula", "("+a+" && "+b+")", "("+a+" || "+b+")", "!("+a+")", b)
}

func optional(path string) string {
	at := strings.LastIndex(path, ".")
	return path[:at] + ".?" + path[at+1:]
}

func openAll(t testing.TB, e *cel.Engine, pack *policy.Pack) policy.Session {
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

// TestProperty_InventoryLikeResource holds that resources of an inventory, which are kept in another
// form, cannot be told from those that are judged one by one.
func TestProperty_InventoryLikeResource(t *testing.T) {
	t.Parallel()
	loader, e := engine()
	rapid.Check(t, func(r *rapid.T) {
		g := generator{T: r}
		expressions := []string{g.boolean(3), g.boolean(3), g.boolean(3)}
		properties := g.properties()
		var text strings.Builder
		for i, expression := range expressions {
			whole := fmt.Sprintf("inventory(\"T\").all(resource, %s)", strings.ReplaceAll(expression, "\n", " "))
			text.WriteString("---\n" + strings.Replace(one(expression), "name: p\n", fmt.Sprintf("name: p%d\n", i), 1))
			text.WriteString("---\n" + strings.Replace(account(whole), "name: p\n", fmt.Sprintf("name: q%d\n", i), 1))
		}
		pack, err := loader.FS(context.Background(), "pack", files(text.String()))
		if err != nil {
			r.Fatalf("%s\n%s", err, strings.Join(expressions, "\n"))
		}
		d := drawn{session: openAll(t, e, pack)}
		want := d.evaluate(t, tree(t, properties))
		got := judgeAccount(t, d.session, (&estate{}).add(t, "T", "id", properties))
		for i := range want {
			if got[i].Verdict != want[i].Verdict {
				r.Fatalf("%s\nis %s over a resource and %s over an inventory with it alone: %s", expressions[i], want[i].Verdict, got[i].Verdict, properties)
			}
		}
	})
}
