package shape_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

func TestParseARN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		want  shape.ARN
		short string
		ok    bool
	}{
		{"arn:aws:s3:::logs", shape.ARN{Partition: "aws", Service: "s3", Resource: "logs"}, "logs", true},
		{"arn:aws:iam::111111111111:role/team/audit", shape.ARN{Partition: "aws", Service: "iam", Account: "111111111111", Resource: "role/team/audit"}, "audit", true},
		{"arn:aws-cn:lambda:cn-north-1:1:function:f", shape.ARN{Partition: "aws-cn", Service: "lambda", Region: "cn-north-1", Account: "1", Resource: "function:f"}, "f", true},
		{"arn:aws:logs:eu-west-1:1:log-group:/aws/x:*", shape.ARN{Partition: "aws", Service: "logs", Region: "eu-west-1", Account: "1", Resource: "log-group:/aws/x:*"}, "x", true},
		{"arn:aws:iam::1:role/", shape.ARN{Partition: "aws", Service: "iam", Account: "1", Resource: "role/"}, "role", true},
		{"arn:aws:s3:::", shape.ARN{}, "", false},
		{"arn:aws:s3", shape.ARN{}, "", false},
		{"arn::s3:::x", shape.ARN{}, "", false},
		{"urn:aws:s3:::x", shape.ARN{}, "", false},
		{"", shape.ARN{}, "", false},
	} {
		got, ok := shape.ParseARN(c.text)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok || ok && got.Short() != c.short {
			t.Errorf("%q: %v, short %q, %s", c.text, ok, got.Short(), diff)
		}
	}
}

func TestAWSTags_TakesEveryShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value string
		want  map[string]string
		ok    bool
	}{
		{`null`, nil, true},
		{`[]`, nil, true},
		{`{}`, nil, true},
		{`[{"Key":"team","Value":"shop"},{"Key":"empty"}]`, map[string]string{"team": "shop", "empty": ""}, true},
		{`[{"key":"team","value":"shop","tag":"team=shop"}]`, map[string]string{"team": "shop"}, true},
		{`[{"TagKey":"team","TagValue":"shop"}]`, map[string]string{"team": "shop"}, true},
		{`[{"tagKey":"team","tagValue":5}]`, map[string]string{"team": "5"}, true},
		{`{"team":"shop","on":true,"none":null}`, map[string]string{"team": "shop", "on": "true", "none": ""}, true},
		{`[{"Name":"team"}]`, nil, false},
		{`[{"Key":"team","Value":["shop"]}]`, nil, false},
		{`["team"]`, nil, false},
		{`{"team":{}}`, nil, false},
		{`"team"`, nil, false},
	} {
		value, err := providers.ParseValue([]byte(c.value))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := shape.AWSTags(value)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
			t.Errorf("%s: %v %s", c.value, ok, diff)
		}
	}
}

func TestAWSRegion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		resourceType string
		candidates   []string
		want         string
	}{
		{"AWS::EC2::Instance", []string{"", "eu-west-1", "us-east-1"}, "eu-west-1"},
		{"AWS::EC2::Instance", []string{"EU-West-1"}, "eu-west-1"},
		{"AWS::EC2::Instance", nil, "global"},
		{"AWS::IAM::Role", []string{"us-east-1"}, "global"},
		{"AWS::CloudFront::Distribution", []string{"us-east-1"}, "global"},
		{"AWS::Organizations::Account", []string{"us-east-1"}, "global"},
		{"AWS::Route53::HostedZone", []string{"us-east-1"}, "global"},
		{"AWS::Route53Resolver::ResolverRule", []string{"us-east-1"}, "us-east-1"},
		{"AWS::S3::AccountPublicAccessBlock", []string{"us-east-1"}, "global"},
		{"AWS::S3::Bucket", []string{"us-east-1"}, "us-east-1"},
		{"AWS::WAFv2::WebACL", []string{"us-east-1"}, "us-east-1"},
	} {
		if got := shape.AWSRegion(c.resourceType, c.candidates...); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.resourceType, c.candidates, got, c.want)
		}
	}
}

func TestAWSConfigType(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"AWS::ACM::Certificate": "AWS::CertificateManager::Certificate",
		"AWS::IAM::Policy":      "AWS::IAM::ManagedPolicy",
		"AWS::S3::Bucket":       "AWS::S3::Bucket",
	} {
		if got := shape.AWSConfigType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
