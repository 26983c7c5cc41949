// Package azuretest is a cloud of Azure for tests: a server on this machine that speaks Resource Graph and
// Resource Manager, tells what was asked, and answers calls as Azure only does on bad days.
package azuretest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Tenant is the tenant of all subscriptions that a test does not give another.
const Tenant = "c6332806-385b-4884-ad8b-b3c41e71c495"

// Row is a row of Resource Graph or an object of Resource Manager.
type Row = map[string]any

// Cloud is an Azure of its own.
type Cloud struct {
	*httptest.Server
	testing.TB

	mu sync.Mutex
	// rows are what Resource Graph holds, by table.
	rows map[string][]Row
	// found remembers what questions gave, whose pages come one by one, until the rows change.
	found map[string][]Row
	// held are the objects of Resource Manager, by id in lower case; alike answers for every parent.
	held, alike map[string]Row
	// granted are the actions that we may do, by place in lower case.
	granted map[string][]string
	rules   []*rule
	calls   []string
	// Top is the most rows of a page, less than Azure's where tests want several pages of few.
	Top int
}

// New makes a cloud without any subscription.
func New(tb testing.TB) *Cloud {
	tb.Helper()
	c := &Cloud{TB: tb, rows: map[string][]Row{}, found: map[string][]Row{}, held: map[string]Row{}, alike: map[string]Row{}, granted: map[string][]string{}, Top: 1000}
	c.Server = httptest.NewServer(c)
	tb.Cleanup(c.Close)
	return c
}

// Settings is the section of an account that is read here.
func (c *Cloud) Settings(members string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"endpoint": %q, %s}`, c.URL, members))
}

// Subscription adds a subscription, and gives its id in the path of a resource.
func (c *Cloud) Subscription(id string) string {
	c.Add(Row{
		"id": "/subscriptions/" + id, "name": "sub-" + id[:4], "type": "microsoft.resources/subscriptions", "tenantId": Tenant, "subscriptionId": id,
		"properties": Row{"state": "Enabled"},
	})
	return "/subscriptions/" + id
}

// Add puts rows into Resource Graph: with their types in lower case, as it has them.
func (c *Cloud) Add(rows ...Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.found)
	for _, row := range rows {
		row["type"] = strings.ToLower(text(row, "type"))
		if text(row, "subscriptionId") == "" {
			row["subscriptionId"] = subscription(text(row, "id"))
		}
		table := tableOf(text(row, "type"))
		c.rows[table] = append(c.rows[table], row)
	}
}

// AddJSON adds a row that is written as JSON.
func (c *Cloud) AddJSON(data []byte) {
	c.Helper()
	var row Row
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&row); err != nil {
		c.Fatal(err)
	}
	c.Add(row)
}

// Remove takes a row out of Resource Graph.
func (c *Cloud) Remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.found)
	for table, rows := range c.rows {
		c.rows[table] = slices.DeleteFunc(rows, func(row Row) bool { return strings.EqualFold(text(row, "id"), id) })
	}
}

// Hold has Resource Manager hold an object, of which Resource Graph knows nothing.
func (c *Cloud) Hold(id string, properties Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[strings.ToLower(id)] = object(id, properties)
}

// HoldAlike has Resource Manager hold an object below every resource: "firewallRules/office".
func (c *Cloud) HoldAlike(path string, properties Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alike[strings.ToLower(path)] = properties
}

// Grant says which actions we may do at a place; all reads where nothing is said.
func (c *Cloud) Grant(place string, actions ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.granted[strings.ToLower(place)] = actions
}

// object is one of Resource Manager, which is not told its type where that can be seen.
func object(id string, properties Row) Row {
	return Row{"id": id, "name": id[strings.LastIndexByte(id, '/')+1:], "type": nil, "properties": properties}
}

// tableOf is where Resource Graph has a type.
func tableOf(kind string) string {
	switch {
	case strings.HasPrefix(kind, "microsoft.resources/subscriptions"), strings.HasPrefix(kind, "microsoft.management/"):
		return "resourcecontainers"
	case strings.HasPrefix(kind, "microsoft.authorization/role"):
		return "authorizationresources"
	case strings.HasPrefix(kind, "microsoft.authorization/policy"):
		return "policyresources"
	case strings.HasPrefix(kind, "microsoft.security/"):
		return "securityresources"
	}
	return "resources"
}

// subscription is that of an id, empty for what is in none.
func subscription(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) > 2 && strings.EqualFold(parts[1], "subscriptions") {
		return parts[2]
	}
	return ""
}

func text(row Row, key string) string {
	value, _ := row[key].(string)
	return value
}
