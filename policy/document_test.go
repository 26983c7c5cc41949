package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

func TestParseYAML_Plain(t *testing.T) {
	t.Parallel()
	nodes, err := policy.ParseYAML("f.yaml", []byte(`
# a comment
text: some words
number: 123456789012
long: 1234567890123456789
longer: 123456789012345678901234567890
fraction: 0.10
power: 1e3
quoted: "012"
yes: true
nothing: null
list: [1, {a: b}]
block: |
  one
  two
folded: >-
  one
  two
123: number as key
---
---
second: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		map[string]any{
			"text": "some words", "number": json.Number("123456789012"), "long": json.Number("1234567890123456789"),
			"longer": json.Number("123456789012345678901234567890"), "fraction": json.Number("0.10"),
			"power": json.Number("1e3"), "quoted": "012", "yes": true, "nothing": nil,
			"list": []any{json.Number("1"), map[string]any{"a": "b"}}, "block": "one\ntwo\n", "folded": "one two",
			"123": "number as key",
		},
		map[string]any{"second": map[string]any{}},
	}
	var got []any
	for _, node := range nodes {
		got = append(got, node.Plain())
	}
	if len(got) == 2 {
		got[1] = map[string]any{"second": got[1].(map[string]any)["second"]}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseYAML_Refuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"anchor", "a: &x 1\nb: *x\n", "f.yaml:1:4: anchors, aliases"},
		{"merge", "a:\n  <<: {b: 1}\n", "f.yaml:2:3: use a plain string as key"},
		{"tag", "a: !!binary aGk=\n", "anchors, aliases, tags"},
		{"infinity", "a: .inf\n", "f.yaml:1:4: anchors, aliases, tags, merge keys and infinite numbers"},
		{"hexadecimal", "a: 0x1F\n", "f.yaml:1:4: write the number 0x1F in decimal"},
		{"octal", "a: 0123\n", "f.yaml:1:4: write the number 0123 in decimal"},
		{"underscores", "a: 1_000\n", "f.yaml:1:4: write the number 1_000 in decimal"},
		{"duplicate", "a: 1\na: 2\n", "f.yaml:2:1: "},
		{"syntax", "a: [1\n", "f.yaml:1:"},
		{"deep brackets", strings.Repeat("[", 1000), "f.yaml:1: nested more than 64 levels deep"},
		{"deep entries", strings.Repeat("- ", 1000) + "a", "f.yaml:1: nested more than 64 levels deep"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.ParseYAML("f.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

// place decodes itself.
type place struct{ line, column int }

func (p *place) UnmarshalNode(n *policy.Node) error {
	p.line, p.column = n.Line, n.Column
	if n.Value == "no" {
		return n.Errorf("no: %w", errors.ErrUnsupported)
	}
	return nil
}

type target struct {
	Text  string            `yaml:"text"`
	Flag  bool              `yaml:"flag"`
	Any   any               `yaml:"any"`
	List  []string          `yaml:"list"`
	Map   map[string]string `yaml:"map"`
	Inner *target           `yaml:"inner"`
	Place place             `yaml:"place"`
}

func TestNode_Decode(t *testing.T) {
	t.Parallel()
	nodes, err := policy.ParseYAML("f.yaml", []byte("text: a\nflag: true\nany: [1]\nlist: [x, y]\nmap: {k: v}\ninner: {text: b}\nplace: |\n  here\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got target
	if err := nodes[0].Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := target{
		Text: "a", Flag: true, Any: []any{json.Number("1")}, List: []string{"x", "y"}, Map: map[string]string{"k": "v"},
		Inner: &target{Text: "b"}, Place: place{8, 3},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{}, place{})); diff != "" {
		t.Error(diff)
	}
}

func TestNode_Decode_AllFaults(t *testing.T) {
	t.Parallel()
	nodes, err := policy.ParseYAML("f.yaml", []byte("txet: a\nzzzzzzz: b\nflag: 1\ntext: 1.5\nlist: x\nmap: []\ninner: 1\nplace: no\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := nodes[0].Decode(&target{}).Error()
	want := strings.Join([]string{
		`f.yaml:1:1: unknown key "txet"; did you mean "text"?`,
		`f.yaml:2:1: unknown key "zzzzzzz"; known are any, flag, inner, list, map, place, text`,
		`f.yaml:3:7: want true or false, have a number`,
		`f.yaml:4:7: want a string, have a number; put it in quotes`,
		`f.yaml:5:7: want a list, have a string`,
		`f.yaml:6:6: want an object, have a list`,
		`f.yaml:7:8: want an object, have a number`,
		`f.yaml:8:8: no: unsupported operation`,
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	node, err := policy.ParseJSON("f.json", []byte("{\n\t\"a\": [1234567890123456789, null, \"x\"]\n}"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": []any{json.Number("1234567890123456789"), nil, "x"}}
	if diff := cmp.Diff(want, node.Plain()); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "{", "{} {}"} {
		if _, err := policy.ParseJSON("f.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "f.json: ") {
			t.Errorf("%q: got error %v", text, err)
		}
	}
}

func FuzzParseYAML(f *testing.F) {
	for _, seed := range []string{"a: 1", "- - a\n- b: |\n    c", "{a: [1, 2]}", "a: 'x'\n---\nb: >-\n  y\n", "? a\n: b", "&a *a", "\t", "a:\n- b\n -c"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		nodes, err := policy.ParseYAML("f.yaml", data)
		if err != nil {
			return
		}
		for _, node := range nodes {
			if _, err := json.Marshal(node.Plain()); err != nil {
				t.Error(err)
			}
		}
	})
}
