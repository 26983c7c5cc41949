package cel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

func TestLoad_Reads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, expression string
		want             []string
	}{
		{"nothing", `true`, nil},
		{"selection", `resource.properties.a.b == 1`, []string{"/properties/a/b"}},
		{"index", `resource.properties["a/b"][0] == 1`, []string{"/properties/a~1b/0"}},
		{"dynamic_index", `resource.properties[resource.name] == 1`, []string{"/name", "/properties/*"}},
		{"has", `has(resource.properties.a.b)`, []string{"/properties/a/b"}},
		{"optional", `resource.properties.?a.?b.orValue(1) == 1`, []string{"/properties/a/b"}},
		{"optional_index", `resource.properties[?"a"].hasValue()`, []string{"/properties/a"}},
		{"or", `resource.?properties.?a.or(resource.?facets.?f).value() == 1`, []string{"/facets/f", "/properties/a"}},
		{"covered", `resource.properties.a.b == 1 || resource.properties.a == 1`, []string{"/properties/a"}},
		{"whole_object", `resource.properties == {}`, []string{"/properties"}},
		{"whole_resource", `size(resource) == 9`, []string{""}},
		{"all_facets", `resource.facets.all(f, f != "x")`, []string{"/facets/*"}},
		{"facets_unused_variable", `resource.facets.all(f, true)`, []string{"/facets"}},
		{"elements", `resource.properties.l.exists(x, x.a == 1)`, []string{"/properties/l/*/a"}},
		{"element_whole", `resource.properties.l.exists(x, x == 1)`, []string{"/properties/l/*"}},
		{"nested", `resource.properties.l.exists(x, x.m.all(y, y.a == x.b))`, []string{"/properties/l/*/b", "/properties/l/*/m/*/a"}},
		{"shadowed", `resource.properties.l.exists(x, x.m.all(x, x.a == 1))`, []string{"/properties/l/*/m/*/a"}},
		{"filter", `resource.properties.l.filter(x, x.a == 1).all(x, x.b == 1)`, []string{"/properties/l/*/a", "/properties/l/*/b"}},
		{"map", `resource.properties.l.map(x, x.a).all(x, x == 1)`, []string{"/properties/l/*/a"}},
		{"two_variables", `resource.properties.m.all(k, v, v.a == 1)`, []string{"/properties/m/*/a"}},
		{"or_value_list", `resource.facets.?iamPolicy.?bindings.orValue([]).exists(b, "allUsers" in b.members)`, []string{"/facets/iamPolicy/bindings/*/members"}},
		{"concatenation", `(resource.properties.l + resource.properties.m).exists(x, x.a == 1)`, []string{"/properties/l/*/a", "/properties/m/*/a"}},
		{"ternary", `(resource.properties.c ? resource.properties.l : resource.properties.m).a == 1`, []string{"/properties/c", "/properties/l/a", "/properties/m/a"}},
		{"bind", `cel.bind(x, resource.properties.l, x.a == 1)`, []string{"/properties/l/a"}},
		{"function", `resource.properties.l.flatten()[0].a == 1`, []string{"/properties/l"}},
		{"literal", `[resource.properties.a, resource.properties.b].exists(x, x.c == 1)`, []string{"/properties/a", "/properties/b"}},
		{"map_literal", `{"a": resource.properties.a}.a.b == 1`, []string{"/properties/a"}},
		{"opt_map", `resource.properties.?a.optMap(x, x.b == 1).orValue(true)`, []string{"/properties/a"}},
		{"tags", `resource.tags["env"] == "x" && resource.ancestors.exists(a, a == "y")`, []string{"/ancestors/*", "/tags/env"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pack, _ := load(t, one(test.expression))
			if diff := cmp.Diff(test.want, pack.Policies[0].Reads); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoad_ReadsOfAllParts(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, `
name: p
severity: low
match: {types: [T, U], condition: has(resource.properties.condition)}
variables:
  - {name: used, expression: resource.properties.used}
  - {name: through, expression: variables.used.through}
  - {name: unused, expression: resource.properties.unused}
validations:
  - forEach: resource.properties.list
    expression: item.a == variables.through
    key: item.key
    messageExpression: item.message
  - expression: now > timestamp(resource.properties.time)
`)
	p := pack.Policies[0]
	want := []string{
		"/properties/condition", "/properties/list/*/a", "/properties/list/*/key",
		"/properties/list/*/message", "/properties/time", "/properties/used/through",
	}
	if diff := cmp.Diff(want, p.Reads); diff != "" {
		t.Error(diff)
	}
	if !p.Clock || !p.Matches("U") || p.Matches("V") {
		t.Errorf("clock %t, types %q", p.Clock, p.Types)
	}
}

func TestLoad_Metadata(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, `
name: p
displayName: Title
description: >-
  What it is
  about.
message: m
enforcementLevel: mandatory
severity: high
controls: [{framework: CIS, version: "4.0", id: "5.1"}]
tags: [a, b]
remediationSteps: |
  Do it.
url: https://example.com
configSchema: {properties: {days: {type: integer, default: 90}}, required: [days]}
match: {types: [T]}
validations: [{expression: params.days > 1}]
---
name: q
severity: low
validations: [{expression: 'true'}]
`)
	schema := pack.Policies[0].Schema
	if schema == nil || schema.Required[0] != "days" {
		t.Errorf("schema %v", schema)
	}
	pack.Policies[0].Schema = nil
	want := []policy.Policy{{
		Name: "p", DisplayName: "Title", Description: "What it is about.", Message: "m", Level: policy.Mandatory,
		Severity: policy.High, Kind: policy.OnResource, Tags: []string{"a", "b"}, RemediationSteps: "Do it.\n",
		Controls: []policy.Control{{Framework: "CIS", Version: "4.0", ID: "5.1"}}, URL: "https://example.com", Types: []string{"T"}, Place: "policies.yaml:2",
	}, {Name: "q", DisplayName: "q", Level: policy.Advisory, Severity: policy.Low, Kind: policy.OnResource, Place: "policies.yaml:19"}}
	if diff := cmp.Diff(want, pack.Policies); diff != "" {
		t.Error(diff)
	}
	if pack.Name != "pack" || pack.VersionTag != "1.0.0" || pack.Runtime != policy.RuntimeCEL {
		t.Errorf("pack %q %q %q", pack.Name, pack.VersionTag, pack.Runtime)
	}
}
