package azure_test

import (
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/azure/azuretest"
)

// TestBudget holds how many calls a thousand resources take, so that whoever adds one sees what it costs.
func TestBudget(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings        string
		want            providers.Want
		queries, others int
	}{
		// Which subscriptions there are, which types, and three tables; what may be read.
		"listed": {"", providers.Want{}, 5, 1},
		// As much as the built-in policies read of Resource Manager.
		"needed": {"", reads(foundations...), 5, 205},
		// And the tables of policies and of security.
		"full": {full, providers.Want{}, 7, 778},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := azuretest.New(t)
			inventory(c, 1000, 1)
			r := scan(t, newProvider(), account(c, tt.settings, sub(0)), tt.want)
			r.clean(t)
			queries := c.Count("graph:")
			if others := c.Count("") - queries; queries != tt.queries || others != tt.others {
				t.Errorf("%d resources took %d queries and %d other calls, not %d and %d", len(r.resources), queries, others, tt.queries, tt.others)
			}
		})
	}
}

// foundations are the types that the built-in policies read and Resource Graph lacks.
var foundations = []string{
	"Microsoft.Storage/storageAccounts/blobServices", "Microsoft.Sql/servers/firewallRules", "Microsoft.Sql/servers/databases/transparentDataEncryption",
	"Microsoft.DBforPostgreSQL/flexibleServers/firewallRules", "Microsoft.DBforPostgreSQL/flexibleServers/configurations",
	"Microsoft.DBforMySQL/flexibleServers/firewallRules", "Microsoft.DBforMySQL/flexibleServers/configurations", "Microsoft.KeyVault/vaults/keys",
	"Microsoft.KeyVault/vaults/secrets", "Microsoft.Web/sites/config", "Microsoft.Insights/diagnosticSettings", "Microsoft.Security/pricings",
}
