package azuretest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
)

var someSubscription = regexp.MustCompile(`0d404722-eb29-453b-a974-[0-9]{12}|own-[0-9]+`)

// children are the types of the made-up inventory that only Resource Manager has.
var children = []string{
	"blobservices", "vaults/keys", "vaults/secrets", "transparentdataencryption", "firewallrules", "configurations", "sites/config", "diagnosticsettings", "pricings",
}

// Inventory fills the cloud with a made-up inventory of some size in some subscriptions. What only Resource
// Manager has, it has alike for every resource.
func (c *Cloud) Inventory(size int, subscriptions ...string) {
	for _, id := range subscriptions {
		c.Subscription(id)
	}
	n := 0
	for record := range (providertest.Inventory{Cloud: providers.Azure, Size: size, Seed: 1}).Resources() {
		n++
		record = someSubscription.ReplaceAll(bytes.Clone(record), []byte(subscriptions[n%len(subscriptions)]))
		if !onlyInManager(record) {
			c.AddJSON(record)
		}
	}
	for _, path := range []string{
		"blobServices/default", "firewallRules/office", "transparentDataEncryption/current", "config/web", "keys/k", "secrets/s", "configurations/require_secure_transport",
		"auditingSettings/default", "providers/Microsoft.Insights/diagnosticSettings/log", "providers/Microsoft.Security/pricings/Arm",
	} {
		c.HoldAlike(path, Row{"path": path})
	}
}

func onlyInManager(record []byte) bool {
	for _, kind := range children {
		if bytes.Contains(bytes.ToLower(record), []byte(fmt.Sprintf(`/%s"`, strings.ToLower(kind)))) {
			return true
		}
	}
	return false
}
