package providers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
)

func TestParseValue_KeepsDigits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`123456789012`, `2807208141737654787`, `18446744073709551615`, `0.1`, `1.0`, `1e400`,
		`{"a":[1,{"b":null}],"c":"<&>"}`, `"é"`, `[]`, `{}`, `null`, `true`,
	} {
		value, err := providers.ParseValue([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		back, err := providers.FormatValue(value)
		if err != nil || string(back) != text {
			t.Errorf("%s came back as %s, %v", text, back, err)
		}
	}
}

func TestParseValue_RefusesWithoutQuoting(t *testing.T) {
	t.Parallel()
	secret := "hunter2"
	for name, text := range map[string]string{
		"two_values":      `{} {"` + secret + `":1}`,
		"no_value":        ``,
		"truncated":       `{"a": "` + secret,
		"wrong_character": `{"` + secret + `": nope}`,
		"too_deep":        strings.Repeat("[", providers.MaxDepth+1) + strings.Repeat("]", providers.MaxDepth+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := providers.ParseValue([]byte(text))
			if err == nil {
				t.Fatal("was taken")
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "nope") {
				t.Errorf("the error quotes input: %v", err)
			}
		})
	}
}

func TestParseValue_CountsNoBracketsInStrings(t *testing.T) {
	t.Parallel()
	text := `"` + strings.Repeat(`[\"`, 2*providers.MaxDepth) + `"`
	if _, err := providers.ParseValue([]byte(text)); err != nil {
		t.Error(err)
	}
}

func TestRestore_PutsRedactedLeavesBack(t *testing.T) {
	t.Parallel()
	value, err := providers.ParseValue([]byte(`{"a/b":[{"key":"[redacted]"},"[redacted]"],"n":7}`))
	if err != nil {
		t.Fatal(err)
	}
	got := providers.Restore(providers.Properties, value, []providers.Unread{
		{Path: "/properties/a~1b/0/key", Class: providers.RedactedValue},
		{Path: "/properties/n", Class: providers.RedactedValue},        // not a text: stays
		{Path: "/properties/a~1b/9", Class: providers.RedactedValue},   // not there
		{Path: "/facets/x/a~1b/1", Class: providers.RedactedValue},     // of another part
		{Path: "/properties/a~1b/1", Class: providers.AccessDenied},    // not a secret
		{Path: "/properties/zz/0/key", Class: providers.RedactedValue}, // not there
	})
	want := map[string]any{"a/b": []any{map[string]any{"key": providers.Redacted{}}, "[redacted]"}, "n": json.Number("7")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
}

func TestRedacted_KeepsEmptiness(t *testing.T) {
	t.Parallel()
	data, err := providers.FormatValue([]any{providers.Redacted{}, providers.Redacted{Empty: true}})
	if want := `["[redacted]",""]`; err != nil || string(data) != want {
		t.Errorf("got %s, %v; want %s", data, err, want)
	}
}

func TestPointer_EscapesAndSplits(t *testing.T) {
	t.Parallel()
	pointer := providers.Pointer(providers.Pointer("/properties", "a/b"), "c~d")
	if want := "/properties/a~1b/c~0d"; pointer != want {
		t.Fatalf("got %s, want %s", pointer, want)
	}
	if diff := cmp.Diff([]string{"properties", "a/b", "c~d"}, providers.Segments(pointer)); diff != "" {
		t.Errorf("segments (-want +got):\n%s", diff)
	}
	if got := providers.Segments(""); len(got) != 0 {
		t.Errorf("the root has segments %q", got)
	}
}

func TestRank_OrdersByTimeScopeAndLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rising := []providers.Rank{
		{}, {Scope: "b", Line: 9}, {Updated: at, Scope: "a", Line: 2}, {Updated: at, Scope: "a", Line: 3},
		{Updated: at, Scope: "b", Line: 1}, {Updated: at.Add(time.Second)},
	}
	for i := range rising {
		for j := range rising {
			want := min(max(i-j, -1), 1)
			if got := rising[i].Compare(rising[j]); got != want {
				t.Errorf("%v against %v: %d, want %d", rising[i], rising[j], got, want)
			}
		}
	}
}

func TestResource_JoinsPieces(t *testing.T) {
	t.Parallel()
	resource := &providers.Resource{Parts: map[string]providers.Part{
		providers.Properties: {
			Value:  map[string]any{"name": "a", "_aws": map[string]any{"state": "on"}},
			Unread: []providers.Unread{{Path: "/properties/secret", Class: providers.NotRead}},
		},
		providers.Piece("acl"):    {Value: map[string]any{"_aws": map[string]any{"grants": []any{"all"}}}, Unread: []providers.Unread{{Path: "/properties/_aws/key", Class: providers.RedactedValue}}},
		providers.Piece("policy"): {Value: map[string]any{}},
		"iam":                     {Value: "kept"},
	}}
	resource.Join()
	want := map[string]providers.Part{
		providers.Properties: {
			Value:  map[string]any{"name": "a", "_aws": map[string]any{"state": "on", "grants": []any{"all"}}},
			Unread: []providers.Unread{{Path: "/properties/secret", Class: providers.NotRead}, {Path: "/properties/_aws/key", Class: providers.RedactedValue}},
		},
		"iam": {Value: "kept"},
	}
	if diff := cmp.Diff(want, resource.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if got := providers.PartPath(providers.Piece("acl")); got != "/properties" {
		t.Errorf("the root of a piece is %q", got)
	}
}
