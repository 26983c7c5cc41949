package policy

import (
	"maps"
	"slices"
	"strings"
)

// Facets gives the names of the facets that policies about the type read, sorted. All tells that a
// policy reads facets in a way that names none, so that each of them matters.
func Facets(policies []Policy, resourceType string) (names []string, all bool) {
	found := map[string]bool{}
	for _, p := range policies {
		if !p.Matches(resourceType) {
			continue
		}
		for _, path := range p.ReadsOf(resourceType) {
			name, whole := facetOf(path)
			all = all || whole
			if name != "" {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), all
}

// facetOf gives the facet that a path lies in, or tells that it holds all of them.
func facetOf(path string) (name string, all bool) {
	if path == "" || path == "/facets" {
		return "", true
	}
	rest, ok := strings.CutPrefix(path, "/facets/")
	if !ok {
		return "", path == "/*" || strings.HasPrefix(path, "/*/")
	}
	name, _, _ = strings.Cut(rest, "/")
	if name == "*" {
		return "", true
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~"), false
}
