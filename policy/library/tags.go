package library

import (
	"errors"
	"slices"
	"strings"
)

// Tags reads tags and labels of any cloud: an object of keys and values, a list of objects of Key and
// Value or of key and value, or null for none. A tag without a value has an empty one.
func Tags(value any) (map[string]string, error) {
	tags := map[string]string{}
	switch value := value.(type) {
	case nil:
	case map[string]string:
		return value, nil
	case map[string]any:
		for key, element := range value {
			if err := addTag(tags, key, element); err != nil {
				return nil, err
			}
		}
	case []any:
		for _, element := range value {
			if err := addListed(tags, element); err != nil {
				return nil, err
			}
		}
	default:
		return nil, errNoTags
	}
	return tags, nil
}

var errNoTags = errors.New("not tags: want an object, or a list of objects with Key and Value")

func addListed(tags map[string]string, element any) error {
	tag, _ := element.(map[string]any)
	for _, names := range [...][2]string{{"Key", "Value"}, {"key", "value"}} {
		if key, ok := text(tag[names[0]]); ok {
			return addTag(tags, key, tag[names[1]])
		}
	}
	return errNoTags
}

func addTag(tags map[string]string, key string, value any) error {
	written, ok := text(value)
	if !ok && value != nil {
		return errNoTags
	}
	tags[key] = written
	return nil
}

// HasTag tells whether a tag is there and says something. Keys are compared as they are written.
func HasTag(tags map[string]string, key string) bool { return strings.TrimSpace(tags[key]) != "" }

// MissingTags lists the keys that are not there, or say nothing, sorted.
func MissingTags(tags map[string]string, keys []string) []string {
	missing := []string{}
	for _, key := range keys {
		if !HasTag(tags, key) {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}
