package cel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// libraryCase is an entry of the library's contract.
type libraryCase struct {
	call    string
	args    []any
	want    any
	refused bool // it is an error
}

func libraryCases(t *testing.T) []libraryCase {
	t.Helper()
	const name = "../library/testdata/cases.yaml"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := policy.ParseYAML(name, data)
	if err != nil || len(nodes) != 1 {
		t.Fatal(err)
	}
	elements, _ := nodes[0].Plain().([]any)
	cases := make([]libraryCase, len(elements))
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

func (c libraryCase) String() string {
	text, err := json.Marshal(c.args)
	if err != nil {
		return err.Error()
	}
	return c.call + string(text)
}

// expression calls the function with arguments out of the resource.
func (c libraryCase) expression() string {
	arguments := make([]string, len(c.args))
	for i := range c.args {
		arguments[i] = fmt.Sprintf("resource.properties.args[%d]", i)
	}
	return c.call + "(" + strings.Join(arguments, ", ") + ")"
}

// TestLibrary_Contract holds the functions against the contract of all languages.
func TestLibrary_Contract(t *testing.T) {
	t.Parallel()
	for _, c := range libraryCases(t) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			session := open(t, one(c.expression()+" == resource.properties.want"), nil)
			r := &providers.Resource{Type: "T", Parts: map[string]providers.Part{
				providers.Properties: {Value: map[string]any{"args": c.args, "want": c.want}},
			}}
			got := evaluate(t, session, r)
			if c.refused && (got.Verdict != policy.Unknown || got.Reason != policy.ReasonError) || !c.refused && got.Verdict != policy.Compliant {
				t.Errorf("want %v, error %t; got %+v", c.want, c.refused, got)
			}
		})
	}
}

// TestLibrary_UnreadIsUnknown holds that no function takes what was not read for an answer: neither an
// argument, nor a part of one, nor one that may be there.
func TestLibrary_UnreadIsUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range libraryCases(t) {
		if c.refused {
			continue
		}
		session := open(t, one(c.expression()+" == resource.properties.want"), nil)
		for _, path := range unreadPlaces("/properties/args", c.args) {
			r := &providers.Resource{Type: "T", Parts: map[string]providers.Part{
				providers.Properties: {Value: map[string]any{"args": c.args, "want": c.want}},
			}}
			got := evaluate(t, session, r, providers.Unread{Path: path, Class: providers.NotRead})
			if got.Verdict != policy.Unknown || got.Reason != string(providers.NotRead) {
				t.Errorf("%s with %s unread: %+v", c, path, got)
			}
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

// Malformed values are refused by name, and never quoted.
func TestLibrary_RefusalsQuoteNothing(t *testing.T) {
	t.Parallel()
	session := open(t, one(`net.isWorld(resource.properties.secret)`), nil)
	got := evaluate(t, session, resource(t, `{"secret": "hush"}`))
	want := "policies.yaml:7:18: net.isWorld: not an address or a range of addresses"
	if got.Reason != policy.ReasonError || got.Detail != want {
		t.Errorf("got %+v, want %s", got, want)
	}
}

// The clock that a function reads is known without running it.
func TestLibrary_ClockIsFoundStatically(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		`ageDays(resource.properties.t) > 3`:               true,
		`[resource.properties.t].all(t, ageDays(t) > 3)`:   true,
		`versions.atLeast(resource.properties.t, "1.2")`:   false,
		`"ageDays(x)" == resource.properties.t`:            false,
		`ageDays(timestamp("2025-01-01T00:00:00Z")) > 300`: true,
	} {
		if pack, _ := load(t, one(expression)); pack.Policies[0].Clock != want {
			t.Errorf("%s reads the clock: %t", expression, !want)
		}
	}
}

// Calls read their arguments, all of what is in them.
func TestLibrary_ReadsItsArguments(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, one(`iam.publicStatements(resource.properties.?doc.orValue(null)).all(s, s.sid != "") && ageDays(resource.properties.t) > 1`))
	if want := []string{"/properties/doc", "/properties/t"}; !slices.Equal(pack.Policies[0].Reads, want) {
		t.Errorf("reads %q", pack.Policies[0].Reads)
	}
}

// Documents that were taken apart once are not mixed up, whoever asks, however often.
func TestLibrary_DocumentsAreKeptApart(t *testing.T) {
	t.Parallel()
	session := open(t, one(`iam.isPublic(resource.properties.d) == resource.properties.public`), nil)
	public := map[string]any{"Statement": map[string]any{"Effect": "Allow", "Principal": "*", "Action": "*"}}
	for range 200 {
		for _, properties := range []map[string]any{
			{"d": public, "public": true},
			{"d": map[string]any{"Statement": map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "1"}}}, "public": false},
			{"d": `{"Statement":{"Effect":"Allow","Principal":"*"}}`, "public": true},
			{"d": `{"Statement":{"Effect":"Deny","Principal":"*"}}`, "public": false},
		} {
			r := &providers.Resource{Type: "T", Parts: map[string]providers.Part{providers.Properties: {Value: properties}}}
			outcomes, err := session.Evaluate(context.Background(), policy.Input{Resource: r})
			if err != nil || outcomes[0].Verdict != policy.Compliant {
				t.Fatal(properties, outcomes, err)
			}
		}
	}
}

// TestLibrary_ReferenceIsWhole holds the reference, the contract and the functions together: each
// function that the code declares stands in the reference and has cases, and the other way round.
func TestLibrary_ReferenceIsWhole(t *testing.T) {
	t.Parallel()
	documented := namesIn(t, "../library/README.md", "`"+functionName+`\(`)
	declared := append(namesIn(t, "functions.go", `a\.call\("`+functionName), namesIn(t, "documents.go", `a\.call\("`+functionName)...)
	declared = append(declared, "ageDays", "net.isWorld")
	var held []string
	for _, c := range libraryCases(t) {
		held = append(held, c.call)
	}
	for _, list := range [][]string{documented, declared, held} {
		slices.Sort(list)
	}
	documented, declared, held = slices.Compact(documented), slices.Compact(declared), slices.Compact(held)
	if !slices.Equal(declared, documented) || !slices.Equal(declared, held) {
		t.Errorf("declared   %q\ndocumented %q\nwith cases %q", declared, documented, held)
	}
}

const functionName = `((?:net|iam|gcp|tags|versions|sets)\.\w+|ageDays)`

func namesIn(t *testing.T, file, pattern string) (names []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(data), -1) {
		names = append(names, match[1])
	}
	return names
}
