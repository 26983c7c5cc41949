package cel_test

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

// ten are ten policies of the usual kinds; the last two need a loop.
var ten = []string{
	`resource.properties.versioning.enabled == true`,
	`resource.properties.?encryption.?defaultKmsKeyName.orValue("") != ""`,
	`resource.properties.?logging.?logBucket.orValue("") != ""`,
	`resource.properties.iamConfiguration.uniformBucketLevelAccess.enabled`,
	`resource.properties.iamConfiguration.publicAccessPrevention in ["enforced", "inherited"]`,
	`resource.properties.location.startsWith("EU")`,
	`has(resource.properties.labels) && "owner" in resource.properties.labels`,
	`resource.properties.softDeletePolicy.retentionDurationSeconds >= 604800`,
	`resource.properties.lifecycle.rule.exists(r, r.action.type == "Delete" && r.condition.age <= 365)`,
	`!resource.facets.?iamPolicy.?bindings.orValue([]).exists(b, "allUsers" in b.members)`,
}

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

func benchSession(b *testing.B) policy.Session {
	b.Helper()
	var text strings.Builder
	for i, expression := range ten {
		text.WriteString("---\n" + strings.Replace(one(expression), "name: p\n", fmt.Sprintf("name: p%d\n", i), 1))
	}
	return open(b, text.String(), nil)
}

func benchResource(b *testing.B) *providers.Resource {
	b.Helper()
	r := resource(b, bucket)
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

func BenchmarkEvaluate10RulesUnread(b *testing.B) {
	input := policy.Input{Resource: benchResource(b), Unread: []providers.Unread{{Path: "/properties/logging", Class: providers.NotRead}}}
	benchEvaluate(b, benchSession(b), input, len(ten))
}

func BenchmarkEvaluateCounted(b *testing.B) {
	session := open(b, one(`resource.properties.lifecycle.rule.all(x, resource.properties.lifecycle.rule.all(y, y.action == x.action || true))`), nil)
	benchEvaluate(b, session, policy.Input{Resource: benchResource(b)}, 1)
}

// keyPolicy is a policy document of the usual size, in an object.
const keyPolicy = `{"KeyPolicy": {"Version": "2012-10-17", "Statement": [
	{"Sid": "root", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"},
	{"Sid": "users", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:role/a", "arn:aws:iam::222222222222:role/b"]},
		"Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"], "Resource": "*"},
	{"Sid": "services", "Effect": "Allow", "Principal": "*", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
		"Condition": {"StringEquals": {"kms:CallerAccount": "111111111111", "kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}]}}`

// BenchmarkPolicyDocument has four policies ask about one document of a resource.
func BenchmarkPolicyDocument(b *testing.B) {
	var text strings.Builder
	for i, expression := range []string{
		`!iam.isPublic(resource.properties.KeyPolicy)`,
		`iam.publicStatements(resource.properties.KeyPolicy).size() == 0`,
		`iam.accounts(resource.properties.KeyPolicy).all(a, a in ["111111111111", "222222222222"])`,
		`iam.statements(resource.properties.KeyPolicy).all(s, s.effect == "Allow")`,
	} {
		text.WriteString("---\n" + strings.Replace(one(expression), "name: p\n", fmt.Sprintf("name: p%d\n", i), 1))
	}
	session := open(b, text.String(), nil)
	benchEvaluate(b, session, policy.Input{Resource: resource(b, keyPolicy)}, 4)
}

// BenchmarkSecurityGroup looks through rules for open ports.
func BenchmarkSecurityGroup(b *testing.B) {
	session := open(b, one(`[22, 3389].all(port, !resource.properties.SecurityGroupIngress.exists(r,
	net.hasProtocol(r.IpProtocol, "tcp") && net.portsOverlap(net.ports(r.?FromPort.orValue(null), r.?ToPort.orValue(null)), port)
	&& net.isWorld([r.?CidrIp.orValue(null), r.?CidrIpv6.orValue(null)])))`), nil)
	rules := strings.Repeat(`{"IpProtocol": "tcp", "FromPort": 20, "ToPort": 30, "CidrIp": "10.0.0.0/8"},`, 10)
	benchEvaluate(b, session, policy.Input{Resource: resource(b, `{"SecurityGroupIngress": [`+rules+`{"IpProtocol": "-1", "CidrIpv6": "fd00::/8"}]}`)}, 1)
}

func BenchmarkNoMatch(b *testing.B) {
	r := benchResource(b)
	r.Type = "other"
	benchEvaluate(b, benchSession(b), policy.Input{Resource: r}, 0)
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

// BenchmarkDecodeAndEvaluate sets the whole way of a resource beside the same checks in Go: the
// goal is at most one and a half times their time.
func BenchmarkDecodeAndEvaluate(b *testing.B) {
	b.Run("cel", func(b *testing.B) {
		session := benchSession(b)
		b.ReportAllocs()
		for b.Loop() {
			r := &providers.Resource{Type: "T", Parts: map[string]providers.Part{
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
