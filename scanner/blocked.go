package scanner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Blocked is a permission that an account did not give, with what that costs.
type Blocked struct {
	// Region is where the call was made, and Call is what failed, as its cloud names it.
	Region     string          `json:"region"`
	Call       string          `json:"call"`
	Permission string          `json:"permission"`
	Class      providers.Class `json:"class"`
	// Types are what could not be read, or not wholly; none for all of the account.
	Types []string `json:"types"`
	// Policies could not be judged, or not for all resources: pack/policy.
	Policies []string `json:"policies"`
}

type blockedKey struct {
	region, call, permission string
	class                    providers.Class
}

// blocked sums up the permissions that were missing.
func (r *run) blocked() []Blocked {
	types, policies := map[blockedKey]map[string]bool{}, map[blockedKey]map[string]bool{}
	for _, scope := range r.scopes {
		for _, gap := range scope.missing() {
			call, _, _ := strings.Cut(gap.Place, " ")
			key := blockedKey{cmp.Or(gap.Region, scope.Scope.Region), call, gap.Permission, gap.Class}
			if types[key] == nil {
				types[key], policies[key] = map[string]bool{}, map[string]bool{}
			}
			if gap.Type != "" {
				types[key][gap.Type] = true
			}
			r.plan.concerned(gap, policies[key])
		}
	}
	list := make([]Blocked, 0, len(types))
	for key := range types {
		list = append(list, Blocked{
			Region: key.region, Call: key.call, Permission: key.permission, Class: key.class,
			Types: inOrder(types[key]), Policies: inOrder(policies[key]),
		})
	}
	slices.SortFunc(list, func(a, b Blocked) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.Call, b.Call), cmp.Compare(a.Class, b.Class))
	})
	return list
}

// missing gives the gaps of a scope that stand for missing permissions. A scope which failed has one for
// each of its types, or one without a type if it could hold any.
func (s ScopeResult) missing() []providers.Gap {
	gaps := slices.Clone(s.Gaps)
	if s.Listing == Unlisted {
		types := s.Scope.Types
		if len(types) == 0 {
			types = []string{""}
		}
		for _, name := range types {
			gaps = append(gaps, providers.Gap{Type: name, Class: s.Class, Permission: s.Permission, Place: s.Permission})
		}
	}
	return slices.DeleteFunc(gaps, func(gap providers.Gap) bool { return gap.Permission == "" })
}

// concerned adds the policies that read what a gap left unread.
func (p *plan) concerned(gap providers.Gap, into map[string]bool) {
	for _, audit := range p.audits {
		for _, rule := range audit.Pack.Policies {
			if audit.Config.Enabled(rule.Name) && gapConcerns(gap, rule) {
				into[audit.Pack.Name+"/"+rule.Name] = true
			}
		}
	}
}

// gapConcerns tells whether a policy reads what a gap left unread.
func gapConcerns(gap providers.Gap, rule policy.Policy) bool {
	if gap.Type == "" {
		return true
	}
	if !rule.Matches(gap.Type) {
		return false
	}
	if gap.Facet == "" || len(gap.Paths) == 0 {
		return true
	}
	return slices.ContainsFunc(rule.ReadsOf(gap.Type), func(read string) bool {
		return slices.ContainsFunc(gap.Paths, func(path string) bool { return providers.Overlap(read, path) })
	})
}

// logBlocked tells in the scan's log what missing permissions cost.
func (r *run) logBlocked(ctx context.Context) {
	for _, b := range r.result.Blocked {
		text := b.Permission + " is missing"
		if b.Region != providers.Anywhere {
			text += " in " + b.Region
		}
		if text += " (" + b.Call + ")"; len(b.Policies) > 0 {
			text += fmt.Sprintf(": %d policies could not be judged on everything: %s", len(b.Policies), strings.Join(b.Policies, ", "))
		}
		r.log(ctx, "warn", "", text)
	}
}

// inOrder gives a set in order; never nil, so that programs read a list.
func inOrder(set map[string]bool) []string {
	return slices.AppendSeq(make([]string, 0, len(set)), slices.Values(slices.Sorted(maps.Keys(set))))
}
