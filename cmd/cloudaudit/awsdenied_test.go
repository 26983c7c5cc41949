package main_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloudaudit/providers/aws/awstest"
	"cloudaudit/store"
)

// TestAWS_Denied holds what a scan tells of permissions that are missing, and that what it could not read
// stays open.
func TestAWS_Denied(t *testing.T) {
	t.Parallel()
	front, account := awstest.NewFront(t, awstest.New(t))
	s := account.Seed(t, "eu-west-1")
	s.Machines(2)
	s.Buckets(2)
	s.Databases()
	c := newCloud(t, "prod", entered(account, "", "eu-west-1"))
	whole := c.scan(t, 4)["prod"]
	if len(whole.Missing) > 0 || whole.Opened == 0 {
		t.Fatalf("the first scan: %+v", whole)
	}
	front.Refuse(-1, awstest.Called("rds Describe"), http.StatusForbidden, "AccessDenied", "no")
	front.Refuse(-1, awstest.Called("s3 GET /"+s.Bucket(0)+"?encryption"), http.StatusForbidden, "AccessDenied", "no")
	denied := c.scan(t, 4)["prod"]
	if denied.Resources != whole.Resources || denied.Opened+denied.Resolved+denied.Removed > 0 {
		t.Errorf("with permissions missing: %+v", denied)
	}
	policies := map[string][]string{}
	for _, m := range denied.Missing {
		policies[m.Region+" "+m.Permission+" by "+m.Call] = m.Policies
	}
	for key, policy := range map[string]string{
		"eu-west-1 rds:DescribeDBInstances by rds:DescribeDBInstances":      "aws-foundations/rds-instance-public",
		"eu-west-1 s3:GetEncryptionConfiguration by s3:GetBucketEncryption": "aws-foundations/s3-bucket-encryption",
		"eu-west-1 rds:DescribeDBSnapshots by rds:DescribeDBSnapshots":      "aws-foundations/rds-snapshot-public",
		"eu-west-1 rds:DescribeDBClusters by rds:DescribeDBClusters":        "aws-foundations/rds-storage-encryption",
	} {
		if !slices.Contains(policies[key], policy) {
			t.Errorf("%s should miss %s: %v", policy, key, policies)
		}
	}
	table, _, _ := c.do(t, "scan", "--quiet")
	for _, want := range []string{"MISSING", "rds:DescribeDBInstances", "COULD NOT JUDGE", "rds-instance-public"} {
		if !strings.Contains(table, want) {
			t.Errorf("people are not told %s:\n%s", want, table)
		}
	}
	unverified := ask[[]store.Violation](t, c, "violations", "list", "--type", "AWS::RDS::DBInstance")
	if len(unverified) == 0 || unverified[0].UnverifiedSince == nil {
		t.Errorf("violations of what was not read: %+v", unverified)
	}
}
