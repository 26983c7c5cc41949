package rego_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

const header = "package p\n\n# METADATA\n# title: Title\n# custom:\n#   types: [T]\n"

func violates(reports ...policy.Report) policy.Outcome {
	return policy.Outcome{Policy: "deny", Verdict: policy.Violates, Reports: reports}
}

func TestEvaluate_Outcomes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		rules      string
		properties string
		unread     []providers.Unread
		want       policy.Outcome
	}{
		{
			name: "messages_are_one_violation", rules: header + "deny contains msg if some msg in [\"b\", \"a\", \"b\"]",
			want: violates(policy.Report{Message: "a; b"}),
		}, {
			name: "empty_message", rules: header + "deny contains \"\"", want: violates(policy.Report{Message: "Title"}),
		}, {
			name: "custom_message", rules: strings.Replace(header, "custom:", "custom:\n#   message: Fix it.", 1) + "deny contains \" \"",
			want: violates(policy.Report{Message: "Fix it."}),
		}, {
			name:  "gatekeeper_results",
			rules: header + `deny contains {"msg": "port 22", "details": {"port": 22}}`,
			want:  violates(policy.Report{Message: "port 22"}),
		}, {
			name: "keys_and_severities",
			rules: header + `deny contains {"msg": sprintf("port %d", [port]), "key": sprintf("%d", [port]), "severity": severity} if {
	some port, severity in {22: "low", 80: "critical", 443: "none"}
}
deny contains {"message": "again", "key": "80", "severity": "high"}`,
			want: violates(policy.Report{Key: "22", Message: "port 22", Severity: policy.Low},
				policy.Report{Key: "443", Message: "port 443"}, policy.Report{Key: "80", Message: "again; port 80", Severity: policy.Critical}),
		}, {
			name: "anything_else_as_text", rules: header + `deny contains x if some x in [7, {"a": [1]}, ["<b>"], null]`,
			want: violates(policy.Report{Message: `null; 7; ["<b>"]; {"a":[1]}`}),
		}, {
			name: "lists", rules: header + `deny := [msg | some x in input.properties.l; msg := sprintf("no %v", [x])]`, properties: `{"l": [2, 1]}`,
			want: violates(policy.Report{Message: "no 2; no 1"}),
		}, {
			name: "empty_list", rules: header + `deny := [msg | some msg in input.properties.l]`, properties: `{"l": []}`,
			want: policy.Outcome{Policy: "deny", Verdict: policy.Compliant},
		}, {
			name: "undefined", rules: header + `deny := ["x"] if input.properties.l`, properties: `{}`,
			want: policy.Outcome{Policy: "deny", Verdict: policy.Compliant},
		}, {
			name: "no_list", rules: header + `deny := input.properties.l`, properties: `{"l": 1}`,
			want: policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "evaluation_error",
				Detail: "policies.rego:7:1: the rule gives no set or list of messages"},
		}, {
			name: "conflict", rules: header + "deny contains \"x\" if level == 1\nlevel := x if some x in input.properties.l\n", properties: `{"l": [1, 2]}`,
			want: policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "evaluation_error",
				Detail: "policies.rego:8:1: the rule gives several values at once"},
		}, {
			name: "conflict_beside_unread", rules: header + "deny contains \"x\" if { level == 1; input.properties.u }\nlevel := x if some x in input.properties.l\n",
			properties: `{"l": [1, 2]}`, unread: notRead("/properties/u"),
			want: policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/u"},
		}, {
			name: "failing_function_is_undefined", rules: header + `deny contains "x" if to_number(input.properties.s) > 1`, properties: `{"s": "hush"}`,
			want: policy.Outcome{Policy: "deny", Verdict: policy.Compliant},
		}, {
			name:       "remainder",
			rules:      header + "deny contains msg if { some e in input.properties.l; e.open; msg := sprintf(\"%s is open\", [e.k]) }\ndeny contains \"also\" if input.properties.also",
			properties: `{"l": [{"k": "x", "open": true}], "also": true}`, unread: notRead("/properties/also"),
			want: policy.Outcome{Policy: "deny", Verdict: policy.Violates, Remainder: true, Reason: "not_read", Detail: "/properties/also",
				Reports: []policy.Report{{Message: "x is open"}}},
		}, {
			name:  "smallest_path",
			rules: header + "deny contains \"x\" if { input.properties.b; input.properties.a }", properties: `{}`,
			unread: []providers.Unread{{Path: "/properties/a", Class: providers.Timeout}, {Path: "/properties/b", Class: providers.NotRead}},
			want:   policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "timeout", Detail: "/properties/a"},
		}, {
			name:  "unknown_message_is_no_report",
			rules: header + "deny contains {\"msg\": \"x\", \"key\": input.properties.k}", properties: `{"k": "x"}`, unread: notRead("/properties/k"),
			want: policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/k"},
		}, {
			name: "root_unread", rules: header + "deny contains \"x\"", unread: []providers.Unread{{Path: "", Class: providers.AccessDenied}},
			want: policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "access_denied"},
		}, {
			name:       "redacted_path_listed",
			rules:      header + "deny contains \"x\" if { input.properties.s != \"x\"; input.properties.s }",
			properties: `{"s": {"$redacted": false}}`, unread: []providers.Unread{{Path: "/properties/s", Class: providers.RedactedValue}},
			want: policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "redacted", Detail: "/properties/s"},
		}, {
			name:       "redacted_not_listed",
			rules:      header + "deny contains \"x\" if input.properties.l[1].s == \"x\"",
			properties: `{"l": [{}, {"s": {"$redacted": false}}]}`,
			want:       policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "redacted", Detail: "/properties/l/1/s"},
		}, {
			name:  "other_input",
			rules: header + "deny contains \"x\" if inner with input as {\"a\": input.properties.a}\ninner if input.a == 1", properties: `{"a": 1}`,
			want: violates(policy.Report{Message: "x"}),
		}, {
			name:  "other_input_unread",
			rules: header + "deny contains \"x\" if inner with input as {\"a\": input.properties.a}\ninner if input.a == 1", properties: `{"a": 1}`,
			unread: notRead("/properties/a"),
			want:   policy.Outcome{Policy: "deny", Verdict: policy.Unknown, Reason: "not_read", Detail: "/properties/a"},
		}, {
			name: "clock", rules: header + `deny contains "x" if time.now_ns() == time.parse_rfc3339_ns("2026-01-01T00:00:00Z")`,
			want: violates(policy.Report{Message: "x"}),
		}, {
			name: "chance_is_the_same", rules: header + `deny contains "x" if { rand.intn("a", 100) == rand.intn("b", 100); uuid.rfc4122("a") == "00000000-0000-4000-8000-000000000000" }`,
			want: violates(policy.Report{Message: "x"}),
		}, {
			name: "account", rules: header + `deny contains "x" if { input.account.name == "acme"; input.account.provider == "gcp"; input.account.tags == {} }`,
			want: violates(policy.Report{Message: "x"}),
		}, {
			name: "resource", rules: header + `deny contains "x" if { input.id == "id"; input.name == "n"; input.region == "r"; input.uid == ""; input.tags == {}; input.ancestors == [] }`,
			want: violates(policy.Report{Message: "x"}),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.properties == "" {
				test.properties = "{}"
			}
			got := evaluate(t, open(t, test.rules, nil), resource(t, test.properties), test.unread...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEvaluate_Config(t *testing.T) {
	t.Parallel()
	const rules = header + "deny contains \"x\" if input.properties.n > data.config.deny.most\ndeny contains \"y\" if input.properties.id == data.config.deny.id\n"
	passes := policy.Outcome{Policy: "deny", Verdict: policy.Compliant}
	if diff := cmp.Diff(passes, evaluate(t, open(t, rules, nil), resource(t, `{"n": 7}`))); diff != "" {
		t.Error(diff) // nothing is configured, so that nothing is compared
	}
	config := policy.Config{"deny": {Properties: map[string]any{"most": 5, "id": int64(2807208141737654787)}}}
	session := open(t, rules, config)
	if diff := cmp.Diff(violates(policy.Report{Message: "x"}), evaluate(t, session, resource(t, `{"n": 7, "id": 2807208141737654788}`))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(violates(policy.Report{Message: "y"}), evaluate(t, session, resource(t, `{"n": 3, "id": 2807208141737654787}`))); diff != "" {
		t.Error(diff)
	}
	withSchema := files(rules)
	withSchema["config-schema.json"] = &fstest.MapFile{Data: []byte(`{"deny": {"properties": {"most": {"type": "integer", "default": 6}, "id": {}}}}`)}
	if diff := cmp.Diff(violates(policy.Report{Message: "x"}), evaluate(t, openFiles(t, withSchema, nil), resource(t, `{"n": 7}`))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(passes, evaluate(t, openFiles(t, withSchema, nil), resource(t, `{"n": 6}`))); diff != "" {
		t.Error(diff)
	}
}

func TestEvaluate_TypesAndLevels(t *testing.T) {
	t.Parallel()
	rules := "package p\ndeny_any contains \"x\" if input.properties.none\n"
	for _, p := range []string{"t: [T]", "u: [U]", "off: [T]", "both: [T, U]"} {
		name, types, _ := strings.Cut(p, ": ")
		rules += fmt.Sprintf("# METADATA\n# custom:\n#   types: %s\ndeny_%s contains \"x\" if false\n", types, name)
	}
	session := open(t, rules, policy.Config{"deny_off": {Level: policy.Disabled}})
	for _, test := range []struct {
		of   string
		want []string
	}{{"T", []string{"deny_any", "deny_t", "deny_both"}}, {"U", []string{"deny_any", "deny_u", "deny_both"}}, {"V", []string{"deny_any"}}} {
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

// An ended context leaves everything unknown.
func TestEvaluate_Cancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	outcomes, err := open(t, one("true"), nil).Evaluate(ctx, policy.Input{Resource: resource(t, `{}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Outcome{{Policy: "deny", Verdict: policy.Unknown, Reason: policy.ReasonDeadline, Detail: "policies.rego:6:1: no time left"}}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
}

// The input stays as it is, however much of it is unread.
func TestEvaluate_LeavesInput(t *testing.T) {
	t.Parallel()
	const properties = `{"a": {"b": [1, {"c": 1}]}, "d": 1}`
	r := resource(t, properties)
	r.Tags = map[string]string{"y": "z"}
	evaluate(t, open(t, one(`input.properties.a.b[1].c == 1`), nil), r, notRead("/properties/a/b/1/c", "/properties/d", "/properties/e/f", "/tags/x")...)
	if diff := cmp.Diff(tree(t, properties), r.Parts[providers.Properties].Value); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"y": "z"}, r.Tags); diff != "" {
		t.Error(diff)
	}
}

func TestEvaluate_Parallel(t *testing.T) {
	t.Parallel()
	session := open(t, header+`deny contains {"msg": "x", "key": sprintf("%d", [n])} if {
	some n in input.properties.l
	n >= input.properties.n
	object.get(input.properties, "u", 1)
}
`, nil)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 50 {
				n := worker*50 + i
				got, err := session.Evaluate(context.Background(), policy.Input{
					Resource: resource(t, fmt.Sprintf(`{"n": %d, "u": 1, "l": [%d, %d]}`, n, n-1, n)),
					Unread:   notRead("/properties/other"),
				})
				if err != nil || len(got) != 1 || got[0].Verdict != policy.Unknown {
					t.Error(err, got) // other lies in what object.get looks at
				}
				got, err = session.Evaluate(context.Background(), policy.Input{Resource: resource(t, fmt.Sprintf(`{"n": %d, "u": 1, "l": [%d, %d]}`, n, n-1, n))})
				want := []policy.Outcome{violates(policy.Report{Key: fmt.Sprint(n), Message: "x"})}
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
	pack, _ := load(t, files(one("false")))
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
