package main_test

import (
	"fmt"
	"net/http"
	"testing"

	"cloudaudit/providers/azure/azuretest"
)

// The subscriptions of tests.
const (
	azureShop = "0d404722-eb29-453b-a974-bcd38636c212"
	azureBlog = "38ce4280-c6f4-4800-af76-9af68e669ddf"
)

// newAzure is a configuration of what the cloud holds below what is named.
func newAzure(t *testing.T, account string, of *azuretest.Cloud, below string) cloud {
	t.Helper()
	return newCloudOf(t, account, "azure-native", fmt.Sprintf("azure: {endpoint: %q, %s}", of.URL, below), "azure-foundations")
}

// TestAzure_Subscription scans a subscription, and holds what is told of an action that is not allowed.
func TestAzure_Subscription(t *testing.T) {
	t.Parallel()
	of := azuretest.New(t)
	of.Inventory(400, azureShop, azureBlog)
	c := newAzure(t, "shop", of, "subscriptions: ["+azureShop+"]")
	c.checks(t, "shop", 0, "shop ("+azureShop+")", " 0 missing")
	shop := c.scansTwice(t)["shop"]
	if shop.Resources < 100 || shop.Opened == 0 || c.accounts(t)["shop"].CloudID != azureShop {
		t.Errorf("scanned %+v", shop)
	}
	of.Grant("/subscriptions/"+azureShop, "Microsoft.Resources/*/read", "Microsoft.Authorization/*/read", "Microsoft.Storage/*/read")
	c.checks(t, "shop", 4, "Microsoft.KeyVault/vaults/read", "This grants what is missing")
	denied := c.scan(t, 4)["shop"]
	if denied.Removed+denied.Resolved > 0 || len(denied.Missing) == 0 {
		t.Errorf("with permissions missing: %+v", denied)
	}
}

// TestAzure_ManagementGroup scans the subscriptions below a management group.
func TestAzure_ManagementGroup(t *testing.T) {
	t.Parallel()
	of := azuretest.New(t)
	of.Inventory(200, azureShop, azureBlog)
	c := newAzure(t, "acme", of, "managementGroup: acme-root")
	c.checks(t, "acme", 0, "acme (acme-root)")
	c.checks(t, "acme/"+azureBlog, 0, azureBlog)
	rows := c.scansTwice(t)
	if len(rows) != 3 || rows["acme/"+azureShop].Resources == 0 || rows["acme/"+azureBlog].Opened == 0 {
		t.Errorf("scanned %v", rows)
	}
	accounts := c.accounts(t)
	for _, id := range []string{azureShop, azureBlog} {
		if account := accounts["acme/"+id]; account.CloudID != id || !account.Audited {
			t.Errorf("member %+v", account)
		}
	}
	of.Remove("/subscriptions/" + azureBlog)
	if rows := c.scan(t, 0); len(rows) != 2 || c.violations(t, "resolved")["acme/"+azureBlog+" out_of_scope"] == 0 {
		t.Errorf("after one left: %v", rows)
	}
	of.Refuse(azuretest.Everywhere, azuretest.Asked("graph"), http.StatusForbidden, "AccessDenied", "no")
	c.checks(t, "acme", 1, "enter account acme", "deploy/azure")
}
