// Package library holds what the functions mean that policies may call, whatever language they are
// written in: address ranges and ports, IAM policy documents of AWS, IAM policies of Google Cloud,
// times, tags and versions. README.md is its reference for authors, testdata/cases.yaml its contract:
// an engine that offers a function gives these results for these arguments.
//
// Values are decoded JSON: nil, bool, string, json.Number, []any, map[string]any. What is malformed is
// an error, so that no policy takes it for an answer; errors never quote a value. What is unread is the
// engine's to notice before it calls.
package library

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"

	"cloudaudit/providers"
)

// text gives a string. An empty secret is one whose value is known.
func text(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case providers.Redacted:
		return "", value.Empty
	}
	return "", false
}

// whole gives a whole number, however an engine hands it over.
func whole(value any) (int64, bool) {
	switch value := value.(type) {
	case int:
		return int64(value), true
	case int64:
		return value, true
	case uint64:
		return int64(value), value <= math.MaxInt64
	case float64:
		return int64(value), value == math.Trunc(value) && math.Abs(value) < 1<<53
	case json.Number:
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return n, true
		}
		fraction, err := value.Float64() // 22.0, which some clouds write
		if err != nil {
			return 0, false
		}
		return whole(fraction)
	}
	return 0, false
}

// list gives a list's elements, a single value as a list of one, and nothing for null.
func list(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	}
	return []any{value}
}

var errNoText = errors.New("something else stands where a string belongs")

// Texts gives a list of strings, or a single one as a list.
func Texts(value any) ([]string, error) {
	elements := list(value)
	all := make([]string, len(elements))
	for i, element := range elements {
		found, ok := text(element)
		if !ok {
			return nil, errNoText
		}
		all[i] = found
	}
	return all, nil
}

// values is the opposite: a list for policies.
func values(all []string) []any {
	list := make([]any, len(all))
	for i, element := range all {
		list[i] = element
	}
	return list
}

// sorted sorts and leaves out what stands twice.
func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
