package cel

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"

	"cloudaudit/providers"
)

// mark gives the resource with an unknown in the place of everything unread. The resource itself
// stays as it is: objects and lists on the way to an unread path are copied. A root that is unread
// is the caller's to notice.
func mark(root map[string]any, unread []providers.Unread) any {
	return markAs(root, unread, func(index int) int64 { return int64(index) + 1 })
}

// markAs does so with unknowns of the given ids, by place in the list of unread paths.
func markAs(root map[string]any, unread []providers.Unread, id func(index int) int64) any {
	m := marker{copied: map[string]bool{}, paths: unread, id: id}
	var marked any = root
	for i, gap := range unread {
		marked = m.place(marked, "", providers.Segments(gap.Path), i)
	}
	return marked
}

// marker remembers which containers are copies already.
type marker struct {
	copied map[string]bool
	paths  []providers.Unread
	id     func(index int) int64
}

func (m *marker) place(value any, at string, rest []string, index int) any {
	if len(rest) == 0 {
		return m.leaf(value, index)
	}
	key := rest[0]
	below := at + "/" + key
	switch value := value.(type) {
	case map[string]string:
		return m.place(fromStrings(value), at, rest, index)
	case []string:
		return m.place(fromTexts(value), at, rest, index)
	case map[string]any:
		if !m.copied[at] {
			value, m.copied[at] = maps.Clone(value), true
		}
		if m.setKey(value, key, below, rest, index) {
			return openMap(value)
		}
		return value
	case openMap:
		m.setKey(value, key, below, rest, index)
		return value
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(value) {
			return m.unknown(value, index) // the list may be longer than what was read of it
		}
		if !m.copied[at] {
			value, m.copied[at] = slices.Clone(value), true
		}
		value[i] = m.place(value[i], below, rest[1:], index)
		return value
	}
	return m.unknown(value, index)
}

// setKey places the unknown below a key and tells whether that leaves the key's presence open.
func (m *marker) setKey(object map[string]any, key, below string, rest []string, index int) (open bool) {
	if old, present := object[key]; present {
		object[key] = m.place(old, below, rest[1:], index)
	} else {
		object[key] = m.unknown(nil, index)
	}
	_, open = object[key].(*types.Unknown)
	return open
}

// leaf is the unknown at an unread path itself. Of a secret it is known that it is there, and an
// empty secret is known whole.
func (m *marker) leaf(value any, index int) any {
	if m.paths[index].Class != providers.RedactedValue {
		return m.unknown(value, index)
	}
	switch value := value.(type) {
	case nil:
		return m.unknown(nil, index)
	case *types.Unknown, secret:
		return value
	case providers.Redacted:
		if value.Empty {
			return ""
		}
	case string:
		if value == "" {
			return ""
		}
	}
	return secret{types.NewUnknown(m.id(index), nil)}
}

func (m *marker) unknown(value any, index int) *types.Unknown {
	unknown := types.NewUnknown(m.id(index), nil)
	if before, ok := value.(*types.Unknown); ok {
		return types.MergeUnknowns(before, unknown)
	}
	return unknown
}

func fromStrings(from map[string]string) map[string]any {
	to := make(map[string]any, len(from))
	for key, value := range from {
		to[key] = value
	}
	return to
}

func fromTexts(from []string) []any {
	to := make([]any, len(from))
	for i, text := range from {
		to[i] = text
	}
	return to
}

// escape writes a key as it stands in a JSON Pointer.
func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// pathOf searches a tree for what the predicate wants and gives its path, the smallest of several.
func pathOf(value any, at string, wanted func(any) bool) (string, bool) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if path, found := pathOf(value[key], at+"/"+escape(key), wanted); found {
				return path, true
			}
		}
	case []any:
		for i, element := range value {
			if path, found := pathOf(element, at+"/"+strconv.Itoa(i), wanted); found {
				return path, true
			}
		}
	default:
		return at, wanted(value)
	}
	return "", false
}
