package own

# One policy. `cloudaudit policy test` runs its cases, below testdata/RULE, and test rules in
# *_test.rego files.

# METADATA
# title: Resources name their owner
# description: Every resource carries a tag that names who looks after it.
# custom:
#   severity: low
#   message: has no owner
#   remediation: Give the resource the tag in its console, or in the code that makes it.
#   url: https://example.com/our-rules#owner
RULE contains msg if {
	tag := object.get(data.config, ["RULE", "tag"], "owner")
	object.get(input.tags, tag, "") == ""
	msg := sprintf("has no tag %s", [tag])
}
