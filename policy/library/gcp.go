package library

import (
	"errors"
	"strings"
)

// Binding gives a role to members, on a condition if that is not nil.
type Binding struct {
	Role      string
	Members   []string
	Condition any
}

// Grant is one member of a binding.
type Grant struct {
	Role, Member string
	Condition    any
}

var errNoPolicy = errors.New("not an IAM policy")

// Bindings reads an IAM policy of Google Cloud. Null is no policy and has none.
func Bindings(policy any) ([]Binding, error) {
	if policy == nil {
		return nil, nil
	}
	object, ok := policy.(map[string]any)
	if !ok {
		return nil, errNoPolicy
	}
	elements := list(object["bindings"])
	all := make([]Binding, len(elements))
	for i, element := range elements {
		binding, ok := element.(map[string]any)
		if !ok {
			return nil, errNoPolicy
		}
		members, err := Texts(binding["members"])
		if err != nil {
			return nil, err
		}
		role, _ := text(binding["role"])
		all[i] = Binding{Role: role, Members: members, Condition: binding["condition"]}
	}
	return all, nil
}

// Object is the binding as policies see it.
func (b Binding) Object() map[string]any {
	return map[string]any{"role": b.Role, "members": values(b.Members), "condition": b.Condition}
}

// Object is the grant as policies see it.
func (g Grant) Object() map[string]any {
	return map[string]any{"role": g.Role, "member": g.Member, "condition": g.Condition}
}

// Grants gives every member of every binding.
func Grants(all []Binding) []Grant {
	var grants []Grant
	for _, binding := range all {
		for _, member := range binding.Members {
			grants = append(grants, Grant{Role: binding.Role, Member: member, Condition: binding.Condition})
		}
	}
	return grants
}

// PublicGrants gives those to anybody. A condition does not narrow them: it says when, not who.
func PublicGrants(all []Binding) []Grant {
	var grants []Grant
	for _, grant := range Grants(all) {
		if PublicMember(grant.Member) {
			grants = append(grants, grant)
		}
	}
	return grants
}

// Members lists who has the role, sorted.
func Members(all []Binding, role string) []string {
	members := []string{}
	for _, grant := range Grants(all) {
		if grant.Role == role {
			members = append(members, grant.Member)
		}
	}
	return sorted(members)
}

// PublicMember tells whether a member stands for anybody. An account of Google is free, so that all
// who have one are anybody.
func PublicMember(member string) bool {
	return member == "allUsers" || member == "allAuthenticatedUsers"
}

// MemberKind is what stands before the colon (user, group, serviceAccount, domain, deleted, …), and
// "public" for anybody.
func MemberKind(member string) string {
	if PublicMember(member) {
		return "public"
	}
	kind, _, _ := strings.Cut(member, ":")
	return kind
}

// MemberDomain is the domain of an address or of a domain, in lower case; empty where a member has
// none.
func MemberDomain(member string) string {
	member = strings.ToLower(member)
	if _, domain, ok := strings.Cut(member, "@"); ok {
		domain, _, _ = strings.Cut(domain, "?") // of deleted members, what follows is their id
		return domain
	}
	domain, _ := strings.CutPrefix(member, "domain:")
	if domain == member {
		return ""
	}
	return domain
}
