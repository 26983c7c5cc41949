# Policies of gcp-foundations once more. Each stands for the one of its name.
package gcp_rules

import data.cloudaudit.age
import data.cloudaudit.gcp
import data.cloudaudit.iam
import data.cloudaudit.network

# METADATA
# custom:
#   types:
#     - cloudresourcemanager.googleapis.com/Project
#     - cloudresourcemanager.googleapis.com/Folder
#     - cloudresourcemanager.googleapis.com/Organization
deny_hierarchy_public_access contains {"msg": "public", "key": sprintf("%s %s", [grant.role, grant.member])} if {
	some grant in gcp.public_grants(input.facets.iamPolicy)
}

# METADATA
# custom: {types: [storage.googleapis.com/Bucket]}
deny_storage_bucket_public_access contains {"msg": "public", "key": binding.role} if {
	not input.properties.iamConfiguration.publicAccessPrevention == "enforced"
	some binding in input.facets.iamPolicy.bindings
	some member in binding.members
	member in {"allUsers", "allAuthenticatedUsers"}
}

# METADATA
# custom: {types: [cloudresourcemanager.googleapis.com/Project]}
deny_project_service_account_admin contains {"msg": "admin", "key": sprintf("%s %s", [grant.role, grant.member])} if {
	some grant in gcp.grants(input.facets.iamPolicy)
	some pattern in data.config.deny_project_service_account_admin.roles
	iam.matches(pattern, grant.role)
	gcp.member_kind(grant.member) == "serviceAccount"
	endswith(grant.member, ".iam.gserviceaccount.com")
	domain := gcp.member_domain(grant.member)
	not startswith(domain, "gcp-sa-")
	domain != "gs-project-accounts.iam.gserviceaccount.com"
	not grant.member in data.config.deny_project_service_account_admin.exemptMembers
}

# METADATA
# custom: {types: [compute.googleapis.com/Firewall]}
deny_compute_firewall_open_admin_ports contains {"msg": "open", "key": sprintf("%d", [port])} if {
	not input.properties.direction == "EGRESS"
	not input.properties.disabled == true
	some port in data.config.deny_compute_firewall_open_admin_ports.ports
	some allowed in input.properties.allowed
	network.has_protocol(allowed.IPProtocol, "tcp")
	takes(allowed, port)
	from_anywhere
}

takes(allowed, _) if object.get(allowed, "ports", null) in {null, []}

takes(allowed, port) if {
	some ports in allowed.ports
	network.ports_overlap(ports, port)
}

from_anywhere if {
	some range in input.properties.sourceRanges
	network.is_world(range)
}

from_anywhere if network.is_world(input.properties.sourceRanges)

from_anywhere if {
	not input.properties.sourceRanges[0]
	not input.properties.sourceTags[0]
	not input.properties.sourceServiceAccounts[0]
}

# METADATA
# custom: {types: [cloudkms.googleapis.com/CryptoKey]}
deny_kms_key_rotation contains "never or seldom" if {
	input.properties.purpose == "ENCRYPT_DECRYPT"
	not input.properties.primary.state in {"DESTROYED", "DESTROY_SCHEDULED"}
	not rotates
}

rotates if time.parse_duration_ns(input.properties.rotationPeriod) <= (data.config.deny_kms_key_rotation.maxDays * 86400) * 1000000000

# METADATA
# custom: {types: [iam.googleapis.com/ServiceAccountKey]}
deny_iam_service_account_key_age contains "old" if {
	input.properties.keyType == "USER_MANAGED"
	not input.properties.disabled == true
	days_since(input.properties.validAfterTime) > data.config.deny_iam_service_account_key_age.maxDays
}

days_since(text) := age.days(text) if is_string(text)

days_since(seconds) := floor((time.now_ns() / 1000000000 - seconds) / 86400) if is_number(seconds)

# METADATA
# custom: {types: [container.googleapis.com/Cluster]}
deny_gke_private_nodes contains "public" if {
	not input.properties.privateClusterConfig.enablePrivateNodes == true
	not input.properties.networkConfig.defaultEnablePrivateNodes == true
}

# METADATA
# custom: {types: [sqladmin.googleapis.com/Instance]}
deny_sql_instance_tls contains "plain" if {
	not input.properties.instanceType == "ON_PREMISES_INSTANCE"
	not input.properties.settings.ipConfiguration.sslMode in {"ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"}
	not input.properties.settings.ipConfiguration.requireSsl == true
}

# METADATA
# custom: {types: [logging.googleapis.com/LogSink, storage.googleapis.com/Bucket]}
stack_deny_log_sink_bucket_retention contains {"msg": "too short", "key": bucket.properties.name} if {
	some bucket in input.resources
	bucket.type == "storage.googleapis.com/Bucket"
	some sink in input.resources
	sink.type == "logging.googleapis.com/LogSink"
	sink.properties.destination == concat("/", ["storage.googleapis.com", bucket.properties.name])
	seconds := to_number(object.get(bucket.properties, ["retentionPolicy", "retentionPeriod"], 0))
	seconds < data.config.stack_deny_log_sink_bucket_retention.minDays * 86400
}

# METADATA
# custom: {types: [essentialcontacts.googleapis.com/Contact]}
stack_deny_security_contact contains "none" if not told

told if {
	some contact in input.resources
	contact.type == "essentialcontacts.googleapis.com/Contact"
	some category in contact.properties.notificationCategorySubscriptions
	category in {"SECURITY", "ALL"}
}
