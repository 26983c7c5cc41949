package rego_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// inventory is an account in memory.
type inventory struct {
	resources  map[string][]policy.Input
	incomplete []string
	fails      error
	asked      []string
}

func (i *inventory) Resources(_ context.Context, of string, _ *providers.Projection) iter.Seq2[policy.Input, error] {
	i.asked = append(i.asked, of)
	return func(yield func(policy.Input, error) bool) {
		for _, input := range i.resources[of] {
			if !yield(input, nil) {
				return
			}
		}
		if i.fails != nil {
			yield(policy.Input{}, i.fails)
		}
	}
}

func (i *inventory) Incomplete(of string) (providers.Class, bool) {
	return providers.AccessDenied, slices.Contains(i.incomplete, of)
}

// holding gives an inventory of resources of one type.
func holding(t *testing.T, of string, properties ...string) *inventory {
	t.Helper()
	i := &inventory{resources: map[string][]policy.Input{}}
	for n, text := range properties {
		r := resource(t, text)
		r.Type, r.Name = of, of+strconv.Itoa(n)
		i.resources[of] = append(i.resources[of], policy.Input{Resource: r})
	}
	return i
}

const accountRules = `package p

import rego.v1

stack_deny_many contains msg if {
	buckets := [r | some r in input.resources; r.type == "B"]
	count(buckets) > data.config.stack_deny_many.most
	msg := sprintf("%d buckets in %s", [count(buckets), buckets[0].account.name])
}

stack_warn_unlogged contains {"msg": "no log", "key": b.name} if {
	some b in input.resources
	b.type == "B"
	not logged(b)
}

logged(b) if {
	some l in input.resources
	l.type == "L"
	l.properties.bucket == b.name
}

stack_warn_any contains "x" if count(input.resources) > 0

deny contains "x" if input.type == "B"
`

func accountSession(t *testing.T, rules string, config policy.Config) policy.AccountSession {
	t.Helper()
	session, ok := open(t, rules, config).(policy.AccountSession)
	if !ok {
		t.Fatal("the session judges no accounts")
	}
	return session
}

func TestEvaluateAccount(t *testing.T) {
	t.Parallel()
	config := policy.Config{"stack_deny_many": {Properties: map[string]any{"most": 1}}}
	untold := policy.Outcome{Policy: "stack_warn_any", Verdict: policy.Unknown, Reason: policy.ReasonNotCovered,
		Detail: "policies.rego:23:1: the types that the policy reads cannot be told; name them in custom.types"}
	few := policy.Outcome{Policy: "stack_deny_many", Verdict: policy.Compliant}
	logged := policy.Outcome{Policy: "stack_warn_unlogged", Verdict: policy.Compliant}
	for _, test := range []struct {
		name    string
		prepare func(*inventory)
		want    []policy.Outcome
	}{
		{name: "compliant", prepare: func(*inventory) {}, want: []policy.Outcome{few, logged, untold}},
		{
			name: "violations",
			prepare: func(i *inventory) {
				r := resource(t, `{}`)
				r.Type, r.Name = "B", "second"
				i.resources["B"] = append(i.resources["B"], policy.Input{Resource: r})
			},
			want: []policy.Outcome{
				{Policy: "stack_deny_many", Verdict: policy.Violates, Reports: []policy.Report{{Message: "2 buckets in acme"}}},
				{Policy: "stack_warn_unlogged", Verdict: policy.Violates, Reports: []policy.Report{{Key: "second", Message: "no log"}}}, untold,
			},
		}, {
			name: "incomplete", prepare: func(i *inventory) { i.incomplete = []string{"L"} },
			want: []policy.Outcome{few, {Policy: "stack_warn_unlogged", Verdict: policy.Unknown, Reason: policy.ReasonIncomplete, Detail: "L"}, untold},
		}, {
			name: "unread_and_asked", prepare: func(i *inventory) { i.resources["L"][0].Unread = notRead("/properties/bucket") },
			want: []policy.Outcome{few, {Policy: "stack_warn_unlogged", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/bucket"}, untold},
		}, {
			name: "unread_and_not_asked", prepare: func(i *inventory) { i.resources["L"][0].Unread = notRead("/properties/other") },
			want: []policy.Outcome{few, logged, untold},
		}, {
			name: "a_whole_resource_unread", prepare: func(i *inventory) { i.resources["B"][0].Unread = notRead("") },
			want: []policy.Outcome{
				{Policy: "stack_deny_many", Verdict: policy.Unknown, Reason: "not_read", Detail: "B"},
				{Policy: "stack_warn_unlogged", Verdict: policy.Unknown, Reason: "not_read", Detail: "B"}, untold,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i := holding(t, "B", `{}`)
			i.resources["L"] = holding(t, "L", `{"bucket": "B0"}`).resources["L"]
			test.prepare(i)
			got, err := accountSession(t, accountRules, config).EvaluateAccount(context.Background(), &providers.Account{Name: "acme"}, i)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			slices.Sort(i.asked)
			if len(slices.Compact(slices.Clone(i.asked))) != len(i.asked) {
				t.Errorf("types were read more than once: %q", i.asked)
			}
		})
	}
}

func TestEvaluateAccount_Fails(t *testing.T) {
	t.Parallel()
	i := holding(t, "B", `{}`)
	i.fails = errors.ErrUnsupported
	if _, err := accountSession(t, accountRules, nil).EvaluateAccount(context.Background(), nil, i); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// Beyond the limit a policy is unknown, and no more of the inventory is read.
func TestEvaluateAccount_TooLarge(t *testing.T) {
	t.Parallel()
	const rules = "package p\nstack_deny contains \"x\" if { some b in input.resources; b.type == \"B\" }\n"
	numbers := make([]any, 100_000)
	one := policy.Input{Resource: &providers.Resource{Type: "B", Parts: map[string]providers.Part{providers.Properties: {Value: map[string]any{"l": numbers}}}}}
	i := &inventory{resources: map[string][]policy.Input{"B": slices.Repeat([]policy.Input{one}, 1000)}}
	got, err := accountSession(t, rules, nil).EvaluateAccount(context.Background(), nil, i)
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Outcome{{Policy: "stack_deny", Verdict: policy.Unknown, Reason: policy.ReasonTooLarge, Detail: "the resources have more than 1000000 values"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A pack without account policies asks for nothing.
func TestEvaluateAccount_None(t *testing.T) {
	t.Parallel()
	i := &inventory{}
	got, err := accountSession(t, one("true"), nil).EvaluateAccount(context.Background(), nil, i)
	if err != nil || len(got)+len(i.asked) > 0 {
		t.Error(got, i.asked, err)
	}
}
