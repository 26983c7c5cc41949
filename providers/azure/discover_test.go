package azure_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/azure/azuretest"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/shape"
)

func TestDiscover_MapsRows(t *testing.T) {
	t.Parallel()
	c, group := cloud(t, "Microsoft.Compute/disks/data")
	c.AddJSON([]byte(`{"id": "/subscriptions/` + strings.ToUpper(shop) + `/resourceGroups/WEB/providers/microsoft.storage/storageaccounts/Logs", "name": "logs",
		"type": "Microsoft.Storage/StorageAccounts", "location": "West Europe", "tags": null, "subscriptionId": "` + shop + `", "properties": {"size": 1234567890123456789}}`))
	r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
	r.clean(t)
	got := r.only(t, "Microsoft.Storage/storageAccounts")
	if got.ID != "/subscriptions/"+strings.ToUpper(shop)+"/resourceGroups/WEB/providers/microsoft.storage/storageaccounts/Logs" ||
		got.Identity != "/subscriptions/"+shop+"/resourcegroups/web/providers/microsoft.storage/storageaccounts/logs" || got.Region != "westeurope" {
		t.Errorf("read %+v", got)
	}
	if text := body(t, got, providers.Properties); !strings.Contains(text, "1234567890123456789") {
		t.Errorf("digits were lost: %s", text)
	}
	disk := r.only(t, "Microsoft.Compute/disks")
	if diff := cmp.Diff([]string{strings.ToLower(group), "/subscriptions/" + shop}, disk.Ancestors); diff != "" || disk.Tags["team"] != "shop" {
		t.Errorf("tags %v, ancestors (-want +got):\n%s", disk.Tags, diff)
	}
	if r.only(t, "Microsoft.Resources/subscriptions").Name != "sub-0d40" {
		t.Error("the subscription has another name")
	}
}

// TestDiscover_ReadsAllPages reads 2,500 rows in pages that are said not to be truncated.
func TestDiscover_ReadsAllPages(t *testing.T) {
	t.Parallel()
	c, group := cloud(t)
	for i := range 2500 {
		c.Add(row(fmt.Sprintf("%s/providers/Microsoft.Compute/disks/d%04d", group, i)))
	}
	r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
	r.clean(t)
	if disks := r.of("Microsoft.Compute/disks"); len(disks) != 2500 || disks[2499].Name != "d2499" {
		t.Errorf("read %d disks", len(disks))
	}
	if n := c.Count("graph: resources | order by id asc"); n != 3 {
		t.Errorf("%d queries", n)
	}
}

// TestDiscover_Tables holds which tables are read for what policies read.
func TestDiscover_Tables(t *testing.T) {
	t.Parallel()
	c, group := cloud(t)
	at := "/subscriptions/" + shop + "/providers/Microsoft.Authorization/"
	builtIn, own := row(at+"roleDefinitions/reader"), row(at+"roleDefinitions/own")
	builtIn["properties"], own["properties"] = azuretest.Row{"type": "BuiltInRole"}, azuretest.Row{"type": "CustomRole"}
	policy, brought := row(at+"policyAssignments/tags"), row(at+"policyDefinitions/theirs")
	brought["properties"] = azuretest.Row{"policyType": "BuiltIn"}
	c.Add(builtIn, own, row(at+"roleAssignments/a"), policy, brought)
	c.Add(azuretest.Row{"id": group, "name": "web", "type": "microsoft.resources/subscriptions/resourcegroups", "location": "westeurope"})
	c.Add(row(group + "/providers/Microsoft.Web/sites/a/providers/Microsoft.Security/assessments/x"))

	r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
	r.clean(t)
	if r.only(t, "Microsoft.Authorization/roleDefinitions").Name != "own" || r.only(t, "Microsoft.Resources/resourceGroups").Region != "westeurope" {
		t.Error("roles that Azure brings along were read")
	}
	r.only(t, "Microsoft.Authorization/roleAssignments")
	if c.Count("policyresources") > 0 || c.Count("securityresources") > 0 {
		t.Error("tables were read that no policy reads")
	}

	r = scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Authorization/policyAssignments"))
	r.clean(t)
	r.only(t, "Microsoft.Authorization/policyAssignments")
	if diff := cmp.Diff([]string{"Microsoft.Authorization/policyAssignments"}, r.scopes["policy"].Types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}

	r = scan(t, newProvider(), account(c, full, shop), providers.Want{})
	r.clean(t)
	r.only(t, "Microsoft.Security/assessments")
	if len(r.of("Microsoft.Authorization/policyDefinitions")) > 0 {
		t.Error("policies that Azure brings along were read")
	}
}

// TestDiscover_ChildrenByNeed holds that what Resource Manager has below a resource is read where a policy
// reads its type, and that the plan says so.
func TestDiscover_ChildrenByNeed(t *testing.T) {
	t.Parallel()
	c, group := cloud(t, "Microsoft.Sql/servers/s", "Microsoft.Storage/storageAccounts/a", "Microsoft.Web/sites/w", "Microsoft.KeyVault/vaults/v")
	c.Hold(group+"/providers/Microsoft.Sql/servers/s/firewallRules/office", azuretest.Row{"startIpAddress": "192.0.2.0"})
	c.Hold(group+"/providers/Microsoft.Sql/servers/s/firewallRules/all", azuretest.Row{"startIpAddress": "0.0.0.0"})
	c.Hold(group+"/providers/Microsoft.Storage/storageAccounts/a/blobServices/default", azuretest.Row{"deleteRetentionPolicy": azuretest.Row{"enabled": true}})
	c.Hold(group+"/providers/Microsoft.Web/sites/w/config/web", azuretest.Row{"minTlsVersion": "1.2"})
	c.Hold("/subscriptions/"+shop+"/providers/microsoft.insights/diagnosticSettings/log", azuretest.Row{"workspaceId": "/w"})
	c.Hold("/subscriptions/"+shop+"/providers/Microsoft.Security/pricings/Arm", azuretest.Row{"pricingTier": "Free"})
	for name, tt := range map[string]struct {
		want       providers.Want
		settings   string
		got        []string
		scope, not string
	}{
		"nothing": {providers.Want{}, "", nil, "", "Microsoft.Sql/servers/firewallRules"},
		"any":     {reads("* /tags"), "", nil, "", "Microsoft.Sql/servers/firewallRules"},
		"rules":   {reads("Microsoft.Sql/servers/firewallRules /properties"), "", []string{"all", "office"}, "resources", ""},
		"blobs":   {reads("Microsoft.Storage/storageAccounts/blobServices"), "", []string{"default"}, "resources", ""},
		"config":  {reads("Microsoft.Web/sites/config"), "", []string{"web"}, "resources", ""},
		"log":     {reads("Microsoft.Insights/diagnosticSettings"), "", []string{"log"}, "containers", ""},
		"plan":    {reads("Microsoft.Security/pricings"), "", []string{"Arm"}, "containers", ""},
		"all":     {providers.Want{}, full, []string{"all", "office", "default", "web", "log", "Arm"}, "", ""},
		"none":    {reads("Microsoft.KeyVault/vaults/keys"), "", nil, "resources", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := scan(t, newProvider(), account(c, tt.settings, shop), tt.want)
			r.clean(t)
			got := map[string]bool{}
			for _, resource := range r.resources {
				got[resource.Name] = true
			}
			for _, name := range tt.got {
				if !got[name] {
					t.Errorf("%s is missing", name)
				}
			}
			if len(got) != len(tt.got)+5 { // the subscription and its four resources
				t.Errorf("read %v", got)
			}
			for wanted := range tt.want.Paths {
				if scope := r.scopes[tt.scope]; tt.scope != "" && !scope.Holds(wanted) {
					t.Errorf("the scope %s does not hold %s", tt.scope, wanted)
				}
			}
			for _, scope := range r.scopes {
				if tt.not != "" && scope.Holds(tt.not) {
					t.Errorf("the scope %s claims to hold %s", scope.Name, tt.not)
				}
			}
		})
	}
}

func TestDiscover_ChildrenAreResources(t *testing.T) {
	t.Parallel()
	c, group := cloud(t, "Microsoft.Sql/servers/s")
	c.Hold(group+"/providers/Microsoft.Sql/servers/s/firewallRules/office", azuretest.Row{"startIpAddress": "192.0.2.0"})
	c.Hold("/subscriptions/"+shop+"/providers/microsoft.insights/diagnosticSettings/log", azuretest.Row{"workspaceId": "/w"})
	r := scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Sql/servers/firewallRules", "Microsoft.Insights/diagnosticSettings"))
	rule := r.only(t, "Microsoft.Sql/servers/firewallRules")
	if rule.Region != "westeurope" || rule.Name != "office" || body(t, rule, providers.Properties) != `{"properties":{"startIpAddress":"192.0.2.0"}}` {
		t.Errorf("read %+v", rule)
	}
	if log := r.only(t, "Microsoft.Insights/diagnosticSettings"); log.Region != providers.Global {
		t.Errorf("read %+v", log)
	}
}

// TestFacets_AreReadByNeed holds that a facet is read for what a policy reads of it or around it, and that
// the other parts are the same whatever is read.
func TestFacets_AreReadByNeed(t *testing.T) {
	t.Parallel()
	c, group := cloud(t, "Microsoft.Sql/servers/s")
	server := group + "/providers/Microsoft.Sql/servers/s"
	c.Hold(server+"/auditingSettings/default", azuretest.Row{"state": "Enabled"})
	c.Hold(server+"/administrators/ActiveDirectory", azuretest.Row{"login": "dba"})
	hashes := map[string]providers.Hash{}
	for _, tt := range []struct {
		settings string
		want     providers.Want
		facets   []string
	}{
		{"", providers.Want{}, nil},
		{"", reads("Microsoft.Sql/servers /tags", "Microsoft.Sql/servers /properties/properties/version"), nil},
		{"", reads("Microsoft.Storage/storageAccounts /properties/_azure/auditingSettings"), nil},
		{"", reads("Microsoft.Sql/servers /properties/_azure/auditingSettings/properties/state"), []string{"auditingSettings"}},
		{"", reads("* /properties/_azure/administrators/*/properties"), []string{"administrators"}},
		{"", reads("Microsoft.Sql/servers "), sqlFacets},
		{full, providers.Want{}, sqlFacets},
	} {
		r := scan(t, newProvider(), account(c, tt.settings, shop), tt.want)
		r.clean(t)
		got := []string{}
		found := r.only(t, "Microsoft.Sql/servers")
		for name, part := range found.Parts {
			if facet, isPiece := strings.CutPrefix(name, "properties:"); isPiece {
				got = append(got, facet)
			}
			if before, known := hashes[name]; known && before != part.Hash {
				t.Errorf("%v: part %s has another hash than when less was read", tt.want, name)
			}
			hashes[name] = part.Hash
		}
		slices.Sort(got)
		if diff := cmp.Diff(append([]string{}, tt.facets...), got); diff != "" {
			t.Errorf("%v: facets (-want +got):\n%s", tt.want, diff)
		}
		for _, facet := range sqlFacets {
			want := map[bool]providers.Class{true: "", false: providers.NotRead}[slices.Contains(got, facet)]
			if class := unread(found, "/properties/_azure/"+facet); class != want {
				t.Errorf("%v: %s is unread as %q", tt.want, facet, class)
			}
		}
	}
}

var sqlFacets = []string{"administrators", "auditingSettings", "encryptionProtector", "securityAlertPolicies", "vulnerabilityAssessments"}

// TestFacets_StandInTheMainPart holds what policies find of facets: objects, lists, and what does not exist.
func TestFacets_StandInTheMainPart(t *testing.T) {
	t.Parallel()
	c, group := cloud(t, "Microsoft.Sql/servers/s", "Microsoft.KeyVault/vaults/v")
	server, vault := group+"/providers/Microsoft.Sql/servers/s", group+"/providers/Microsoft.KeyVault/vaults/v"
	c.Hold(server+"/auditingSettings/default", azuretest.Row{"state": "Enabled", "storageAccountAccessKey": "bm90LWEtc2VjcmV0LWF0LWFsbA=="})
	c.Hold(vault+"/providers/Microsoft.Insights/diagnosticSettings/a", azuretest.Row{"logs": []any{}})
	r := scan(t, newProvider(), account(c, full, shop), providers.Want{})
	r.clean(t)
	found := r.only(t, "Microsoft.Sql/servers")
	found.Join()
	text := body(t, found, providers.Properties)
	for _, want := range []string{
		`"auditingSettings":{"id":"` + server + `/auditingSettings/default","name":"default","properties":{"state":"Enabled","storageAccountAccessKey":"[redacted]"}`,
		`"securityAlertPolicies":{}`, `"administrators":[]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the server lacks %s: %s", want, text)
		}
	}
	if class := unread(found, "/properties/_azure/auditingSettings/properties/storageAccountAccessKey"); class != providers.RedactedValue {
		t.Errorf("a secret is unread as %q", class)
	}
	if text := body(t, r.only(t, "Microsoft.KeyVault/vaults"), "properties:diagnosticSettings"); !strings.Contains(text, `[{"id":"`+vault+`/providers/Microsoft.Insights/diagnosticSettings/a"`) {
		t.Errorf("the vault has %s", text)
	}
}

// TestDiscover_LeavesToResourceGraphWhatItHolds holds that nothing is asked twice.
func TestDiscover_LeavesToResourceGraphWhatItHolds(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t, "Microsoft.Network/networkWatchers/n", "Microsoft.Network/networkWatchers/n/flowLogs/f")
	r := scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Network/networkWatchers/flowLogs"))
	r.clean(t)
	r.only(t, "Microsoft.Network/networkWatchers/flowLogs")
	if n := c.Count("networkWatchers/n/flowLogs"); n > 0 {
		t.Errorf("%d calls for what Resource Graph holds", n)
	}
}

func TestDiscover_SeveralSubscriptions(t *testing.T) {
	t.Parallel()
	c := azuretest.New(t)
	var ids []string
	for i := range 201 {
		ids = append(ids, sub(i))
		c.Add(row(c.Subscription(sub(i)) + "/resourceGroups/g/providers/Microsoft.Compute/disks/d"))
	}
	r := scan(t, newProvider(), account(c, "", ids...), providers.Want{})
	r.clean(t)
	if n := len(r.of("Microsoft.Compute/disks")); n != 201 || c.Count("graph: resources | order") != 2 {
		t.Errorf("%d disks in %d queries", n, c.Count("graph: resources | order"))
	}
}

func TestExercise(t *testing.T) {
	t.Parallel()
	c := azuretest.New(t)
	inventory(c, 200, 3)
	providertest.Exercise(t, newProvider(), account(c, full, sub(0), sub(1), sub(2)))
	providertest.Exercise(t, newProvider(), account(c, "", sub(0)))
}

// TestDiscover_TypesAreCanonical holds that nothing goes by a type that is not spelled as the API does.
func TestDiscover_TypesAreCanonical(t *testing.T) {
	t.Parallel()
	c := azuretest.New(t)
	inventory(c, 400, 1)
	r := scan(t, newProvider(), account(c, full, sub(0)), providers.Want{})
	r.clean(t)
	for _, scope := range r.scopes {
		for _, name := range scope.Types {
			if canonical := shape.ARMType(strings.ToLower(name)); canonical != name {
				t.Errorf("scope %s holds %s, which is %s", scope.Name, name, canonical)
			}
		}
	}
	for _, resource := range r.resources {
		if canonical := shape.ARMType(strings.ToLower(resource.Type)); canonical != resource.Type {
			t.Errorf("%s is a %s, which is %s", resource.ID, resource.Type, canonical)
		}
	}
}
