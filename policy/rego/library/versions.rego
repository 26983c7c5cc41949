# METADATA
# title: Versions
# description: What the functions mean stands in policy/library/README.md. What is malformed leaves a call undefined.
package cloudaudit.versions

compare(a, b) := cloudaudit.versions.compare(a, b)

at_least(a, b) := cloudaudit.versions.at_least(a, b)

below(a, b) := cloudaudit.versions.below(a, b)

product(version) := cloudaudit.versions.product(version)
