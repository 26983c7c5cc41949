package config

import (
	"fmt"
	"slices"
	"strings"
)

// Names that the provider of Azure knows.
var (
	azureClouds      = []string{"public", "government", "china"}
	azureInventories = []string{"full", "needed"}
	azureKinds       = []string{"default", "clientSecret", "clientCertificate", "workloadIdentity", "managedIdentity", "cli"}
	azureScopes      = []string{"subscriptions", "managementGroup", "tenant"}
)

// azureOwnKeys are the keys of credentials that only some kinds have.
var azureOwnKeys = []string{"clientId", "clientSecret", "clientCertificate", "certificatePassword", "tokenFile"}

// azureKeys are the keys that a kind needs, and those that it may have.
var azureKeys = map[string]struct{ needs, may []string }{
	"clientSecret":      {needs: []string{"tenantId", "clientId", "clientSecret"}},
	"clientCertificate": {needs: []string{"tenantId", "clientId", "clientCertificate"}, may: []string{"certificatePassword"}},
	"workloadIdentity":  {may: []string{"clientId", "tokenFile"}},
	"managedIdentity":   {may: []string{"clientId"}},
}

func azureShape() *shape {
	subscriptions := func(about string) *shape {
		return &shape{kind: list, about: about, values: &shape{about: "the id of a subscription", format: guidFormat("a subscription")}}
	}
	return &shape{kind: structure, about: "the section that says what is read, and as whom", either: azureScopes, keys: []key{
		{name: "subscriptions", shape: subscriptions("the subscriptions to read")},
		{name: "managementGroup", shape: &shape{about: "the id of a management group: the subscriptions below it are accounts of their own", format: managementGroupFormat()}},
		{name: "tenant", shape: &shape{about: "the id of a tenant: its subscriptions that may be read are accounts of their own", format: guidFormat("a tenant")}},
		{name: "excludeSubscriptions", shape: subscriptions("subscriptions of a management group or tenant to leave out")},
		{name: "cloud", shape: &shape{about: "the Azure cloud; public by default", oneOf: azureClouds}},
		{name: "endpoint", shape: &shape{about: "the URL of an emulator on this machine, for tests", format: endpointFormat()}},
		{name: "inventory", shape: &shape{about: "needed reads the settings that cost a call of their own where a policy reads them, full reads all", oneOf: azureInventories}},
		{name: "credentials", shape: azureCredentialsShape()},
	}}
}

func azureCredentialsShape() *shape {
	secret := func(about string) *shape { return &shape{about: "a reference to " + about, format: referenceFormat()} }
	return &shape{kind: structure, about: "who reads; by default what the SDK finds on the machine", keys: []key{
		{name: "kind", shape: &shape{about: "the kind of credentials; default by default", oneOf: azureKinds}},
		{name: "tenantId", shape: &shape{about: "the tenant that knows the identity; that of the section by default", format: guidFormat("a tenant")}},
		{name: "clientId", shape: &shape{about: "the service principal or managed identity", format: guidFormat("a client")}},
		{name: "clientSecret", shape: secret("the secret of a service principal")},
		{name: "clientCertificate", shape: secret("a certificate with its key, in PEM or PKCS #12")},
		{name: "certificatePassword", shape: secret("the password that opens the certificate")},
		{name: "tokenFile", shape: &shape{about: "the file that holds the token of a workload identity", format: givenFormat(), path: true}},
	}}
}

func guidFormat(of string) *format {
	return &format{
		pattern: pattern(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`),
		want:    "the id of " + of + " such as 11111111-1111-1111-1111-111111111111",
	}
}

func managementGroupFormat() *format {
	return &format{pattern: pattern(`^[A-Za-z0-9_().-]{1,90}$`), want: "the id of a management group, which is not its display name"}
}

// azure checks what only the section as a whole can tell.
func (c *checker) azure(path string, section *node) {
	subscriptions, left := section.field("subscriptions"), section.field("excludeSubscriptions")
	if subscriptions != nil && len(subscriptions.items()) == 0 {
		c.at(subscriptions, path+".subscriptions", "is empty; give the ids of the subscriptions to read")
	}
	if len(left.items()) > 0 && subscriptions != nil {
		c.at(left, path+".excludeSubscriptions", fmt.Sprintf("line %d lists the subscriptions to read; remove this key", subscriptions.line))
	}
	c.eachAlone(path+".subscriptions", subscriptions, "a subscription to read")
	c.eachAlone(path+".excludeSubscriptions", left, "a subscription to leave out")
	c.azureCredentials(path+".credentials", section.field("credentials"))
}

// eachAlone reports what a list of ids, in which case does not matter, has twice.
func (c *checker) eachAlone(path string, list *node, noun string) {
	seen := map[string]int{}
	for i, item := range list.items() {
		c.onceAs(fmt.Sprintf("%s[%d]", path, i), item, strings.ToLower(item.text()), seen, noun+" in line %d; remove one of them")
	}
}

// azureCredentials holds the keys against the kind. A wrong kind is told alone.
func (c *checker) azureCredentials(path string, credentials *node) {
	kind := "default"
	if named := credentials.field("kind"); named != nil {
		kind = named.text()
	}
	given, ok := credentials.objectValue()
	if !ok || !slices.Contains(azureKinds, kind) {
		return
	}
	keys := azureKeys[kind]
	for _, name := range keys.needs {
		if credentials.field(name) == nil {
			c.at(credentials, path, fmt.Sprintf("credentials of the kind %s need %s; add it", kind, name))
		}
	}
	for _, f := range given.fields {
		if slices.Contains(azureOwnKeys, f.name) && !slices.Contains(keys.needs, f.name) && !slices.Contains(keys.may, f.name) {
			c.report(f.line, f.column, join(path, f.name), fmt.Sprintf("the key is not for the kind %s; remove it, or set another kind", kind))
		}
	}
}

// azureParent tells whether the account of the section has members.
func azureParent(section *node) bool {
	return section.field("managementGroup") != nil || section.field("tenant") != nil
}
