package config

import (
	"bytes"
	"encoding/json"
)

// Schema gives the JSON Schema (2020-12) of the file, for editors and review pipelines. What refers
// to other places of the file it cannot say; Load checks that.
func Schema() ([]byte, error) {
	schema := shapeOfFile().schema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "cloudaudit.yaml"
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func (s *shape) schema() map[string]any {
	schema := map[string]any{}
	if s.about != "" {
		schema["description"] = s.about
	}
	switch s.kind {
	case text:
		s.textSchema(schema)
	case number:
		schema["type"], schema["minimum"] = "integer", s.least
	case list:
		schema["type"] = "array"
		if s.values != nil {
			schema["items"] = s.values.schema()
		}
		if s.empty {
			schema["maxItems"] = 0
		}
	case structure:
		s.objectSchema(schema)
	case dictionary:
		schema["type"], schema["additionalProperties"] = "object", s.values.schema()
	case setting:
		level := map[string]any{"type": "string", "enum": levels()}
		schema["anyOf"] = []any{level, map[string]any{"type": "object", "properties": map[string]any{levelKey: level}}}
	}
	return schema
}

func (s *shape) textSchema(schema map[string]any) {
	schema["type"] = "string"
	if len(s.oneOf) > 0 {
		schema["enum"] = s.oneOf
	}
	if s.format != nil {
		schema["pattern"] = s.format.pattern.String()
	}
	if s.fallback != nil {
		schema["default"] = s.fallback
	}
}

func (s *shape) objectSchema(schema map[string]any) {
	properties, required := map[string]any{}, []string{}
	var sections []any
	for _, k := range s.keys {
		properties[k.name] = k.shape.schema()
		switch {
		case k.of != "":
			sections = append(sections, k.section())
		case k.required:
			required = append(required, k.name)
		}
	}
	schema["type"], schema["properties"], schema["additionalProperties"] = "object", properties, false
	if len(required) > 0 {
		schema["required"] = required
	}
	var either []any
	for _, name := range s.either {
		either = append(either, map[string]any{"required": []string{name}})
	}
	if either != nil {
		schema["oneOf"] = either
	}
	if s.someOf {
		schema["minProperties"] = 1
	}
	if sections != nil {
		schema["allOf"] = sections
	}
}

// section says which objects have the key that is a provider's section.
func (k key) section() map[string]any {
	rule := map[string]any{
		"if":   map[string]any{"properties": map[string]any{"provider": map[string]any{"const": k.of}}, "required": []string{"provider"}},
		"else": map[string]any{"properties": map[string]any{k.name: false}},
	}
	if k.required {
		rule["then"] = map[string]any{"required": []string{k.name}}
	}
	return rule
}
