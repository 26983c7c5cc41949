# METADATA
# title: IAM policies of Google Cloud
# description: What the functions mean stands in policy/library/README.md. What is malformed leaves a call undefined.
package cloudaudit.gcp

bindings(policy) := cloudaudit.gcp.bindings(policy)

grants(policy) := cloudaudit.gcp.grants(policy)

public_grants(policy) := cloudaudit.gcp.public_grants(policy)

is_public(policy) := cloudaudit.gcp.is_public(policy)

members(policy, role) := cloudaudit.gcp.members(policy, role)

member_kind(member) := cloudaudit.gcp.member_kind(member)

member_domain(member) := cloudaudit.gcp.member_domain(member)
