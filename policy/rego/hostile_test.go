package rego_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/rego"
	"cloudaudit/providers"
)

// bombs are rules that would run for very long, each in its own way.
var bombs = []string{
	`count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b < 0]) > 0`,
	`count(numbers.range(1, 1000000000000)) > 0`,
	`some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a * b == 0 - 1`,
	`every a in numbers.range(1, 100000) { every b in numbers.range(1, 100000) { a + b > 0 } }`,
	`walk(input.properties.l, [_, a]); walk(input.properties.l, [_, b]); walk(input.properties.l, [_, c]); walk(input.properties.l, [_, d]); sprintf("%v", [[a, b, c, d]]) == ""`,
}

// A policy that runs for too long ends as unknown, leaves the others alone, and is not run for ever.
func TestEvaluate_Bombs(t *testing.T) {
	t.Parallel()
	for _, bomb := range bombs {
		t.Run(strings.Fields(bomb)[0], func(t *testing.T) {
			t.Parallel()
			rules := one(bomb) + "\n# METADATA\n# custom: {types: [T]}\nwarn contains \"y\" if input.properties.y\n"
			session := rego.WithLimit(open(t, rules, nil))
			input := policy.Input{Resource: resource(t, `{"y": 1, "l": [`+strings.Repeat("1, ", 2000)+`1]}`)}
			for i := range 3 {
				outcomes, err := session.Evaluate(context.Background(), input)
				if err != nil {
					t.Fatal(err)
				}
				detail := "policies.rego:6:1: no time left"
				if i >= 2 {
					detail = "policies.rego:6:1: ran out of time too often in this scan"
				}
				want := []policy.Outcome{
					{Policy: "deny", Verdict: policy.Unknown, Reason: policy.ReasonDeadline, Detail: detail},
					{Policy: "warn", Verdict: policy.Violates, Reports: []policy.Report{{Message: "y"}}},
				}
				if diff := cmp.Diff(want, outcomes); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// doubling gives lines that each make a value from two of the one before.
func doubling(first, each string, lines int) string {
	text := "v0 := " + first
	for i := 1; i <= lines; i++ {
		text += fmt.Sprintf("\n\tv%d := ", i) + strings.ReplaceAll(each, "V", fmt.Sprintf("v%d", i-1))
	}
	return text + fmt.Sprintf("\n\tv%d", lines)
}

// A value that would fill the memory before the deadline is an error.
func TestEvaluate_MemoryBombs(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"concat":    doubling(`"x"`, `concat("", [V, V])`, 60),
		"delimiter": doubling(`"x"`, `concat(V, ["a", "b", "c"])`, 60),
		"sprintf":   doubling(`"x"`, `sprintf("%s%s", [V, V])`, 60),
		"verbs":     doubling(`"x"`, `sprintf("%[1]s%[1]s%[1]s", [V])`, 60),
		"replace":   doubling(`"xx"`, `replace(V, "x", V)`, 10),
		"regex":     doubling(`"xx"`, `regex.replace(V, "x", V)`, 10),
		"replace_n": doubling(`"xx"`, `strings.replace_n({"x": V}, V)`, 10),
		"marshal":   doubling(`"\\"`, `json.marshal(V)`, 60),
		"hex":       doubling(`"x"`, `hex.encode(V)`, 60),
		"base64":    doubling(`"xx"`, `base64.encode(V)`, 90),
		"array":     doubling(`[1]`, `array.concat(V, V)`, 60),
		"flatten":   doubling(`[1]`, `array.flatten([V, V])`, 60),
		"product":   doubling(`99`, `V * V`, 60),
		"list":      doubling(`99`, `product([V, V])`, 60),
		"template":  doubling(`"x"`, "$\"{V}{V}\"", 60),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := evaluate(t, open(t, one(body), nil), resource(t, `{}`))
			if got.Verdict != policy.Unknown || !strings.HasSuffix(got.Detail, "a value would be too large") {
				t.Error(got)
			}
		})
	}
}

// A report that would be huge is an error, too.
func TestEvaluate_HugeReport(t *testing.T) {
	t.Parallel()
	rules := header + "deny contains numbers.range(1, 101000)"
	got := evaluate(t, open(t, rules, nil), resource(t, `{}`))
	want := policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: policy.ReasonError, Detail: "policies.rego:7:1: a value would be too large"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is left of a policy with unknowns is bounded by time, too.
func TestEvaluate_PartialBomb(t *testing.T) {
	t.Parallel()
	session := rego.WithLimit(open(t, one(`some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); input.properties.u != a + b`), nil))
	got := evaluate(t, session, resource(t, `{}`), notRead("/properties/u")...)
	if got.Verdict != policy.Unknown {
		t.Error(got)
	}
}

// Deeply nested values are as deep as the parser of resources lets them be.
func TestEvaluate_Deep(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":[`, providers.MaxDepth/2) + strings.Repeat(`]}`, providers.MaxDepth/2)
	for _, body := range []string{`walk(input, [_, 7])`, `input.properties == input.properties.a[0]`, `json.marshal(input) == ""`} {
		if got := evaluate(t, open(t, one(body), nil), resource(t, deep)); got.Verdict != policy.Compliant {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// The index of types changes nothing: every policy that it leaves out would have nothing to report.
func TestEvaluate_IndexedEqualsUnindexed(t *testing.T) {
	t.Parallel()
	var rules strings.Builder
	rules.WriteString("package p\nimport rego.v1\ntypes := {\"A\", \"B\"}\nis_c if input.type == \"C\"\nis_c if input.__type == \"D\"\n")
	for i, body := range []string{
		`input.type == "A"`, `input.__type == "A"`, `input.type in types`, `types[input.type]`, `is_c`, `input.type in ["B", "C"]`, `input.a`,
		`input.type != "A"`, `{"A": 1}[input.type]`, `startswith(input.type, "A")`, `input.type == "a"`, `input.type == "microsoft.x/y"`,
		`lower(input.type) == "a"`, `t := input.__type; t in {"A", "D"}`, `not input.a; input.type == "B"`, `not is_c`,
	} {
		fmt.Fprintf(&rules, "deny_%d contains \"x\" if {\n\t%s\n}\n", i, body)
	}
	pack, e := load(t, pulumi("", rules.String()))
	indexed := openAll(t, e, pack)
	session := rego.WithoutIndex(openAll(t, e, pack))
	for _, of := range []string{"A", "B", "C", "D", "a", "Microsoft.X/Y", "microsoft.x/y", "E"} {
		for _, properties := range []string{`{}`, `{"a": 1}`, `{"type": "A"}`, `{"type": "microsoft.x/y"}`, `{"type": 7}`, `{"type": "d", "a": 1}`} {
			all := pulumiOutcomes(t, session, of, properties)
			some := pulumiOutcomes(t, indexed, of, properties)
			for name, text := range all {
				if _, there := some[name]; there && some[name] != text || !there && text != "compliant" {
					t.Errorf("%s of %s %s: indexed %q, unindexed %q", name, of, properties, some[name], text)
				}
			}
		}
	}
	typed := slices.DeleteFunc(slices.Clone(pack.Policies), func(p policy.Policy) bool { return len(p.Types) == 0 })
	if len(typed) < 8 {
		t.Errorf("only %d policies have types", len(typed))
	}
}
