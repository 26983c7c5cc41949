package rego

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers"
)

// kubernetesPrefix begins the types that packs of Gatekeeper rules see; they skip all others.
const kubernetesPrefix = "kubernetes:"

// review wraps a Kubernetes object as an admission controller would.
func (s *subject) review() ast.Value {
	group, version, kind := kubernetesType(s.input.Resource.Type)
	object := newBuilder(16)
	properties := s.parts[providers.Properties]
	if properties.hidden != nil {
		object.rest = &properties.hidden.gap
	} else {
		object.set(ast.InternedTerm("kind"), "kind", ast.StringTerm(kind))
		object.set(ast.InternedTerm("apiVersion"), "apiVersion", ast.StringTerm(strings.TrimPrefix(group+"/"+version, "/")))
		object.overlay(properties.value, func(string, *ast.Term) bool { return false })
	}
	review := newBuilder(8)
	review.put("object", known(object.value()))
	review.put("kind", known(ast.NewObject(
		ast.Item(ast.InternedTerm("group"), ast.StringTerm(group)),
		ast.Item(ast.InternedTerm("version"), ast.StringTerm(version)),
		ast.Item(ast.InternedTerm("kind"), ast.StringTerm(kind)),
	)))
	review.put("operation", known(ast.String("CREATE")))
	s.named(review, "name", s.input.Resource.Name)
	s.named(review, "namespace", "")
	pulumi := newBuilder(16)
	for _, field := range fields {
		if r, present := s.parts[field.key]; present {
			pulumi.put(field.name, r)
		}
	}
	s.extras(pulumi, "")
	root := newBuilder(3)
	root.put("review", known(review.value()))
	root.put("_pulumi", known(pulumi.value()))
	return root.value()
}

// named puts what the object's metadata say, or else a default.
func (s *subject) named(b *builder, name, other string) {
	if hidden := s.metadataGap(name); hidden != nil {
		b.hide(name, hiddenKey{*hidden, false})
		return
	}
	if text, ok := s.property("metadata", name); ok {
		other = text
	}
	b.put(name, known(ast.String(other)))
}

// metadataGap finds what hides a name in the object's metadata.
func (s *subject) metadataGap(name string) *gap {
	path := []string{providers.Properties, "metadata", name}
	for _, u := range s.input.Unread {
		if keys := providers.Segments(u.Path); len(keys) <= len(path) && overlaps(keys, path) {
			return &gap{u.Class, u.Path}
		}
	}
	return nil
}

// kubernetesType splits kubernetes:apps/v1:Deployment.
func kubernetesType(name string) (group, version, kind string) {
	rest := strings.TrimPrefix(name, kubernetesPrefix)
	api, kind, _ := strings.Cut(rest, ":")
	group, version, found := strings.Cut(api, "/")
	if !found {
		group, version = "", group
	}
	if group == "core" {
		group = ""
	}
	return group, version, kind
}

// withParameters gives the input of one policy: beside the object stand the policy's own properties.
func withParameters(root ast.Value, parameters *ast.Term) ast.Value {
	object, ok := root.(ast.Object)
	if !ok {
		return root
	}
	review, pulumi := ast.InternedTerm("review"), ast.InternedTerm("_pulumi")
	return ast.NewObject(
		ast.Item(review, object.Get(review)), ast.Item(pulumi, object.Get(pulumi)),
		ast.Item(ast.InternedTerm("parameters"), parameters),
	)
}
