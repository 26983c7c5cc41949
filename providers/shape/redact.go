package shape

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"cloudaudit/providers"
)

// redactor walks the value of one part once, puts Redacted in the place of secrets and notes
// where they stood.
type redactor struct {
	rules  *rules
	path   []step
	root   string
	unread []providers.Unread
}

// step is a key of an object or an index of a list. Paths are spelled only
// where a secret is found.
type step struct {
	key   string
	index int
	list  bool
}

// redactPart redacts a part in place and brings its unread paths up to date.
func redactPart(resource *providers.Resource, name string, part *providers.Part) {
	r := redactor{rules: list, root: providers.PartPath(name)}
	for i := range list.types {
		if rule := &list.types[i]; rule.holder.matches(resource.Type) && endsWithFold(resource.ID, rule.id) {
			if rest, ok := strings.CutPrefix(rule.path, r.root); ok {
				part.Value = r.at(part.Value, providers.Segments(rest))
			}
		}
	}
	r.unread = nil
	part.Value = r.value(part.Value, 0)
	for _, u := range part.Unread {
		if u.Class != providers.RedactedValue {
			r.unread = append(r.unread, u)
		}
	}
	part.Unread = r.unread
	sortUnread(part.Unread)
}

// redactTags replaces secrets among tags and gives their paths.
func redactTags(tags map[string]string) []providers.Unread {
	var unread []providers.Unread
	for key, value := range tags {
		if value == "" || value != providers.RedactedText && !secret(value, list.named(key)) {
			continue
		}
		tags[key] = providers.RedactedText
		unread = append(unread, providers.Unread{Path: providers.Pointer("/tags", key), Class: providers.RedactedValue})
	}
	return unread
}

func sortUnread(unread []providers.Unread) {
	slices.SortFunc(unread, func(a, b providers.Unread) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Class, b.Class))
	})
}

// at redacts everything at a path; "*" stands for any key or index.
func (r *redactor) at(value any, path []string) any {
	if len(path) == 0 {
		return r.value(value, everything)
	}
	switch parent := value.(type) {
	case map[string]any:
		for key, child := range parent {
			if path[0] == "*" || path[0] == key {
				parent[key] = r.at(child, path[1:])
			}
		}
	case []any:
		for i, child := range parent {
			if path[0] == "*" || path[0] == strconv.Itoa(i) {
				parent[i] = r.at(child, path[1:])
			}
		}
	}
	return value
}

func (r *redactor) value(value any, how treat) any {
	switch v := value.(type) {
	case string:
		if secret(v, how) {
			return r.redact(v)
		}
	case providers.Redacted:
		r.note(v)
	case map[string]any:
		r.object(v, how)
	case []any:
		r.list(v, how)
	}
	return value
}

func (r *redactor) object(object map[string]any, how treat) {
	if how&(everything|secretValues|references) == 0 && secretPair(object, r.rules) {
		how |= secretElement
	}
	for key, child := range object {
		switch child.(type) {
		case string, map[string]any, []any, providers.Redacted:
			r.path = append(r.path, step{key: key})
			if changed := r.value(child, r.member(key, how)); !same(changed, child) {
				object[key] = changed
			}
			r.path = r.path[:len(r.path)-1]
		}
	}
}

// member says how a member of an object is treated that itself is treated so.
func (r *redactor) member(key string, how treat) treat {
	switch {
	case how&everything != 0:
		return everything
	case how&secretValues != 0:
		return secretText
	case how&(secretText|secretElement) != 0 && valueName(key):
		return everything
	case how&references != 0:
		return references
	}
	return r.rules.named(key)
}

func (r *redactor) list(values []any, how treat) {
	item := how & (secretText | references | everything)
	if how&secretValues != 0 {
		item |= secretText
	}
	if how&secretElements != 0 {
		item |= secretElement
	}
	for i, child := range values {
		r.path = append(r.path, step{index: i, list: true})
		if changed := r.value(child, item); !same(changed, child) {
			values[i] = changed
		}
		r.path = r.path[:len(r.path)-1]
	}
}

func (r *redactor) redact(text string) providers.Redacted {
	redacted := providers.Redacted{Empty: text == ""}
	r.note(redacted)
	return redacted
}

func (r *redactor) note(redacted providers.Redacted) {
	if redacted.Empty {
		return
	}
	path := r.root
	for _, s := range r.path {
		if s.list {
			path += "/" + strconv.Itoa(s.index)
		} else {
			path = providers.Pointer(path, s.key)
		}
	}
	r.unread = append(r.unread, providers.Unread{Path: path, Class: providers.RedactedValue})
}

// same tells that a child was not replaced: only texts are, and only by Redacted.
func same(changed, child any) bool {
	_, isText := child.(string)
	_, isRedacted := changed.(providers.Redacted)
	return !isText || !isRedacted
}

// secretPair tells whether an object is a pair of a name and a value whose name is a secret's.
func secretPair(object map[string]any, rules *rules) bool {
	if len(object) < 2 || !hasAny(object, "value", "Value", "ParameterValue") {
		return false
	}
	for _, key := range [...]string{"name", "key", "Name", "Key", "parameterName", "ParameterKey", "settingName"} {
		if name, ok := object[key].(string); ok && rules.named(name)&secretText != 0 {
			return true
		}
	}
	return false
}

func hasAny(object map[string]any, keys ...string) bool {
	for _, key := range keys {
		if _, ok := object[key]; ok {
			return true
		}
	}
	return false
}

func valueName(key string) bool {
	switch key {
	case "value", "Value", "secretValue", "secureValue", "defaultValue", "stringValue", "ParameterValue":
		return true
	}
	return false
}

func endsWithFold(text, ending string) bool {
	n := len(text) - len(ending)
	return n >= 0 && strings.EqualFold(text[n:], ending)
}
