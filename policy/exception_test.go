package policy_test

import (
	"strings"
	"testing"

	"cloudaudit/policy"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"a*a", "a", false}, // one letter cannot be both ends
		{"a*a", "aa", true},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"a**c", "abc", true},
		{"//storage.googleapis.com/logs-*", "//storage.googleapis.com/logs-2026", true},
		{"[a]?", "[a]?", true}, // nothing but * is special
	} {
		if got := policy.Glob(test.pattern, test.text); got != test.want {
			t.Errorf("Glob(%q, %q) = %v", test.pattern, test.text, got)
		}
	}
}

func TestExceptionScope_Excuses(t *testing.T) {
	t.Parallel()
	v := policy.Excusable{
		Pack: "gcp", Policy: "public", Account: "shop", ResourceID: "//s/logs-1", ResourceName: "logs-1", Tags: map[string]string{"env": "test"},
	}
	for name, test := range map[string]struct {
		scope policy.ExceptionScope
		want  bool
	}{
		"policy":              {policy.ExceptionScope{Policies: []string{"public"}}, true},
		"other_policy":        {policy.ExceptionScope{Policies: []string{"private"}}, false},
		"policy_of_the_pack":  {policy.ExceptionScope{Policies: []string{"gcp/public"}}, true},
		"of_another_pack":     {policy.ExceptionScope{Policies: []string{"aws/public"}}, false},
		"one_of_several":      {policy.ExceptionScope{Policies: []string{"private", "pub*"}}, true},
		"pack_and_account":    {policy.ExceptionScope{Packs: []string{"gcp"}, Accounts: []string{"sh*"}}, true},
		"pack_not_account":    {policy.ExceptionScope{Packs: []string{"gcp"}, Accounts: []string{"bank"}}, false},
		"resource_by_id":      {policy.ExceptionScope{Resources: []string{"//s/logs-*"}}, true},
		"resource_by_name":    {policy.ExceptionScope{Resources: []string{"logs-1"}}, true},
		"other_resource":      {policy.ExceptionScope{Resources: []string{"logs"}}, false},
		"tag":                 {policy.ExceptionScope{Tags: map[string]string{"env": "t*"}}, true},
		"tag_of_other_value":  {policy.ExceptionScope{Tags: map[string]string{"env": "prod"}}, false},
		"tag_that_is_missing": {policy.ExceptionScope{Tags: map[string]string{"owner": "*"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.scope.Excuses(v); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
	account := policy.Excusable{Pack: "gcp", Policy: "public", Account: "shop"}
	if (policy.ExceptionScope{Resources: []string{"*"}}).Excuses(account) {
		t.Error("a pattern of resources excuses a violation of the account itself")
	}
}

func TestException_Check(t *testing.T) {
	t.Parallel()
	err := policy.Exception{Name: "a b", Scope: policy.ExceptionScope{Tags: map[string]string{"": "x"}}}.Check()
	for _, want := range []string{`exception name "a b"`, "needs an owner", "needs a reason", "scope.tags holds an empty entry"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	good := policy.Exception{Name: "x", Owner: "ann", Reason: "test data", Scope: policy.ExceptionScope{Policies: []string{"public"}}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	good.Scope = policy.ExceptionScope{}
	if err := good.Check(); err == nil {
		t.Error("an exception without a scope was taken")
	}
}

func TestExceptionScope_Broad(t *testing.T) {
	t.Parallel()
	for _, broad := range []policy.ExceptionScope{
		{Accounts: []string{"shop"}},
		{Policies: []string{"public"}},
		{Policies: []string{"*"}, Resources: []string{"logs"}},
		{Policies: []string{"public"}, Resources: []string{"*"}},
	} {
		if !broad.Broad() {
			t.Errorf("%+v is not broad", broad)
		}
	}
	for _, narrow := range []policy.ExceptionScope{
		{Policies: []string{"public"}, Resources: []string{"logs-*"}},
		{Policies: []string{"public"}, Tags: map[string]string{"env": "test"}},
	} {
		if narrow.Broad() {
			t.Errorf("%+v is broad", narrow)
		}
	}
}
