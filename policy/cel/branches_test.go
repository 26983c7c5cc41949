package cel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// TestWatch_Branches holds which branches an expression has, and which of them resources take.
func TestWatch_Branches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy    string
		resources []string
		want      []string // of the branches taken a plus, then what gives what
	}{
		"sides": {one(`resource.properties.a || !resource.properties.b && resource.properties.c`), []string{`{"a": true}`, `{"a": false, "b": true}`}, []string{
			"+ resource.properties.a true", "+ resource.properties.a false",
			"+ resource.properties.b true", "- resource.properties.b false",
			"- resource.properties.c true", "- resource.properties.c false",
		}},
		"whole": {one(`resource.properties.a == 1`), []string{`{"a": 1}`}, []string{
			"+ resource.properties.a == 1 true", "- resource.properties.a == 1 false",
		}},
		"presence": {one(`!has(resource.properties.a) || resource.properties.?b.orValue(0) == 1`), []string{`{"a": 1}`, `{"a": 1, "b": 1}`}, []string{
			"+ has(resource.properties.a) true", "- has(resource.properties.a) false",
			"+ resource.properties.?b present", "+ resource.properties.?b absent",
			"+ resource.properties.?b.orValue(0) == 1 true", "+ resource.properties.?b.orValue(0) == 1 false",
		}},
		"conditional": {one(`resource.properties.a ? resource.properties.b : false`), []string{`{"a": true, "b": false}`}, []string{
			"+ resource.properties.a true", "- resource.properties.a false",
			"- resource.properties.b true", "+ resource.properties.b false",
		}},
		"every_element": {one(`resource.properties.l.exists(x, x == 1 || x == 2)`), []string{`{"l": [3, 2, 3]}`}, []string{
			"- x == 1 true", "+ x == 1 false", "+ x == 2 true", "+ x == 2 false",
			"+ resource.properties.l.exists(x, x == 1 || x == 2) true", "- resource.properties.l.exists(x, x == 1 || x == 2) false",
		}},
		"unknown_is_no_way": {one(`resource.properties.l.all(x, x == 1)`), []string{`{}`, `{"l": []}`}, []string{
			"- x == 1 true", "- x == 1 false",
			"+ resource.properties.l.all(x, x == 1) true", "- resource.properties.l.all(x, x == 1) false",
		}},
		"copied": {one(`resource.properties.?a.optMap(x, x == 1).orValue(true)`), []string{`{}`}, []string{
			"- resource.properties.?a.optMap(x, x == 1) present", "+ resource.properties.?a.optMap(x, x == 1) absent",
			"+ resource.properties.?a.optMap(x, x == 1).orValue(true) true", "- resource.properties.?a.optMap(x, x == 1).orValue(true) false",
		}},
		"bound": {one(`cel.bind(x, resource.properties.a, x == 1 && x != 2)`), []string{`{"a": 1}`}, []string{
			"+ x == 1 true", "- x == 1 false", "+ x != 2 true", "- x != 2 false",
		}},
		"parts": {
			`{name: p, severity: low, match: {types: [T], condition: resource.properties.a},
variables: [{name: v, expression: 'resource.properties.b && true'}],
validations: [{forEach: 'resource.properties.l', expression: variables.v, key: 'item == "" ? "none" : item'}]}`,
			[]string{`{"a": true, "b": false, "l": ["x"]}`},
			[]string{
				"+ resource.properties.a true", "- resource.properties.a false", "- resource.properties.b true", "+ resource.properties.b false",
				"- variables.v true", "+ variables.v false", `- item == "" true`, `+ item == "" false`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, b := range taken(t, test.policy, test.resources) {
				got = append(got, map[bool]string{true: "+ ", false: "- "}[b.Taken]+b.Expression+" "+b.Gives)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("branches (-want +got):\n%s", diff)
			}
		})
	}
}

// taken gives the branches of a policy after it has judged the resources.
func taken(t *testing.T, text string, resources []string) []policy.Branch {
	t.Helper()
	pack, engine := load(t, text)
	config, err := policy.Reconcile(pack, nil)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := engine.Watch(t.Context(), pack)
	if err != nil {
		t.Fatal(err)
	}
	session, err := watch.Open(t.Context(), pack, policy.SessionOptions{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	for _, properties := range resources {
		input := policy.Input{Resource: &providers.Resource{Type: "T", Parts: map[string]providers.Part{providers.Properties: {Value: tree(t, properties)}}}}
		if _, err := session.Evaluate(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	return watch.Branches("p")
}
