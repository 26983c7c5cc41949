package gcp_test

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/gcp/gcptest"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/snapshot"
)

func TestProvider_KeepsTheContract(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Inventory(providertest.Inventory{Size: 120, Seed: 1}))
	providertest.Exercise(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: gcptest.InventoryScope, Members: gcp.MembersNone}))
}

func TestCollectors_PlanAScopeForEachContentType(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Records(t, bucket("a", inProject)))
	server.Project("shop-1", "11")
	for scope, want := range map[string]map[string]providers.Scope{
		organization:      scopes([]string{"iamPolicy", "orgPolicy", "accessPolicy"}, "resource", "iam-policy", "org-policy", "access-policy"),
		"folders/7":       scopes([]string{"iamPolicy"}, "resource", "iam-policy"),
		"projects/shop-1": scopes([]string{"iamPolicy"}, "resource", "iam-policy"),
	} {
		got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: scope}))
		if diff := cmp.Diff(want, got.scopes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
	}
}

func scopes(facets []string, names ...string) map[string]providers.Scope {
	all := map[string]providers.Scope{}
	for _, name := range names {
		all[name] = providers.Scope{Name: name, Region: providers.Anywhere, Whole: facets, Lag: 10 * time.Minute}
	}
	return all
}

// TestRead_IsWhatAnExportHolds reads the same inventory live and from files: everything but the scope's
// name has to agree, hashes and unread paths included.
func TestRead_IsWhatAnExportHolds(t *testing.T) {
	t.Parallel()
	inventory := providertest.Inventory{Cloud: providers.GCP, Size: 250, Seed: 7}
	server := gcptest.New(t, gcptest.Inventory(inventory))
	live := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: gcptest.InventoryScope, Members: gcp.MembersNone}))
	exported := &result{}
	for _, c := range snapshotOf(t, export(t, inventory)) {
		if err := c.Collect(t.Context(), exported); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(byPart(exported.resources), byPart(live.resources)); diff != "" {
		t.Errorf("exported and live differ (-exported +live):\n%s", diff)
	}
}

// export writes an inventory to a file. Over gRPC a number has a value and no digits, so that none ends in
// ".0" there.
func export(t *testing.T, inventory providertest.Inventory) string {
	t.Helper()
	var lines bytes.Buffer
	for _, records := range []iter.Seq[[]byte]{inventory.Resources(), inventory.Policies()} {
		for record := range records {
			lines.Write(bytes.ReplaceAll(record, []byte(`:1.0,`), []byte(`:1,`)))
			lines.WriteByte('\n')
		}
	}
	path := filepath.Join(t.TempDir(), "export.ndjson")
	if err := os.WriteFile(path, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func snapshotOf(t *testing.T, path string) []providers.Collector {
	t.Helper()
	settings := []byte(`{"format": "gcp-cai", "path": "` + filepath.ToSlash(path) + `"}`)
	collectors, err := snapshot.New().Collectors(t.Context(), providers.Account{Name: "shop", Provider: providers.Snapshot, Settings: settings}, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	return collectors
}

// byPart gives what was found by type, id and part, without its place in a listing.
func byPart(resources []*providers.Resource) map[string]providers.Resource {
	all := map[string]providers.Resource{}
	for _, resource := range resources {
		for part := range resource.Parts {
			plain := *resource
			plain.Rank.Scope, plain.Rank.Line = "", 0
			all[resource.Type+" "+resource.ID+" "+part] = plain
		}
	}
	return all
}

func TestRead_MapsEveryContentType(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Records(t,
		bucket("logs", inOrganization),
		`{"name": "//cloudresourcemanager.googleapis.com/organizations/1", "assetType": "cloudresourcemanager.googleapis.com/Organization", `+inOrganization+`,
			"orgPolicy": [{"constraint": "constraints/iam.allowedPolicyMemberDomains", "listPolicy": {"allValues": "DENY"}}]}`,
		`{"name": "//accesscontextmanager.googleapis.com/accessPolicies/5/accessLevels/vpn", "assetType": "accesscontextmanager.googleapis.com/AccessLevel", `+inOrganization+`,
			"accessLevel": {"name": "accessPolicies/5/accessLevels/vpn", "basic": {"conditions": [{"ipSubnetworks": ["10.0.0.0/8"]}]}}}`,
	))
	got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization}))
	golden(t, filepath.Join("testdata", "contents.golden"), written(t, got.resources))
}

// written writes resources for people to read.
func written(t *testing.T, resources []*providers.Resource) string {
	t.Helper()
	var b strings.Builder
	for _, r := range resources {
		b.WriteString(strings.Join([]string{r.Type, r.ID, r.Name, r.Region, r.UID, strings.Join(r.Ancestors, ","), r.Rank.Updated.Format(time.RFC3339Nano), r.Rank.Scope}, " | ") + "\n")
		for _, part := range []map[string]any{{"tags": tagged(r.Tags)}, values(r)} {
			text, err := providers.FormatValue(part)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("  " + string(text) + "\n")
		}
	}
	return b.String()
}

func tagged(tags map[string]string) map[string]any {
	all := map[string]any{}
	for key, value := range tags {
		all[key] = value
	}
	return all
}

func values(r *providers.Resource) map[string]any {
	all := map[string]any{}
	for name, part := range r.Parts {
		all[name] = part.Value
	}
	return all
}

// golden compares with a file, or writes it anew.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if gcp.Update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite it with -update:\n%s", path, diff)
	}
}

func TestRead_FollowsPagesThatAreShort(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Many(6500, "organizations/1"))
	server.ShortPages()
	got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization, Content: []string{"RESOURCE"}}))
	if len(got.resources) != 6500 {
		t.Errorf("%d resources of 6500", len(got.resources))
	}
}

func TestRead_AsksForOneMomentAndFullPages(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Many(2500, "folders/7"))
	before := time.Now()
	whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: "folders/7", Members: gcp.MembersNone}))
	at := server.Calls()[0].GetReadTime().AsTime()
	if age := before.Sub(at); age < 30*time.Second || age > 2*time.Minute {
		t.Errorf("the listing is of %s ago", age)
	}
	for _, call := range server.Calls() {
		if !call.GetReadTime().AsTime().Equal(at) || call.GetPageSize() != 1000 || call.GetParent() != "folders/7" {
			t.Errorf("call %v", call)
		}
	}
}

func TestRead_OfTypes(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Records(t, bucket("a", inProject), network("n", inProject)))
	server.Project("shop-1", "11")
	got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: "projects/shop-1", AssetTypes: []string{networkType, networkType}}))
	if diff := cmp.Diff([]string{"//compute.googleapis.com/projects/shop-1/global/networks/n properties"}, got.ids()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{networkType}, got.scopes["resource"].Types); diff != "" {
		t.Error(diff)
	}
}

// TestRead_LeavesOutOtherTypes has the API take a type for a regular expression that matches more.
func TestRead_LeavesOutOtherTypes(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Assets())
	server.Answer(every, -1, func(context.Context, func() (*assetpb.ListAssetsResponse, error)) (*assetpb.ListAssetsResponse, error) {
		return &assetpb.ListAssetsResponse{Assets: []*assetpb.Asset{
			{Name: "//a.googleapis.com/one", AssetType: "a.googleapis.com/One", Resource: &assetpb.Resource{}},
			{Name: "//a.googleapis.com/two", AssetType: "a.googleapis.com/OneMore", Resource: &assetpb.Resource{}},
		}}, nil
	})
	got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: "projects/shop-1", AssetTypes: []string{"a.googleapis.com/One"}, Content: []string{"RESOURCE"}}))
	if diff := cmp.Diff([]string{"//a.googleapis.com/one properties"}, got.ids()); diff != "" {
		t.Error(diff)
	}
}

// TestRead_Budget holds the number of calls: one for each thousand assets of a content type.
func TestRead_Budget(t *testing.T) {
	t.Parallel()
	const size = 10_000
	server := gcptest.New(t, gcptest.Many(size, "organizations/1"))
	got := whole(t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization, Members: gcp.MembersNone}))
	if len(got.resources) != 2*size {
		t.Errorf("%d records of %d", len(got.resources), 2*size)
	}
	for of, want := range map[assetpb.ContentType]int{
		assetpb.ContentType_RESOURCE: size / 1000, assetpb.ContentType_IAM_POLICY: size / 1000,
		assetpb.ContentType_ORG_POLICY: 1, assetpb.ContentType_ACCESS_POLICY: 1,
	} {
		if got := calls(server, content(of)); got > want {
			t.Errorf("%d calls for %v, want at most %d", got, of, want)
		}
	}
}
