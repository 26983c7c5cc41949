package gcp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/gcp/gcptest"
	"cloudaudit/providers/providertest"
)

// company serves an organization with two projects that are read, one that is about to be deleted, and
// something of its own.
func company(t *testing.T) *gcptest.Server {
	t.Helper()
	server := gcptest.New(t, gcptest.Records(t,
		gcptest.Project("shop-2", "22", "folders/8", "organizations/1"),
		gcptest.Project("shop-1", "11", "folders/7", "organizations/1"),
		strings.Replace(gcptest.Project("shop-3", "33", "folders/7", "organizations/1"), "ACTIVE", "DELETE_REQUESTED", 1),
		bucket("one", inProject), bucket("two", inOtherProject), network("n", inProject),
		bucket("three", `"ancestors": ["projects/33", "folders/7", "organizations/1"]`),
		`{"name": "//cloudresourcemanager.googleapis.com/folders/7", "assetType": "cloudresourcemanager.googleapis.com/Folder", "ancestors": ["folders/7", "organizations/1"],
			"resource": {"data": {"displayName": "shops"}}}`,
	))
	server.Project("shop-1", "11")
	server.Project("shop-2", "22")
	return server
}

func members(t *testing.T, provider *gcp.Provider, parent providers.Account) []providers.Account {
	t.Helper()
	found, err := provider.Members(t.Context(), parent)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func names(accounts []providers.Account) []string {
	all := []string{}
	for _, a := range accounts {
		all = append(all, a.Name)
	}
	return all
}

func TestMembers_AreTheProjectsByOneListing(t *testing.T) {
	t.Parallel()
	server := company(t)
	parent := account(t, server, gcp.Settings{Scope: organization, QuotaProject: "quota-1", AssetTypes: []string{bucketType}})
	parent.Tags = map[string]string{"team": "shop"}
	got := members(t, gcp.New(gcp.Options{}), parent)
	want := providers.Account{
		Name: "acme/shop-1", Provider: providers.GCP, Cloud: providers.GCP, CloudID: "shop-1", Tags: parent.Tags,
		Settings: []byte(`{"scope":"projects/shop-1","assetTypes":["storage.googleapis.com/Bucket"],"content":["RESOURCE","IAM_POLICY","ORG_POLICY"],` +
			`"quotaProject":"quota-1","deletionLag":"10m0s","via":{"scope":"organizations/1","number":"11"},"endpoint":"` + server.Endpoint + `"}`),
	}
	if diff := cmp.Diff([]string{"acme/shop-1", "acme/shop-2"}, names(got)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	if _, err := gcp.ParseSettings(got[0].Settings); err != nil {
		t.Error(err)
	}
	if made := calls(server, every); made != 1 {
		t.Errorf("%d calls", made)
	}
}

func TestMembers_AreThoseThatTheSettingsLeaveIn(t *testing.T) {
	t.Parallel()
	server := company(t)
	for name, c := range map[string]struct {
		settings gcp.Settings
		want     []string
	}{
		"all":             {gcp.Settings{Scope: organization}, []string{"acme/shop-1", "acme/shop-2"}},
		"a folder":        {gcp.Settings{Scope: "folders/8"}, []string{"acme/shop-2"}},
		"below a folder":  {gcp.Settings{Scope: organization, Projects: &gcp.Projects{Folders: []string{"folders/7"}}}, []string{"acme/shop-1"}},
		"without folder":  {gcp.Settings{Scope: organization, Projects: &gcp.Projects{ExcludeFolders: []string{"folders/7"}}}, []string{"acme/shop-2"}},
		"by label":        {gcp.Settings{Scope: organization, Projects: &gcp.Projects{Labels: map[string]string{"env": "prod"}}}, []string{"acme/shop-1", "acme/shop-2"}},
		"by other label":  {gcp.Settings{Scope: organization, Projects: &gcp.Projects{Labels: map[string]string{"env": "dev"}}}, []string{}},
		"without pattern": {gcp.Settings{Scope: organization, Projects: &gcp.Projects{Exclude: []string{"*-2"}}}, []string{"acme/shop-1"}},
		"none":            {gcp.Settings{Scope: organization, Members: gcp.MembersNone}, []string{}},
		"of a project":    {gcp.Settings{Scope: "projects/shop-1"}, []string{}},
	} {
		if diff := cmp.Diff(c.want, names(members(t, gcp.New(gcp.Options{}), account(t, server, c.settings)))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMembers_ThatCannotBeListed(t *testing.T) {
	t.Parallel()
	server := company(t)
	server.Refuse(every, -1, codes.PermissionDenied, "IAM_PERMISSION_DENIED", nil)
	_, err := gcp.New(gcp.Options{}).Members(t.Context(), account(t, server, gcp.Settings{Scope: organization}))
	if class, permission := classOf(err); class != providers.AccessDenied || permission != "cloudasset.assets.listResource" {
		t.Error(err)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	server := company(t)
	for scope, want := range map[string]string{"projects/shop-1": "shop-1", "projects/22": "shop-2", organization: organization} {
		got, err := gcp.New(gcp.Options{}).Identify(t.Context(), account(t, server, gcp.Settings{Scope: scope}))
		if got != want || err != nil {
			t.Errorf("%s: %q %v", scope, got, err)
		}
	}
	if _, err := gcp.New(gcp.Options{}).Identify(t.Context(), account(t, server, gcp.Settings{Scope: "projects/99"})); err == nil {
		t.Error("a project that is not there has an id")
	}
}

// TestRead_OfAParentServesItsMembers reads a parent and then its members: whatever they hold comes from the
// listing of the parent, and each holds what it would list itself.
func TestRead_OfAParentServesItsMembers(t *testing.T) {
	t.Parallel()
	server := company(t)
	provider, parent := gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization})
	if diff := cmp.Diff([]string{"//cloudresourcemanager.googleapis.com/folders/7 properties"}, whole(t, provider, parent).ids()); diff != "" {
		t.Error(diff)
	}
	made := calls(server, every)
	if made != len(gcp.Contents())+1 {
		t.Errorf("%d calls for the parent", made)
	}
	for name, want := range map[string][]string{
		"acme/shop-1": {
			"//cloudresourcemanager.googleapis.com/projects/11 properties", "//compute.googleapis.com/projects/shop-1/global/networks/n properties",
			"//storage.googleapis.com/one iamPolicy", "//storage.googleapis.com/one properties",
		},
		"acme/shop-2": {"//cloudresourcemanager.googleapis.com/projects/22 properties", "//storage.googleapis.com/two iamPolicy", "//storage.googleapis.com/two properties"},
	} {
		member := named(t, provider, parent, name)
		before := calls(server, every)
		swept := whole(t, provider, member)
		if diff := cmp.Diff(want, swept.ids()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if after := calls(server, every); after != before {
			t.Errorf("%s was listed once more", name)
		}
		listed := whole(t, gcp.New(gcp.Options{}), member)
		if diff := cmp.Diff(byPart(listed.resources), byPart(swept.resources)); diff != "" {
			t.Errorf("%s (-listed +swept):\n%s", name, diff)
		}
	}
}

func named(t *testing.T, provider *gcp.Provider, parent providers.Account, name string) providers.Account {
	t.Helper()
	all := members(t, provider, parent)
	at := slices.IndexFunc(all, func(a providers.Account) bool { return a.Name == name })
	if at < 0 {
		t.Fatalf("no member %s in %v", name, names(all))
	}
	return all[at]
}

// TestRead_OfAMemberAlone lists its project: without its parent, a second time, and where the listing of the
// parent did not come to its end.
func TestRead_OfAMemberAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*testing.T, *gcptest.Server, *gcp.Provider, providers.Account, providers.Account)
	}{
		"without its parent": {func(*testing.T, *gcptest.Server, *gcp.Provider, providers.Account, providers.Account) {}},
		"again": {func(t *testing.T, _ *gcptest.Server, provider *gcp.Provider, parent, member providers.Account) {
			t.Helper()
			whole(t, provider, parent)
			whole(t, provider, member)
		}},
		"long after its parent": {func(t *testing.T, _ *gcptest.Server, provider *gcp.Provider, parent, _ providers.Account) {
			t.Helper()
			whole(t, provider, parent)
			provider.Later(time.Hour)
		}},
		"after its parent failed": {func(t *testing.T, server *gcptest.Server, provider *gcp.Provider, parent, _ providers.Account) {
			t.Helper()
			server.Refuse(func(call *assetpb.ListAssetsRequest) bool {
				return call.GetParent() == organization && len(call.GetAssetTypes()) == 0
			}, -1, codes.PermissionDenied, "", nil)
			if got := read(t.Context(), t, provider, parent); len(got.errs) != len(gcp.Contents()) {
				t.Error(got.errs)
			}
		}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			server := company(t)
			provider, parent := gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization})
			member := named(t, provider, parent, "acme/shop-1")
			c.before(t, server, provider, parent, member)
			if got := whole(t, provider, member); len(got.resources) != 4 {
				t.Errorf("%d records", len(got.resources))
			}
			own := calls(server, func(call *assetpb.ListAssetsRequest) bool { return call.GetParent() == "projects/shop-1" })
			if own != 3 {
				t.Errorf("%d calls for the project", own)
			}
		})
	}
}

// TestRead_OfAParentWhoseProjectsAreNotKnown reads what is the parent's own all the same.
func TestRead_OfAParentWhoseProjectsAreNotKnown(t *testing.T) {
	t.Parallel()
	server := company(t)
	server.Refuse(func(call *assetpb.ListAssetsRequest) bool { return len(call.GetAssetTypes()) > 0 }, -1, codes.NotFound, "", nil)
	got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization}))
	if diff := cmp.Diff([]string{"//cloudresourcemanager.googleapis.com/folders/7 properties"}, got.ids()); diff != "" {
		t.Error(diff)
	}
}

// TestRead_OfUnknownTypesTellsMembersToo has a type unknown in the parent's listing: it is no proof for
// members either.
func TestRead_OfUnknownTypesTellsMembersToo(t *testing.T) {
	t.Parallel()
	server := company(t)
	server.Unknown("storage.googleapis.com/Bukket")
	provider := gcp.New(gcp.Options{})
	parent := account(t, server, gcp.Settings{Scope: organization, AssetTypes: []string{"storage.googleapis.com/Bukket", bucketType}, Content: []string{"RESOURCE"}})
	read(t.Context(), t, provider, parent)
	got := read(t.Context(), t, provider, named(t, provider, parent, "acme/shop-1"))
	if len(got.gaps) != 1 || got.gaps[0].Type != "storage.googleapis.com/Bukket" || len(got.resources) != 1 {
		t.Errorf("gaps %v, %d resources", got.gaps, len(got.resources))
	}
}

// TestRead_OfAParentAndItsMembersAtOnce reads all accounts of a made-up organization at the same time: each
// resource is found once, in its project, and calls are bounded whatever members are listed themselves.
func TestRead_OfAParentAndItsMembersAtOnce(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Assets())
	numbers := server.Organization(t, providertest.Inventory{Size: 1200, Seed: 4})
	provider, parent := gcp.New(gcp.Options{Temp: t.TempDir()}), account(t, server, gcp.Settings{Scope: gcptest.InventoryScope, Content: []string{"RESOURCE"}})
	all := append(members(t, provider, parent), parent)
	if len(all) != len(numbers)+1 {
		t.Fatalf("%d members of %d", len(all)-1, len(numbers))
	}
	found := make([]*result, len(all))
	var group errgroup.Group
	for i, of := range all {
		group.Go(func() error {
			found[i] = read(t.Context(), t, provider, of)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for i, got := range found {
		for _, resource := range got.resources {
			at := resource.Type + " " + resource.ID
			if seen[at] != "" || "projects/"+numbers[all[i].CloudID] != resource.Ancestors[0] {
				t.Errorf("%s of %s is in %s and %q", at, resource.Ancestors[0], all[i].Name, seen[at])
			}
			seen[at] = all[i].Name
		}
		if len(got.errs)+len(got.gaps) > 0 {
			t.Error(all[i].Name, got.errs, got.gaps)
		}
	}
	madeUp := providertest.Inventory{Cloud: providers.GCP, Size: 1200, Seed: 4}
	want := len(numbers)
	for record := range madeUp.Resources() {
		if !strings.Contains(string(record), `"assetType":"cloudresourcemanager.googleapis.com/Project"`) {
			want++
		}
	}
	if len(seen) != want {
		t.Errorf("%d resources of %d in %d projects", len(seen), want, len(numbers))
	}
}

// TestRead_OfAnOrganizationBudget holds the number of calls for many small projects.
func TestRead_OfAnOrganizationBudget(t *testing.T) {
	t.Parallel()
	const projects, each = 40, 50
	var records []string
	for i := range projects {
		number := fmt.Sprint(100 + i)
		records = append(records, gcptest.Project("shop-"+number, number, "organizations/1"))
		for j := range each {
			records = append(records, bucket(fmt.Sprintf("b-%d-%d", i, j), `"ancestors": ["projects/`+number+`", "organizations/1"]`))
		}
	}
	server := gcptest.New(t, gcptest.Records(t, records...))
	provider, parent := gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization})
	resources := len(whole(t, provider, parent).resources)
	for _, member := range members(t, provider, parent) {
		resources += len(whole(t, provider, member).resources)
	}
	if want := projects * (2*each + 1); resources != want {
		t.Errorf("%d records of %d", resources, want)
	}
	// Three pages of resources, two of IAM policies, one of each other content type, and the projects for
	// the parent and for its members.
	if made := calls(server, every); made > 3+2+2+2 {
		t.Errorf("%d calls", made)
	}
}
