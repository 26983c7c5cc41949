package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

// sample is a pack of three policies with a config of its own.
func sample() *policy.Pack {
	schema := &policy.Schema{Properties: map[string]any{
		"days":  map[string]any{"type": "integer", "minimum": 1, "default": json.Number("90")},
		"names": map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
	}}
	return &policy.Pack{
		Name: "sample",
		Policies: []policy.Policy{
			{Name: "age", Level: policy.Advisory, Schema: schema},
			{Name: "open", Level: policy.Mandatory},
			{Name: "off", Level: policy.Disabled},
		},
		Initial: policy.Config{"age": {Properties: map[string]any{"days": json.Number("60")}}},
	}
}

func config(t *testing.T, text string) policy.Config {
	t.Helper()
	var c policy.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	setting := func(level policy.Level, properties ...any) policy.Setting {
		s := policy.Setting{Level: level, Properties: map[string]any{}}
		for i := 0; i < len(properties); i += 2 {
			s.Properties[properties[i].(string)] = properties[i+1]
		}
		return s
	}
	number := func(n string) json.Number { return json.Number(n) }
	for _, test := range []struct {
		name, initial, group string
		want                 policy.Reconciled
	}{
		{"defaults", `{}`, `{}`, policy.Reconciled{
			"age": setting(policy.Advisory, "days", number("90")), "open": setting(policy.Mandatory), "off": setting(policy.Disabled),
		}},
		{"initial_before_group", `{"all": "mandatory", "age": {"days": 60, "names": ["a"]}}`, `{"age": {"days": 30}}`, policy.Reconciled{
			"age":  setting(policy.Mandatory, "days", number("30"), "names", []any{"a"}),
			"open": setting(policy.Mandatory), "off": setting(policy.Mandatory),
		}},
		{"all_before_policy", `{"age": "remediate"}`, `{"all": "disabled", "open": "advisory"}`, policy.Reconciled{
			"age": setting(policy.Disabled, "days", number("90")), "open": setting(policy.Advisory), "off": setting(policy.Disabled),
		}},
		{"level_with_properties", `{}`, `{"age": {"enforcementLevel": "mandatory", "days": 12345678901}}`, policy.Reconciled{
			"age": setting(policy.Mandatory, "days", number("12345678901")), "open": setting(policy.Mandatory), "off": setting(policy.Disabled),
		}},
		{"empty_all", `{"all": {}}`, `{}`, policy.Reconciled{
			"age": setting(policy.Advisory, "days", number("90")), "open": setting(policy.Mandatory), "off": setting(policy.Disabled),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pack := sample()
			pack.Initial = config(t, test.initial)
			got, err := policy.Reconcile(pack, config(t, test.group))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReconcile_AllFaults(t *testing.T) {
	t.Parallel()
	_, err := policy.Reconcile(sample(), config(t, `{"all": {"x": 1}, "nope": "advisory", "age": {"days": 0}, "open": {"days": 1}}`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`pack sample has no policy "nope"`, `"all" sets levels only`, "policy age of pack sample: ", "minimum",
		"policy open of pack sample: takes no properties, but config gives days",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
	for _, group := range []string{`{"age": {"dayz": 1}}`, `{"age": {"days": "90"}}`, `{"age": {"days": 1.5}}`, `{"age": {"names": [1]}}`} {
		if _, err := policy.Reconcile(sample(), config(t, group)); err == nil {
			t.Errorf("%s: no error", group)
		}
	}
	pack := sample()
	pack.Policies[0].Schema.Required = []string{"names"}
	if _, err := policy.Reconcile(pack, nil); err == nil || !strings.Contains(err.Error(), "names") {
		t.Errorf("a missing property gives %v", err)
	}
}

func TestReconcile_LeavesInput(t *testing.T) {
	t.Parallel()
	pack, group := sample(), config(t, `{"age": {"days": 30}}`)
	if _, err := policy.Reconcile(pack, group); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), pack); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(config(t, `{"age": {"days": 30}}`), group); diff != "" {
		t.Error(diff)
	}
}

func TestSetting_JSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"mandatory"`:                       `{"enforcementLevel":"mandatory"}`,
		`{}`:                                `{}`,
		`{"enforcementLevel":"disabled"}`:   `{"enforcementLevel":"disabled"}`,
		`{"n": 1234567890123456789, "a":1}`: `{"a":1,"n":1234567890123456789}`,
	} {
		var setting policy.Setting
		if err := json.Unmarshal([]byte(text), &setting); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(setting)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{`"high"`, `5`, `[]`, `{"enforcementLevel": "x"}`, `{"enforcementLevel": 1}`} {
		var setting policy.Setting
		if err := json.Unmarshal([]byte(text), &setting); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestReconciled_Digest(t *testing.T) {
	t.Parallel()
	digest := func(group string) string {
		t.Helper()
		r, err := policy.Reconcile(sample(), config(t, group))
		if err != nil {
			t.Fatal(err)
		}
		if r.Enabled("off") != strings.Contains(group, "off") || r.Enabled("nope") {
			t.Errorf("%s: off is enabled: %t", group, r.Enabled("off"))
		}
		return r.Digest()
	}
	base := digest(`{}`)
	for _, same := range []string{`{"age": "mandatory"}`, `{"open": "advisory"}`, `{"age": {"days": 60}}`} {
		if digest(same) != base {
			t.Errorf("%s changes the digest", same)
		}
	}
	for _, other := range []string{`{"age": {"days": 30}}`, `{"open": "disabled"}`, `{"off": "advisory"}`} {
		if digest(other) == base {
			t.Errorf("%s keeps the digest", other)
		}
	}
}

func TestSchema_Check(t *testing.T) {
	t.Parallel()
	if err := (&policy.Schema{}).Check(); err != nil {
		t.Error(err)
	}
	for _, schema := range []policy.Schema{
		{Properties: map[string]any{"a": map[string]any{"type": "nonsense"}}},
		{Properties: map[string]any{"a": 1}},
		{Properties: map[string]any{"a": make(chan int)}},
	} {
		if err := schema.Check(); err == nil {
			t.Errorf("%v: no error", schema)
		}
	}
}
