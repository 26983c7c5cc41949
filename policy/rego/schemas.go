package rego

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"cloudaudit/policy"
)

// schemaFile holds the config schemas of a pack's policies, by name.
const schemaFile = "config-schema.json"

// schemas are the config schemas of a pack.
type schemas map[string]schemaNode

type schemaNode struct {
	Properties map[string]any `yaml:"properties"`
	Required   []string       `yaml:"required"`
}

// readSchemas reads the file, which packs may do without. It stands at the pack's root or beside the
// policies.
func readSchemas(files fs.FS, root string) (schemas, error) {
	for _, name := range []string{path.Join(root, schemaFile), schemaFile} {
		data, err := fs.ReadFile(files, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		node, err := policy.ParseJSON(name, data)
		if err != nil {
			return nil, err
		}
		var all map[string]schemaNode
		err = node.Decode(&all)
		return all, err
	}
	return nil, nil
}

// of gives a policy's schema. A policy whose pack has none for it takes the properties that its
// rules read, with any value; nil if there are none.
func (s schemas) of(name string, f *facts) *policy.Schema {
	if given, ok := s[name]; ok {
		return &policy.Schema{Properties: given.Properties, Required: given.Required}
	}
	if len(f.properties) == 0 {
		return nil
	}
	schema := &policy.Schema{Properties: map[string]any{}}
	for property := range f.properties {
		schema.Properties[property] = map[string]any{}
	}
	return schema
}

// unused refuses schemas that no policy has, whose names are most likely misspelt.
func (s schemas) unused(rules []*rule) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !slices.ContainsFunc(rules, func(r *rule) bool { return r.name == name }) {
			faults = append(faults, fmt.Errorf("%s: the pack has no policy %q", schemaFile, name))
		}
	}
	return errors.Join(faults...)
}
