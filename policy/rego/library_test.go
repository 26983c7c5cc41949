package rego_test

import (
	"testing"
)

// TestLibrary holds the meaning of our library, a call and its value a row. A call that is undefined
// has no value.
func TestLibrary(t *testing.T) {
	t.Parallel()
	const undefined = "undefined"
	for call, want := range map[string]string{
		`network.covers("10.0.0.0/8", "10.1.2.3")`:                                                     `true`,
		`network.covers("10.0.0.0/8", "10.0.0.0/7")`:                                                   `false`,
		`network.covers("10.1.2.3", "10.1.2.3/32")`:                                                    `true`,
		`network.covers("::/0", "10.1.2.3")`:                                                           `false`,
		`network.covers("2001:db8::/32", "2001:db8::1")`:                                               `true`,
		`network.covers("10.0.0.0/8", "::ffff:10.0.0.1")`:                                              `true`,
		`network.covers("*", "::1")`:                                                                   `true`,
		`network.covers("0.0.0.0/0", "Any")`:                                                           `false`,
		`network.covers("10.0.0.0/33", "10.0.0.0")`:                                                    undefined,
		`network.covers("10.0.0.0/8", "VirtualNetwork")`:                                               undefined,
		`network.covers("10.0.0.0/8", 7)`:                                                              undefined,
		`network.overlaps("10.0.0.0/8", "10.1.0.0/16")`:                                                `true`,
		`network.overlaps("10.0.0.0/16", "10.1.0.0/16")`:                                               `false`,
		`network.overlaps("Internet", "2001:db8::/32")`:                                                `true`,
		`network.is_world("0.0.0.0/0")`:                                                                `true`,
		`network.is_world("::/0")`:                                                                     `true`,
		`network.is_world("1.2.3.4/0")`:                                                                `true`,
		`network.is_world("any")`:                                                                      `true`,
		`network.is_world("0.0.0.0/1")`:                                                                `false`,
		`network.is_world("0.0.0.0")`:                                                                  `false`,
		`network.is_world("nowhere")`:                                                                  undefined,
		`network.is_public("8.8.8.8")`:                                                                 `true`,
		`network.is_public("0.0.0.0/1")`:                                                               `true`,
		`network.is_public("10.1.0.0/16")`:                                                             `false`,
		`network.is_public("100.64.1.1")`:                                                              `false`,
		`network.is_public("172.16.0.0/11")`:                                                           `true`,
		`network.is_public("fd00::/8")`:                                                                `false`,
		`network.is_public("2606:4700::1111")`:                                                         `true`,
		`network.ports_overlap(22, "22")`:                                                              `true`,
		`network.ports_overlap("20-25", [80, 22])`:                                                     `true`,
		`network.ports_overlap("20-25", ["26", "80-90"])`:                                              `false`,
		`network.ports_overlap("*", 65535)`:                                                            `true`,
		`network.ports_overlap("all", "")`:                                                             `true`,
		`network.ports_overlap([], 22)`:                                                                `false`,
		`network.ports_overlap("25-20", 22)`:                                                           undefined,
		`network.ports_overlap("65536", 22)`:                                                           undefined,
		`network.ports_overlap(null, 22)`:                                                              undefined,
		`iam.is_public(doc("\"*\"", {}))`:                                                              `true`,
		`iam.is_public(doc("{\"AWS\": \"*\"}", {}))`:                                                   `true`,
		`iam.is_public(doc("{\"AWS\": [\"arn:aws:iam::111111111111:root\", \"*\"]}", {}))`:             `true`,
		`iam.is_public(doc("{\"AWS\": \"arn:aws:iam::111111111111:root\"}", {}))`:                      `false`,
		`iam.is_public(doc("{\"Service\": \"*\"}", {}))`:                                               `false`,
		`iam.is_public(doc("\"*\"", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}))`:                 `false`,
		`iam.is_public(doc("\"*\"", {"StringEquals": {"AWS:SourceAccount": ["1", "2"]}}))`:             `false`,
		`iam.is_public(doc("\"*\"", {"StringLike": {"aws:PrincipalArn": "*"}}))`:                       `true`,
		`iam.is_public(doc("\"*\"", {"StringLike": {"aws:PrincipalArn": ["arn:aws:iam::1:*", "*"]}}))`: `true`,
		`iam.is_public(doc("\"*\"", {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::mine"}}))`:             `false`,
		`iam.is_public(doc("\"*\"", {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:*"}}))`:              `true`,
		`iam.is_public(doc("\"*\"", {"StringEqualsIfExists": {"aws:SourceAccount": "1"}}))`:            `true`,
		`iam.is_public(doc("\"*\"", {"ForAllValues:StringEquals": {"aws:SourceAccount": "1"}}))`:       `true`,
		`iam.is_public(doc("\"*\"", {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-1/"}}))`: `false`,
		`iam.is_public(doc("\"*\"", {"StringNotEquals": {"aws:SourceAccount": "1"}}))`:                 `true`,
		`iam.is_public(doc("\"*\"", {"Bool": {"aws:SecureTransport": "true"}}))`:                       `true`,
		`iam.is_public(doc("\"*\"", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))`:                   `false`,
		`iam.is_public(doc("\"*\"", {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}}))`:    `true`,
		`iam.is_public("{\"Statement\": {\"Effect\": \"Allow\", \"NotPrincipal\": {\"AWS\": \"arn:aws:iam::1:root\"}, \"Action\": \"*\", \"Resource\": \"*\"}}")`: `true`,
		`iam.is_public("{\"Statement\": {\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"*\", \"Resource\": \"*\"}}")`:                                  `false`,
		`iam.is_public({"Statement": []})`: `false`,
		`iam.is_public("not json")`:        undefined,
		`iam.is_public(7)`:                 undefined,
		`iam.statements({"Statement": {"Sid": "s", "Effect": "Allow", "Action": "S3:Get*", "Principal": {"AWS": ["b", "a"], "Service": "s"}}})`: `[{"actions": ["s3:get*"], "condition": {}, "effect": "Allow", "index": 0, "notActions": [], "notPrincipals": [], "notResources": [], "principals": ["AWS:a", "AWS:b", "Service:s"], "resources": [], "sid": "s"}]`,
		`iam.grants(iam.statements({"Statement": {"Action": "s3:*"}})[0], "s3:GetObject")`:                                                      `true`,
		`iam.grants(iam.statements({"Statement": {"Action": "s3:Put*"}})[0], "s3:GetObject")`:                                                   undefined,
		`iam.grants(iam.statements({"Statement": {"NotAction": ["iam:*", "sts:*"]}})[0], "s3:GetObject")`:                                       `true`,
		`iam.grants(iam.statements({"Statement": {"NotAction": ["iam:*", "s3:*"]}})[0], "s3:GetObject")`:                                        undefined,
		`iam.reaches(iam.statements({"Statement": {"Resource": "arn:aws:s3:::b/*"}})[0], "arn:aws:s3:::b/k")`:                                   `true`,
		`iam.reaches(iam.statements({"Statement": {"NotResource": "arn:aws:s3:::b/*"}})[0], "arn:aws:s3:::b/k")`:                                undefined,
		`iam.is_admin(iam.statements({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})[0])`:                                   `true`,
		`iam.is_admin(iam.statements({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})[0])`:                                undefined,
		`iam.matches("a*c?", "abbcd")`: `true`,
		`iam.matches("a*c?", "abbc")`:  `false`,
		`iam.matches("*", "")`:         `true`,
		`iam.matches("a**b", "ab")`:    `true`,
		`gcp.is_public({"bindings": [{"role": "r", "members": ["user:a", "allUsers"]}]})`: `true`,
		`gcp.is_public({"bindings": [{"role": "r", "members": ["user:a"]}]})`:             `false`,
		`gcp.is_public("none")`: undefined,
		`gcp.is_public({})`:     `false`,
		`gcp.public_bindings({"bindings": [{"role": "r", "members": ["allAuthenticatedUsers"], "condition": {"title": "t"}}]})`:  `[{"condition": {"title": "t"}, "member": "allAuthenticatedUsers", "role": "r"}]`,
		`gcp.members({"bindings": [{"role": "r", "members": ["b", "a"]}, {"role": "q", "members": ["c"]}, {"role": "r"}]}, "r")`: `{"a", "b"}`,
		`gcp.member_kind("serviceAccount:a@b")`:                             `serviceAccount`,
		`gcp.member_kind("allUsers")`:                                       `public`,
		`gcp.member_domain("user:a@Example.com")`:                           `example.com`,
		`gcp.member_domain("domain:example.com")`:                           `example.com`,
		`gcp.member_domain("allUsers")`:                                     undefined,
		`age.seconds("2025-12-31T23:59:00Z")`:                               `60`,
		`age.days("2025-12-01")`:                                            `31`,
		`age.days("2025-12-31T00:00:01+00:00")`:                             `0`,
		`age.days("2026-01-01T12:00:00Z")`:                                  `-1`,
		`age.older_than("2025-12-01", 31)`:                                  undefined,
		`age.older_than("2025-12-01", 30)`:                                  `true`,
		`age.within("2026-01-31", 30)`:                                      `true`,
		`age.within("2026-02-01", 30)`:                                      undefined,
		`age.within("2020-02-01", 30)`:                                      `true`,
		`age.days("yesterday")`:                                             undefined,
		`age.days("9999-12-31")`:                                            undefined,
		`tags.of([{"Key": "a", "Value": "1"}, {"key": "b", "value": "2"}])`: `{"a": "1", "b": "2"}`,
		`tags.of({"a": "1"})`:                                               `{"a": "1"}`,
		`tags.of(null)`:                                                     `{}`,
		`tags.of("a")`:                                                      undefined,
		`tags.has({"a": " "}, "a")`:                                         undefined,
		`tags.has([{"Key": "a", "Value": "x"}], "a")`:                       `true`,
		`tags.missing({"a": "1", "c": ""}, ["a", "b", "c"])`:                `{"b", "c"}`,
		`versions.compare("1.27.3", "1.27")`:                                `1`,
		`versions.compare("1.27.0", "1.27")`:                                `0`,
		`versions.compare("v1.9", "1.10")`:                                  `-1`,
		`versions.compare("TLS1_2", "TLS1_0")`:                              `1`,
		`versions.compare("1.27.3-gke.100", "1.27.3-gke.99")`:               `1`,
		`versions.compare("1.2-beta", "1.2")`:                               `-1`,
		`versions.compare("1.2-beta", "1.1")`:                               `1`,
		`versions.compare("1.2+build", "1.2")`:                              `0`,
		`versions.compare("latest", "1.2")`:                                 undefined,
		`versions.at_least("1.29", "1.28.9")`:                               `true`,
		`versions.below("5.6", "8.0")`:                                      `true`,
		`versions.below("8.0", "8.0")`:                                      undefined,
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			rules := `package p

import data.cloudaudit.age
import data.cloudaudit.gcp
import data.cloudaudit.iam
import data.cloudaudit.network
import data.cloudaudit.tags
import data.cloudaudit.versions

doc(principal, condition) := json.marshal({"Version": "2012-10-17", "Statement": [{
	"Effect": "Allow", "Principal": json.unmarshal(principal), "Action": "s3:GetObject", "Resource": "*", "Condition": condition,
}]})

values := {"network": network.is_world("*"), "tags": tags.of({}), "gcp": gcp.public_members, "iam": iam.matches("", ""),
	"age": age.days("2026-01-01"), "versions": versions.compare("1", "1")}

got := ` + call + `

deny contains sprintf("%v", [got])

defined if got == got

deny contains "undefined" if not defined
`
			outcome := evaluate(t, open(t, rules, nil), resource(t, `{}`))
			if len(outcome.Reports) != 1 || outcome.Reports[0].Message != want {
				t.Errorf("got %+v, want %s", outcome, want)
			}
		})
	}
}
