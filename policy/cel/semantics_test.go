package cel_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// header begins a policy whose body follows.
const header = "name: p\ndisplayName: Title\nseverity: low\nmatch: {types: [T]}\n"

func violates(reports ...policy.Report) policy.Outcome {
	return policy.Outcome{Policy: "p", Verdict: policy.Violates, Reports: reports}
}

func TestEvaluate_Outcomes(t *testing.T) {
	t.Parallel()
	notRead := func(paths ...string) (unread []providers.Unread) {
		for _, path := range paths {
			unread = append(unread, providers.Unread{Path: path, Class: providers.NotRead})
		}
		return unread
	}
	for _, test := range []struct {
		name, policy, properties string
		unread                   []providers.Unread
		want                     policy.Outcome
	}{
		{
			name: "message_of_validation", policy: header + "message: general\nvalidations: [{expression: 'false', message: special}]",
			want: violates(policy.Report{Message: "special"}),
		}, {
			name: "message_of_policy", policy: header + "message: general\nvalidations: [{expression: 'false'}]",
			want: violates(policy.Report{Message: "general"}),
		}, {
			name: "display_name_as_message", policy: header + "validations: [{expression: 'false'}]",
			want: violates(policy.Report{Message: "Title"}),
		}, {
			name:       "message_expression",
			policy:     header + "validations: [{expression: 'false', message: m, messageExpression: '\"a is \" + string(resource.properties.a)'}]",
			properties: `{"a": 5}`,
			want:       violates(policy.Report{Message: "a is 5"}),
		}, {
			name:   "message_expression_fails",
			policy: header + "validations: [{expression: 'false', message: m, messageExpression: resource.properties.b}]",
			want:   violates(policy.Report{Message: "m"}),
		}, {
			name:       "message_expression_not_string",
			policy:     header + "validations: [{expression: 'false', message: m, messageExpression: resource.properties.a}]",
			properties: `{"a": 5}`,
			want:       violates(policy.Report{Message: "m"}),
		}, {
			name:       "message_never_quotes_secrets",
			policy:     header + "validations: [{expression: 'false', message: m, messageExpression: '\"it is \" + resource.properties.s'}]",
			properties: `{"s": {"$redacted": false}}`,
			want:       violates(policy.Report{Message: "m"}),
		}, {
			name:       "messages_without_key_are_merged",
			policy:     header + "validations: [{expression: 'false', message: b}, {expression: 'false', message: a}, {expression: 'false', message: b}]",
			properties: `{}`,
			want:       violates(policy.Report{Message: "b; a"}),
		}, {
			name: "keys_are_sorted_and_merged",
			policy: header + "validations:\n  - {expression: 'false', key: '\"z\"', message: one}\n  - {expression: 'false', message: two}\n" +
				"  - {expression: 'false', key: '\"a\"', message: three}\n  - {expression: 'false', key: '\"z\"', message: four}",
			want: violates(policy.Report{Message: "two"}, policy.Report{Key: "a", Message: "three"}, policy.Report{Key: "z", Message: "one; four"}),
		}, {
			name: "for_each",
			policy: header + "validations:\n  - forEach: resource.properties.l\n    expression: item != 2\n    key: string(item)\n" +
				"    messageExpression: '\"no \" + string(item)'",
			properties: `{"l": [1, 2, 3, 2]}`,
			want:       violates(policy.Report{Key: "2", Message: "no 2"}),
		}, {
			name: "for_each_empty", policy: header + "validations: [{forEach: resource.properties.l, expression: 'false'}]", properties: `{"l": []}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		}, {
			name: "for_each_not_a_list", policy: header + "validations: [{forEach: resource.properties.l, expression: 'false'}]", properties: `{"l": 1}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "evaluation_error",
				Detail: "policies.yaml:5:25: the expression gives another type than wanted"},
		}, {
			name: "for_each_unread", policy: header + "validations: [{forEach: resource.properties.l, expression: 'true'}]", properties: `{"l": [1]}`,
			unread: notRead("/properties/l"),
			want:   policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/l"},
		}, {
			name:   "for_each_element_unread",
			policy: header + "validations: [{forEach: resource.properties.l, expression: 'item.a == 1', key: item.k}]", properties: `{"l": [{"k": "x"}, {"k": "y", "a": 2}]}`,
			unread: notRead("/properties/l/0/a"),
			want: policy.Outcome{Policy: "p", Verdict: policy.Violates, Remainder: true, Reason: "not_read", Detail: "/properties/l/0/a",
				Reports: []policy.Report{{Key: "y", Message: "Title"}}},
		}, {
			name:   "remainder_of_error",
			policy: header + "validations: [{expression: 'false'}, {expression: resource.properties.b == 1}]", properties: `{}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Violates, Remainder: true, Reason: "evaluation_error",
				Detail: `policies.yaml:5:70: no such key "b"`, Reports: []policy.Report{{Message: "Title"}}},
		}, {
			name:   "unknown_key_is_no_report",
			policy: header + "validations: [{expression: 'false', key: resource.properties.k}]", properties: `{"k": "x"}`,
			unread: notRead("/properties/k"),
			want:   policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/k"},
		}, {
			name:   "smallest_path",
			policy: header + "validations: [{expression: resource.properties.b && resource.properties.a}]", properties: `{}`,
			unread: []providers.Unread{{Path: "/properties/a", Class: providers.Timeout}, {Path: "/properties/b", Class: providers.NotRead}},
			want:   policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "timeout", Detail: "/properties/a"},
		}, {
			name:   "path_before_error",
			policy: header + "validations: [{expression: resource.properties.x == 1}, {expression: resource.properties.b}]", properties: `{}`,
			unread: notRead("/properties/b"),
			want:   policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/b"},
		}, {
			name: "root_unread", policy: header + "validations: [{expression: 'true'}]", properties: `{}`,
			unread: []providers.Unread{{Path: "", Class: providers.AccessDenied}},
			want:   policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "access_denied"},
		}, {
			name:   "redacted_path_listed",
			policy: header + "validations: [{expression: resource.properties.s == 'x' || has(resource.properties.t)}]", properties: `{"s": {"$redacted": false}}`,
			unread: []providers.Unread{{Path: "/properties/s", Class: providers.RedactedValue}},
			want:   policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "redacted", Detail: "/properties/s"},
		}, {
			name:   "redacted_path_listed_is_present",
			policy: header + "validations: [{expression: has(resource.properties.s) && size(resource.properties) == 1}]", properties: `{"s": {"$redacted": false}}`,
			unread: []providers.Unread{{Path: "/properties/s", Class: providers.RedactedValue}},
			want:   policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		}, {
			name:   "redacted_empty_listed",
			policy: header + "validations: [{expression: resource.properties.s == ''}]", properties: `{"s": {"$redacted": true}}`,
			unread: []providers.Unread{{Path: "/properties/s", Class: providers.RedactedValue}},
			want:   policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		}, {
			name:   "redacted_beside_unread",
			policy: header + "validations: [{expression: has(resource.properties.s)}]", properties: `{"s": {"$redacted": false}}`,
			unread: []providers.Unread{{Path: "/properties/a", Class: providers.NotRead}, {Path: "/properties/s", Class: providers.RedactedValue}},
			want:   policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		}, {
			name:   "redacted_not_listed",
			policy: header + "validations: [{expression: 'resource.properties.l[1].s == \"x\"'}]", properties: `{"l": [{}, {"s": {"$redacted": false}}]}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "redacted", Detail: "/properties/l/1/s"},
		}, {
			name:   "undecodable_number",
			policy: header + "validations: [{expression: resource.properties.n > 1}]", properties: `{"n": 18446744073709551617}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "decode", Detail: "/properties/n"},
		}, {
			name:   "error_does_not_quote_values",
			policy: header + "validations: [{expression: int(resource.properties.s) == 1}]", properties: `{"s": "hush"}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "evaluation_error", Detail: "policies.yaml:5:31: type conversion error"},
		}, {
			name:   "missing_key_of_value_is_not_quoted",
			policy: header + "validations: [{expression: 'resource.properties[resource.properties.s] == 1'}]", properties: `{"s": "hush"}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "evaluation_error", Detail: "policies.yaml:5:48: no such key"},
		}, {
			name: "condition_false", policy: "name: p\nseverity: low\nmatch: {condition: has(resource.properties.a)}\nvalidations: [{expression: 'false'}]",
			properties: `{}`, want: policy.Outcome{Policy: "p", Verdict: policy.NotApplicable},
		}, {
			name: "condition_unknown", policy: "name: p\nseverity: low\nmatch: {condition: has(resource.properties.a)}\nvalidations: [{expression: 'false'}]",
			properties: `{}`, unread: notRead("/properties/a"),
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/a"},
		}, {
			name: "condition_fails", policy: "name: p\nseverity: low\nmatch:\n  condition: |\n    true &&\n      resource.properties.a\nvalidations: [{expression: 'false'}]",
			properties: `{}`,
			want:       policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "evaluation_error", Detail: `policies.yaml:6:26: no such key "a"`},
		}, {
			name:   "variables",
			policy: header + "variables:\n  - {name: a, expression: resource.properties.a}\n  - {name: b, expression: variables.a + 1}\nvalidations: [{expression: variables.b == 3}]", properties: `{"a": 2}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		}, {
			name:   "variables_are_lazy",
			policy: header + "variables: [{name: a, expression: resource.properties.a}]\nvalidations: [{expression: 'true || variables.a'}]", properties: `{}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		}, {
			name:   "error_of_a_variable_names_its_place",
			policy: header + "variables:\n  - name: a\n    expression: resource.properties.a\nvalidations: [{expression: variables.a == 1}]", properties: `{}`,
			want: policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: "evaluation_error", Detail: `policies.yaml:7:36: no such key "a"`},
		}, {
			name:   "variables_pass_unknowns_through",
			policy: header + "variables: [{name: a, expression: resource.properties}]\nvalidations: [{expression: variables.a.b == 1 || variables.a.c}]", properties: `{"b": 1}`,
			unread: notRead("/properties/c"),
			want:   policy.Outcome{Policy: "p", Verdict: policy.Compliant},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.properties == "" {
				test.properties = "{}"
			}
			got := evaluate(t, open(t, test.policy, nil), resource(t, test.properties), test.unread...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEvaluate_Params(t *testing.T) {
	t.Parallel()
	const text = header + `configSchema:
  properties:
    days: {type: integer, default: 90}
    ratio: {type: number, default: 0.5}
    names: {type: array, items: {type: string}, default: [a]}
    other: {type: string}
validations:
  - expression: type(params.days) == int && params.days == resource.properties.days
  - expression: type(params.ratio) == double && params.names == resource.properties.names && !has(params.other)
`
	passes := policy.Outcome{Policy: "p", Verdict: policy.Compliant}
	if diff := cmp.Diff(passes, evaluate(t, open(t, text, nil), resource(t, `{"days": 90, "names": ["a"]}`))); diff != "" {
		t.Error(diff)
	}
	config := policy.Config{"p": {Properties: map[string]any{"days": 123456789012, "names": []string{"b", "c"}}}}
	if diff := cmp.Diff(passes, evaluate(t, open(t, text, config), resource(t, `{"days": 123456789012, "names": ["b", "c"]}`))); diff != "" {
		t.Error(diff)
	}
}

func TestEvaluate_TypesAndLevels(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, p := range []string{"any: ''", "t: T", "u: U", "off: T", "both: T, U"} {
		name, types, _ := strings.Cut(p, ": ")
		fmt.Fprintf(&text, "---\nname: %s\nseverity: low\nmatch: {types: [%s]}\nvalidations: [{expression: 'true'}]\n", name, strings.Trim(types, "'"))
	}
	session := open(t, text.String(), policy.Config{"off": {Level: policy.Disabled}})
	for _, test := range []struct {
		of   string
		want []string
	}{{"T", []string{"any", "t", "both"}}, {"U", []string{"any", "u", "both"}}, {"V", []string{"any"}}} {
		outcomes, err := session.Evaluate(context.Background(), policy.Input{Resource: &providers.Resource{Type: test.of}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, outcome := range outcomes {
			got = append(got, outcome.Policy)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("type %s: %s", test.of, diff)
		}
	}
}

// costly takes ever more steps with the size of its list.
const costly = `resource.properties.l.all(a, resource.properties.l.all(b, resource.properties.l.all(c, a + b + c >= 0)))`

func TestEvaluate_CostLimit(t *testing.T) {
	t.Parallel()
	session := open(t, one(costly)+"---\n"+strings.Replace(one("true"), "name: p", "name: q", 1), nil)
	numbers := strings.Repeat("1, ", 2000) + "1"
	input := policy.Input{Resource: resource(t, `{"l": [`+numbers+`]}`)}
	for range 2 { // the session stays usable
		outcomes, err := session.Evaluate(context.Background(), input)
		if err != nil {
			t.Fatal(err)
		}
		want := []policy.Outcome{
			{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonCost, Detail: "policies.yaml:7:7: the expression costs more than 2000000"},
			{Policy: "q", Verdict: policy.Compliant},
		}
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEvaluate_Deadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	for _, expression := range []string{costly, "true"} {
		outcomes, err := open(t, one(expression), nil).Evaluate(ctx, policy.Input{Resource: resource(t, `{"l": [`+strings.Repeat("1, ", 200)+`1]}`)})
		if err != nil {
			t.Fatal(err)
		}
		want := []policy.Outcome{{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonDeadline, Detail: "policies.yaml:7:7: no time left"}}
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Errorf("%s: %s", expression, diff)
		}
	}
}

// A panic inside the library (an unhashable value in a set) is one policy's error.
func TestEvaluate_Panic(t *testing.T) {
	t.Parallel()
	got := evaluate(t, open(t, one(`dyn(b"x") in [1, 2]`), nil), resource(t, `{}`))
	want := policy.Outcome{Policy: "p", Verdict: policy.Unknown, Reason: policy.ReasonError, Detail: "policies.yaml:7:7: evaluation error"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The input stays as it is, however much of it is unread.
func TestEvaluate_LeavesInput(t *testing.T) {
	t.Parallel()
	const properties = `{"a": {"b": [1, {"c": 1}]}, "d": 1}`
	r := resource(t, properties)
	unread := []providers.Unread{
		{Path: "/properties/a/b/1/c", Class: providers.NotRead}, {Path: "/properties/d", Class: providers.NotRead},
		{Path: "/properties/e/f", Class: providers.NotRead}, {Path: "/tags/x", Class: providers.NotRead},
	}
	r.Tags = map[string]string{"y": "z"}
	evaluate(t, open(t, one(`resource.properties.a.b[1].c == 1`), nil), r, unread...)
	if diff := cmp.Diff(tree(t, properties), r.Parts[providers.Properties].Value); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"y": "z"}, r.Tags); diff != "" {
		t.Error(diff)
	}
}

func TestEvaluate_Parallel(t *testing.T) {
	t.Parallel()
	session := open(t, header+`variables: [{name: n, expression: resource.properties.n}]
validations:
  - forEach: resource.properties.l
    expression: item < variables.n && item.x == 1 || item < variables.n
    key: string(item)
`, nil)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 50 {
				n := worker*50 + i
				got, err := session.Evaluate(context.Background(), policy.Input{
					Resource: resource(t, fmt.Sprintf(`{"n": %d, "l": [%d, %d]}`, n, n-1, n)),
					Unread:   []providers.Unread{{Path: "/properties/other", Class: providers.NotRead}},
				})
				want := []policy.Outcome{violates(policy.Report{Key: fmt.Sprint(n), Message: "Title"})}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Error(err, diff)
				}
			}
		})
	}
	group.Wait()
}

func TestOpen_FromArchive(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, one("true"))
	_, other := engine()
	config, err := policy.Reconcile(pack, nil)
	if err != nil {
		t.Fatal(err)
	}
	session, err := other.Open(context.Background(), pack, policy.SessionOptions{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	if got := evaluate(t, session, resource(t, `{}`)); got.Verdict != policy.Compliant {
		t.Error(got)
	}
	pack.Digest, pack.Archive = "sha256:other", []byte("junk")
	if _, err := other.Open(context.Background(), pack, policy.SessionOptions{Config: config}); err == nil ||
		!strings.HasPrefix(err.Error(), "open policy pack pack: not a .tar.gz archive") {
		t.Error(err)
	}
}
