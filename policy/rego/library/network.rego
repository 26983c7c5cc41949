# METADATA
# title: Addresses and ports
# description: Ranges of IPv4 and IPv6, and ports as the clouds write them. What is malformed leaves a call undefined.
package cloudaudit.network

# covers: all addresses of the second range lie in the first. An address is a range of one.
covers(outer, inner) := cloudaudit.network.covers(outer, inner)

# overlaps: the two ranges have an address in common.
overlaps(a, b) := cloudaudit.network.overlaps(a, b)

# is_world: the range holds all addresses of a family: 0.0.0.0/0, ::/0, *, Any, Internet.
is_world(range) := cloudaudit.network.is_world(range)

# is_public: the range holds an address that a host of the internet can have.
is_public(range) := cloudaudit.network.is_public(range)

# ports_overlap: two descriptions of ports (22, "22", "20-25", "*", or a list) have a port in common.
ports_overlap(a, b) := cloudaudit.network.ports_overlap(a, b)
