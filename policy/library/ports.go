package library

import (
	"errors"
	"strconv"
	"strings"
)

const maxPort = 65535

// portSpan is a run of ports, both ends in it.
type portSpan struct{ from, to int64 }

// PortsOverlap tells whether two descriptions of ports have one in common. A description is 22, "22",
// "20-25", a list of these, or all of them: "*", "any", "all" or "".
func PortsOverlap(a, b any) (bool, error) {
	left, err := ports(a)
	if err != nil {
		return false, err
	}
	right, err := ports(b)
	if err != nil {
		return false, err
	}
	for _, x := range left {
		for _, y := range right {
			if x.from <= y.to && y.from <= x.to {
				return true, nil
			}
		}
	}
	return false, nil
}

// Ports describes the ports from one to another as AWS writes them in two fields: all of them where
// one is null or -1.
func Ports(from, to any) (string, error) {
	first, openBelow, err := end(from)
	if err != nil {
		return "", err
	}
	last, openAbove, err := end(to)
	if err != nil {
		return "", err
	}
	switch {
	case openBelow || openAbove:
		return "*", nil
	case first < 0 || first > last || last > maxPort:
		return "", errNoPort
	case first == last:
		return strconv.FormatInt(first, 10), nil
	}
	return strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(last, 10), nil
}

// end reads an end of a run of ports, which may be open.
func end(value any) (port int64, open bool, err error) {
	if value == nil {
		return 0, true, nil
	}
	port, ok := whole(value)
	if written, isText := text(value); isText {
		port, err = strconv.ParseInt(strings.TrimSpace(written), 10, 32)
		ok = err == nil
	}
	if !ok {
		return 0, false, errNoPort
	}
	return port, port == -1, nil
}

var errNoPort = errors.New("not a port or a range of ports")

func ports(value any) ([]portSpan, error) {
	if number, ok := whole(value); ok {
		if number < 0 || number > maxPort {
			return nil, errNoPort
		}
		return []portSpan{{number, number}}, nil
	}
	if written, ok := text(value); ok {
		return portText(written)
	}
	elements, ok := value.([]any)
	if !ok {
		return nil, errNoPort
	}
	var all []portSpan
	for _, element := range elements {
		found, err := ports(element)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func portText(source string) ([]portSpan, error) {
	switch source = strings.ToLower(strings.TrimSpace(source)); source {
	case "", "*", "any", "all":
		return []portSpan{{0, maxPort}}, nil
	}
	first, last, ranged := strings.Cut(source, "-")
	if !ranged {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil {
		return nil, errNoPort
	}
	to, err := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err != nil || to < from {
		return nil, errNoPort
	}
	return []portSpan{{int64(from), int64(to)}}, nil
}

// protocolNumbers are IANA's numbers of the protocols that rules name.
var protocolNumbers = map[string]string{
	"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "51": "ah", "58": "icmpv6", "132": "sctp", "ipv6-icmp": "icmpv6",
}

// HasProtocol tells whether a rule's protocol takes in the one named: they are the same, by name in any
// case or by number, or the rule is for all: "-1", "*", "all" or "any".
func HasProtocol(rule any, name string) (bool, error) {
	written, ok := text(rule)
	if number, isNumber := whole(rule); isNumber {
		written, ok = strconv.FormatInt(number, 10), true
	}
	if !ok || strings.TrimSpace(written) == "" {
		return false, errors.New("not a protocol")
	}
	switch written = protocolName(written); written {
	case "-1", "*", "all", "any":
		return true, nil
	}
	return written == protocolName(name), nil
}

func protocolName(written string) string {
	written = strings.ToLower(strings.TrimSpace(written))
	if name, ok := protocolNumbers[written]; ok {
		return name
	}
	return written
}
