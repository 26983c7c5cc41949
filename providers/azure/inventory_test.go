package azure_test

import "cloudaudit/providers/azure/azuretest"

// inventory fills a cloud with a made-up inventory of some size in so many subscriptions.
func inventory(c *azuretest.Cloud, size, subscriptions int) {
	ids := make([]string, subscriptions)
	for i := range ids {
		ids[i] = sub(i)
	}
	c.Inventory(size, ids...)
}
