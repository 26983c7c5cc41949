package cel_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

const casePolicies = `
name: ports
severity: high
match: {types: [T]}
configSchema:
  properties: {allowed: {type: array, items: {type: integer}, default: [22]}}
validations:
  - forEach: resource.properties.ports
    expression: item in params.allowed
    messageExpression: '"port " + string(item) + " is open"'
    key: string(item)
---
name: secret
severity: low
match: {condition: has(resource.properties.password)}
validations:
  - expression: resource.properties.password != ""
  - expression: now < timestamp("2027-01-01T00:00:00Z") && account.name != "bad" && resource.facets.?f.orValue(1) == 1
`

func TestRunCases(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"ports/pass.yaml":       "resource: {properties: {ports: [22]}}",
		"ports/pass_config.yml": "resource: {properties: {ports: [22, 443]}}\nconfig: {allowed: [22, 443]}",
		"ports/fail.yaml":       "resource: {properties: {ports: [22, 80, 443]}}\nkeys: ['80', '443']",
		"ports/fail_keys.json":  `{"resource": {"properties": {"ports": [80]}}, "keys": ["81"]}`,
		"ports/unknown.yaml":    "resource: {properties: {ports: [22]}}\nunread: [{path: /properties/ports, class: access_denied}]",
		"ports/na_type.yaml":    "resource: {type: U}",
		"ports/other.yaml":      "resource: {}",
		"secret/pass.yaml":      "resource: {type: T, properties: {password: x}}",
		"secret/fail.yaml":      "resource: {type: T, properties: {password: x}}\nnow: 2028-01-01T00:00:00Z",
		"secret/fail2.yaml":     "resource: {type: T, properties: {password: x}, facets: {f: 2}}",
		"secret/fail3.yaml":     "resource: {type: T, properties: {password: x}}\naccount: {name: bad}",
		"secret/fail4.yaml":     "resource: {type: T, properties: {password: ''}}\nunread: [{path: /properties/password, class: redacted}]",
		"secret/unknown.yaml":   "resource: {type: T, properties: {password: x}}\nunread: [{path: /properties/password, class: redacted}]",
		"secret/unknown2.yaml":  "resource: {type: T, properties: {}}\nunread: [{path: /properties/password, class: redacted}]",
		"secret/na.yaml":        "resource: {type: T, properties: {}}",
		"secret/na2.yaml":       "resource: {properties: {}}",
		"secret/na3.yaml":       "resource: {type: T, propertys: {}}",
		"misspelt/pass.yaml":    "",
	}
	all := files(casePolicies)
	for name, text := range cases {
		all["testdata/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	loader, e := engine()
	pack, err := loader.FS(context.Background(), "pack", all)
	if err != nil {
		t.Fatal(err)
	}
	results, err := policy.RunCases(context.Background(), e, pack, all)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, result := range results {
		if result.OK != (result.Problem == "") {
			t.Errorf("%s: OK is %t, the problem %q", result.File, result.OK, result.Problem)
		}
		got[result.File] = result.Problem
	}
	want := map[string]string{}
	for name := range cases {
		want["testdata/"+name] = ""
	}
	delete(want, "testdata/misspelt/pass.yaml")
	want["testdata/misspelt"] = "the pack has no policy of this name; known are ports, secret"
	want["testdata/ports/fail_keys.json"] = `want keys ["81"], got ["80"]`
	want["testdata/ports/other.yaml"] = "name the file pass*, fail*, unknown* or na*, with the extension .json, .yaml or .yml"
	want["testdata/secret/unknown2.yaml"] = `unread "/properties/password": a redacted value must be in the resource; give it any text, or none for an empty secret`
	want["testdata/secret/na2.yaml"] = "give resource.type: the policy has not exactly one type"
	want["testdata/secret/na3.yaml"] = `testdata/secret/na3.yaml:1:21: unknown key "propertys"; did you mean "properties"?`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunCases_Lacking(t *testing.T) {
	t.Parallel()
	all := files(casePolicies + "---\nname: fixed\nseverity: low\nvalidations: [{expression: 'true'}]\n")
	all["testdata/ports/pass.yaml"] = &fstest.MapFile{Data: []byte("resource: {properties: {ports: [1]}}")}
	all["testdata/secret/pass.yaml"] = &fstest.MapFile{Data: []byte("resource: {type: T, properties: {}}")}
	loader, e := engine()
	pack, err := loader.FS(context.Background(), "pack", all)
	if err != nil {
		t.Fatal(err)
	}
	results, err := policy.RunCases(context.Background(), e, pack, all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, result := range results {
		got = append(got, result.Policy+": "+result.Problem)
	}
	want := []string{
		"fixed: has no pass case; add testdata/fixed/pass.yaml",
		"fixed: has no fail case; add testdata/fixed/fail.yaml",
		"ports: has no fail case; add testdata/ports/fail.yaml",
		"ports: has no unknown case; add testdata/ports/unknown.yaml",
		"ports: want compliant, got violation: port 1 is open",
		"secret: has no fail case; add testdata/secret/fail.yaml",
		"secret: has no unknown case; add testdata/secret/unknown.yaml",
		"secret: want compliant, got not_applicable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRunCases_Accounts holds the cases of account policies: an inventory with what is unread of each
// resource, and what could not be listed.
func TestRunCases_Accounts(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"p/pass.yaml":               "account: {provider: aws}\nresources: [{type: Trail, properties: {on: true, bucket: b}}, {type: Bucket, properties: {name: b}}]",
		"p/fail.yaml":               "account: {provider: aws}\nresources: [{type: Trail, id: t, properties: {on: true, bucket: b}}]\nkeys: [t]",
		"p/unknown-incomplete.yaml": "account: {provider: aws}\nincomplete: {Bucket: throttled}",
		"p/unknown-path.yaml":       "account: {provider: aws}\nresources: [{type: Trail, properties: {on: true, bucket: b}, unread: [{path: /properties/bucket, class: access_denied}]}]",
		"p/na.yaml":                 "account: {provider: gcp}",
		"p/na-resource.yaml":        "resource: {type: Trail}",
		"p/na-type.yaml":            "account: {provider: aws}\nresources: [{properties: {}}]",
		"p/na-name.yaml":            "account: {provider: aws}\nincomplete: {Buket: throttled}",
		"q/pass.yaml":               "resources: [{}, {}]",
		"q/fail-wrong.yaml":         "resources: [{}, {}]",
	}
	all := files(perTrail + "---\n" + strings.Replace(account(`inventory("T").size() > 1`), "name: p", "name: q", 1) +
		"---\n" + strings.Replace(one("true"), "name: p", "name: r", 1))
	cases["r/pass.yaml"], cases["r/fail.yaml"] = "resource: {}", "resources: [{}]"
	for name, text := range cases {
		all["testdata/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	loader, e := engine()
	pack, err := loader.FS(context.Background(), "pack", all)
	if err != nil {
		t.Fatal(err)
	}
	results, err := policy.RunCases(context.Background(), e, pack, all)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, result := range results {
		if !result.OK {
			got[result.Policy+" "+strings.TrimPrefix(result.File, "testdata/")] = result.Problem
		}
	}
	want := map[string]string{
		"p p/na-resource.yaml": "resource and unread are for resource policies: give resources, each with its unread, and incomplete",
		"p p/na-type.yaml":     "give resources[0].type: the policy has not exactly one type",
		"p p/na-name.yaml":     `incomplete: the policy does not read "Buket"; did you mean "Bucket"?`,
		"q q/fail-wrong.yaml":  "want violation, got compliant",
		"q ":                   "has no unknown case; add testdata/q/unknown.yaml",
		"r r/fail.yaml":        "resources and incomplete are for account policies: give resource and unread",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
