package rego

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// worldNames are what clouds write for all addresses.
var worldNames = map[string]bool{"*": true, "any": true, "internet": true}

// special are the ranges that no host of the internet has an address in.
var special = parseRanges("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
	"240.0.0.0/4", "::/127", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "ff00::/8")

func parseRanges(texts ...string) []netip.Prefix {
	ranges := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		ranges[i] = netip.MustParsePrefix(text)
	}
	return ranges
}

// parseRange reads a range or an address, which is a range of one. IPv4 in the clothes of IPv6 is
// IPv4. The world is two ranges, one of each family.
func parseRange(text string) ([]netip.Prefix, error) {
	text = strings.TrimSpace(text)
	if worldNames[strings.ToLower(text)] {
		return parseRanges("0.0.0.0/0", "::/0"), nil
	}
	address, bits, hasBits := strings.Cut(text, "/")
	parsed, err := netip.ParseAddr(address)
	if err != nil || parsed.Zone() != "" {
		return nil, fmt.Errorf("not an address or a range of addresses")
	}
	length := parsed.BitLen()
	if hasBits {
		if length, err = strconv.Atoi(bits); err != nil || length < 0 || length > parsed.BitLen() || strings.ContainsAny(bits, "+-") {
			return nil, fmt.Errorf("not a length of a prefix")
		}
	}
	if parsed.Is4In6() && length >= 96 {
		parsed, length = parsed.Unmap(), length-96
	}
	return []netip.Prefix{netip.PrefixFrom(parsed, length).Masked()}, nil
}

func parseTwo(texts []string) (a, b []netip.Prefix, err error) {
	if a, err = parseRange(texts[0]); err != nil {
		return nil, nil, err
	}
	b, err = parseRange(texts[1])
	return a, b, err
}

// within tells whether all addresses of the inner ranges lie in the outer ones.
func within(outer, inner []netip.Prefix) bool {
	for _, i := range inner {
		inside := false
		for _, o := range outer {
			inside = inside || o.Bits() <= i.Bits() && o.Contains(i.Addr())
		}
		if !inside {
			return false
		}
	}
	return true
}

func covers(texts []string) (any, error) {
	outer, inner, err := parseTwo(texts)
	return within(outer, inner), err
}

// rangesOverlap tells whether two ranges have an address in common.
func rangesOverlap(texts []string) (any, error) {
	a, b, err := parseTwo(texts)
	for _, x := range a {
		for _, y := range b {
			if x.Overlaps(y) {
				return true, err
			}
		}
	}
	return false, err
}

// isWorld tells whether a range holds every address of a family.
func isWorld(texts []string) (any, error) {
	ranges, err := parseRange(texts[0])
	for _, r := range ranges {
		if r.Bits() == 0 {
			return true, err
		}
	}
	return false, err
}

// isPublic tells whether a range holds an address of the internet: it does not lie in one of the
// special ranges.
func isPublic(texts []string) (any, error) {
	ranges, err := parseRange(texts[0])
	for _, r := range ranges {
		if !within(special, []netip.Prefix{r}) {
			return true, err
		}
	}
	return false, err
}

// maxPort is the highest port.
const maxPort = 65535

// portRange is a range of ports, both ends in it.
type portRange struct{ from, to int }

// portsOverlap tells whether two descriptions of ports have a port in common: a number, "22",
// "20-25", "*" (or "any", "all", or nothing in a string), or a list of these.
func portsOverlap(arguments []any) (any, error) {
	a, err := ports(arguments[0])
	if err != nil {
		return nil, err
	}
	b, err := ports(arguments[1])
	if err != nil {
		return nil, err
	}
	for _, x := range a {
		for _, y := range b {
			if x.from <= y.to && y.from <= x.to {
				return true, nil
			}
		}
	}
	return false, nil
}

func ports(value any) ([]portRange, error) {
	switch value := value.(type) {
	case json.Number:
		return portText(string(value))
	case string:
		return portText(value)
	case []any:
		var all []portRange
		for _, element := range value {
			found, err := ports(element)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("not a port")
}

func portText(text string) ([]portRange, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" || text == "*" || text == "any" || text == "all" {
		return []portRange{{0, maxPort}}, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("not a port")
	}
	to, err := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err != nil || to < from {
		return nil, fmt.Errorf("not a range of ports")
	}
	return []portRange{{int(from), int(to)}}, nil
}
