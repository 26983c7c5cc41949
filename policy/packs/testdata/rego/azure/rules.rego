# Policies of azure-foundations once more. Each stands for the one of its name.
package azure

import data.cloudaudit.network

# METADATA
# custom: {types: [Microsoft.Storage/storageAccounts]}
deny_storage_account_secure_transfer contains "plain" if input.properties.properties.supportsHttpsTrafficOnly == false

# METADATA
# custom: {types: [Microsoft.Storage/storageAccounts]}
deny_storage_account_min_tls contains "old" if not input.properties.properties.minimumTlsVersion in data.config.deny_storage_account_min_tls.allowed

# METADATA
# custom: {types: [Microsoft.Network/networkSecurityGroups]}
deny_nsg_open_all_ports contains {"msg": "open", "key": rule.name} if {
	some rule in input.properties.properties.securityRules
	lower(rule.properties.direction) == "inbound"
	lower(rule.properties.access) == "allow"
	every_port(rule.properties)
	from_anywhere(sources(rule.properties))
}

everything := {"*", "0-65535", "1-65535"}

every_port(rule) if rule.destinationPortRange in everything

every_port(rule) if {
	some range in rule.destinationPortRanges
	range in everything
}

sources(rule) := {source | source := rule.sourceAddressPrefix} | {source | some source in rule.sourceAddressPrefixes}

from_anywhere(found) if {
	some source in found
	network.is_range(source)
	network.is_world(source)
}

from_anywhere(found) if network.is_world([source | some source in found; network.is_range(source)])

# METADATA
# custom:
#   types:
#     - Microsoft.Sql/servers/firewallRules
#     - Microsoft.DBforPostgreSQL/flexibleServers/firewallRules
#     - Microsoft.DBforMySQL/flexibleServers/firewallRules
deny_database_firewall_open contains {"msg": "services", "key": "azure-services"} if {
	input.properties.properties.startIpAddress == "0.0.0.0"
	input.properties.properties.endIpAddress == "0.0.0.0"
	not data.config.deny_database_firewall_open.allowAzureServices
}

deny_database_firewall_open contains {"msg": "many", "key": "range"} if {
	range := concat("-", [input.properties.properties.startIpAddress, input.properties.properties.endIpAddress])
	network.size(range) > data.config.deny_database_firewall_open.maxAddresses
}

# METADATA
# custom: {types: [Microsoft.KeyVault/vaults/keys, Microsoft.KeyVault/vaults/secrets]}
deny_key_vault_object_expiry contains {"msg": "never expires", "key": "no-date"} if {
	not off
	endless
}

deny_key_vault_object_expiry contains {"msg": "expired", "key": "expired"} if {
	not off
	moment(input.properties.properties.attributes.exp) <= time.now_ns()
}

endless if not input.properties.properties.attributes.exp

endless if input.properties.properties.attributes.exp == null

moment(seconds) := seconds * 1000000000 if is_number(seconds)

moment(text) := time.parse_rfc3339_ns(text) if is_string(text)

off if input.properties.properties.attributes.enabled != true

off if input.properties.properties.contentType in {"application/x-pkcs12", "application/x-pem-file"}

# METADATA
# custom: {types: [Microsoft.Authorization/roleAssignments]}
deny_role_assignment_broad contains "broad" if {
	some id in {"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"}
	endswith(lower(input.properties.properties.roleDefinitionId), concat("", ["/", id]))
	broad(lower(input.properties.properties.scope))
	kind in data.config.deny_role_assignment_broad.principalTypes
	not input.properties.properties.principalId in data.config.deny_role_assignment_broad.exemptPrincipals
}

broad("/")

broad(scope) if startswith(scope, "/providers/microsoft.management/managementgroups/")

broad(scope) if regex.match("^/subscriptions/[^/]*$", scope)

default kind := "User"

kind := given if {
	given := input.properties.properties.principalType
	given != null
}

# METADATA
# custom: {types: [Microsoft.Network/virtualNetworks]}
deny_subnet_security_group contains {"msg": "no group", "key": subnet.name} if {
	some subnet in input.properties.properties.subnets
	object.get(subnet.properties, ["networkSecurityGroup", "id"], "") == ""
	not lower(subnet.name) in {lower(name) | some name in data.config.deny_subnet_security_group.exemptNames}
}

# METADATA
# custom: {types: [Microsoft.DocumentDB/databaseAccounts]}
deny_cosmos_public_network contains "open" if {
	not input.properties.properties.publicNetworkAccess in {"Disabled", "SecuredByPerimeter"}
	not input.properties.properties.isVirtualNetworkFilterEnabled == true
	wide
}

ranges := [rule.ipAddressOrRange | some rule in input.properties.properties.ipRules]

wide if count(ranges) == 0

wide if network.is_world(ranges)

# METADATA
# custom: {types: [Microsoft.Resources/subscriptions, Microsoft.Security/pricings]}
stack_deny_defender_coverage contains {"msg": "off", "key": lower(subscription.id)} if {
	some subscription in input.resources
	subscription.type == "Microsoft.Resources/subscriptions"
	not covered(lower(subscription.id))
}

covered(id) if {
	some plan in input.resources
	plan.type == "Microsoft.Security/pricings"
	startswith(lower(plan.id), concat("", [id, "/providers/microsoft.security/pricings/"]))
	plan.properties.properties.pricingTier == "Standard"
}

# METADATA
# custom: {types: [Microsoft.Resources/subscriptions, Microsoft.Authorization/roleAssignments]}
stack_deny_subscription_owners contains {"msg": "few or many", "key": lower(subscription.id)} if {
	some subscription in input.resources
	subscription.type == "Microsoft.Resources/subscriptions"
	owners := [role.id |
		some role in input.resources
		role.type == "Microsoft.Authorization/roleAssignments"
		endswith(lower(role.properties.properties.roleDefinitionId), "/8e3af657-a8ff-443c-a75c-2fe8c4bcb635")
		lower(role.properties.properties.scope) == lower(subscription.id)
	]
	outside(count(owners))
}

outside(owners) if owners < data.config.stack_deny_subscription_owners.min

outside(owners) if owners > data.config.stack_deny_subscription_owners.max
