package azure_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/azure/azuretest"
)

// planted stands in what services answer, and may never be repeated.
const planted = "planted-0c1d"

// rowsQuery is in the name of the query for resources.
const rowsQuery = "graph: resources | order"

// known gives an error of ours.
func known(t *testing.T, err error) *providers.Error {
	t.Helper()
	var found *providers.Error
	if !errors.As(err, &found) {
		t.Fatalf("got the error %v", err)
	}
	if strings.Contains(err.Error(), planted) {
		t.Errorf("the error repeats what was answered: %v", err)
	}
	return found
}

// TestFailure_OfAQuery holds what becomes of a scope whose query fails.
func TestFailure_OfAQuery(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status, times int
		code          string
		class         providers.Class
		permission    string
		calls         int
	}{
		"denied":            {http.StatusForbidden, azuretest.Everywhere, "AccessDenied", providers.AccessDenied, "Microsoft.ResourceGraph/resources/read", 1},
		"denied_by_org":     {http.StatusForbidden, azuretest.Everywhere, "DenyAssignmentAuthorizationFailed", providers.DeniedByOrg, "Microsoft.ResourceGraph/resources/read", 1},
		"throttled":         {http.StatusTooManyRequests, 3, "RateLimiting", "", "", 4},
		"throttled_forever": {http.StatusTooManyRequests, azuretest.Everywhere, "RateLimiting", providers.Throttled, "", 7},
		"broken":            {http.StatusBadGateway, 2, "BadGateway", "", "", 3},
		"broken_forever":    {http.StatusInternalServerError, azuretest.Everywhere, "InternalServerError", providers.Failure, "", 7},
		"slow":              {http.StatusGatewayTimeout, azuretest.Everywhere, "GatewayTimeout", providers.Timeout, "", 7},
		"odd":               {http.StatusBadRequest, azuretest.Everywhere, planted + " {", providers.Failure, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := cloud(t, "Microsoft.Compute/disks/d")
			c.Refuse(tt.times, azuretest.Asked(rowsQuery), tt.status, tt.code, planted)
			r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
			if n := c.Count(rowsQuery); n != tt.calls {
				t.Errorf("%d calls", n)
			}
			if len(r.of("Microsoft.Resources/subscriptions")) != 1 || len(r.gaps) > 0 {
				t.Errorf("other scopes suffered: gaps %+v, errors %v", r.gaps, r.errs)
			}
			if tt.class == "" {
				r.only(t, "Microsoft.Compute/disks")
				return
			}
			if err := known(t, r.errs["resources"]); err.Class != tt.class || err.Permission != tt.permission || len(r.errs) != 1 {
				t.Errorf("errors %v, class %s, permission %s", r.errs, err.Class, err.Permission)
			}
		})
	}
}

// TestFailure_OfARead holds what becomes of facets and of types of children whose read fails.
func TestFailure_OfARead(t *testing.T) {
	t.Parallel()
	const action = "does not have authorization to perform action 'Microsoft.Sql/servers/own/read' over scope '" + planted + "'"
	for name, tt := range map[string]struct {
		status        int
		code, message string
		class         providers.Class
		permission    string // of the facet; of the rules where the message names none
		calls         int
	}{
		"denied":       {http.StatusForbidden, "AuthorizationFailed", action, providers.AccessDenied, "Microsoft.Sql/servers/own/read", 1},
		"denied_bare":  {http.StatusForbidden, "Forbidden", planted, providers.AccessDenied, "", 1},
		"throttled":    {http.StatusTooManyRequests, "TooManyRequests", planted, providers.Throttled, "", 7},
		"broken":       {http.StatusServiceUnavailable, "ServerBusy", planted, providers.Failure, "", 7},
		"misread":      {http.StatusBadRequest, "InvalidApiVersionParameter", planted, providers.Failure, "", 1},
		"absent":       {http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.Sql/servers/s/auditingSettings/default' was not found", "", "", 1},
		"unfit":        {http.StatusBadRequest, "FeatureNotSupportedForAccount", planted, "", "", 1},
		"unregistered": {http.StatusConflict, "MissingSubscriptionRegistration", planted, "", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, group := cloud(t, "Microsoft.Sql/servers/s", "Microsoft.Sql/servers/t")
			server := group + "/providers/Microsoft.Sql/servers/s"
			c.HoldAlike("auditingSettings/default", azuretest.Row{"state": "Enabled"})
			c.HoldAlike("firewallRules/office", azuretest.Row{})
			for _, path := range []string{"/auditingSettings/default", "/firewallRules"} {
				c.Refuse(azuretest.Everywhere, azuretest.Asked(server+path), tt.status, tt.code, tt.message)
			}
			r := scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Sql/servers /properties/_azure/auditingSettings", "Microsoft.Sql/servers/firewallRules"))
			servers := r.of("Microsoft.Sql/servers")
			if len(servers) != 2 || len(r.of("Microsoft.Sql/servers/firewallRules")) != 1 || len(r.errs) > 0 || c.Count(server+"/firewallRules") != tt.calls {
				t.Fatalf("read %d servers, %d rules in %d calls, errors %v", len(servers), len(r.of("Microsoft.Sql/servers/firewallRules")), c.Count(server+"/firewallRules"), r.errs)
			}
			if class := unread(servers[0], "/properties/_azure/auditingSettings"); class != tt.class || unread(servers[1], "/properties/_azure/auditingSettings") != "" {
				t.Errorf("the facet is unread as %q", class)
			}
			if _, read := servers[0].Parts["properties:auditingSettings"]; read != (tt.class == "") {
				t.Errorf("the facet was read: %v", read)
			}
			permit := func(otherwise string) string {
				if tt.class == providers.AccessDenied && tt.permission == "" {
					return otherwise
				}
				return tt.permission
			}
			facet := []providers.Gap{{
				Region: "*", Type: "Microsoft.Sql/servers", Facet: "properties:auditingSettings", Class: tt.class, Permission: permit("Microsoft.Sql/servers/auditingSettings/read"),
				Place: "Microsoft.Sql/servers/auditingSettings/read " + server, Paths: []string{"/properties/_azure/auditingSettings"},
			}}
			rules := []providers.Gap{{
				Region: "*", Type: "Microsoft.Sql/servers/firewallRules", Class: tt.class, Permission: permit("Microsoft.Sql/servers/firewallRules/read"),
				Place: "Microsoft.Sql/servers/firewallRules/read " + server,
			}}
			if tt.class == "" {
				facet, rules = []providers.Gap{}, []providers.Gap{}
			}
			if diff := cmp.Diff(facet, r.gapsOf("Microsoft.Sql/servers")); diff != "" {
				t.Errorf("gaps of the facet (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(rules, r.gapsOf("Microsoft.Sql/servers/firewallRules")); diff != "" {
				t.Errorf("gaps of the children (-want +got):\n%s", diff)
			}
			for _, gap := range r.gaps {
				if strings.Contains(gap.Reason, planted) || gap.Reason == "" {
					t.Errorf("the gap says %q", gap.Reason)
				}
			}
		})
	}
}

// TestFailure_GoneWhileRead holds that what went between the listing and a read is left out.
func TestFailure_GoneWhileRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ code, message string }{
		"parent":       {"ParentResourceNotFound", "Can not perform requested operation on nested resource."},
		"group":        {"ResourceGroupNotFound", "Resource group 'web' could not be found."},
		"subscription": {"SubscriptionNotFound", "The subscription could not be found."},
		"resource":     {"ResourceNotFound", "The Resource 'Microsoft.Sql/servers/S' under resource group 'web' was not found."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, group := cloud(t, "Microsoft.Sql/servers/s", "Microsoft.Sql/servers/t")
			c.Refuse(azuretest.Everywhere, azuretest.Asked(group+"/providers/Microsoft.Sql/servers/s/"), http.StatusNotFound, tt.code, tt.message)
			r := scan(t, newProvider(), account(c, full, shop), providers.Want{})
			r.clean(t)
			if got := r.only(t, "Microsoft.Sql/servers"); got.Name != "t" || c.Count("servers/s/") != 1 {
				t.Errorf("read %s after %d calls", got.Name, c.Count("servers/s/"))
			}
		})
	}
}

// TestFailure_SilentlyMissing holds that what Resource Graph leaves out is a gap.
func TestFailure_SilentlyMissing(t *testing.T) {
	t.Parallel()
	t.Run("subscription", func(t *testing.T) {
		t.Parallel()
		c, _ := cloud(t, "Microsoft.Compute/disks/d")
		r := scan(t, newProvider(), account(c, "", shop, blog), providers.Want{})
		r.only(t, "Microsoft.Compute/disks")
		want := providers.Gap{
			Region: "*", Class: providers.AccessDenied, Permission: "Microsoft.Resources/subscriptions/read",
			Place: "Microsoft.ResourceGraph/resources/read /subscriptions/" + blog,
		}
		if diff := cmp.Diff([]providers.Gap{want, want, want}, r.gapsOf("")); diff != "" || len(r.scopes) != 3 {
			t.Errorf("%d scopes, gaps (-want +got):\n%s", len(r.scopes), diff)
		}
	})
	t.Run("all_subscriptions", func(t *testing.T) {
		t.Parallel()
		c, _ := cloud(t)
		_, err := newProvider().Collectors(t.Context(), account(c, "", blog), providers.Want{})
		if err := known(t, err); err.Class != providers.AccessDenied || err.Permission != "Microsoft.Resources/subscriptions/read" {
			t.Errorf("got %+v", err)
		}
	})
	t.Run("type", func(t *testing.T) {
		t.Parallel()
		c, _ := cloud(t, "Microsoft.Compute/disks/d")
		c.Grant("/subscriptions/"+shop, "Microsoft.Resources/*/read", "Microsoft.Compute/*")
		r := scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Sql/servers/firewallRules"))
		want := []providers.Gap{{
			Region: "*", Type: "Microsoft.Sql/servers", Class: providers.AccessDenied, Permission: "Microsoft.Sql/servers/read",
			Place: "Microsoft.ResourceGraph/resources/read /subscriptions/" + shop,
		}}
		if diff := cmp.Diff(want, r.gapsOf("Microsoft.Sql/servers")); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
		for _, name := range []string{"Microsoft.Compute/disks", "Microsoft.Resources/resourceGroups", "Microsoft.Sql/servers/firewallRules", ""} {
			if gaps := r.gapsOf(name); len(gaps) > 0 {
				t.Errorf("gaps of %q: %+v", name, gaps)
			}
		}
	})
}

// TestFailure_GrantsUnknown holds what it means that nobody can tell what is left out.
func TestFailure_GrantsUnknown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		gaps   int
	}{"denied": {http.StatusForbidden, 3}, "not_in_this_cloud": {http.StatusNotFound, 0}, "broken": {http.StatusBadGateway, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := cloud(t, "Microsoft.Compute/disks/d")
			c.Refuse(azuretest.Everywhere, azuretest.Asked("/permissions"), tt.status, "Any", planted)
			r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
			r.only(t, "Microsoft.Compute/disks")
			if gaps := r.gapsOf(""); len(gaps) != tt.gaps || len(r.errs) > 0 {
				t.Errorf("gaps %+v, errors %v", gaps, r.errs)
			}
		})
	}
}

// TestFailure_BatchesGoOn holds that a batch that cannot be read is a gap, and the others are read.
func TestFailure_BatchesGoOn(t *testing.T) {
	t.Parallel()
	c := azuretest.New(t)
	var ids []string
	for i := range 201 {
		ids = append(ids, sub(i))
		c.Add(row(c.Subscription(sub(i)) + "/resourceGroups/g/providers/Microsoft.Compute/disks/d"))
	}
	c.Refuse(1, azuretest.Asked(rowsQuery), http.StatusForbidden, "AccessDenied", planted)
	r := scan(t, newProvider(), account(c, "", ids...), providers.Want{})
	want := []providers.Gap{{
		Region: "*", Class: providers.AccessDenied, Permission: "Microsoft.ResourceGraph/resources/read", Place: "Microsoft.ResourceGraph/resources/read",
	}}
	if diff := cmp.Diff(want, r.gapsOf("")); diff != "" || len(r.errs) > 0 || len(r.of("Microsoft.Compute/disks")) != 1 {
		t.Errorf("read %d disks, errors %v, gaps (-want +got):\n%s", len(r.of("Microsoft.Compute/disks")), r.errs, diff)
	}
}

// TestFailure_OfPages holds that no answer passes for whole that is not.
func TestFailure_OfPages(t *testing.T) {
	t.Parallel()
	const disk = `{"id": "/subscriptions/` + shop + `/resourceGroups/g/providers/Microsoft.Compute/disks/d", "type": "microsoft.compute/disks"}`
	for name, answer := range map[string]string{
		"repeated_token": `{"totalRecords": 9, "$skipToken": "again", "data": [` + disk + `]}`,
		"cut_off":        `{"totalRecords": 1, "resultTruncated": "true", "data": [` + disk + `]}`,
		"too_few":        `{"totalRecords": 2, "resultTruncated": "false", "data": [` + disk + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := cloud(t, "Microsoft.Compute/disks/d")
			c.Say(azuretest.Everywhere, azuretest.Asked(rowsQuery), answer)
			r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
			if err := known(t, r.errs["resources"]); err.Class != providers.Failure || len(r.of("Microsoft.Compute/disks")) == 0 {
				t.Errorf("read %d disks, error %v", len(r.of("Microsoft.Compute/disks")), err)
			}
			if n := c.Count(rowsQuery); n > 2 {
				t.Errorf("%d queries", n)
			}
		})
	}
	t.Run("too_many_subscriptions", func(t *testing.T) {
		t.Parallel()
		c, _ := cloud(t)
		c.Answer(azuretest.Everywhere, azuretest.Asked(rowsQuery), func(w http.ResponseWriter, _ azuretest.Call) {
			w.Header().Set("X-Ms-Tenant-Subscription-Limit-Hit", "true")
			_, _ = w.Write([]byte(`{"totalRecords": 0, "data": []}`))
		})
		r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
		known(t, r.errs["resources"])
	})
	t.Run("stale_token", func(t *testing.T) {
		t.Parallel()
		for _, times := range []int{1, azuretest.Everywhere} {
			c, _ := cloud(t, "Microsoft.Compute/disks/a", "Microsoft.Compute/disks/b")
			c.Top = 1
			second := func(call azuretest.Call) bool {
				return azuretest.Asked(rowsQuery)(call) && strings.Contains(string(call.Body), "row-1")
			}
			c.Refuse(times, second, http.StatusBadRequest, "BadRequest", "the token is not valid")
			r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
			if failed := r.errs["resources"] != nil; failed != (times != 1) {
				t.Errorf("with %d refusals: errors %v", times, r.errs)
			}
			if n := c.Count(rowsQuery); n != 4 {
				t.Errorf("with %d refusals: %d queries", times, n)
			}
		}
	})
}

// TestFailure_OfLists holds how pages of Resource Manager are followed.
func TestFailure_OfLists(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		next  string // what stands behind the address of the list
		class providers.Class
		rules int
	}{
		"followed":      {"?api-version=2021-11-01&page=2", "", 2},
		"in_circles":    {"?api-version=2021-11-01", providers.Failure, 0},
		"to_other_host": {"@evil.example/", providers.Failure, 0},
		"nonsense":      {"%zz", providers.Decode, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, group := cloud(t, "Microsoft.Sql/servers/s")
			list := group + "/providers/Microsoft.Sql/servers/s/firewallRules"
			link := c.URL + list + tt.next
			if strings.HasPrefix(tt.next, "@") {
				link = strings.Replace(c.URL, "http://", "http://x"+tt.next, 1)
			}
			c.Say(1, azuretest.Asked(list), `{"value": [{"id": "`+list+`/a"}], "nextLink": "`+link+`"}`)
			c.Say(1, azuretest.Asked(list), `{"value": [{"id": "`+list+`/b"}]}`)
			r := scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Sql/servers/firewallRules"))
			gaps := r.gapsOf("Microsoft.Sql/servers/firewallRules")
			if len(r.of("Microsoft.Sql/servers/firewallRules")) != tt.rules || len(gaps) != 1-min(tt.rules, 1) || len(gaps) == 1 && gaps[0].Class != tt.class {
				t.Errorf("read %d rules, gaps %+v", len(r.of("Microsoft.Sql/servers/firewallRules")), r.gaps)
			}
		})
	}
}

// TestFailure_Malformed holds that what cannot be understood is a gap, and the rest is read.
func TestFailure_Malformed(t *testing.T) {
	t.Parallel()
	c, group := cloud(t, "Microsoft.Compute/disks/d", "Microsoft.Sql/servers/s", "Microsoft.Web/sites/w")
	c.AddJSON([]byte(`{"id": "` + planted + `", "type": "microsoft.network/publicipaddresses", "subscriptionId": "` + shop + `"}`))
	c.Say(azuretest.Everywhere, azuretest.Asked("servers/s/firewallRules"), `{"value": [{"name": "`+planted+`"}, {"id": "`+group+`/providers/Microsoft.Sql/servers/s/firewallRules/a"}]}`)
	c.Say(azuretest.Everywhere, azuretest.Asked("sites/w/config/web"), planted)
	r := scan(t, newProvider(), account(c, "", shop), reads("Microsoft.Sql/servers/firewallRules", "Microsoft.Web/sites/config"))
	for _, name := range []string{"Microsoft.Compute/disks", "Microsoft.Sql/servers", "Microsoft.Web/sites", "Microsoft.Sql/servers/firewallRules"} {
		r.only(t, name)
	}
	for _, name := range []string{"Microsoft.Network/publicIPAddresses", "Microsoft.Sql/servers/firewallRules", "Microsoft.Web/sites/config"} {
		if gaps := r.gapsOf(name); len(gaps) != 1 || gaps[0].Class != providers.Decode {
			t.Errorf("%s has the gaps %+v", name, gaps)
		}
	}
	for _, gap := range r.gaps {
		if strings.Contains(gap.Reason+gap.Place, planted) {
			t.Errorf("a gap repeats what was answered: %+v", gap)
		}
	}
}

// TestFailure_Cancelled ends a listing in its middle: what was read is handed over, and the scope fails.
func TestFailure_Cancelled(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t, "Microsoft.Compute/disks/a", "Microsoft.Compute/disks/b")
	c.Top = 1
	collectors, err := newProvider().Collectors(t.Context(), account(c, "", shop), providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Answer(1, func(call azuretest.Call) bool { return strings.Contains(string(call.Body), "row-1") }, func(http.ResponseWriter, azuretest.Call) { cancel() })
	for _, collector := range collectors {
		if collector.Scope.Name != "resources" {
			continue
		}
		r := &read{}
		if err := collector.Collect(ctx, r); !errors.Is(err, context.Canceled) || len(r.of("Microsoft.Compute/disks")) != 1 || len(r.gaps) > 0 {
			t.Errorf("read %d disks, gaps %v, error %v", len(r.resources), r.gaps, err)
		}
	}
}

// TestFailure_CutOff holds that a query is asked again whose answer ends early, which the SDK does not do.
func TestFailure_CutOff(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t, "Microsoft.Compute/disks/a")
	c.Answer(1, azuretest.Asked(rowsQuery), func(w http.ResponseWriter, _ azuretest.Call) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"data": [`))
	})
	r := scan(t, newProvider(), account(c, "", shop), providers.Want{})
	r.clean(t)
	r.only(t, "Microsoft.Compute/disks")
}
