package shape

import (
	"net/url"
	"strings"
)

// ARMID is what an Azure Resource Manager id tells.
type ARMID struct {
	// Subscription and ResourceGroup are as written, empty for ids outside of them.
	Subscription  string
	ResourceGroup string
	// Type is the type of the innermost resource in canonical case:
	// Microsoft.Storage/storageAccounts. For an extension resource
	// (…/providers/X/providers/Y) it is the extension's.
	Type string
	// Name is the last segment.
	Name string
}

// ParseARMID takes an id apart. It reports false for text that is none. Ids of the tenant
// (/providers/…) and of subscriptions and resource groups themselves are ids too.
func ParseARMID(id string) (ARMID, bool) {
	path := decodeARM(strings.TrimSpace(id))
	if !strings.HasPrefix(path, "/") {
		return ARMID{}, false
	}
	var parsed ARMID
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i := 0; i < len(segments); {
		switch key := strings.ToLower(segments[i]); {
		case key == "":
			i++
		case i+1 >= len(segments):
			return ARMID{}, false
		case key == "providers":
			i = parsed.provider(segments, i+1)
		default:
			if !parsed.container(segments[i], segments[i+1]) {
				return ARMID{}, false
			}
			i += 2
		}
	}
	parsed.Type = ARMType(parsed.Type)
	return parsed, parsed.Type != ""
}

// container takes one pair of segments before the first provider.
func (p *ARMID) container(key, value string) bool {
	switch strings.ToLower(key) {
	case "subscriptions":
		p.Subscription, p.Type = value, "Microsoft.Resources/subscriptions"
	case "resourcegroups":
		p.ResourceGroup, p.Type = value, "Microsoft.Resources/resourceGroups"
	case "tenants":
		p.Type = "Microsoft.Resources/tenants"
	default:
		if p.Type == "" {
			return false
		}
		p.Type += "/" + key
	}
	p.Name = value
	return true
}

// provider takes the namespace at i and the pairs of type and name that follow it, and gives the
// position after them.
func (p *ARMID) provider(segments []string, i int) int {
	p.Type, p.Name = segments[i], segments[i]
	for i++; i < len(segments) && !strings.EqualFold(segments[i], "providers"); i += 2 {
		p.Type += "/" + segments[i]
		if i+1 < len(segments) {
			p.Name = segments[i+1]
		}
	}
	return min(i, len(segments))
}

// ARMIdentity is the form in which Azure's ids are compared: lower case, without doubled or
// trailing slashes, with percent escapes undone. An escaped slash or percent sign stays, because
// it belongs to a name, unless the whole id is escaped. Applied twice it changes nothing.
func ARMIdentity(id string) string {
	var identity strings.Builder
	for segment := range strings.SplitSeq(decodeARM(strings.TrimSpace(id)), "/") {
		if segment = strings.TrimSpace(segment); segment != "" {
			identity.WriteByte('/')
			identity.WriteString(strings.ToLower(segment))
		}
	}
	return identity.String()
}

// ARMAncestors gives the identities of an id's containers, closest first: the resource group and
// the subscription.
func ARMAncestors(id ARMID) []string {
	if id.Subscription == "" {
		return nil
	}
	subscription := "/subscriptions/" + strings.ToLower(id.Subscription)
	if id.ResourceGroup == "" {
		return []string{subscription}
	}
	return []string{subscription + "/resourcegroups/" + strings.ToLower(id.ResourceGroup), subscription}
}

func decodeARM(id string) string {
	if len(id) >= 3 && strings.EqualFold(id[:3], "%2f") {
		if decoded, err := url.PathUnescape(id); err == nil {
			id = decoded
		}
	}
	if !strings.Contains(id, "%") {
		return id
	}
	var b strings.Builder
	for i := 0; i < len(id); i++ {
		if c, ok := unescaped(id[i:]); ok && c != '/' && c != '%' && c >= ' ' {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(id[i])
	}
	return b.String()
}

func unescaped(text string) (byte, bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	high, low := hexDigit(text[1]), hexDigit(text[2])
	return high<<4 | low, high < 16 && low < 16
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
