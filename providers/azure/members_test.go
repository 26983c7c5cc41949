package azure_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/azure/azuretest"
)

// parent is the account of a management group or a tenant.
func parent(c *azuretest.Cloud, members string) providers.Account {
	return providers.Account{Name: "acme", Key: "key", Provider: providers.Azure, Cloud: providers.Azure, Tags: map[string]string{"team": "ops"}, Settings: c.Settings(members)}
}

// organization is a cloud with subscriptions, one of which is deleted and one of which another tenant
// delegated to us, and management groups.
func organization(t *testing.T) *azuretest.Cloud {
	t.Helper()
	c := azuretest.New(t)
	c.Subscription(shop)
	c.Subscription(blog)
	c.Add(
		azuretest.Row{"id": "/subscriptions/" + sub(1), "type": "microsoft.resources/subscriptions", "tenantId": azuretest.Tenant, "properties": azuretest.Row{"state": "Deleted"}},
		azuretest.Row{"id": "/subscriptions/" + sub(2), "type": "microsoft.resources/subscriptions", "tenantId": sub(9), "properties": azuretest.Row{"state": "Enabled"}},
		azuretest.Row{"id": "/providers/Microsoft.Management/managementGroups/mg", "name": "mg", "type": "microsoft.management/managementgroups", "tenantId": azuretest.Tenant},
		row("/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/roleAssignments/r"),
		row("/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/policyAssignments/p"),
		row("/subscriptions/"+shop+"/providers/Microsoft.Authorization/roleAssignments/theirs"),
	)
	return c
}

func TestMembers(t *testing.T) {
	t.Parallel()
	c := organization(t)
	for name, tt := range map[string]struct {
		settings string
		want     []string
	}{
		"tenant":     {`"tenant": "` + azuretest.Tenant + `"`, []string{shop, blog}},
		"group":      {`"managementGroup": "mg"`, []string{sub(2), shop, blog}},
		"but_one":    {`"tenant": "` + azuretest.Tenant + `", "excludeSubscriptions": ["` + shop + `"]`, []string{blog}},
		"not_parent": {`"subscriptions": ["` + shop + `"]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members, err := newProvider().Members(t.Context(), parent(c, tt.settings))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, member := range members {
				got = append(got, member.CloudID)
				if member.Name != "acme/"+member.CloudID || member.Key != "" || member.Tags["team"] != "ops" || member.Provider != providers.Azure {
					t.Errorf("member %+v", member)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMembers_AreReadAsTheirParent reads a member with what its parent says.
func TestMembers_AreReadAsTheirParent(t *testing.T) {
	t.Parallel()
	c := organization(t)
	c.Add(row("/subscriptions/" + blog + "/resourceGroups/g/providers/Microsoft.Compute/disks/d"))
	members, err := newProvider().Members(t.Context(), parent(c, `"tenant": "`+azuretest.Tenant+`", "excludeSubscriptions": ["`+shop+`"]`+full))
	if err != nil || len(members) != 1 {
		t.Fatalf("members %v, %v", members, err)
	}
	var got azure.Settings
	if err := json.Unmarshal(members[0].Settings, &got); err != nil {
		t.Fatal(err)
	}
	want := azure.Settings{
		Subscriptions: []string{blog}, Cloud: azure.Public, Endpoint: c.URL, Inventory: azure.Full, Credentials: azure.Credentials{TenantID: azuretest.Tenant},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	r := scan(t, newProvider(), members[0], providers.Want{})
	r.clean(t)
	r.only(t, "Microsoft.Compute/disks")
}

// TestMembers_UnknownIsAnError holds that members which are not all known are not taken for all.
func TestMembers_UnknownIsAnError(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*azuretest.Cloud){
		"denied": func(c *azuretest.Cloud) {
			c.Refuse(azuretest.Everywhere, azuretest.Asked("graph"), http.StatusForbidden, "AccessDenied", planted)
		},
		"cut_off": func(c *azuretest.Cloud) {
			c.Say(azuretest.Everywhere, azuretest.Asked("graph"), `{"resultTruncated": "true", "data": []}`)
		},
		"limited": func(c *azuretest.Cloud) {
			c.Answer(azuretest.Everywhere, azuretest.Asked("graph"), func(w http.ResponseWriter, _ azuretest.Call) {
				w.Header().Set("X-Ms-Tenant-Subscription-Limit-Hit", "true")
				_, _ = w.Write([]byte(`{"data": []}`))
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := organization(t)
			answer(c)
			_, err := newProvider().Members(t.Context(), parent(c, `"managementGroup": "mg"`))
			known(t, err)
		})
	}
}

// TestParent_HoldsWhatIsInNoSubscription reads a parent itself.
func TestParent_HoldsWhatIsInNoSubscription(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{`"managementGroup": "mg"`, `"tenant": "` + azuretest.Tenant + `"`} {
		r := scan(t, newProvider(), parent(organization(t), settings), providers.Want{})
		r.clean(t)
		var got []string
		for _, resource := range r.resources {
			got = append(got, resource.Type+" "+resource.Name)
		}
		want := []string{"Microsoft.Management/managementGroups mg", "Microsoft.Authorization/roleAssignments r", "Microsoft.Authorization/policyAssignments p"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: resources (-want +got):\n%s", settings, diff)
		}
		if elsewhere := r.scopes["members"]; !elsewhere.Holds("Microsoft.Compute/disks") {
			t.Error("nobody says that the parent has no disks")
		}
	}
}

// TestParent_MayNotSee holds that roles at a management group that may not be read are gaps.
func TestParent_MayNotSee(t *testing.T) {
	t.Parallel()
	c := organization(t)
	c.Grant("/providers/Microsoft.Management/managementGroups/mg", "Microsoft.Management/*/read")
	r := scan(t, newProvider(), parent(c, `"managementGroup": "mg"`), providers.Want{})
	if gaps := r.gapsOf("Microsoft.Authorization/roleAssignments"); len(gaps) != 1 || gaps[0].Permission != "Microsoft.Authorization/roleAssignments/read" {
		t.Errorf("gaps %+v", r.gaps)
	}
	if gaps := r.gapsOf("Microsoft.Management/managementGroups"); len(gaps) > 0 {
		t.Errorf("gaps %+v", gaps)
	}
}
