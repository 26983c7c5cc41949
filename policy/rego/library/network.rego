# METADATA
# title: Addresses, ports and protocols
# description: What the functions mean stands in policy/library/README.md. What is malformed leaves a call undefined.
package cloudaudit.network

covers(outer, inner) := cloudaudit.network.covers(outer, inner)

overlaps(a, b) := cloudaudit.network.overlaps(a, b)

is_world(range) := cloudaudit.network.is_world(range)

is_public(range) := cloudaudit.network.is_public(range)

size(range) := cloudaudit.network.size(range)

is_range(value) := cloudaudit.network.is_range(value)

ports(from, to) := cloudaudit.network.ports(from, to)

ports_overlap(a, b) := cloudaudit.network.ports_overlap(a, b)

has_protocol(rule, name) := cloudaudit.network.has_protocol(rule, name)
