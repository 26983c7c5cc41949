package main_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers/aws/awstest"
	"cloudaudit/store"
)

// accounts gives where every account stands, by name.
func (c cloud) accounts(t *testing.T) map[string]store.AccountStatus {
	t.Helper()
	byName := map[string]store.AccountStatus{}
	for _, account := range ask[[]store.AccountStatus](t, c, "accounts", "list") {
		byName[account.Name] = account
	}
	return byName
}

// violations counts those of each account in a state, by account and resolution.
func (c cloud) violations(t *testing.T, state string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, v := range ask[[]store.Violation](t, c, "violations", "list", "--state", state) {
		counts[strings.TrimSpace(v.Account+" "+v.Resolution)]++
	}
	return counts
}

// TestAWS_Organization scans three members of an organization by roles of their own, and follows what
// becomes of the organization.
func TestAWS_Organization(t *testing.T) {
	t.Parallel()
	front, parent := awstest.NewFront(t, awstest.New(t))
	root := parent.Seed(t, "us-east-1")
	root.Organization()
	members := []awstest.Account{root.Member("shop"), root.Member("blog"), root.Member("wiki")}
	for _, member := range members {
		member.Seed(t, "eu-west-1").Buckets(1)
	}
	closed := root.Member("closed")
	root.Close(closed)
	c := newCloud(t, "acme", entered(parent, `, organization: {roleName: audit, externalId: "env:AUDIT_EXTERNAL_ID"}`, "eu-west-1"))
	rows := c.scan(t, 4)
	if len(rows) != 4 {
		t.Fatalf("scanned %v", rows)
	}
	accounts := c.accounts(t)
	for _, member := range members {
		account := accounts["acme/"+member.ID]
		if account.CloudID != member.ID || !account.Audited || !slices.Equal(account.Groups, []string{"all", policy.DefaultAccountsGroup}) {
			t.Errorf("member %+v", account)
		}
	}
	open := c.violations(t, "open")
	if len(open) != 4 || open["acme/"+members[0].ID] == 0 {
		t.Errorf("open are %v", open)
	}

	front.Refuse(1, awstest.Called("organizations ListAccounts"), http.StatusBadRequest, "AccessDeniedException", "no")
	root.Close(members[0])
	joined := root.Member("joined")
	_, told, code := c.do(t, "scan", "acme", "--quiet")
	if code != 4 || !strings.Contains(told, "members of account acme cannot be listed") || !strings.Contains(told, "organizations:ListAccounts") {
		t.Errorf("members that are not known: exit %d\n%s", code, told)
	}
	if diff := cmp.Diff(open, c.violations(t, "open")); diff != "" {
		t.Errorf("open where members are not known (-before +after):\n%s", diff)
	}

	gone := "acme/" + members[0].ID
	rows = c.scan(t, 4, "acme")
	if _, scanned := rows[gone]; scanned || rows["acme/"+joined.ID].Status != "partial" || len(rows) != 4 {
		t.Errorf("after one left and one joined: %v", rows)
	}
	if diff := cmp.Diff(map[string]int{gone + " out_of_scope": open[gone]}, c.violations(t, "resolved")); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
	if rows := c.scan(t, 4, "acme/"+members[1].ID); len(rows) != 1 {
		t.Errorf("of one member alone were scanned %v", rows)
	}
	if _, told, code := c.do(t, "scan", gone); code != 2 || !strings.Contains(told, "has no member") {
		t.Errorf("a member that left: exit %d\n%s", code, told)
	}
}
