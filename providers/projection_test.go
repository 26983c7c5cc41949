package providers_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cloudaudit/providers"
)

func TestProjection(t *testing.T) {
	t.Parallel()
	const value = `{"a": {"b": [{"c": 1, "d": 2}, {"c": 3}, 4], "e": null}, "f": "x", "g~/h": [[1, 2], [3]]}`
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{nil, `{}`},
		{[]string{""}, value},
		{[]string{"/f"}, `{"f": "x"}`},
		{[]string{"/f/below", "/none"}, `{"f": "x"}`},
		{[]string{"/a/e"}, `{"a": {"e": null}}`},
		{[]string{"/a/b/*/c"}, `{"a": {"b": [{"c": 1}, {"c": 3}, 4]}}`},
		{[]string{"/a/b/0"}, `{"a": {"b": [{"c": 1, "d": 2}, null, null]}}`},
		{[]string{"/a/b/0/d", "/a/b/*/c"}, `{"a": {"b": [{"c": 1, "d": 2}, {"c": 3}, 4]}}`},
		{[]string{"/*/b", "/a/e"}, `{"a": {"b": [{"c": 1, "d": 2}, {"c": 3}, 4], "e": null}, "f": "x", "g~/h": [null, null]}`},
		{[]string{"/g~0~1h/1"}, `{"g~/h": [null, [3]]}`},
	} {
		p := providers.NewProjection(test.paths...)
		want, err := providers.ParseValue([]byte(test.want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.ParseValue([]byte(value))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", test.paths, err, diff)
		}
		for _, damaged := range []string{"", value[:60], `{"a": [}`} {
			if got, err := p.ParseValue([]byte(damaged)); err == nil {
				t.Errorf("%q of %q is %v", test.paths, damaged, got)
			}
		}
	}
}

// Reading the part of a text, and taking the part of a whole value, are the same.
func TestProjection_ParsesWhatItKeeps(t *testing.T) {
	t.Parallel()
	var value func(depth int) *rapid.Generator[any]
	key := rapid.SampledFrom([]string{"a", "b", "0", "1", "x/y"})
	value = func(depth int) *rapid.Generator[any] {
		leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Just[any](true), rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.Int64(), func(n int64) any { return n }))
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf,
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(list []any) any { return list }),
			rapid.Map(rapid.MapOfN(key, value(depth-1), 0, 3), func(object map[string]any) any { return object }))
	}
	step := rapid.SampledFrom([]string{"/a", "/b", "/0", "/1", "/*", "/x~1y"})
	rapid.Check(t, func(r *rapid.T) {
		text, err := json.Marshal(value(4).Draw(r, "value"))
		if err != nil {
			r.Fatal(err)
		}
		var paths []string
		for range rapid.IntRange(0, 3).Draw(r, "paths") {
			path := ""
			for range rapid.IntRange(0, 3).Draw(r, "steps") {
				path += step.Draw(r, "step")
			}
			paths = append(paths, path)
		}
		p := providers.NewProjection(paths...)
		whole, err := providers.ParseValue(text)
		if err != nil {
			r.Fatal(err)
		}
		got, err := p.ParseValue(text)
		if diff := cmp.Diff(p.Of(whole), got); err != nil || diff != "" {
			r.Fatalf("%q of %s: %v (-want +got):\n%s", paths, text, err, diff)
		}
		at := "/a/0"
		below, kept := p.Below(at)
		if kept != p.Touches(at) {
			r.Fatalf("%q touches %s: %t", paths, at, !kept)
		}
		if object, ok := whole.(map[string]any); ok && kept {
			if list, ok := object["a"].([]any); ok && len(list) > 0 {
				want := p.Of(whole).(map[string]any)["a"].([]any)[0]
				if diff := cmp.Diff(want, below.Of(list[0])); diff != "" {
					r.Fatalf("%q below %s of %s (-want +got):\n%s", paths, at, text, diff)
				}
			}
		}
	})
}
