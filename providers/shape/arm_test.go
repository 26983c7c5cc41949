package shape_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers/shape"
)

func TestParseARMID(t *testing.T) {
	t.Parallel()
	const sub = "/subscriptions/s1"
	for id, want := range map[string]shape.ARMID{
		sub + "/resourceGroups/Rg/providers/microsoft.storage/storageaccounts/acc": {
			Subscription: "s1", ResourceGroup: "Rg", Type: "Microsoft.Storage/storageAccounts", Name: "acc",
		},
		sub + "/resourcegroups/rg/providers/Microsoft.Sql/servers/srv/databases/db": {
			Subscription: "s1", ResourceGroup: "rg", Type: "Microsoft.Sql/servers/databases", Name: "db",
		},
		sub + "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v/providers/Microsoft.Authorization/roleAssignments/ra": {
			Subscription: "s1", ResourceGroup: "rg", Type: "Microsoft.Authorization/roleAssignments", Name: "ra",
		},
		"/providers/Microsoft.Management/managementGroups/providers": {
			Type: "Microsoft.Management/managementGroups", Name: "providers",
		},
		sub:                                {Subscription: "s1", Type: "Microsoft.Resources/subscriptions", Name: "s1"},
		sub + "/resourceGroups/rg":         {Subscription: "s1", ResourceGroup: "rg", Type: "Microsoft.Resources/resourceGroups", Name: "rg"},
		"%2Fsubscriptions%2Fs1":            {Subscription: "s1", Type: "Microsoft.Resources/subscriptions", Name: "s1"},
		sub + "//resourceGroups/rg/":       {Subscription: "s1", ResourceGroup: "rg", Type: "Microsoft.Resources/resourceGroups", Name: "rg"},
		sub + "/providers/My.Own/things/a": {Subscription: "s1", Type: "My.Own/things", Name: "a"},
		"/subscriptions//resourceGroups//providers/Microsoft.Network/bgpServiceCommunities/x": {
			Type: "Microsoft.Network/bgpServiceCommunities", Name: "x",
		},
	} {
		got, ok := shape.ParseARMID(id)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %v %s", id, ok, diff)
		}
	}
	for _, id := range []string{"", "/", "name", "/things/x", "/subscriptions", "/subscriptions/s/resourceGroups", "%2"} {
		if got, ok := shape.ParseARMID(id); ok {
			t.Errorf("%q is taken for an id: %+v", id, got)
		}
	}
}

func TestARMIdentity(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"/subscriptions/S1/resourceGroups/RG/": "/subscriptions/s1/resourcegroups/rg",
		"/subscriptions/S1//resourcegroups/rg": "/subscriptions/s1/resourcegroups/rg",
		"%2Fsubscriptions%2FS1":                "/subscriptions/s1",
		"/subscriptions/s1/x/My%20Rule":        "/subscriptions/s1/x/my rule",
		"/subscriptions/s1/x/a%2Fb":            "/subscriptions/s1/x/a%2fb",
		"/subscriptions/s1/x/100%":             "/subscriptions/s1/x/100%",
		" /subscriptions/s1 "://nolint:gocritic // the spaces are the case
		"/subscriptions/s1",
		"subscriptions/s1":                       "/subscriptions/s1",
		"/subscriptions/s1/x/gr%C3%BCn/y/%0Aodd": "/subscriptions/s1/x/grün/y/%0aodd",
	} {
		if got := shape.ARMIdentity(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestARMType(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"microsoft.storage/storageaccounts":                "Microsoft.Storage/storageAccounts",
		"MICROSOFT.COMPUTE/VIRTUALMACHINES":                "Microsoft.Compute/virtualMachines",
		"microsoft.resources/subscriptions/resourcegroups": "Microsoft.Resources/resourceGroups",
		"microsoft.storage/storageaccounts/Own/thing":      "Microsoft.Storage/storageAccounts/Own/thing",
		"microsoft.compute/unheardOf":                      "Microsoft.Compute/unheardOf",
		"Contoso.Own/things":                               "Contoso.Own/things",
		"/microsoft.keyvault/vaults/":                      "Microsoft.KeyVault/vaults",
		"":                                                 "",
	} {
		if got := shape.ARMType(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

func TestARMAncestors(t *testing.T) {
	t.Parallel()
	id, _ := shape.ParseARMID("/subscriptions/S/resourceGroups/RG/providers/Microsoft.Storage/storageAccounts/a")
	if diff := cmp.Diff([]string{"/subscriptions/s/resourcegroups/rg", "/subscriptions/s"}, shape.ARMAncestors(id)); diff != "" {
		t.Error(diff)
	}
	if got := shape.ARMAncestors(shape.ARMID{}); got != nil {
		t.Errorf("a tenant's id has ancestors %v", got)
	}
}

func FuzzARM(f *testing.F) {
	f.Add("/subscriptions/s/resourceGroups/r/providers/Microsoft.Web/sites/x")
	f.Add("%2Fsubscriptions%2F%2520")
	f.Add("/providers/a/b")
	f.Fuzz(func(t *testing.T, id string) {
		shape.ParseARMID(id)
		once := shape.ARMIdentity(id)
		if twice := shape.ARMIdentity(once); twice != once {
			t.Errorf("%q: identity %q becomes %q", id, once, twice)
		}
		if typ := shape.ARMType(id); shape.ARMType(typ) != typ {
			t.Errorf("%q: type %q becomes %q", id, typ, shape.ARMType(typ))
		}
	})
}
