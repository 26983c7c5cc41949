package aws

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	serviceImport = regexp.MustCompile(`(?:(\w+) )?"github\.com/aws/aws-sdk-go-v2/service/(\w+)"`)
	callInput     = regexp.MustCompile(`&(\w+)\.(\w+)Input\{`)
)

// TestCalls_AreListed holds data/calls.txt against the calls that the code makes.
func TestCalls_AreListed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		packages := map[string]string{}
		for _, found := range serviceImport.FindAllStringSubmatch(string(source), -1) {
			packages[found[2]], packages[found[1]] = found[2], found[2]
		}
		for _, found := range callInput.FindAllStringSubmatch(string(source), -1) {
			if service := packages[found[1]]; service != "" {
				made[service+"."+found[2]] = true
			}
		}
	}
	for call := range made {
		if _, listed := calls[call]; !listed {
			t.Errorf("data/calls.txt lacks %s", call)
		}
	}
	for call := range calls {
		if !made[call] {
			t.Errorf("data/calls.txt lists %s, which nothing makes", call)
		}
	}
}

// writes are beginnings of actions that change something or read data.
var writes = regexp.MustCompile(`:(Create|Put|Update|Delete|Modify|Start|Stop|Enable|Disable|Attach|Detach|Tag|Untag|Invoke|Send|Receive|Publish)|` +
	`GetObject$|GetSecretValue|GetParameter|:GetItem|:Query|:Scan|Decrypt|GetFunction$`)

func TestPolicy_OnlyReads(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		for _, action := range call.actions {
			if writes.MatchString(action) {
				t.Errorf("%s needs %s, which reads more than settings", name, action)
			}
		}
		if !slices.Contains([]string{useRead, useCheck, useControl, useOrganization}, call.use) {
			t.Errorf("%s has the unknown use %q", name, call.use)
		}
	}
	for _, action := range Actions() {
		if strings.Contains(action, "*") {
			t.Errorf("%s is more than is needed", action)
		}
	}
}

// roleName stands in deploy for the name of the roles of members.
const roleName = "cloudaudit"

// TestDeploy_FollowsFromTheCalls holds the policies and the template in deploy/aws against the calls.
func TestDeploy_FollowsFromTheCalls(t *testing.T) {
	t.Parallel()
	deploy := filepath.Join("..", "..", "deploy", "aws")
	golden(t, filepath.Join(deploy, "policy.json"), Policy())
	golden(t, filepath.Join(deploy, "parent-policy.json"), ParentPolicy(roleName))
	golden(t, filepath.Join(deploy, "stackset.template.json"), template(t))
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(Policy())); err != nil {
		t.Fatal(err)
	}
	if compact.Len() > 6144 {
		t.Errorf("the policy has %d characters, more than a managed policy takes", compact.Len())
	}
}

// template is a CloudFormation template that makes the role in an account. A stack set rolls it out.
func template(t *testing.T) string {
	t.Helper()
	ref := func(name string) object { return object{"Ref": name} }
	document := func(text string) object {
		var parsed object
		if err := json.Unmarshal([]byte(text), &parsed); err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	built := object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "A role by which cloudaudit reads the settings of this account, and nothing else.",
		"Parameters": object{
			"TrustedPrincipal": object{
				"Type": "String", "Description": "ARN of the role or user as which cloudaudit runs, or of the role of the parent account.",
				"AllowedPattern": "arn:[a-z-]+:iam::[0-9]{12}:.+",
			},
			"ExternalId": object{
				"Type": "String", "Description": "The external id that cloudaudit gives: a long random text.", "NoEcho": true, "MinLength": 16, "MaxLength": 1224,
			},
			"RoleName": object{"Type": "String", "Default": roleName, "Description": "Name of the role, the same in every account."},
		},
		"Resources": object{"Role": object{
			"Type": "AWS::IAM::Role",
			"Properties": object{
				"RoleName": ref("RoleName"), "MaxSessionDuration": 3600,
				"Description": "cloudaudit reads the settings of this account",
				"AssumeRolePolicyDocument": object{"Version": "2012-10-17", "Statement": []any{object{
					"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": object{"AWS": ref("TrustedPrincipal")},
					"Condition": object{"StringEquals": object{"sts:ExternalId": ref("ExternalId")}},
				}}},
				"Policies": []any{object{"PolicyName": "read", "PolicyDocument": document(Policy())}},
			},
		}},
		"Outputs": object{"RoleArn": object{"Description": "The aws.roleArn of the account.", "Value": object{"Fn::GetAtt": []any{"Role", "Arn"}}}},
	}
	data, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

func TestActionsOf_NameTheMissingPermission(t *testing.T) {
	t.Parallel()
	for call, want := range map[string][]string{
		"s3.GetBucketEncryption": {"s3:GetEncryptionConfiguration"}, "ec2.DescribeVolumes": {"ec2:DescribeVolumes"},
		"apigatewayv2.GetApis": {"apigateway:GET"}, "sts.GetCallerIdentity": {}, "ec2.Unknown": nil,
	} {
		if diff := cmp.Diff(want, actionsOf(call)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", call, diff)
		}
	}
}
