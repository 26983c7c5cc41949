package rego_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// ten are ten policies of the usual kinds, as what they find; the last two need a loop. They are the
// same as those by which the CEL engine is measured.
var ten = []string{
	`not input.properties.versioning.enabled == true`,
	`object.get(input.properties, ["encryption", "defaultKmsKeyName"], "") == ""`,
	`object.get(input.properties, ["logging", "logBucket"], "") == ""`,
	`not input.properties.iamConfiguration.uniformBucketLevelAccess.enabled`,
	`not input.properties.iamConfiguration.publicAccessPrevention in {"enforced", "inherited"}`,
	`not startswith(input.properties.location, "EU")`,
	`not input.properties.labels.owner`,
	`not input.properties.softDeletePolicy.retentionDurationSeconds >= 604800`,
	`not deletes`,
	`some b in input.facets.iamPolicy.bindings; "allUsers" in b.members`,
}

const deletes = "deletes if { some r in input.properties.lifecycle.rule; r.action.type == \"Delete\"; r.condition.age <= 365 }\n"

const bucket = `{
	"kind": "storage#bucket", "id": "shop-assets", "projectNumber": 123456789012, "location": "EUROPE-WEST1",
	"storageClass": "STANDARD", "timeCreated": "2026-01-01T00:00:00.000Z", "updated": "2026-01-01T00:00:00.000Z",
	"versioning": {"enabled": true}, "encryption": {"defaultKmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
	"logging": {"logBucket": "logs", "logObjectPrefix": "shop"}, "labels": {"owner": "shop", "env": "prod"},
	"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true, "lockedTime": "2026-04-01T00:00:00.000Z"}, "publicAccessPrevention": "enforced"},
	"softDeletePolicy": {"retentionDurationSeconds": 604800, "effectiveTime": "2026-01-01T00:00:00.000Z"},
	"lifecycle": {"rule": [{"action": {"type": "SetStorageClass", "storageClass": "NEARLINE"}, "condition": {"age": 30}},
		{"action": {"type": "Delete"}, "condition": {"age": 200}}]},
	"acl": [{"entity": "project-owners-123456789012", "role": "OWNER"}], "etag": "CAE=", "metageneration": 4
}`

const bindings = `{"bindings": [{"role": "roles/storage.objectViewer", "members": ["group:a@example.com", "user:b@example.com"]},
	{"role": "roles/storage.admin", "members": ["serviceAccount:c@example.com"]}]}`

// rulesOf makes policies of bodies, about the types T0, T1, … in turn.
func rulesOf(bodies []string, types int) string {
	var text strings.Builder
	text.WriteString("package p\nimport rego.v1\n" + deletes)
	for i, body := range bodies {
		fmt.Fprintf(&text, "\n# METADATA\n# custom: {types: [T%d]}\ndeny_%d contains \"bad\" if { %s }\n", i%types, i, body)
	}
	return text.String()
}

func benchSession(b *testing.B) policy.Session {
	b.Helper()
	return open(b, rulesOf(ten, 1), nil)
}

func benchResource(b *testing.B) *providers.Resource {
	b.Helper()
	r := resource(b, bucket)
	r.Type = "T0"
	r.Parts["iamPolicy"] = providers.Part{Value: tree(b, bindings)}
	return r
}

func benchEvaluate(b *testing.B, session policy.Session, input policy.Input, want int) {
	b.Helper()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		outcomes, err := session.Evaluate(ctx, input)
		if err != nil || len(outcomes) != want {
			b.Fatal(err, outcomes)
		}
	}
}

func BenchmarkEvaluate10Rules(b *testing.B) {
	benchEvaluate(b, benchSession(b), policy.Input{Resource: benchResource(b)}, len(ten))
}

func BenchmarkEvaluate10RulesOverlaid(b *testing.B) {
	session := openFiles(b, pulumi("", strings.ReplaceAll(rulesOf(ten, 1), "input.", "input.__")), nil)
	benchEvaluate(b, session, policy.Input{Resource: benchResource(b)}, len(ten))
}

func BenchmarkEvaluate10RulesUnread(b *testing.B) {
	input := policy.Input{Resource: benchResource(b), Unread: notRead("/properties/logging")}
	benchEvaluate(b, benchSession(b), input, len(ten))
}

func BenchmarkEvaluate10RulesUnreadElsewhere(b *testing.B) {
	input := policy.Input{Resource: benchResource(b), Unread: notRead("/facets/orgPolicies")}
	benchEvaluate(b, benchSession(b), input, len(ten))
}

func BenchmarkMatch(b *testing.B) {
	benchEvaluate(b, open(b, rulesOf(ten[9:], 1), nil), policy.Input{Resource: benchResource(b)}, 1)
}

func BenchmarkNoMatch(b *testing.B) {
	r := benchResource(b)
	r.Type = "other"
	benchEvaluate(b, benchSession(b), policy.Input{Resource: r}, 0)
}

// sixty are 60 policies over 20 types, and 1,000 assets of these.
func sixty(b *testing.B) (policy.Session, []policy.Input) {
	b.Helper()
	var bodies []string
	for range 6 {
		bodies = append(bodies, ten...)
	}
	session := open(b, rulesOf(bodies, 20), nil)
	inputs := make([]policy.Input, 1000)
	for i := range inputs {
		r := benchResource(b)
		r.Type, r.ID = fmt.Sprintf("T%d", i%20), fmt.Sprint(i)
		inputs[i] = policy.Input{Resource: r}
	}
	return session, inputs
}

func Benchmark60Policies(b *testing.B) {
	session, inputs := sixty(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, input := range inputs {
			if outcomes, err := session.Evaluate(context.Background(), input); err != nil || len(outcomes) != 3 {
				b.Fatal(err, outcomes)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(inputs))/b.Elapsed().Seconds(), "assets/s")
}

// Benchmark60PoliciesParallel evaluates one asset at a time on every processor.
func Benchmark60PoliciesParallel(b *testing.B) {
	session, inputs := sixty(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if outcomes, err := session.Evaluate(context.Background(), inputs[i%len(inputs)]); err != nil || len(outcomes) != 3 {
				b.Error(err, outcomes)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "assets/s")
}

func decode(b *testing.B, text []byte) any {
	b.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		b.Fatal(err)
	}
	return value
}

// BenchmarkDecodeAndEvaluate sets the whole way of a resource beside the same checks in Go: the goal
// is at most six times their time.
func BenchmarkDecodeAndEvaluate(b *testing.B) {
	b.Run("rego", func(b *testing.B) {
		session := benchSession(b)
		b.ReportAllocs()
		for b.Loop() {
			r := &providers.Resource{Type: "T0", Parts: map[string]providers.Part{
				providers.Properties: {Value: decode(b, []byte(bucket))}, "iamPolicy": {Value: decode(b, []byte(bindings))},
			}}
			outcomes, err := session.Evaluate(context.Background(), policy.Input{Resource: r})
			if err != nil || slices.ContainsFunc(outcomes, func(o policy.Outcome) bool { return o.Verdict != policy.Compliant }) {
				b.Fatal(err, outcomes)
			}
		}
	})
	b.Run("go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !inGo(decode(b, []byte(bucket)), decode(b, []byte(bindings))) {
				b.Fatal("violated")
			}
		}
	})
}

// at selects a path of keys.
func at(value any, keys ...string) any {
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

func number(value any) int64 {
	n, _ := value.(json.Number)
	i, _ := n.Int64()
	return i
}

// inGo is ten in Go.
func inGo(p, document any) bool {
	location, _ := at(p, "location").(string)
	prevention, _ := at(p, "iamConfiguration", "publicAccessPrevention").(string)
	labels, _ := at(p, "labels").(map[string]any)
	_, owned := labels["owner"]
	rules, _ := at(p, "lifecycle", "rule").([]any)
	bindings, _ := at(document, "bindings").([]any)
	return at(p, "versioning", "enabled") == true &&
		at(p, "encryption", "defaultKmsKeyName") != nil && at(p, "logging", "logBucket") != nil &&
		at(p, "iamConfiguration", "uniformBucketLevelAccess", "enabled") == true &&
		slices.Contains([]string{"enforced", "inherited"}, prevention) && strings.HasPrefix(location, "EU") && owned &&
		number(at(p, "softDeletePolicy", "retentionDurationSeconds")) >= 604800 &&
		slices.ContainsFunc(rules, func(r any) bool {
			return at(r, "action", "type") == "Delete" && number(at(r, "condition", "age")) <= 365
		}) &&
		!slices.ContainsFunc(bindings, func(b any) bool {
			members, _ := at(b, "members").([]any)
			return slices.Contains(members, "allUsers")
		})
}

// keyPolicy is a policy document of the usual size, in an object. The CEL engine is measured by the same.
const keyPolicy = `{"KeyPolicy": {"Version": "2012-10-17", "Statement": [
	{"Sid": "root", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"},
	{"Sid": "users", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:role/a", "arn:aws:iam::222222222222:role/b"]},
		"Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"], "Resource": "*"},
	{"Sid": "services", "Effect": "Allow", "Principal": "*", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
		"Condition": {"StringEquals": {"kms:CallerAccount": "111111111111", "kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}]}}`

// libraryRules makes policies that call the library.
func libraryRules(bodies ...string) string {
	text := "package p\nimport rego.v1\nimport data.cloudaudit.iam\nimport data.cloudaudit.network\n"
	for i, body := range bodies {
		text += fmt.Sprintf("\n# METADATA\n# custom: {types: [T]}\ndeny_%d contains \"bad\" if { %s }\n", i, body)
	}
	return text
}

// BenchmarkPolicyDocument has three policies ask about one document of a resource.
func BenchmarkPolicyDocument(b *testing.B) {
	session := open(b, libraryRules(
		`iam.is_public(input.properties.KeyPolicy)`, `count(iam.public_statements(input.properties.KeyPolicy)) > 0`,
		`some s in iam.statements(input.properties.KeyPolicy); s.effect == "Deny"`, `network.is_world("::/0"); false`,
	), nil)
	benchEvaluate(b, session, policy.Input{Resource: resource(b, keyPolicy)}, 4)
}

// BenchmarkSecurityGroup looks through rules for open ports.
func BenchmarkSecurityGroup(b *testing.B) {
	session := open(b, libraryRules(`some port in {22, 3389}
	some r in input.properties.SecurityGroupIngress
	network.ports_overlap(sprintf("%d-%d", [r.FromPort, r.ToPort]), port)
	network.is_world(r.CidrIp)`), nil)
	rules := strings.Repeat(`{"IpProtocol": "tcp", "FromPort": 20, "ToPort": 30, "CidrIp": "10.0.0.0/8"},`, 10)
	benchEvaluate(b, session, policy.Input{Resource: resource(b, `{"SecurityGroupIngress": [`+rules+`{"IpProtocol": "-1", "CidrIpv6": "fd00::/8"}]}`)}, 1)
}
