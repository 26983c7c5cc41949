package own

# One policy. `cloudaudit policy test` runs its cases, below testdata/RULE, and test rules in
# *_test.rego files. The input is a resource: type, id, name, region, tags, properties, facets, and account.

# What groups may set; without it, the default.
default HELPER := "owner"

HELPER := data.config.RULE.tag

# METADATA
# title: Resources name their owner
# description: Every resource carries a tag that names who looks after it.
# custom:
#   severity: low # how much it matters: low, medium, high or critical
#   # types: [storage.googleapis.com/Bucket], as their cloud writes them; without, any
#   message: has no owner
#   remediation: Give the resource the tag in its console, or in the code that makes it.
#   url: https://example.com/our-rules#owner
RULE contains msg if {
	object.get(input.tags, HELPER, "") == ""
	msg := sprintf("has no tag %s", [HELPER])
}
