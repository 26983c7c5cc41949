package rego

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers"
)

// aliases gives the references of the input at which a hidden place is seen.
func (s *subject) aliases(place hiddenPlace) []ast.Ref {
	key, rest := textOfTerm(place.path[0]), place.path[1:]
	switch s.format {
	case plain:
		return []ast.Ref{inputRef(place.path...)}
	case admission:
		return s.reviewAliases(key, place, rest)
	}
	var refs []ast.Ref
	for _, field := range fields {
		if field.key != key {
			continue
		}
		refs = append(refs, inputRef(ast.InternedTerm(reserved+field.name)).Concat(rest))
		if !s.shadowed(field.name) {
			refs = append(refs, inputRef(ast.InternedTerm(field.name)).Concat(rest))
		}
	}
	if key != providers.Properties {
		return refs
	}
	if len(rest) == 0 {
		return []ast.Ref{ast.InputRootRef} // any key of the input may be one of the properties
	}
	if !strings.HasPrefix(textOfTerm(rest[0]), reserved) {
		refs = append(refs, inputRef(rest...))
	}
	return refs
}

// shadowed tells whether a property hides a field of the input.
func (s *subject) shadowed(name string) bool {
	object, _ := s.input.Resource.Parts[providers.Properties].Value.(map[string]any)
	value, there := object[name]
	text, isText := value.(string)
	return there && !(name == "type" && isText && strings.EqualFold(text, s.input.Resource.Type))
}

func (s *subject) reviewAliases(key string, place hiddenPlace, rest []*ast.Term) []ast.Ref {
	var refs []ast.Ref
	for _, field := range fields {
		if field.key == key {
			refs = append(refs, inputRef(ast.InternedTerm("_pulumi"), ast.InternedTerm(field.name)).Concat(rest))
		}
	}
	if key != providers.Properties {
		return refs
	}
	review := ast.InternedTerm("review")
	refs = append(refs, inputRef(review, ast.InternedTerm("object")).Concat(rest))
	for _, name := range []string{"name", "namespace"} {
		if overlaps(keysOf(inputRef(place.path...)), []string{providers.Properties, "metadata", name}) {
			refs = append(refs, inputRef(review, ast.InternedTerm(name)))
		}
	}
	return refs
}

// inputRef makes a reference to the input.
func inputRef(keys ...*ast.Term) ast.Ref {
	return append(ast.Ref{ast.InputRootDocument}, keys...)
}

func textOfTerm(term *ast.Term) string {
	text, _ := term.Value.(ast.String)
	return string(text)
}
