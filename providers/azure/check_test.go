package azure_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/azure/azuretest"
)

func names(missing []providers.MissingPermission) []string {
	names := []string{}
	for _, m := range missing {
		names = append(names, m.Permission)
	}
	return names
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	check, err := newProvider().As(&issuer{}).Check(t.Context(), account(c, "", shop))
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Check{Identity: "application a, object o", CloudID: shop, Tried: len(azure.Actions()), Grant: azure.Role()}
	if diff := cmp.Diff(want, check); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
	if n := c.Count("graph: resources |"); n > 0 {
		t.Error("a check read the account")
	}
}

// TestCheck_NamesWhatIsMissing checks an account of which a subscription does not answer and another gives
// little.
func TestCheck_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	c.Subscription(sub(1))
	c.Grant("/subscriptions/"+shop, "Microsoft.*/read")
	allowed := slices.DeleteFunc(azure.Actions(), func(action string) bool {
		return action == "Microsoft.KeyVault/vaults/secrets/read" || action == "Microsoft.Sql/servers/read"
	})
	c.Grant("/subscriptions/"+sub(1), allowed...)
	check, err := newProvider().Check(t.Context(), account(c, "", shop, blog, sub(1)))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Microsoft.KeyVault/vaults/secrets/read", "Microsoft.Sql/servers/read", "Microsoft.Resources/subscriptions/read"}
	if diff := cmp.Diff(want, names(check.Missing)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if !strings.Contains(check.Missing[0].Reason, "1 of 2") || !strings.Contains(check.Missing[2].Reason, blog) {
		t.Errorf("reasons %+v", check.Missing)
	}
	if !strings.Contains(check.Remedy, "Microsoft.Sql/servers/read") || strings.Contains(check.Remedy, "Microsoft.Compute") {
		t.Errorf("remedy %s", check.Remedy)
	}
}

// TestCheck_WhatMayNotBeAsked leaves open what cannot be told.
func TestCheck_WhatMayNotBeAsked(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	c.Refuse(azuretest.Everywhere, azuretest.Asked("/permissions"), http.StatusForbidden, "AuthorizationFailed", planted)
	check, err := newProvider().Check(t.Context(), account(c, "", shop))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Microsoft.Authorization/permissions/read"}, names(check.Missing)); diff != "" || !slices.Equal(check.Untried, azure.Actions()) || check.Tried > 0 {
		t.Errorf("tried %d, missing (-want +got):\n%s", check.Tried, diff)
	}
}

func TestCheck_Parent(t *testing.T) {
	t.Parallel()
	c := organization(t)
	c.Grant("/providers/Microsoft.Management/managementGroups/mg", "Microsoft.Management/*/read", "Microsoft.Authorization/*/read")
	check, err := newProvider().Check(t.Context(), parent(c, `"managementGroup": "mg"`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Microsoft.Resources/subscriptions/read"}, names(check.Missing)); diff != "" || check.CloudID != "mg" || check.Identity != "unknown" {
		t.Errorf("check %+v, missing (-want +got):\n%s", check, diff)
	}
}

// TestCheck_CannotEnter holds that an account which cannot be entered is an error.
func TestCheck_CannotEnter(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	_, err := newProvider().Check(t.Context(), account(c, "", blog))
	if known(t, err).Class != providers.AccessDenied {
		t.Errorf("got %v", err)
	}
	_, err = newProvider().Check(t.Context(), parentOf(c))
	known(t, err)
}

// parentOf is a parent that may not be asked about.
func parentOf(c *azuretest.Cloud) providers.Account {
	c.Refuse(azuretest.Everywhere, azuretest.Asked("graph"), http.StatusForbidden, "AccessDenied", planted)
	return parent(c, `"managementGroup": "mg"`)
}
