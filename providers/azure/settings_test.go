package azure_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/azure/azuretest"
)

func TestParseSettings(t *testing.T) {
	t.Parallel()
	got, err := azure.ParseSettings([]byte(`{"subscriptions": ["` + strings.ToUpper(blog) + `", "` + shop + `", "` + blog + `"],
		"credentials": {"kind": "managedIdentity", "clientId": "` + shop + `"}}`))
	want := azure.Settings{
		Subscriptions: []string{shop, blog}, Cloud: azure.Public, Inventory: azure.Needed,
		Credentials: azure.Credentials{Kind: azure.ManagedIdentity, ClientID: shop},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

// TestParseSettings_NamesTheRemedy holds what is refused: the words name the key and what to do about it.
func TestParseSettings_NamesTheRemedy(t *testing.T) {
	t.Parallel()
	const subscriptions = `"subscriptions": ["` + shop + `"]`
	const principal = `"tenantId": "` + shop + `", "clientId": "` + shop + `"`
	for settings, want := range map[string]string{
		``:                           "add azure.subscriptions",
		`{}`:                         "add azure.subscriptions",
		`{"subscription": "x"}`:      `unknown field "subscription"`,
		`{"subscriptions": ["x"]}`:   `azure.subscriptions holds ids of subscriptions such as 00000000-0000-0000-0000-000000000000, not "x"`,
		`{"tenant": "example.com"}`:  "azure.tenant",
		`{"managementGroup": "a b"}`: "write the id, not the display name",
		`{` + subscriptions + `, "managementGroup": "mg"}`:                                                               "keep one of",
		`{` + subscriptions + `, "excludeSubscriptions": []}`:                                                            "",
		`{` + subscriptions + `, "excludeSubscriptions": ["` + shop + `"]}`:                                              "leave the subscriptions out of azure.subscriptions",
		`{` + subscriptions + `, "cloud": "mars"}`:                                                                       "use one of public, government, china",
		`{` + subscriptions + `, "inventory": "half"}`:                                                                   "use one of needed, full",
		`{` + subscriptions + `, "endpoint": "http://example.com"}`:                                                      "no loopback address",
		`{` + subscriptions + `, "endpoint": "ftp://127.0.0.1"}`:                                                         "write http://127.0.0.1:PORT",
		`{` + subscriptions + `, "endpoint": "http://u:p@127.0.0.1"}`:                                                    "write http://127.0.0.1:PORT",
		`{` + subscriptions + `, "endpoint": "http://[::1]:1"}`:                                                          "",
		`{` + subscriptions + `, "endpoint": "https://localhost"}`:                                                       "",
		`{` + subscriptions + `, "credentials": {"kind": "password"}}`:                                                   "use one of default, clientSecret",
		`{` + subscriptions + `, "credentials": {"kind": "clientSecret"}}`:                                               "need clientSecret: add it",
		`{` + subscriptions + `, "credentials": {"kind": "clientSecret", "clientSecret": "env:S", ` + principal + `}}`:   "",
		`{` + subscriptions + `, "credentials": {"kind": "clientSecret", "clientSecret": "hunter2", ` + principal + `}}`: "may not stand in the configuration: write env:NAME",
		`{` + subscriptions + `, "credentials": {"kind": "cli", "clientSecret": "env:S"}}`:                               "clientSecret is not for the kind cli: remove it",
		`{` + subscriptions + `, "credentials": {"kind": "cli", "tenantId": "contoso"}}`:                                 "azure.credentials.tenantId is no id",
	} {
		_, err := azure.ParseSettings([]byte(settings))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", settings, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

func TestSettings_AccountID(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`{"subscriptions": ["` + strings.ToUpper(shop) + `"]}`:    shop,
		`{"subscriptions": ["` + shop + `", "` + blog + `"]}`:     "",
		`{"managementGroup": "Platform"}`:                         "Platform",
		`{"tenant": "` + strings.ToUpper(azuretest.Tenant) + `"}`: azuretest.Tenant,
	} {
		parsed, err := azure.ParseSettings([]byte(settings))
		if got := parsed.AccountID(); got != want || err != nil {
			t.Errorf("%s: %q, %v", settings, got, err)
		}
	}
}

// TestOpen_RefusesAnotherAccount holds that a known account never becomes another.
func TestOpen_RefusesAnotherAccount(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	other := account(c, "", shop)
	other.CloudID = blog
	if _, err := newProvider().Collectors(t.Context(), other, providers.Want{}); err == nil || !strings.Contains(err.Error(), "correct the section") {
		t.Errorf("got %v", err)
	}
	if n := c.Count(""); n > 0 {
		t.Errorf("%d calls", n)
	}
}
