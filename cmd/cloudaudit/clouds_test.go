package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newCloudOf lays out a configuration whose one group holds one account to a built-in pack. The section is
// the account's.
func newCloudOf(t *testing.T, account, provider, section, pack string) cloud {
	t.Helper()
	c := cloud{estate{t.TempDir()}}
	c.write(t, "cloudaudit.yaml", fmt.Appendf(nil, `organization: test
accounts:
  - {name: %[1]s, provider: %[2]s, %[3]s}
policyGroups:
  - {name: all, accounts: [%[1]s], policyPacks: [{name: %[4]s}]}
`, account, provider, section, pack))
	return c
}

// scansTwice scans whole, and again without a change.
func (c cloud) scansTwice(t *testing.T) map[string]summary {
	t.Helper()
	rows := c.scan(t, 0)
	for name, row := range rows {
		if row.Status != "succeeded" || row.ScopesComplete == 0 || row.ScopesComplete != row.ScopesPlanned || row.Added != row.Resources || len(row.Missing) > 0 {
			t.Errorf("the first scan of %s: %+v", name, row)
		}
	}
	before := c.state(t, lastingQueries())
	for name, row := range c.scan(t, 0) {
		if row.Resources != rows[name].Resources || row.Added+row.Changed+row.Removed+row.Opened+row.Resolved > 0 {
			t.Errorf("the second scan of %s: %+v", name, row)
		}
	}
	if diff := cmp.Diff(before, c.state(t, lastingQueries())); diff != "" {
		t.Errorf("the second scan wrote (-before +after):\n%.4000s", diff)
	}
	return rows
}

// checks holds what a check of an account tells, and its exit code.
func (c cloud) checks(t *testing.T, account string, wantCode int, wanted ...string) {
	t.Helper()
	stdout, stderr, code := c.do(t, "accounts", "check", account)
	if code != wantCode {
		t.Errorf("check of %s: exit %d, want %d", account, code, wantCode)
	}
	for _, want := range wanted {
		if !strings.Contains(stdout+stderr, want) {
			t.Errorf("the check of %s does not say %s:\n%s%s", account, want, stdout, stderr)
		}
	}
}
