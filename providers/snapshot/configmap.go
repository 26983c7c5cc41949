package snapshot

import (
	"strconv"

	"cloudaudit/providers"
)

// configMapping maps one configuration item to properties by the list of types.
type configMapping struct {
	item map[string]any
	// extra is the item's supplementaryConfiguration, usedExtra its members that went into properties.
	extra     map[string]any
	usedExtra map[string]bool
	unread    []providers.Unread
}

// object maps the members of one object. Used takes note of members whose whole content went into
// properties; at is the pointer of the object that results.
func (m *configMapping) object(source map[string]any, fields []*configField, at string, used map[string]bool) map[string]any {
	properties := map[string]any{}
	for _, field := range fields {
		pointer := providers.Pointer(at, field.property)
		before := len(m.unread)
		value, whole, proven := m.field(source, field, pointer)
		if !proven {
			m.unread = append(m.unread[:before], providers.Unread{Path: pointer, Class: providers.NotRead})
			continue
		}
		if len(field.from) == 1 && whole && !field.item {
			m.usedBy(field, used)[field.from[0]] = true
		}
		if value == nil || field.set && empty(value) {
			m.unread = m.unread[:before]
			continue
		}
		properties[field.property] = value
	}
	return properties
}

func (m *configMapping) usedBy(field *configField, used map[string]bool) map[string]bool {
	if field.extra {
		return m.usedExtra
	}
	return used
}

// field gives the value of a property, nil if it is not set; whether the source holds nothing beside;
// and whether the source proves it.
func (m *configMapping) field(source map[string]any, field *configField, at string) (value any, whole, proven bool) {
	switch {
	case field.item:
		source = m.item
	case field.extra:
		source = m.extra
	}
	value, there := member(source, field.from)
	if !there {
		return nil, false, field.old && source != nil
	}
	if value == nil {
		return nil, true, true
	}
	return m.value(value, field, at)
}

// value maps a value that is there.
func (m *configMapping) value(value any, field *configField, at string) (mapped any, whole, proven bool) {
	if len(field.fields) > 0 {
		return m.objects(value, field, at)
	}
	switch value = tidy(value); {
	case field.each != "":
		return eachMember(value, field.each)
	case field.first != "":
		list, _, proven := eachMember(value, field.first)
		if texts, _ := list.([]any); proven && len(texts) > 0 {
			return texts[0], false, true
		}
		return nil, false, proven
	case field.as != "":
		mapped, proven = configValues[field.as](value)
		return mapped, true, proven
	}
	return value, true, true
}

// objects maps an object, or the objects of a list.
func (m *configMapping) objects(value any, field *configField, at string) (mapped any, whole, proven bool) {
	switch v := value.(type) {
	case map[string]any:
		used := map[string]bool{}
		object := m.object(v, field.fields, at, used)
		return object, len(used) == len(v), true
	case []any:
		list, all := make([]any, len(v)), true
		for i, element := range v {
			object, whole, proven := m.objects(element, field, at+"/"+strconv.Itoa(i))
			if _, nested := element.([]any); nested || !proven {
				return nil, false, false
			}
			list[i], all = object, all && whole
		}
		return list, all, true
	}
	return nil, false, false
}

// eachMember gives one member of each object of a list; texts stay what they are.
func eachMember(value any, name string) (members any, whole, proven bool) {
	list, ok := value.([]any)
	texts := make([]any, 0, len(list))
	whole = true
	for _, element := range list {
		if object, isObject := element.(map[string]any); isObject {
			whole = whole && len(object) == 1
			element = object[name]
		}
		if _, isText := element.(string); !isText {
			return nil, false, false
		}
		texts = append(texts, element)
	}
	return texts, whole, ok
}

// member follows a path into objects and reports false where something of it is missing. What lies
// below null is null.
func member(source map[string]any, path []string) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	value, there := source[path[0]]
	if !there || len(path) == 1 {
		return value, there
	}
	switch v := value.(type) {
	case nil:
		return nil, true
	case map[string]any:
		return member(v, path[1:])
	}
	return nil, false
}

func empty(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	}
	return false
}
