package azure_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/azure/azuretest"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// audit is the built-in pack at work on the subscription shop, from the cloud into a store.
type audit struct {
	*testing.T
	store    *store.Store
	provider *azure.Provider
	engine   *cel.Engine
	now      time.Time
}

func newAudit(t *testing.T, c *azuretest.Cloud) *audit {
	t.Helper()
	a := &audit{T: t, provider: newProvider(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "audit.db"), store.Options{Now: func() time.Time { return a.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Use(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	var pack *policy.Pack
	pack, a.engine = loaded(t)
	taken := account(c, "", shop)
	taken.Name, taken.CloudID, taken.Key = "shop", shop, ""
	_, err = s.Reconcile(t.Context(), store.Declared{
		Accounts: []store.DeclaredAccount{{Account: taken}}, Packs: []*policy.Pack{pack},
		Groups: []policy.Group{{Name: "all", Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{"shop"}, Packs: []policy.Applied{{Name: pack.Name}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.store = s
	return a
}

// scan scans the account a minute after the last scan.
func (a *audit) scan(want scanner.Status) scanner.Counts {
	a.Helper()
	a.now = a.now.Add(time.Minute)
	accounts, err := a.store.Scannable(a.Context())
	if err != nil || len(accounts) != 1 {
		a.Fatalf("accounts %v, %v", accounts, err)
	}
	result, err := scanner.New(scanner.Options{
		Store: a.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: a.engine}, Now: func() time.Time { return a.now },
		Providers: map[string]providers.Provider{providers.Azure: a.provider},
	}).Scan(a.Context(), accounts[0], scanner.Manual)
	if err != nil || result.Status != want {
		a.Fatalf("the scan ended %s: %s, %v", result.Status, result.Error, err)
	}
	return result.Counts
}

// violations are those of a policy, as "resource state resolution", with "?" where they could not be verified.
func (a *audit) violations(rule string) []string {
	a.Helper()
	list, _, err := a.store.Violations(a.Context(), store.Access{}, store.ViolationFilter{Policy: rule, State: store.AnyState}, store.Page{})
	if err != nil {
		a.Fatal(err)
	}
	found := []string{}
	for _, v := range list {
		unverified := ""
		if v.UnverifiedSince != nil {
			unverified = "?"
		}
		found = append(found, strings.TrimSpace(v.ResourceName+" "+v.State+unverified+" "+v.Resolution))
	}
	slices.Sort(found)
	return found
}

func (a *audit) want(rule string, want ...string) {
	a.Helper()
	if diff := cmp.Diff(append([]string{}, want...), a.violations(rule)); diff != "" {
		a.Errorf("violations of %s (-want +got):\n%s", rule, diff)
	}
}

// faulty is a subscription with a fault in a row of Resource Graph and one in an object of Resource Manager.
func faulty(t *testing.T) (c *azuretest.Cloud, account, rule string) {
	t.Helper()
	c, group := cloud(t, "Microsoft.Sql/servers/db", "Microsoft.Compute/disks/d")
	account, rule = group+"/providers/Microsoft.Storage/storageAccounts/logs", group+"/providers/Microsoft.Sql/servers/db/firewallRules/all"
	storage := row(account)
	storage["properties"] = azuretest.Row{"supportsHttpsTrafficOnly": false, "creationTime": "2024-02-26T12:30:20Z"}
	c.Add(storage)
	c.Hold(rule, azuretest.Row{"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"})
	c.Hold("/subscriptions/"+shop+"/providers/Microsoft.Security/pricings/Arm", azuretest.Row{"pricingTier": "Standard"})
	return c, account, rule
}

// TestAudit_SecondScanChangesNothing holds that the same cloud gives the same bytes.
func TestAudit_SecondScanChangesNothing(t *testing.T) {
	t.Parallel()
	c, _, _ := faulty(t)
	a := newAudit(t, c)
	first := a.scan(scanner.Succeeded)
	second := a.scan(scanner.Succeeded)
	if first.Opened < 3 || second.Added+second.Changed+second.Removed+second.Opened+second.Resolved != 0 || second.Resources != first.Resources {
		t.Errorf("the first scan %+v, the second %+v", first, second)
	}
	a.want("storage-account-secure-transfer", "logs open")
	a.want("database-firewall-open", "all open")
	a.want("defender-coverage")
}

// TestAudit_ResolvesNothingOnAGap takes away, one after the other, what a scan needs to see: nothing that
// was found is taken for fixed or gone.
func TestAudit_ResolvesNothingOnAGap(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]func(c *azuretest.Cloud, account, rule string){
		"a_type_is_left_out_silently": func(c *azuretest.Cloud, account, rule string) {
			c.Grant("/subscriptions/"+shop, "Microsoft.Resources/*/read", "Microsoft.Compute/*/read")
			c.Remove(account)
			c.Refuse(azuretest.Everywhere, azuretest.Asked("firewallRules"), http.StatusForbidden, "AuthorizationFailed", "no")
		},
		"queries_are_refused": func(c *azuretest.Cloud, _, _ string) {
			c.Refuse(azuretest.Everywhere, azuretest.Asked(rowsQuery), http.StatusForbidden, "AccessDenied", "no")
		},
		"rows_are_missing": func(c *azuretest.Cloud, _, _ string) {
			c.Say(azuretest.Everywhere, azuretest.Asked(rowsQuery), `{"totalRecords": 3, "data": []}`)
		},
		"nobody_can_tell": func(c *azuretest.Cloud, account, rule string) {
			c.Remove(account)
			c.Refuse(azuretest.Everywhere, azuretest.Asked("firewallRules"), http.StatusTooManyRequests, "TooManyRequests", "no")
			c.Refuse(azuretest.Everywhere, azuretest.Asked("/permissions"), http.StatusForbidden, "AuthorizationFailed", "no")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, account, rule := faulty(t)
			a := newAudit(t, c)
			a.scan(scanner.Succeeded)
			hide(c, account, rule)
			if counts := a.scan(scanner.Partial); counts.Resolved > 0 || counts.Removed > 0 {
				t.Errorf("the scan that saw less: %+v", counts)
			}
			a.want("storage-account-secure-transfer", "logs open?")
			a.want("database-firewall-open", "all open?")
		})
	}
}

// TestAudit_ResolvesWithProof holds what is taken for gone and for fixed.
func TestAudit_ResolvesWithProof(t *testing.T) {
	t.Parallel()
	c, account, rule := faulty(t)
	a := newAudit(t, c)
	a.scan(scanner.Succeeded)
	c.Remove(account)
	c.Hold(rule, azuretest.Row{"startIpAddress": "192.0.2.1", "endIpAddress": "192.0.2.1"})
	a.scan(scanner.Succeeded)
	a.want("storage-account-secure-transfer", "logs resolved resource_deleted")
	a.want("database-firewall-open", "all resolved fixed")
}
