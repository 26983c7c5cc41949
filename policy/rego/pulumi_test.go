package rego_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// pulumi makes a pack as they are made for Pulumi: files of rules beside a manifest that says no more
// than the runtime.
func pulumi(manifest string, rules ...string) fstest.MapFS {
	all := fstest.MapFS{"PulumiPolicy.yaml": {Data: []byte("runtime: opa\nversion: 1.0.0\n" + manifest)}}
	names := []string{"buckets.rego", "more/instances.rego", "more/other.rego"}
	for i, text := range rules {
		all[names[i]] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// oldStyle is what packs of the first generation look like.
const oldStyle = `package aws

import future.keywords.in

deny[msg] {
    input.type == "aws:s3/bucket:Bucket"
    input.acl in ["public-read", "public-read-write"]
    msg := sprintf("bucket '%s' must not be public", [input.__name])
}

deny[msg] {
    input.type == "aws:s3/bucket:Bucket"
    not input.serverSideEncryptionConfiguration
    msg := sprintf("bucket '%s' must be encrypted", [input.__name])
}

warn_logging[msg] {
    input.__type == "aws:s3/bucket:Bucket"
    not input.loggings
    msg := "no logging"
}
`

// newStyle is what packs of the second generation look like.
const newStyle = `# METADATA
# scope: package
# title: AWS Policies
# description: Some rules.
package aws

# METADATA
# title: Instance Size
# description: Instances stay small.
# custom:
#   message: Take a smaller one.
deny_large[msg] {
    is_instance
    input.instanceType == data.config.deny_large.sizes[_]
    msg := sprintf("instance %s is too large", [input.name])
}

is_instance { input.type == "aws:ec2/instance:Instance" }

# METADATA
# title: Many Buckets
stack_deny_many[msg] {
    buckets := [r | r := input.resources[_]; r.type == "aws:s3/bucket:Bucket"]
    count(buckets) > 1
    msg := sprintf("%d buckets", [count(buckets)])
}

violation_gatekeeper[{"msg": msg, "details": {}}] {
    input.__type == "aws:ec2/instance:Instance"
    input.props.public == true
    input.__props.public == input.properties.public
    msg := "is public"
}
`

func TestLoad_Pulumi(t *testing.T) {
	t.Parallel()
	all := pulumi("", oldStyle, newStyle)
	all["config-schema.json"] = &fstest.MapFile{Data: []byte(`{"deny_large": {"properties": {"sizes": {"type": "array", "items": {"type": "string"}, "default": ["huge"]}}, "required": ["sizes"]}}`)}
	pack, _ := load(t, all)
	bucket, instance := []string{"aws:s3/bucket:Bucket"}, []string{"aws:ec2/instance:Instance"}
	want := []policy.Policy{
		{
			Name: "deny", Place: "buckets.rego:5", DisplayName: "buckets", Level: policy.Mandatory, Severity: policy.Medium, Kind: policy.OnResource, Types: bucket,
			Reads: []string{"/name", "/properties/acl", "/properties/serverSideEncryptionConfiguration", "/properties/type", "/type"},
		},
		{
			Name: "warn_logging", Place: "buckets.rego:17", DisplayName: "buckets", Level: policy.Advisory, Severity: policy.Low, Kind: policy.OnResource, Types: bucket,
			Reads: []string{"/properties/loggings", "/type"},
		},
		{
			Name: "deny_large", Place: "more/instances.rego:12", DisplayName: "Instance Size", Description: "Instances stay small.", Message: "Take a smaller one.",
			Level: policy.Mandatory, Severity: policy.Medium, Kind: policy.OnResource, Types: instance,
			Reads: []string{"/name", "/properties/instanceType", "/properties/name", "/properties/type", "/type"},
			Schema: &policy.Schema{
				Properties: map[string]any{"sizes": map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "default": []any{"huge"}}},
				Required:   []string{"sizes"},
			},
		},
		{
			Name: "stack_deny_many", Place: "more/instances.rego:22", DisplayName: "Many Buckets", Level: policy.Mandatory, Severity: policy.Medium, Kind: policy.OnAccount,
			Types: bucket, Reads: []string{""},
		},
		{
			Name: "violation_gatekeeper", Place: "more/instances.rego:28", DisplayName: "more/instances", Level: policy.Mandatory, Severity: policy.Medium,
			Kind: policy.OnResource, Types: instance,
			Reads: []string{"/properties/properties/public", "/properties/props/public", "/properties/public", "/type"},
		},
	}
	if diff := cmp.Diff(want, pack.Policies); diff != "" {
		t.Error(diff)
	}
	if pack.DisplayName != "AWS Policies" || pack.Description != "Some rules." || pack.Runtime != policy.RuntimeOPA {
		t.Errorf("got %q, %q, %q", pack.DisplayName, pack.Description, pack.Runtime)
	}
}

// pulumiOutcomes judges one resource by a pack in Pulumi's format.
func pulumiOutcomes(t *testing.T, s policy.Session, of, properties string, unread ...providers.Unread) map[string]string {
	t.Helper()
	r := resource(t, properties)
	r.Type = of
	r.Tags = map[string]string{"team": "shop"}
	outcomes, err := s.Evaluate(context.Background(), policy.Input{Account: &providers.Account{Name: "acme"}, Resource: r, Unread: unread})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range outcomes {
		text := string(o.Verdict)
		for _, report := range o.Reports {
			text += ": " + report.Message
		}
		if o.Reason != "" {
			text += " (" + o.Reason + " " + o.Detail + ")"
		}
		got[o.Policy] = text
	}
	return got
}

func TestEvaluate_Pulumi(t *testing.T) {
	t.Parallel()
	config := policy.Config{"deny_large": {Properties: map[string]any{"sizes": []string{"huge", "big"}}}}
	session := openFiles(t, pulumi("", oldStyle, newStyle), config)
	for _, test := range []struct {
		name, of, properties string
		unread               []providers.Unread
		want                 map[string]string
	}{
		{
			name: "bad_bucket", of: "aws:s3/bucket:Bucket", properties: `{"acl": "public-read"}`,
			want: map[string]string{
				"deny":         "violation: bucket 'n' must be encrypted; bucket 'n' must not be public",
				"warn_logging": "violation: no logging",
			},
		}, {
			name: "good_bucket", of: "aws:s3/bucket:Bucket", properties: `{"acl": "private", "serverSideEncryptionConfiguration": {}, "loggings": []}`,
			want: map[string]string{"deny": "compliant", "warn_logging": "compliant"},
		}, {
			name: "half_read_bucket", of: "aws:s3/bucket:Bucket", properties: `{"acl": "public-read"}`,
			unread: notRead("/properties/loggings", "/properties/serverSideEncryptionConfiguration"),
			want: map[string]string{
				"deny":         "violation: bucket 'n' must not be public (not_read /properties/serverSideEncryptionConfiguration)",
				"warn_logging": "unknown (not_read /properties/loggings)",
			},
		}, {
			name: "unread_bucket", of: "aws:s3/bucket:Bucket", properties: `{}`, unread: notRead("/properties"),
			want: map[string]string{"deny": "unknown (not_read /properties)", "warn_logging": "unknown (not_read /properties)"},
		}, {
			name: "instance", of: "aws:ec2/instance:Instance", properties: `{"instanceType": "big", "public": true, "name": "web"}`,
			want: map[string]string{"deny_large": "violation: instance web is too large", "violation_gatekeeper": "violation: is public"},
		}, {
			name: "unread_name_in_a_message", of: "aws:ec2/instance:Instance", properties: `{"instanceType": "small"}`, unread: notRead("/properties/name"),
			want: map[string]string{"deny_large": "compliant", "violation_gatekeeper": "compliant"},
		}, {
			name: "property_in_the_place_of_the_type", of: "other", properties: `{"type": "aws:s3/bucket:Bucket", "acl": "private", "serverSideEncryptionConfiguration": {}}`,
			want: map[string]string{"deny": "compliant", "warn_logging": "compliant"},
		}, {
			name: "another_type", of: "other", properties: `{}`, want: map[string]string{},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, pulumiOutcomes(t, session, test.of, test.properties, test.unread...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every field of the input is where it belongs, over and under properties of the same name.
func TestEvaluate_OverlaidInput(t *testing.T) {
	t.Parallel()
	const rules = `package p
import rego.v1
as_told if {
	input.type == "property"
	input.__type == "T"
	input.name == input.__name
	input.__properties.type == "property"
	input.properties == 7
	input.props == input.__props
	input.__properties == input.__props
	input.provider == {}
	input.tags == {"team": "shop"}
	input.__region == "r"
	input.__account.name == "acme"
	input.urn == "urn:pulumi:cloudaudit::acme::T::n"
	input.__urn == input.urn
	input.facets == {}
}
deny_plain contains "x" if not as_told
deny_options contains "x" if not input.options.protect
stack_deny_orphans contains "x" if { some r in input.resources; r.__type == "T"; not r.dependencies }
`
	session := openFiles(t, pulumi("", rules), nil)
	want := map[string]string{
		"deny_plain":   "compliant",
		"deny_options": "unknown (not_covered the policy reads options, which no discovered resource has)",
	}
	if diff := cmp.Diff(want, pulumiOutcomes(t, session, "T", `{"type": "property", "properties": 7}`)); diff != "" {
		t.Error(diff)
	}
	want["deny_options"] = "compliant" // a property of that name is not Pulumi's
	if diff := cmp.Diff(want, pulumiOutcomes(t, session, "T", `{"type": "property", "properties": 7, "options": {"protect": true}}`)); diff != "" {
		t.Error(diff)
	}
	want = map[string]string{"deny_plain": "unknown (not_read /properties/type)", "deny_options": want["deny_options"]}
	if diff := cmp.Diff(want, pulumiOutcomes(t, session, "T", `{"properties": 7, "options": {"protect": true}}`, notRead("/properties/type")...)); diff != "" {
		t.Error(diff)
	}
}

// Azure's answers write types in several cases, which must not keep a rule from its resource.
func TestEvaluate_ARMTypes(t *testing.T) {
	t.Parallel()
	session := openFiles(t, pulumi("", "package p\ndeny[msg] { input.type == \"microsoft.storage/storageaccounts\"; msg := \"x\" }\nwarn[msg] { input.type == \"Microsoft.Storage/storageAccounts\"; msg := \"y\" }\n"), nil)
	got := pulumiOutcomes(t, session, "Microsoft.Storage/storageAccounts", `{"type": "microsoft.storage/storageaccounts"}`)
	if diff := cmp.Diff(map[string]string{"deny": "compliant", "warn": "violation: y"}, got); diff != "" {
		t.Error(diff)
	}
}

const gatekeeper = `package gatekeeper

import rego.v1

violation contains {"msg": msg} if {
	not input.review.object.metadata.labels.app
	msg := sprintf("%s '%s' has no label app", [input.review.kind.kind, input.review.name])
}

deny_replicas contains msg if {
	input.review.object.spec.replicas > input.parameters.most
	msg := sprintf("%d replicas in %s", [input.review.object.spec.replicas, input.review.namespace])
}

warn_group contains "group" if {
	input.review.kind.group == "apps"
	input.review.kind.version == "v1"
	input.review.operation == "CREATE"
	input.review.object.apiVersion == "apps/v1"
	input.review.object.kind == "Deployment"
	input._pulumi.type == "kubernetes:apps/v1:Deployment"
}
`

func TestEvaluate_Admission(t *testing.T) {
	t.Parallel()
	config := policy.Config{"deny_replicas": {Properties: map[string]any{"most": 2}}}
	all := pulumi("inputFormat: kubernetes-admission\n", gatekeeper)
	all["config-schema.json"] = &fstest.MapFile{Data: []byte(`{"deny_replicas": {"properties": {"most": {"type": "integer"}}}}`)}
	session := openFiles(t, all, config)
	const kind = "kubernetes:apps/v1:Deployment"
	want := map[string]string{
		"violation": "violation: Deployment 'web' has no label app", "deny_replicas": "violation: 3 replicas in shop", "warn_group": "violation: group",
	}
	if diff := cmp.Diff(want, pulumiOutcomes(t, session, kind, `{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 3}}`)); diff != "" {
		t.Error(diff)
	}
	want = map[string]string{"violation": "unknown (not_read /properties/metadata)", "deny_replicas": "compliant", "warn_group": "violation: group"}
	if diff := cmp.Diff(want, pulumiOutcomes(t, session, kind, `{"spec": {"replicas": 2}}`, notRead("/properties/metadata")...)); diff != "" {
		t.Error(diff)
	}
	if got := pulumiOutcomes(t, session, "storage.googleapis.com/Bucket", `{}`); len(got) > 0 {
		t.Errorf("a bucket is no Kubernetes object, but gives %v", got)
	}
}

// Rules may be in the syntax of today, in the old one, or in the old one with the new keywords and
// without their import.
func TestLoad_Dialects(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"v0":           "package p\ndeny[msg] { input.a == 1; msg := \"x\" }\n",
		"v0_import":    "package p\nimport rego.v1\ndeny contains \"x\" if input.a == 1\n",
		"v0_future":    "package p\nimport future.keywords\ndeny contains \"x\" if { input.a == 1 }\n",
		"v0_no_import": "package p\ndeny[msg] { some x in [input.a]; x == 1; msg := \"x\" }\n",
		"v1":           "package p\ndeny contains \"x\" if input.a == 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session := openFiles(t, pulumi("", text), nil)
			if got := pulumiOutcomes(t, session, "T", `{"a": 1}`)["deny"]; got != "violation: x" {
				t.Errorf("got %q", got)
			}
		})
	}
	mixed := openFiles(t, pulumi("", "package p\ndeny[\"x\"] { helper }\n", "package p\nhelper if input.a == 1\n"), nil)
	if got := pulumiOutcomes(t, mixed, "T", `{"a": 1}`)["deny"]; got != "violation: x" {
		t.Errorf("mixed: got %q", got)
	}
}

// METADATA that cannot be read keep no pack of Pulumi's from loading, but ours they do.
func TestLoad_UnreadableMetadata(t *testing.T) {
	t.Parallel()
	const misplaced = "package p\n\n# METADATA\n# title: Pack\n# scope: package\n\n# METADATA\n# title: Rule\ndeny[msg] { \"x\" in [input.a]; msg := \"x\" }\n"
	const noYAML = "package p\n\n# METADATA\n# title: Rule\n# Use the helper\ndeny[msg] { input.a == \"x\"; msg := \"x\" }\n"
	for _, text := range []string{misplaced, noYAML} {
		session := openFiles(t, pulumi("", text), nil)
		if got := pulumiOutcomes(t, session, "T", `{"a": "x"}`)["deny"]; got != "violation: x" {
			t.Errorf("got %q for %q", got, text)
		}
		loader, _ := engine()
		if _, err := loader.FS(context.Background(), "pack", files(text)); err == nil {
			t.Errorf("our own pack was taken: %q", text)
		}
		extended := strings.Replace(text, "# title: Rule", "# custom:\n#   severity: high\n# title: Rule", 1)
		if _, err := loader.FS(context.Background(), "pack", pulumi("", extended)); err == nil {
			t.Errorf("a pack with METADATA of ours was taken: %q", extended)
		}
	}
}

// A rule that stands in several files is one policy.
func TestLoad_SeveralFiles(t *testing.T) {
	t.Parallel()
	session := openFiles(t, pulumi("", "package a.b\ndeny[\"x\"] { input.a }\n", "package a.b\ndeny[\"y\"] { input.b }\n"), nil)
	got := pulumiOutcomes(t, session, "T", `{"a": 1, "b": 1}`)
	if diff := cmp.Diff(map[string]string{"deny": "violation: x; y"}, got); diff != "" {
		t.Error(strings.TrimSpace(diff))
	}
}
