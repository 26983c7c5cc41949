package rego

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers"
)

// format is the shape of the input that a pack's policies see, as PulumiPolicy.yaml names it in
// inputFormat.
type format string

const (
	// overlaid is the format of packs made for Pulumi: a resource's properties at the top, over
	// what else is known of it, and all of that again under names that begin with two underscores.
	overlaid format = ""
	// plain is our own: the resource as CEL policies see it.
	plain format = "cloudaudit"
	// admission is that of Gatekeeper: a Kubernetes object under review.
	admission format = "kubernetes-admission"
)

func formatOf(name string) (format, error) {
	f := format(name)
	if f != overlaid && f != plain && f != admission {
		return "", fmt.Errorf("PulumiPolicy.yaml: inputFormat %q: use %s or %s, or leave it out", name, plain, admission)
	}
	return f, nil
}

// resourcesKey holds the resources in the input of an account policy.
const resourcesKey = "resources"

// reserved begins the names that no property can hide.
const reserved = "__"

// fields are what is known of a resource beside its account: the names in the input, and the keys
// of the resource that stand there. Each is there again as a reserved name in the overlaid format.
var fields = []struct{ name, key string }{
	{"type", "type"}, {"name", "name"}, {"id", "id"}, {"region", "region"}, {"uid", "uid"}, {"tags", "tags"},
	{"ancestors", "ancestors"}, {"facets", "facets"}, {"properties", providers.Properties}, {"props", providers.Properties},
}

// reads gives the paths of a resource, as keys, that a reference to the input reads.
func (f format) reads(keys []string) [][]string {
	switch f {
	case plain:
		return plainReads(keys)
	case admission:
		return admissionReads(keys)
	}
	if len(keys) == 0 || keys[0] == anyKey {
		return [][]string{{}}
	}
	if name, ok := strings.CutPrefix(keys[0], reserved); ok {
		return fieldReads(name, keys[1:])
	}
	return append(fieldReads(keys[0], keys[1:]), append([]string{providers.Properties}, keys...))
}

// fieldReads gives what a field of the input reads of the resource.
func fieldReads(name string, rest []string) [][]string {
	if name == "urn" {
		return [][]string{{"type"}, {"name"}}
	}
	for _, field := range fields {
		if field.name == name {
			return [][]string{append([]string{field.key}, rest...)}
		}
	}
	return nil // the account, and what no resource has
}

func plainReads(keys []string) [][]string {
	switch {
	case len(keys) == 0, keys[0] == anyKey:
		return [][]string{{}}
	case keys[0] == "account":
		return nil
	}
	return [][]string{keys}
}

// admissionReads follows the object under review; what else stands beside it is made of the
// properties, too.
func admissionReads(keys []string) [][]string {
	switch {
	case len(keys) == 0, keys[0] == anyKey, keys[0] == "review" && (len(keys) == 1 || keys[1] == anyKey):
		return [][]string{{}}
	case keys[0] == "review" && keys[1] == "object":
		return [][]string{append([]string{providers.Properties}, keys[2:]...)}
	case keys[0] == "review" && (keys[1] == "name" || keys[1] == "namespace"):
		return [][]string{{"name"}, {providers.Properties, "metadata", keys[1]}}
	case keys[0] == "review":
		return [][]string{{"type"}}
	case keys[0] == "_pulumi" && len(keys) == 1, keys[0] == "_pulumi" && keys[1] == anyKey:
		return [][]string{{}}
	case keys[0] == "_pulumi":
		return fieldReads(keys[1], keys[2:])
	}
	return nil
}

// isType tells whether the keys lead to the resource's type, from the input or one of its
// resources.
func (f format) isType(keys []string) bool {
	switch f {
	case plain:
		return slices.Equal(keys, []string{"type"})
	case admission:
		return slices.Equal(keys, []string{"_pulumi", "type"})
	}
	return len(keys) == 1 && (keys[0] == "type" || keys[0] == reserved+"type")
}

// foreign names what a reference reads that only Pulumi knows, of the resources that it manages. The
// answer to a policy that asks for it cannot come from a cloud.
func (f format) foreign(ref ast.Ref, account bool) string {
	if f == plain {
		return ""
	}
	for i, key := range ref[1:] {
		switch name := strings.TrimPrefix(textOfTerm(key), reserved); name {
		case "dependencies", "propertyDependencies":
			if account {
				return name
			}
		case optionsKey:
			if account || ref[0].Equal(ast.InputRootDocument) && i < 2 {
				return name
			}
		}
	}
	return ""
}

// optionsKey holds a resource's options in Pulumi's input.
const optionsKey = "options"

// pointer writes keys as a JSON Pointer.
func pointer(keys []string) string {
	path := ""
	for _, key := range keys {
		path = providers.Pointer(path, key)
	}
	return path
}
