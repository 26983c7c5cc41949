package cel_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// estate is an account in memory.
type estate struct {
	resources  []policy.Input
	incomplete map[string]providers.Class
	fault      error
	asked      []string // types, in order
}

// Resources implements policy.Inventory.
func (e *estate) Resources(_ context.Context, resourceType string, _ *providers.Projection) iter.Seq2[policy.Input, error] {
	e.asked = append(e.asked, resourceType)
	return func(yield func(policy.Input, error) bool) {
		for _, input := range e.resources {
			if input.Resource.Type == resourceType && !yield(input, nil) {
				return
			}
		}
		if e.fault != nil {
			yield(policy.Input{}, e.fault)
		}
	}
}

// Incomplete implements policy.Inventory.
func (e *estate) Incomplete(resourceType string) (providers.Class, bool) {
	class, incomplete := e.incomplete[resourceType]
	return class, incomplete
}

// add puts a resource into the estate.
func (e *estate) add(t testing.TB, resourceType, id, properties string, unread ...providers.Unread) *estate {
	t.Helper()
	r := resource(t, properties)
	r.Type, r.ID, r.Identity, r.Region = resourceType, id, id, "eu-west-1"
	e.resources = append(e.resources, policy.Input{Resource: r, Unread: unread})
	return e
}

func evaluateAccount(t testing.TB, policies string, e *estate) []policy.Outcome {
	t.Helper()
	return judgeAccount(t, open(t, policies, nil), e)
}

func judgeAccount(t testing.TB, s policy.Session, e *estate) []policy.Outcome {
	t.Helper()
	session, ok := s.(policy.AccountSession)
	if !ok {
		t.Fatal("the session judges no accounts")
	}
	outcomes, err := session.EvaluateAccount(context.Background(), &providers.Account{Name: "shop", Cloud: providers.AWS, CloudID: "111111111111"}, e)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// account makes an account policy of one expression.
func account(expression string) string {
	return "name: p\nkind: account\nseverity: low\nmessage: bad\nvalidations:\n  - expression: |-\n      " + expression + "\n"
}

const perTrail = `
name: p
kind: account
severity: low
match: {condition: account.provider == "aws"}
variables:
  - {name: buckets, expression: 'sets.of(inventory("Bucket").map(b, b.properties.name))'}
validations:
  - forEach: inventory("Trail").filter(t, t.properties.on)
    expression: item.properties.bucket in variables.buckets
    key: item.id
    messageExpression: '"no bucket " + item.properties.bucket + " in " + account.cloudId'
`

func TestEvaluateAccount_Outcomes(t *testing.T) {
	t.Parallel()
	notRead := func(path string) providers.Unread { return providers.Unread{Path: path, Class: providers.NotRead} }
	trails := func() *estate {
		return (&estate{}).add(t, "Trail", "t/1", `{"on": true, "bucket": "logs"}`).add(t, "Trail", "t/2", `{"on": true, "bucket": "gone"}`).
			add(t, "Trail", "t/3", `{"on": false, "bucket": "gone"}`)
	}
	for name, test := range map[string]struct {
		policy string
		estate *estate
		want   policy.Outcome
	}{
		"violation_by_key": {
			perTrail, trails().add(t, "Bucket", "b", `{"name": "logs"}`),
			violates(policy.Report{Key: "t/2", Message: "no bucket gone in 111111111111"}),
		},
		"compliant": {
			perTrail, (&estate{}).add(t, "Trail", "t", `{"on": true, "bucket": "logs"}`).add(t, "Bucket", "b", `{"name": "logs"}`),
			policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		},
		"nothing_there": {account(`inventory("Trail").exists(t, t.properties.on)`), &estate{}, violates(policy.Report{Message: "bad"})},
		"condition_before_all": {
			strings.Replace(perTrail, `"aws"`, `"gcp"`, 1), &estate{incomplete: map[string]providers.Class{"Trail": providers.AccessDenied}},
			policy.Outcome{Policy: "p", Verdict: policy.NotApplicable},
		},
		"condition_on_inventory": {
			strings.Replace(perTrail, `account.provider == "aws"`, `inventory("Trail").size() > 5`, 1), trails(),
			policy.Outcome{Policy: "p", Verdict: policy.NotApplicable},
		},
		"condition_on_incomplete_inventory": {
			strings.Replace(perTrail, `account.provider == "aws"`, `inventory("Trail").size() > 5`, 1),
			&estate{incomplete: map[string]providers.Class{"Trail": providers.Timeout}},
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonIncomplete, Detail: "Trail: timeout"},
		},
		"incomplete_type": {
			perTrail, func() *estate {
				e := trails()
				e.incomplete = map[string]providers.Class{"Bucket": providers.AccessDenied, "Other": providers.Timeout}
				return e
			}(),
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonIncomplete, Detail: "Bucket: access_denied"},
		},
		"incomplete_in_spite_of_a_proof": {
			account(`inventory("A").size() == 0 || inventory("B").size() == 0`), &estate{incomplete: map[string]providers.Class{"B": providers.Throttled}},
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonIncomplete, Detail: "B: throttled"},
		},
		"unread_that_decides": {
			account(`inventory("Trail").exists(t, t.properties.on)`),
			(&estate{}).add(t, "Trail", "t/1", `{"on": false}`).add(t, "Trail", "t/2", `{}`, notRead("/properties/on")),
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "not_read", Detail: "Trail t/2 /properties/on"},
		},
		"unread_that_does_not": {
			account(`inventory("Trail").exists(t, t.properties.on)`),
			(&estate{}).add(t, "Trail", "t/1", `{}`, notRead("/properties/on")).add(t, "Trail", "t/2", `{"on": true}`),
			policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		},
		"unread_elsewhere": {
			account(`inventory("Trail").all(t, t.properties.on)`), (&estate{}).add(t, "Trail", "t", `{"on": true}`, notRead("/properties/x"), notRead("/tags")),
			policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		},
		"unread_resource": {
			account(`inventory("Trail").exists(t, t.properties.on)`), (&estate{}).add(t, "Trail", "t", `{"on": true}`, notRead("")),
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "not_read", Detail: "Trail t "},
		},
		"unread_resource_counts": {
			account(`inventory("Trail").size() == 1`), (&estate{}).add(t, "Trail", "t", `{"on": true}`, notRead("")),
			policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		},
		"one_of_several_unread": {
			strings.Replace(perTrail, `.filter(t, t.properties.on)`, ``, 1),
			trails().add(t, "Bucket", "b", `{"name": "logs"}`).add(t, "Trail", "t/4", `{}`, notRead("/properties/bucket")),
			policy.Outcome{
				Policy: "p", Verdict: policy.Violates, Remainder: true, Reason: "not_read", Detail: "Trail t/4 /properties/bucket",
				Reports: []policy.Report{{Key: "t/2", Message: "no bucket gone in 111111111111"}, {Key: "t/3", Message: "no bucket gone in 111111111111"}},
			},
		},
		"secret": {
			account(`inventory("Trail").all(t, t.properties.s != "x")`), (&estate{}).add(t, "Trail", "t", `{"s": {"$redacted": false}}`),
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "redacted", Detail: "Trail t /properties/s"},
		},
		"error": {
			account(`inventory("Trail").all(t, t.properties.x)`), (&estate{}).add(t, "Trail", "t", `{}`),
			policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonError, Detail: `policies.yaml:7:45: no such key "x"`},
		},
		"whole_resources": {
			account(`inventory("Trail").filter(t, t.region == "eu-west-1").map(t, t)[0].properties.a.b == 1`), (&estate{}).add(t, "Trail", "t", `{"a": {"b": 1}}`),
			policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := diff.Diff([]policy.Outcome{test.want}, evaluateAccount(t, test.policy, test.estate)); d != "" {
				t.Error(d)
			}
		})
	}
}

// What a policy reads is known before it runs, type by type.
func TestEvaluateAccount_Reads(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, perTrail)
	p := pack.Policies[0]
	want := map[string][]string{"Bucket": {"/properties/name"}, "Trail": {"/id", "/properties/bucket", "/properties/on"}}
	if d := diff.Diff(want, p.TypeReads); d != "" || p.Kind != policy.OnAccount || !slices.Equal(p.Types, []string{"Bucket", "Trail"}) {
		t.Errorf("kind %s, types %q, reads %s", p.Kind, p.Types, d)
	}
	if all := []string{"/id", "/properties/bucket", "/properties/name", "/properties/on"}; !slices.Equal(p.Reads, all) {
		t.Errorf("reads %q", p.Reads)
	}
	for expression, want := range map[string]map[string][]string{
		`inventory("a.b/C").size() == 0`:                                               {"a.b/C": {}},
		`size(inventory("A")) == 0 && inventory("A").all(x, true)`:                     {"A": {}},
		`inventory("A")[0].facets.f.x == 1`:                                            {"A": {"/facets/f/x"}},
		`inventory("A").map(x, x.region).distinct().size() == 1`:                       {"A": {"/region"}},
		`inventory("A").exists(a, inventory("B").exists(b, a.id == b.properties.of))`:  {"A": {"/id"}, "B": {"/properties/of"}},
		`inventory("A").filter(a, a.name == "x").exists(a, a.properties.l[0].k == "")`: {"A": {"/name", "/properties/l/0/k"}},
		`inventory("A").map(a, a) == inventory("B").map(a, a)`:                         {"A": {""}, "B": {""}},
		`inventory("A").all(a, a["properties"].x == 1)`:                                {"A": {"/properties/x"}},
	} {
		pack, _ := load(t, account(expression))
		got := pack.Policies[0].TypeReads
		for name := range got {
			got[name] = append([]string{}, got[name]...)
		}
		if d := diff.Diff(want, got); d != "" {
			t.Errorf("%s: %s", expression, d)
		}
	}
}

// Types are read once for all policies, and only while one needs them; a session without account
// policies asks for nothing.
func TestEvaluateAccount_ReadsOnce(t *testing.T) {
	t.Parallel()
	named := func(name, expression string) string {
		return "---\n" + strings.Replace(account(expression), "name: p", "name: "+name, 1)
	}
	e := &estate{}
	policies := named("a", `inventory("A").size() == inventory("B").size()`) + named("b", `inventory("B").size() == inventory("C").size()`) +
		named("c", `inventory("A").size() == 0`)
	if got := evaluateAccount(t, policies, e); len(got) != 3 || got[2].Verdict != policy.Compliant {
		t.Error(got)
	}
	if want := []string{"A", "B", "C"}; !slices.Equal(e.asked, want) {
		t.Errorf("asked for %q, want %q", e.asked, want)
	}
	if got := evaluateAccount(t, one("true"), e); len(got) != 0 || len(e.asked) != 3 {
		t.Error(got, e.asked)
	}
	outcomes, err := open(t, account("inventory('T').size() == 1"), nil).Evaluate(context.Background(), policy.Input{Resource: resource(t, `{}`)})
	if err != nil || len(outcomes) != 0 {
		t.Error("an account policy judges a resource", outcomes, err)
	}
}

func TestEvaluateAccount_InventoryFails(t *testing.T) {
	t.Parallel()
	session, _ := open(t, account(`inventory("A").size() == 0`), nil).(policy.AccountSession)
	e := (&estate{fault: errors.ErrUnsupported}).add(t, "A", "a", `{}`)
	if got, err := session.EvaluateAccount(context.Background(), nil, e); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(got, err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if got, err := session.EvaluateAccount(cancelled, nil, &estate{}); !errors.Is(err, context.Canceled) {
		t.Error(got, err)
	}
}

// endless gives a resource over and over.
type endless struct {
	estate
	times, given int
}

// Resources implements policy.Inventory.
func (e *endless) Resources(context.Context, string, *providers.Projection) iter.Seq2[policy.Input, error] {
	return func(yield func(policy.Input, error) bool) {
		for e.given = range e.times {
			if !yield(e.resources[0], nil) {
				return
			}
		}
	}
}

// What a policy reads of the resources bounds it, not what the resources hold.
func TestEvaluateAccount_TooLarge(t *testing.T) {
	t.Parallel()
	e := &endless{times: 50_000}
	e.add(t, "A", "a", `{"n": 1, "big": [`+strings.Repeat(`"x",`, 99)+`"x"]}`)
	for expression, want := range map[string]policy.Outcome{
		`inventory("A").all(a, a.properties.n == 1)`: {Policy: "p", Verdict: policy.Compliant},
		`inventory("A").all(a, a.properties.big.size() == 100)`: {
			Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonTooLarge, Detail: "what the policy reads of the resources has more than 1000000 values",
		},
	} {
		session, _ := open(t, account(expression), nil).(policy.AccountSession)
		got, err := session.EvaluateAccount(context.Background(), nil, e)
		if d := diff.Diff([]policy.Outcome{want}, got); d != "" || err != nil {
			t.Error(expression, err, d)
		}
	}
	if e.given > 20_000 && e.given != e.times-1 {
		t.Errorf("%d resources were read before it was found too large", e.given)
	}
}

// Thousands of resources without a right are one unknown, which names the first.
func TestEvaluateAccount_ManyUnread(t *testing.T) {
	t.Parallel()
	e := &estate{}
	for i := range 5_000 {
		e.add(t, "A", fmt.Sprintf("a/%04d", i), `{}`, providers.Unread{Path: "/properties/x", Class: providers.AccessDenied})
	}
	got := evaluateAccount(t, account(`inventory("A").all(a, a.properties.x == 1)`), e)
	want := policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "access_denied", Detail: "A a/0000 /properties/x"}
	if d := diff.Diff([]policy.Outcome{want}, got); d != "" {
		t.Error(d)
	}
}

// A policy that multiplies the inventory with itself is stopped.
func TestEvaluateAccount_TooCostly(t *testing.T) {
	t.Parallel()
	e := &estate{}
	for i := range 2_000 {
		e.add(t, "A", fmt.Sprintf("a/%04d", i), `{"n": 1}`)
	}
	got := evaluateAccount(t, account(`inventory("A").all(a, inventory("A").all(b, inventory("A").all(c, a.properties.n == b.properties.n)))`), e)
	if stopped := []string{policy.ReasonCost, policy.ReasonDeadline}; got[0].Verdict != policy.Unknown || !slices.Contains(stopped, got[0].Reason) {
		t.Errorf("got %+v", got)
	}
}

// What is kept of resources is all that policies can tell apart.
func TestEvaluateAccount_PrunedIsNoticedByNobody(t *testing.T) {
	t.Parallel()
	properties := `{"a": {"b": [{"c": 1, "d": 2}, {"c": 3}], "e": null}, "f": "x", "g": [[1, 2], [3]]}`
	for _, expression := range []string{
		`inventory("A").all(r, r.properties.a.b.size() == 2 && r.properties.a.b[1].c == 3)`,
		`inventory("A").all(r, r.properties.a.b.exists(x, x.c == 1 && x.?d.orValue(0) == 2))`,
		`inventory("A").all(r, has(r.properties.a.e) && !has(r.properties.a.x) && r.properties.a.size() == 2)`,
		`inventory("A").all(r, r.properties.all(k, v, k in ["a", "f", "g"]) && r.properties.g[0][1] == 2)`,
		`inventory("A").map(r, r.properties.g).flatten(2) == [1, 2, 3]`,
		`inventory("A").all(r, r.properties.a.b.map(x, x.c) == [1, 3] && r.properties.a.b[0].d == 2)`,
		`inventory("A").all(r, r.tags.size() == 0 && r.type == "A" && r.id == "a")`,
		`inventory("A").all(r, r.properties.a == {"b": [{"c": 1, "d": 2}, {"c": 3}], "e": null} && r == r)`,
		`inventory("A").all(r, r.properties.a.b == [{"c": 1, "d": 2}, {"c": 3}] && [3] in r.properties.g)`,
		`inventory("A").all(r, r.properties.g + [[4]] == [[1, 2], [3], [4]] && r.properties.g.map(l, l.size()) == [2, 1])`,
		`inventory("A").all(r, type(r.properties.a) == map && type(r.properties.g) == list && !(7 in r.properties.a))`,
		`inventory("A").all(r, r.properties.a.transformList(k, v, k) == ["b", "e"] && r.properties["f"] == "x")`,
		`inventory("A").all(r, optional.ofNonZeroValue(r.properties.a).hasValue() && r.properties.a[?"x"].orValue(1) == 1)`,
		`!inventory("A").exists(r, r.properties.g[0].exists(n, n == 3)) && inventory("A").all(r, r.properties.?g[?1][?0].orValue(0) == 3)`,
	} {
		e := (&estate{}).add(t, "A", "a", properties)
		if got := evaluateAccount(t, account(expression), e); got[0].Verdict != policy.Compliant {
			t.Errorf("%s: %+v", expression, cmp.Or(got[0].Detail, string(got[0].Verdict)))
		}
	}
}
