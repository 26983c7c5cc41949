package cel

import (
	"testing"

	"cloudaudit/policy"
)

// What goes through the resource a bounded number of times runs free; what multiplies its size with
// itself, or costs much over any resource, is counted.
func TestCounted(t *testing.T) {
	t.Parallel()
	const doubling = `cel.bind(a, resource.name + resource.name, cel.bind(b, a + a, cel.bind(c, b + b, cel.bind(d, c + c, ` +
		`cel.bind(e, d + d, cel.bind(f, e + e, cel.bind(g, f + f, cel.bind(h, g + g, cel.bind(i, h + h, cel.bind(j, i + i, ` +
		`cel.bind(k, j + j, cel.bind(l, k + k, l + l == "x"))))))))))))`
	for _, test := range []struct {
		expression string
		want       bool
	}{
		{`resource.properties.a == "x"`, false},
		{`resource.name.matches("^a.*b$")`, false},
		{`"x" in resource.properties.l`, false},
		{`resource.properties.l.exists(r, r.action.type == "Delete" && r.condition.age <= 365)`, false},
		{`resource.properties.l.all(x, x.name.matches("^a.*b$"))`, false},
		{`!resource.facets.?iamPolicy.?bindings.orValue([]).exists(b, "allUsers" in b.members)`, false},
		{`resource.properties.l.filter(b, b.x == 1).exists(b, b.members.exists(m, m.startsWith("x")))`, false},
		{`variables.list.exists(x, "a" in x.members)`, false},
		{`iam.publicStatements(resource.properties.?d.orValue(null)).all(s, s.actions.all(a, a.startsWith("s3:get")))`, false},
		{`iam.accounts(resource.properties.d).all(a, a == "x" || a == params.trusted)`, false},
		{`gcp.grants(resource.facets.?iamPolicy.orValue(null)).all(g, !(g.role in ["a", "b"]) || g.member.endsWith("@x"))`, false},
		{`resource.properties.l.all(r, net.isWorld(r.cidr) && net.portsOverlap(net.ports(r.from, r.to), 22))`, false},
		{`(resource.properties.?l.orValue(null) == null ? [] : resource.properties.l).exists(r, net.isWorld([r.?a.orValue(null), r.b]))`, false},
		{`(resource.properties.a ? resource.properties.l : resource.properties.m).exists(r, r.b.exists(x, x == r))`, true},
		{`params.trusted.exists(t, tags.has(resource.tags, t))`, false},
		{`resource.properties.l.exists(r, net.portsOverlap(net.ports(r.?a.orValue(null), r.?b.orValue(-1)), 22))`, false},
		{`resource.properties.l.exists(r, r.?a.orValue(resource.properties.m).exists(x, x == r))`, true},
		{`tags.missing(resource.tags, ["a", "b"]).size() == 0 && ageDays(resource.properties.t) < 3`, false},
		{`resource.properties.l.all(x, x.k in sets.of(resource.properties.m))`, true},
		{`variables.copies.all(x, x.exists(y, y == 1))`, true},
		{`resource.properties.l.exists(b, resource.properties.m.exists(m, m == b))`, true},
		{`resource.properties.l.all(x, x in resource.properties.m)`, true},
		{`resource.properties.l.all(x, x.l.all(a, x.l.all(b, true)))`, true},
		{`resource.properties.l.all(x, resource.properties[x].all(y, y > 1))`, true},
		{`[resource.properties.l].all(x, x.all(y, x.all(z, true)))`, true},
		{`resource.properties.l.map(x, resource.properties.l).all(y, y.all(z, true))`, true},
		{`cel.bind(l, resource.properties.l, l.all(x, l.all(y, true)))`, true},
		{`lists.range(1000).all(x, lists.range(1000).all(y, true))`, true},
		{doubling, true},
	} {
		c, err := newCompiler()
		if err != nil {
			t.Fatal(err)
		}
		s := &scope{compiler: c, env: c.env, reads: newReads(&schema{Properties: map[string]any{"trusted": nil}}), compiled: &compiled{slots: map[string]int{}}}
		s.variable(nil, variable{source("list"), source(`resource.properties.?l.orValue([])`)})
		s.variable(nil, variable{source("copies"), source(`resource.properties.l.map(x, resource.properties.l)`)})
		tree, issues := s.env.Compile(test.expression)
		if issues.Err() != nil {
			t.Fatal(issues.Err())
		}
		if got := counted(s.env, tree, s.reads.variables, false); got != test.want {
			t.Errorf("counted is %t, want %t: %s", got, test.want, test.expression)
		}
	}
}

// source is a text that stands alone.
func source(expression string) text {
	return text{expression, &policy.Node{File: "f", Line: 1, Column: 1}}
}
