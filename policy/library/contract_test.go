package library_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/library"
	"cloudaudit/policy/rego"
	"cloudaudit/providers"
)

// contractCase is an entry of the library's contract.
type contractCase struct {
	call    string
	args    []any
	want    any
	refused bool // it is an error
}

func contractCases(t *testing.T) []contractCase {
	t.Helper()
	const name = "testdata/cases.yaml"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := policy.ParseYAML(name, data)
	if err != nil || len(nodes) != 1 {
		t.Fatal(err)
	}
	elements, _ := nodes[0].Plain().([]any)
	cases := make([]contractCase, len(elements))
	for i, element := range elements {
		object, _ := element.(map[string]any)
		_, wants := object["want"]
		c := &cases[i]
		c.call, _ = object["call"].(string)
		c.args, _ = object["args"].([]any)
		c.refused, _ = object["error"].(bool)
		if c.want = object["want"]; c.call == "" || c.args == nil || wants == c.refused {
			t.Fatalf("%v is no case", object)
		}
	}
	return cases
}

func (c contractCase) String() string {
	text, err := json.Marshal(c.args)
	if err != nil {
		return err.Error()
	}
	return c.call + string(text)
}

// arguments stand in the resource.
func (c contractCase) arguments(root string) string {
	arguments := make([]string, len(c.args))
	for i := range c.args {
		arguments[i] = fmt.Sprintf("%s.properties.args[%d]", root, i)
	}
	return "(" + strings.Join(arguments, ", ") + ")"
}

// languages are those whose functions the contract is for.
var languages = []language{
	{name: "cel", engine: cel.New(), pack: celPack, refuses: policy.Outcome{Verdict: policy.Unknown, Reason: policy.ReasonError}},
	{name: "rego", engine: rego.New(), pack: regoPack, lacks: []string{"sets.of"}, refuses: policy.Outcome{Verdict: policy.Compliant}},
}

// language makes packs of one policy that is compliant if a call gives what the resource wants; if it is
// to be refused, the outcome is refuses.
type language struct {
	name    string
	engine  policy.Engine
	pack    func(c contractCase) fstest.MapFS
	lacks   []string
	refuses policy.Outcome
}

func celPack(c contractCase) fstest.MapFS {
	return fstest.MapFS{
		"PulumiPolicy.yaml": {Data: []byte("runtime: cel\nname: pack\n")},
		"p.yaml": {Data: fmt.Appendf(nil, "name: deny\nseverity: low\nmatch: {types: [T]}\nvalidations:\n  - expression: %s%s == resource.properties.want\n",
			c.call, c.arguments("resource"))},
	}
}

// regoPack has a rule that reports any value at all where the call is to be undefined.
func regoPack(c contractCase) fstest.MapFS {
	module, _, _ := strings.Cut(regoName(c.call), ".")
	call := regoName(c.call) + c.arguments("input")
	body := "not " + call + " == input.properties.want"
	if c.refused {
		body = "_ := " + call
	}
	return fstest.MapFS{
		"PulumiPolicy.yaml": {Data: []byte("runtime: opa\nname: pack\ninputFormat: cloudaudit\n")},
		"p.rego": {Data: fmt.Appendf(nil, "package p\n\nimport data.cloudaudit.%s\n\n# METADATA\n# custom: {types: [T]}\ndeny contains \"other\" if { %s }\n",
			module, body)},
	}
}

// regoName spells a function as Rego does.
func regoName(call string) string {
	name := library.Function{Name: call}.Lower()
	if name == "age_days" {
		return "age.days"
	}
	if short, network := strings.CutPrefix(name, "net."); network {
		return "network." + short
	}
	return name
}

// open gives a session for the case.
func (l language) open(t *testing.T, c contractCase) policy.Session {
	t.Helper()
	pack, err := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: l.engine, policy.RuntimeOPA: l.engine}}.FS(t.Context(), "pack", l.pack(c))
	if err != nil {
		t.Fatal(err)
	}
	config, err := policy.Reconcile(pack, nil)
	if err != nil {
		t.Fatal(err)
	}
	session, err := l.engine.Open(t.Context(), pack, policy.SessionOptions{Config: config, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func (c contractCase) judge(t *testing.T, session policy.Session, unread ...providers.Unread) policy.Outcome {
	t.Helper()
	r := &providers.Resource{Type: "T", Parts: map[string]providers.Part{
		providers.Properties: {Value: map[string]any{"args": c.args, "want": c.want}},
	}}
	outcomes, err := session.Evaluate(t.Context(), policy.Input{Account: &providers.Account{}, Resource: r, Unread: unread})
	if err != nil || len(outcomes) != 1 {
		t.Fatal(outcomes, err)
	}
	return outcomes[0]
}

// TestContract holds the functions of each language to the contract, and to what they have to say of
// arguments that were not read: neither an argument, nor a part of one, nor one that may be there is
// taken for an answer.
func TestContract(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				if slices.Contains(l.lacks, c.call) {
					continue
				}
				session := l.open(t, c)
				want := policy.Outcome{Verdict: policy.Compliant}
				if c.refused {
					want = l.refuses
				}
				if got := c.judge(t, session); got.Verdict != want.Verdict || got.Reason != want.Reason {
					t.Errorf("%s: want %v, error %t; got %+v", c, c.want, c.refused, got)
				}
				if !c.refused {
					c.unread(t, session)
				}
			}
		})
	}
}

func (c contractCase) unread(t *testing.T, session policy.Session) {
	t.Helper()
	for _, path := range unreadPlaces("/properties/args", c.args) {
		got := c.judge(t, session, providers.Unread{Path: path, Class: providers.NotRead})
		if got.Verdict != policy.Unknown || got.Reason != string(providers.NotRead) {
			t.Errorf("%s with %s unread: %+v", c, path, got)
		}
	}
}

// unreadPlaces are all places below a value, and of each object a key that it has not.
func unreadPlaces(at string, value any) (paths []string) {
	switch value := value.(type) {
	case []any:
		for i, element := range value {
			paths = append(paths, unreadPlaces(fmt.Sprintf("%s/%d", at, i), element)...)
		}
	case map[string]any:
		for key, element := range value {
			paths = append(paths, unreadPlaces(providers.Pointer(at, key), element)...)
		}
		paths = append(paths, at+"/more")
	}
	return append(paths, at)
}

var documentedName = regexp.MustCompile("`" + `((?:net|iam|gcp|tags|versions|sets)\.\w+|ageDays)\(`)

// TestReadme_NamesTheFunctions holds the reference, the contract and the functions together: each stands
// in the reference and has cases, and the other way round.
func TestReadme_NamesTheFunctions(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, held []string
	for _, match := range documentedName.FindAllStringSubmatch(string(readme), -1) {
		documented = append(documented, match[1])
	}
	for _, c := range contractCases(t) {
		held = append(held, c.call)
	}
	declared := []string{"ageDays", "sets.of"} // which engines make themselves
	for _, f := range library.Functions() {
		declared = append(declared, f.Name)
	}
	slices.Sort(declared)
	for name, list := range map[string][]string{"README": documented, "cases": held} {
		slices.Sort(list)
		if diff := cmp.Diff(declared, slices.Compact(list)); diff != "" {
			t.Errorf("functions and %s (-declared):\n%s", name, diff)
		}
	}
}
