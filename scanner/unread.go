package scanner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"cloudaudit/providers"
)

// EncodeUnread writes unread paths as JSON, sorted, "" for none: the form in which they are stored
// and compared.
func EncodeUnread(unread []providers.Unread) string {
	if len(unread) == 0 {
		return ""
	}
	sorted := slices.Clone(unread)
	sortUnread(sorted)
	data, err := json.Marshal(slices.Compact(sorted))
	if err != nil {
		panic("a list of strings cannot fail to encode: " + err.Error())
	}
	return string(data)
}

// DecodeUnread reads what EncodeUnread wrote.
func DecodeUnread(text string) ([]providers.Unread, error) {
	if text == "" {
		return nil, nil
	}
	var unread []providers.Unread
	if err := json.Unmarshal([]byte(text), &unread); err != nil {
		return nil, fmt.Errorf("decode unread paths: %w", err)
	}
	return unread, nil
}

func sortUnread(unread []providers.Unread) {
	slices.SortFunc(unread, func(a, b providers.Unread) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Class, b.Class))
	})
}
