package library

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// Range is a set of addresses: one span of them, or the world, which has one for each family.
type Range []span

// span is a run of addresses of one family, both ends in it.
type span struct{ from, to netip.Addr }

var (
	allOf4 = spanOf(netip.MustParsePrefix("0.0.0.0/0"))
	allOf6 = spanOf(netip.MustParsePrefix("::/0"))
	// unicast6 are the addresses of IPv6 that hosts of the internet have.
	unicast6 = spanOf(netip.MustParsePrefix("2000::/3"))
	world    = Range{allOf4, allOf6}
	// special are the addresses, in order, that no host of the internet has: private, shared, loopback,
	// link-local, documentation, benchmark, multicast, unique local and reserved ones.
	special = inOrder(spansOf("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
		"240.0.0.0/4", "::/127", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "ff00::/8"))
)

func spansOf(prefixes ...string) Range {
	spans := make(Range, len(prefixes))
	for i, prefix := range prefixes {
		spans[i] = spanOf(netip.MustParsePrefix(prefix))
	}
	return spans
}

// spanOf gives the addresses of a prefix; bits behind its length do not count.
func spanOf(prefix netip.Prefix) span {
	prefix = prefix.Masked()
	if prefix.Addr().Is4() {
		last := prefix.Addr().As4()
		fill(last[:], prefix.Bits())
		return span{prefix.Addr(), netip.AddrFrom4(last)}
	}
	last := prefix.Addr().As16()
	fill(last[:], prefix.Bits())
	return span{prefix.Addr(), netip.AddrFrom16(last)}
}

// fill sets all bits behind the first ones.
func fill(address []byte, bits int) {
	for i := range address {
		if kept := min(max(bits-8*i, 0), 8); kept < 8 {
			address[i] |= 0xff >> kept
		}
	}
}

var errNoRange = errors.New("not an address or a range of addresses")

// ParseRange reads a range in CIDR, from one address to another with "-" between, an address, which is
// a range of one, or one of the words that clouds have for the world: "*", "Any" and "Internet" in any
// case. IPv4 in the clothes of IPv6 is IPv4.
func ParseRange(source string) (Range, error) {
	source = strings.TrimSpace(source)
	switch strings.ToLower(source) {
	case "*", "any", "internet":
		return world, nil
	}
	if from, to, ok := strings.Cut(source, "-"); ok {
		return fromTo(strings.TrimSpace(from), strings.TrimSpace(to))
	}
	if strings.Contains(source, "/") {
		prefix, err := netip.ParsePrefix(source)
		if err != nil {
			return nil, errNoRange
		}
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		return Range{spanOf(prefix)}, nil
	}
	return fromTo(source, source)
}

func fromTo(first, last string) (Range, error) {
	from, err := netip.ParseAddr(first)
	if err != nil || from.Zone() != "" {
		return nil, errNoRange
	}
	to, err := netip.ParseAddr(last)
	if err != nil || to.Zone() != "" {
		return nil, errNoRange
	}
	from, to = from.Unmap(), to.Unmap()
	if from.Is4() != to.Is4() || to.Less(from) {
		return nil, errNoRange
	}
	return Range{{from, to}}, nil
}

// Covers tells whether every address of the other range lies in this one.
func (r Range) Covers(other Range) bool {
	if len(r) > 1 {
		r = inOrder(slices.Clone(r))
	}
	for _, wanted := range other {
		if !r.holds(wanted) {
			return false
		}
	}
	return true
}

// Overlaps tells whether the ranges have an address in common.
func (r Range) Overlaps(other Range) bool {
	for _, a := range r {
		for _, b := range other {
			if a.from.Is4() == b.from.Is4() && !a.to.Less(b.from) && !b.to.Less(a.from) {
				return true
			}
		}
	}
	return false
}

// Public tells whether the range holds an address that a host of the internet may have.
func (r Range) Public() bool {
	return slices.ContainsFunc(r, func(s span) bool { return !special.holds(s) })
}

// leastWorld is less than the addresses that the internet has in any family.
const leastWorld = 3_000_000_000

// World tells whether the range, which may be put together of several, holds every address of the
// internet of a family. Halves of the world are the world, too.
func (r Range) World() bool {
	for _, s := range r {
		if s == allOf4 || s == allOf6 {
			return true
		}
	}
	if r.Size() < leastWorld {
		return false
	}
	all := inOrder(slices.Concat(r, special))
	return all.holds(allOf4) || all.holds(unicast6)
}

// inOrder sorts spans by where they begin.
func inOrder(r Range) Range {
	slices.SortFunc(r, func(a, b span) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	return r
}

// holds tells whether spans, which are in order, together hold all of another.
func (r Range) holds(wanted span) bool {
	next := wanted.from
	for _, s := range r {
		if s.from.Is4() != next.Is4() || s.to.Less(next) {
			continue
		}
		if next.Less(s.from) {
			return false
		}
		if !s.to.Less(wanted.to) {
			return true
		}
		next = s.to.Next()
	}
	return false
}

// Size is how many addresses the range holds, the greatest int64 if there are more.
func (r Range) Size() int64 {
	total := int64(0)
	for _, s := range r {
		size := s.size()
		if total > math.MaxInt64-size {
			return math.MaxInt64
		}
		total += size
	}
	return total
}

func (s span) size() int64 {
	from, to := s.from.As16(), s.to.As16()
	if binary.BigEndian.Uint64(from[:8]) != binary.BigEndian.Uint64(to[:8]) {
		return math.MaxInt64
	}
	steps := binary.BigEndian.Uint64(to[8:]) - binary.BigEndian.Uint64(from[8:])
	if steps >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(steps) + 1
}

// ParseRanges reads several ranges as one. Null among them counts for nothing, so that both of a
// rule's fields for ranges may be given, of which one is always empty.
func ParseRanges(sources any) (Range, error) {
	var all Range
	for _, source := range list(sources) {
		if source == nil {
			continue
		}
		written, ok := text(source)
		if !ok {
			return nil, errNoRange
		}
		found, err := ParseRange(written)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
