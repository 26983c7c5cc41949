package aws_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/aws/awstest"
)

// simulated answers a simulation: all of these actions are allowed but those that are denied.
func simulated(c awstest.Call, denied ...string) string {
	if err := c.ParseForm(); err != nil {
		return err.Error()
	}
	var results strings.Builder
	for n := 1; c.PostForm.Has(fmt.Sprintf("ActionNames.member.%d", n)); n++ {
		action, decision := c.PostForm.Get(fmt.Sprintf("ActionNames.member.%d", n)), "allowed"
		if slices.Contains(denied, action) {
			decision = "implicitDeny"
		}
		fmt.Fprintf(&results, `<member><EvalActionName>%s</EvalActionName><EvalDecision>%s</EvalDecision></member>`, action, decision)
	}
	return `<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>` +
		results.String() + `</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`
}

func names(missing []providers.MissingPermission) (names []string) {
	for _, m := range missing {
		names = append(names, m.Permission)
	}
	return names
}

func TestCheck_Simulates(t *testing.T) {
	t.Parallel()
	front, account := awstest.NewFront(t, awstest.New(t))
	denied := []string{"apigateway:GET", "ec2:DescribeVolumes", "organizations:ListAccountsForParent"}
	front.Add(everywhere, awstest.Called("iam SimulatePrincipalPolicy"), func(w http.ResponseWriter, c awstest.Call) {
		fmt.Fprint(w, simulated(c, denied...))
	})
	check, err := newProvider().Check(t.Context(), connected(account, `"organization": {"roleName": "audit"}`, "eu-west-1"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(denied, names(check.Missing)) || len(check.Untried) > 0 || check.Tried <= len(aws.Actions()) || check.CloudID != account.ID {
		t.Errorf("check %+v", check)
	}
	if !strings.HasPrefix(check.Identity, "arn:aws:sts::"+account.ID) {
		t.Errorf("we are %s", check.Identity)
	}
	for _, want := range append(denied, "arn:*:apigateway:*::/apis") {
		if !strings.Contains(check.Remedy, want) || !strings.Contains(check.Grant, want) {
			t.Errorf("the policies do not grant %s:\n%s", want, check.Remedy)
		}
	}
	if strings.Contains(check.Remedy, "ec2:DescribeInstances") || !strings.Contains(check.Grant, ":role/audit") {
		t.Errorf("the policy grants more than is missing:\n%s", check.Remedy)
	}
	on, read := 0, 0
	for _, region := range check.Regions {
		if region.On {
			on++
		}
		if region.Read {
			read++
		}
	}
	if on <= read || read != 1 || on == len(check.Regions) {
		t.Errorf("%d of %d regions are on, %d read", on, len(check.Regions), read)
	}
}

// TestCheck_Tries finds out what it may by calls, where it may not ask.
func TestCheck_Tries(t *testing.T) {
	t.Parallel()
	front, account := awstest.NewFront(t, awstest.New(t))
	account.Seed(t, "eu-west-1").Buckets(1)
	front.Refuse(everywhere, awstest.Called("iam SimulatePrincipalPolicy"), http.StatusForbidden, "AccessDenied", "no")
	front.Refuse(everywhere, awstest.Called("ec2 DescribeVolumes"), http.StatusForbidden, "UnauthorizedOperation", "no")
	front.Refuse(everywhere, awstest.Called("s3 GET /"+account.Seed(t, "eu-west-1").Bucket(0)+"?encryption"), http.StatusForbidden, "AccessDenied", "no")
	check, err := newProvider().Check(t.Context(), connected(account, "", "eu-west-1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(check.Missing); !slices.Equal([]string{"ec2:DescribeVolumes", "s3:GetEncryptionConfiguration"}, got) {
		t.Errorf("missing are %v", got)
	}
	if !slices.Contains(check.Untried, "dynamodb:DescribeTable") || slices.Contains(check.Untried, "dynamodb:ListTables") {
		t.Errorf("untried are %v", check.Untried)
	}
}

func TestCheck_CannotEnter(t *testing.T) {
	t.Parallel()
	front, account := awstest.NewFront(t, awstest.New(t))
	front.Refuse(everywhere, awstest.Called("sts AssumeRole"), http.StatusForbidden, "AccessDenied", "no")
	if _, err := newProvider().Check(t.Context(), connected(account, "")); err == nil {
		t.Error("an account was entered that refuses")
	}
	if id, err := newProvider().Identify(t.Context(), connected(account, "")); err == nil || id != "" {
		t.Errorf("it was identified as %q", id)
	}
}
