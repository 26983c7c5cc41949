package main_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/grpc/codes"

	"cloudaudit/providers/gcp/gcptest"
	"cloudaudit/providers/providertest"
)

// newGCP is a configuration of a scope of the server.
func newGCP(t *testing.T, account string, server *gcptest.Server, scope string) cloud {
	t.Helper()
	return newCloudOf(t, account, "gcp", fmt.Sprintf("gcp: {scope: %q, endpoint: %q}", scope, server.Endpoint), "gcp-foundations")
}

// TestGCP_Project scans a project by its id, and by its number.
func TestGCP_Project(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Assets())
	numbers := server.Organization(t, providertest.Inventory{Size: 400, Seed: 1})
	project := slices.Sorted(maps.Keys(numbers))[0]
	c := newGCP(t, "shop", server, "projects/"+project)
	c.checks(t, "shop", 0, "shop ("+project+")", "2 tried, 0 missing")
	shop := c.scansTwice(t)["shop"]
	if shop.Resources < 20 || shop.Opened == 0 || c.accounts(t)["shop"].CloudID != project {
		t.Errorf("scanned %+v", shop)
	}
	byNumber := newGCP(t, "shop", server, "projects/"+numbers[project])
	if row := byNumber.scan(t, 0)["shop"]; row.Resources != shop.Resources || byNumber.accounts(t)["shop"].CloudID != project {
		t.Errorf("by its number was scanned %+v", row)
	}
}

// TestGCP_Organization scans an organization with its projects, and holds what is told of a permission that
// is missing.
func TestGCP_Organization(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Assets())
	numbers := server.Organization(t, providertest.Inventory{Size: 80, Seed: 1})
	c := newGCP(t, "acme", server, gcptest.InventoryScope)
	rows := c.scansTwice(t)
	if len(rows) != len(numbers)+1 {
		t.Errorf("scanned %d accounts, of %d projects", len(rows), len(numbers))
	}
	accounts := c.accounts(t)
	for project := range numbers {
		if account := accounts["acme/"+project]; account.CloudID != project || !account.Audited {
			t.Errorf("member %+v", account)
		}
	}
	member := "acme/" + slices.Sorted(maps.Keys(numbers))[0]
	if alone := c.scan(t, 0, member); len(alone) != 1 {
		t.Errorf("of one member alone were scanned %v", alone)
	}
	policies := func(r *assetpb.ListAssetsRequest) bool { return r.GetContentType() == assetpb.ContentType_IAM_POLICY }
	server.Refuse(policies, -1, codes.PermissionDenied, "IAM_PERMISSION_DENIED", nil)
	c.checks(t, member, 4, "3 tried, 1 missing", "cloudasset.assets.listIamPolicy", "includedPermissions")
	denied := c.scan(t, 4, member)[member]
	if denied.Removed+denied.Resolved > 0 || len(denied.Missing) != 1 || denied.Missing[0].Permission != "cloudasset.assets.listIamPolicy" {
		t.Errorf("with a permission missing: %+v", denied)
	}
}

// TestGCP_Refused holds what people are told where nothing may be read.
func TestGCP_Refused(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Records(t, gcptest.Project("shop-1", "11", "organizations/1")))
	server.Refuse(func(*assetpb.ListAssetsRequest) bool { return true }, -1, codes.PermissionDenied, "USER_PROJECT_DENIED", nil)
	c := newGCP(t, "acme", server, "organizations/1")
	c.checks(t, "acme", 1, "enter account acme", "deploy/gcp")
	if _, told, code := c.do(t, "scan", "--quiet"); code != 1 {
		t.Errorf("scan: exit %d\n%s", code, told)
	}
}
