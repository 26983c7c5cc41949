package shape_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

func TestARMResource(t *testing.T) {
	t.Parallel()
	row := map[string]any{
		"id": "/subscriptions/S-1/resourceGroups/Shop/providers/microsoft.storage/storageaccounts/logs", "name": "logs",
		"type": "microsoft.storage/storageaccounts", "location": "West Europe", "tags": map[string]any{"team": "shop"},
		"properties": map[string]any{"creationTime": "2024-02-26T12:30:20Z"},
	}
	got, fault := shape.ARMResource(row, "")
	want := &providers.Resource{
		Type: "Microsoft.Storage/storageAccounts", ID: "/subscriptions/S-1/resourceGroups/Shop/providers/microsoft.storage/storageaccounts/logs",
		Identity: "/subscriptions/s-1/resourcegroups/shop/providers/microsoft.storage/storageaccounts/logs", Name: "logs",
		Region: "westeurope", UID: "2024-02-26T12:30:20Z", Ancestors: []string{"/subscriptions/s-1/resourcegroups/shop", "/subscriptions/s-1"},
		Tags: map[string]string{"team": "shop"},
		Parts: map[string]providers.Part{providers.Properties: {Value: map[string]any{
			"location": "West Europe", "tags": map[string]any{"team": "shop"}, "properties": map[string]any{"creationTime": "2024-02-26T12:30:20Z"},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || fault != "" {
		t.Errorf("fault %q (-want +got):\n%s", fault, diff)
	}
}

func TestARMResource_NeedsAnID(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		row      map[string]any
		wantType string
		faulty   bool
	}{
		"none":         {map[string]any{"type": "microsoft.sql/servers"}, "Microsoft.Sql/servers", true},
		"odd":          {map[string]any{"id": "odd", "type": "microsoft.sql/servers"}, "Microsoft.Sql/servers", true},
		"not_text":     {map[string]any{"id": map[string]any{}}, "", true},
		"own_kind":     {map[string]any{"id": "/x", "type": "microsoft.sql/servers"}, "Microsoft.Sql/servers", false},
		"tells_all":    {map[string]any{"id": "/subscriptions/s"}, "Microsoft.Resources/subscriptions", false},
		"no_slash":     {map[string]any{"id": "Subscriptions/s/providers/microsoft.insights/diagnosticSettings/a"}, "Microsoft.Insights/diagnosticSettings", false},
		"type_differs": {map[string]any{"id": "/subscriptions/s/providers/Microsoft.Web/sites/a", "type": "microsoft.web/sites"}, "Microsoft.Web/sites", false},
	} {
		got, fault := shape.ARMResource(tt.row, "westeurope")
		if got.Type != tt.wantType || tt.faulty != (fault != "") {
			t.Errorf("%s: type %q, fault %q", name, got.Type, fault)
		}
		if fault == "" && (got.Region != "westeurope" || !strings.HasPrefix(got.ID, "/")) {
			t.Errorf("%s: id %q, region %q", name, got.ID, got.Region)
		}
	}
}
