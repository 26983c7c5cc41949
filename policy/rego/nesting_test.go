package rego_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"cloudaudit/policy"
	"cloudaudit/policy/rego"
)

// chain gives rules of which each makes its value from the one before.
func chain(rule string, n int) string {
	text := "w0 := [1]\n"
	for i := 1; i <= n; i++ {
		text += strings.NewReplacer("NEW", fmt.Sprintf("w%d", i), "OLD", fmt.Sprintf("w%d", i-1)).Replace(rule) + "\n"
	}
	return text
}

// TestLoad_Nesting refuses rules whose values double with every step, wherever the steps hide, and
// takes what only looks like it.
func TestLoad_Nesting(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules   string
		refused bool
	}{
		"variables":      {"deny contains \"x\" if {\n\t" + doubling("[input.name]", "[V, V]", 60) + "\n\tcount(v60) > 0\n}", true},
		"objects":        {"deny contains \"x\" if {\n\t" + doubling("{}", `{"a": V, "b": V}`, 60) + "\n\tcount(v60) > 0\n}", true},
		"comprehensions": {"deny contains \"x\" if {\n\t" + doubling("[1]", "[[V, V] | true]", 60) + "\n\tcount(v60) > 0\n}", true},
		"rules":          {chain("NEW := [OLD, OLD]", 60) + "deny contains \"x\" if count(w60) > 0", true},
		"functions":      {"f(x) := [x, x]\ndeny contains \"x\" if count(" + strings.Repeat("f(", 60) + "1" + strings.Repeat(")", 60) + ") > 0", true},
		"two_functions": {"f(x) := [x, x]\ng(y) := f(f(f(f(y))))\nh(z) := g(g(g(g(z))))\n" +
			"deny contains \"x\" if count(h(h(h(input.name)))) > 0", true},
		"else":         {"f(x) := 1 if x == 2\nelse := [x, x]\ndeny contains \"x\" if count(" + strings.Repeat("f(", 60) + "1" + strings.Repeat(")", 60) + ") > 0", true},
		"few":          {"deny contains \"x\" if {\n\t" + doubling("[input.name]", "[V, V]", 8) + "\n\tcount(v8) > 0\n}", false},
		"lines":        {chain("NEW := [1, OLD[0]]", 200) + "deny contains \"x\" if count(w200) > 0", false},
		"many_clauses": {strings.Repeat("f(x) := [x] if x != 1\n", 30) + "deny contains \"x\" if count(f(f(f(f(f(f(input.name))))))) > 0", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeOPA: rego.New()}}.FS(context.Background(), "p", fstest.MapFS{
				"PulumiPolicy.yaml": {Data: []byte("runtime: opa\ninputFormat: cloudaudit\n")},
				"policies.rego":     {Data: []byte("package p\n\nimport rego.v1\n\n" + test.rules + "\n")},
			})
			if refused := err != nil && strings.Contains(err.Error(), "puts a value into itself"); refused != test.refused || err != nil && !refused {
				t.Errorf("got %v; want it refused: %v", err, test.refused)
			}
		})
	}
}
