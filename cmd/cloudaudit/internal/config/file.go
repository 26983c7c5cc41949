package config

import (
	"errors"
	"regexp"
	"strings"
)

// Snapshot formats and contents, as the provider of snapshots knows them.
var (
	snapshotFormats  = []string{"aws-cloudcontrol", "aws-config", "azure-resource-graph", "cloudaudit", "gcp-cai"}
	snapshotContents = []string{"RESOURCE", "IAM_POLICY", "ORG_POLICY", "ACCESS_POLICY"}
)

const noSinks = "this version knows no sinks; remove them and use `cloudaudit violations export`"

// providerNames are the providers of this version.
var providerNames = []string{"aws", "azure-native", "gcp", "snapshot"}

// shapeOfFile is the whole file.
func shapeOfFile() *shape {
	return &shape{kind: structure, about: "The configuration of cloudaudit.", keys: []key{
		{name: "organization", required: true, shape: &shape{about: "the name of the organization that everything belongs to", format: nameFormat()}},
		{name: "store", shape: storeShape()},
		{name: "server", shape: &shape{kind: structure, about: "where pages and API listen", fallback: true, keys: []key{
			{name: "listen", shape: &shape{about: "an address and a port", format: listenFormat(), fallback: "127.0.0.1:8080"}},
		}}},
		{name: "accounts", shape: &shape{kind: list, about: "the cloud accounts to audit", values: accountShape(), fallback: true}},
		{name: "policyPacks", shape: &shape{kind: list, about: "the policy packs to use", values: packShape(), fallback: true}},
		{name: "policyGroups", shape: &shape{kind: list, about: "which packs audit which accounts", values: groupShape(), fallback: true}},
		{name: "credentials", shape: credentialsShape()},
		{name: "exceptions", shape: &shape{kind: list, about: "records that excuse violations, each with a reason and an owner", values: exceptionShape(), fallback: true}},
		{name: "sinks", shape: &shape{kind: list, about: "where exports and notifications go; none in this version", empty: true, remedy: noSinks}},
		{name: "retention", shape: retentionShape()},
	}}
}

func storeShape() *shape {
	return &shape{kind: structure, about: "where everything is kept", fallback: true, keys: []key{
		{name: "path", shape: &shape{about: "the database file", format: givenFormat(), path: true, fallback: "cloudaudit.db"}},
		{name: "maxBytes", shape: &shape{kind: number, about: "the size that the file may grow to; without it the disk is the limit", least: 1 << 20}},
		{name: "configId", shape: &shape{about: "the identity of this configuration, if not its path", format: givenFormat()}},
	}}
}

func retentionShape() *shape {
	days := func(about, fallback string) *shape {
		return &shape{about: about, format: dayFormat(), fallback: fallback}
	}
	return &shape{kind: structure, about: "how long what is over is kept", fallback: true, keys: []key{
		{name: "scanLogs", shape: days("days that the logs of scans are kept", "90d")},
		{name: "intervals", shape: days("days that past versions of resources and violations are kept", "400d")},
		{name: "auditLog", shape: days("days that the audit log is kept", "730d")},
	}}
}

func accountShape() *shape {
	return &shape{kind: structure, about: "a cloud account", keys: []key{
		{name: "name", required: true, shape: &shape{about: "a name that no other account has", format: nameFormat()}},
		{name: "renamedFrom", shape: &shape{about: "the name that the account had before, whose history it keeps", format: nameFormat()}},
		{name: "provider", required: true, shape: &shape{about: "how the account is read: " + either(providerNames), oneOf: providerNames}},
		{name: "snapshot", required: true, of: "snapshot", shape: snapshotShape()},
		{name: "aws", of: "aws", shape: awsShape()},
		{name: "gcp", required: true, of: "gcp", shape: gcpShape()},
		{name: "azure", required: true, of: "azure-native", shape: azureShape()},
		{name: "schedule", shape: scheduleShape()},
		{name: "tags", shape: &shape{kind: dictionary, about: "labels for people and filters", values: &shape{about: "a label's value"}}},
	}}
}

func snapshotShape() *shape {
	return &shape{kind: structure, about: "the section that names the format and the path of the inventory", keys: []key{
		{name: "format", required: true, shape: &shape{about: "the kind of inventory: " + either(snapshotFormats), oneOf: snapshotFormats}},
		{name: "path", required: true, shape: &shape{about: "a file, a directory or a pattern", format: givenFormat(), path: true}},
		{name: "types", shape: &shape{kind: list, about: "the only resource types to read", values: &shape{about: "a resource type", format: givenFormat()}}},
		{name: "content", shape: &shape{kind: list, about: "the parts of resources that the files hold completely", values: &shape{about: "a content type", oneOf: snapshotContents}}},
		{name: "accountId", shape: &shape{about: "the cloud's id of the account, where records do not tell", format: givenFormat()}},
		{name: "region", shape: &shape{about: "the region of records that lack one", format: givenFormat()}},
		{name: "maxRecordBytes", shape: &shape{kind: number, about: "the size above which a record is not read", least: 1}},
	}}
}

// either names alternatives: "a, b or c".
func either(names []string) string { return enumerate(names, "or") }

// enumerate joins names, the last with a word.
func enumerate(names []string, word string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

func scheduleShape() *shape {
	return &shape{kind: structure, about: "when the account is scanned", keys: []key{
		{name: "cron", required: true, shape: &shape{about: "five fields, @daily or @every 6h", format: cronFormat()}},
		{name: "timezone", shape: &shape{about: "the time zone of the fields", format: zoneFormat()}},
		{name: "jitter", shape: &shape{about: "by how much a start may be put off", format: durationFormat()}},
	}}
}

func packShape() *shape {
	return &shape{kind: structure, about: "a policy pack: a built-in one by name, or one in files by path", either: []string{"name", "path"}, keys: []key{
		{name: "name", shape: &shape{about: "a built-in pack", format: nameFormat()}},
		{name: "path", shape: &shape{about: "a pack's directory or .tar.gz", format: givenFormat(), path: true}},
	}}
}

func groupShape() *shape {
	return &shape{kind: structure, about: "a policy group", keys: []key{
		{name: "name", required: true, shape: &shape{about: "a name that no other group has", format: nameFormat()}},
		{name: "entityType", shape: &shape{about: "what the members are", oneOf: []string{"accounts", "stacks"}, fallback: "accounts"}},
		{name: "mode", shape: &shape{about: "when the packs run", oneOf: []string{"audit", "preventative"}, fallback: "audit"}},
		{name: "accounts", shape: &shape{kind: list, about: "accounts, whole or by account/region", fallback: true,
			values: &shape{about: "an account", format: memberFormat()}}},
		{name: "stacks", shape: &shape{kind: list, about: "stacks", values: &shape{about: "a stack", format: givenFormat()}}},
		{name: "policyPacks", shape: &shape{kind: list, about: "the packs that the group applies", values: appliedShape(), fallback: true}},
	}}
}

func appliedShape() *shape {
	return &shape{kind: structure, about: "a pack as the group uses it", keys: []key{
		{name: "name", required: true, shape: &shape{about: "the name of a built-in pack or of one under policyPacks", format: nameFormat()}},
		{name: "versionTag", shape: &shape{about: "a version to stay at; the latest otherwise", format: versionFormat()}},
		{name: "config", shape: &shape{kind: dictionary, about: "a level, or a level and properties, for each policy or all",
			values: &shape{kind: setting, about: "a level, or an object with enforcementLevel and the policy's properties"}}},
	}}
}

func exceptionShape() *shape {
	patterns := func(about string) *shape {
		return &shape{kind: list, about: about + "; * stands for any text", values: &shape{about: "a name or a pattern", format: givenFormat()}}
	}
	return &shape{kind: structure, about: "an exception", keys: []key{
		{name: "name", required: true, shape: &shape{about: "a name that no other exception has", format: nameFormat()}},
		{name: "scope", required: true, shape: &shape{kind: structure, about: "the scope: what is excused has to match every list that is given", someOf: true, keys: []key{
			{name: "policies", shape: patterns("policies, as policy or pack/policy")},
			{name: "packs", shape: patterns("policy packs")},
			{name: "accounts", shape: patterns("accounts")},
			{name: "resources", shape: patterns("ids or names of resources")},
			{name: "tags", shape: &shape{kind: dictionary, about: "tags that the resource has", values: &shape{about: "a value; * stands for any text"}}},
		}}},
		{name: "owner", required: true, shape: &shape{about: "an owner, who answers for it", format: givenFormat()}},
		{name: "reason", required: true, shape: &shape{about: "a reason", format: givenFormat()}},
		{name: "ticket", shape: &shape{about: "where it was discussed"}},
		{name: "approver", shape: &shape{about: "who approved it"}},
		{name: "expires", shape: &shape{about: "the last day on which it holds, or the time at which it ends", format: momentFormat()}},
	}}
}

func credentialsShape() *shape {
	value := &shape{about: "a value, or a reference: env:NAME, file:/path or cred:name"}
	section := &shape{kind: dictionary, about: "a provider's settings", values: value}
	return &shape{kind: dictionary, about: "credentials by name, as references and never as secrets", values: &shape{
		kind: structure, about: "the settings of one provider", keys: []key{
			{name: "aws", shape: section}, {name: "gcp", shape: section}, {name: "azure", shape: section},
		},
	}}
}

var (
	secretKey = regexp.MustCompile(`(?i)(secret|password|token|private_?key|access_?key$)`)
	reference = regexp.MustCompile(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|cred:[A-Za-z0-9._-]+)$`)
)

// secrets refuses secrets that stand in the file. The message never quotes one.
func (c *checker) secrets(path string, n *node) {
	o, ok := n.objectValue()
	if !ok {
		return
	}
	for _, f := range o.fields {
		value := f.node.text()
		if value != "" && secretKey.MatchString(f.name) && !reference.MatchString(value) {
			c.at(f.node, join(path, f.name), errSecret.Error())
		}
		c.secrets(join(path, f.name), f.node)
	}
}

var errSecret = errors.New("a secret may not stand in the file; refer to it by env:NAME, file:/path or cred:name")
