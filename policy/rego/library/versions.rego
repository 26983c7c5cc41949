# METADATA
# title: Versions
package cloudaudit.versions

# compare: -1, 0 or 1 as the first is older, the same or newer; see the README for the order.
compare(a, b) := cloudaudit.versions.compare(a, b)

# at_least: the version is the other or newer.
at_least(version, other) if compare(version, other) >= 0

# below: the version is older than the other.
below(version, other) if compare(version, other) < 0
