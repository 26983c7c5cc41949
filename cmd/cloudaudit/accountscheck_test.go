package main_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudaudit/providers/aws/awstest"
)

// TestAWS_RefusedRole holds that a member that cannot be entered fails alone.
func TestAWS_RefusedRole(t *testing.T) {
	t.Parallel()
	front, parent := awstest.NewFront(t, awstest.New(t))
	root := parent.Seed(t, "us-east-1")
	root.Organization()
	shop, closed := root.Member("shop"), root.Member("new")
	front.Refuse(-1, func(call awstest.Call) bool {
		return awstest.Called("sts AssumeRole")(call) && strings.Contains(call.Body, closed.ID)
	}, http.StatusForbidden, "AccessDenied", "no")
	c := newCloud(t, "acme", entered(parent, `, organization: {roleName: audit}`, "eu-west-1"))
	rows := c.scan(t, 1)
	refused := rows["acme/"+closed.ID]
	if rows["acme"].Status != "partial" || rows["acme/"+shop.ID].Status != "partial" || refused.Status != "failed" {
		t.Errorf("scans %v", rows)
	}
	if len(refused.Missing) != 1 || refused.Missing[0].Permission != "sts:AssumeRole" || !strings.Contains(refused.Error, "role/audit") {
		t.Errorf("of the member that refuses: %+v", refused)
	}
	if _, told, code := c.do(t, "accounts", "check", "acme/"+closed.ID); code != 1 || !strings.Contains(told, "external id") {
		t.Errorf("its check: exit %d\n%s", code, told)
	}
}

func TestAWS_Check(t *testing.T) {
	t.Parallel()
	front, account := awstest.NewFront(t, awstest.New(t))
	front.Refuse(-1, awstest.Called("iam SimulatePrincipalPolicy"), http.StatusForbidden, "AccessDenied", "no")
	front.Refuse(-1, awstest.Called("ec2 DescribeVolumes"), http.StatusForbidden, "UnauthorizedOperation", "no")
	c := newCloud(t, "prod", entered(account, "", "eu-west-1"))
	told, diagnostics, code := c.do(t, "accounts", "check", "prod")
	for _, want := range []string{"prod (" + account.ID + ")", "assumed-role/audit", "1 are read: eu-west-1", "1 missing", "ec2:DescribeVolumes", `"Action"`} {
		if !strings.Contains(told, want) {
			t.Errorf("the check does not say %s:\n%s", want, told)
		}
	}
	if code != 4 || diagnostics != "" {
		t.Errorf("exit %d\n%s", code, diagnostics)
	}
	if _, _, code := c.do(t, "accounts", "check", "pord"); code != 2 {
		t.Errorf("an unknown account: exit %d", code)
	}
}
