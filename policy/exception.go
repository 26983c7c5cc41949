package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Exception is a record that excuses violations, for a reason that somebody answers for. Excused
// violations stay what they are and are shown as excused; they count neither as violating nor as
// compliant.
type Exception struct {
	// Name is unique among the exceptions that are not removed.
	Name  string         `json:"name"`
	Scope ExceptionScope `json:"scope"`
	// Owner answers for it, Reason says why, Ticket and Approver may say more.
	Owner    string `json:"owner"`
	Reason   string `json:"reason"`
	Ticket   string `json:"ticket"`
	Approver string `json:"approver"`
	// Expires is when it ends by itself; nil for never.
	Expires *time.Time `json:"expires"`
}

// ExceptionScope says what an exception excuses: what matches every list that is not empty, by at
// least one of its entries. In all entries "*" stands for any text.
type ExceptionScope struct {
	// Policies are names, or "pack/policy".
	Policies []string `json:"policies,omitempty"`
	Packs    []string `json:"packs,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	// Resources are ids or short names.
	Resources []string `json:"resources,omitempty"`
	// Tags are those that the resource has, by key; all of them are needed.
	Tags map[string]string `json:"tags,omitempty"`
}

// Excusable is what an exception looks at.
type Excusable struct {
	Pack, Policy, Account    string
	ResourceID, ResourceName string
	Tags                     map[string]string
}

// Check tells everything that is wrong with the exception.
func (e Exception) Check() error {
	var faults []error
	if err := CheckName("exception", e.Name); err != nil {
		faults = append(faults, err)
	}
	if strings.TrimSpace(e.Owner) == "" {
		faults = append(faults, errors.New("an exception needs an owner who answers for it"))
	}
	if strings.TrimSpace(e.Reason) == "" {
		faults = append(faults, errors.New("an exception needs a reason"))
	}
	return errors.Join(append(faults, e.Scope.check())...)
}

func (s ExceptionScope) check() error {
	lists := map[string][]string{
		"policies": s.Policies, "packs": s.Packs, "accounts": s.Accounts, "resources": s.Resources,
		"tags": slices.Collect(maps.Keys(s.Tags)),
	}
	given := 0
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		given += len(lists[name])
		if slices.Contains(lists[name], "") {
			return fmt.Errorf("scope.%s holds an empty entry: remove it, or use * for any", name)
		}
	}
	if given == 0 {
		return errors.New("an exception needs a scope: name policies, packs, accounts, resources or tags")
	}
	return nil
}

// Broad tells that the exception names no policy, or no resource and no tag: it excuses more than
// somebody has looked at, and what is still to come.
func (s ExceptionScope) Broad() bool {
	named := func(list []string) bool { return len(list) > 0 && !slices.Contains(list, "*") }
	return !named(s.Policies) || !named(s.Resources) && len(s.Tags) == 0
}

// Excuses tells whether the violation is in the exception's scope.
func (s ExceptionScope) Excuses(v Excusable) bool {
	for key, pattern := range s.Tags {
		if value, tagged := v.Tags[key]; !tagged || !Glob(pattern, value) {
			return false
		}
	}
	return matches(s.Policies, v.Policy, v.Pack+"/"+v.Policy) && matches(s.Packs, v.Pack) &&
		matches(s.Accounts, v.Account) && matches(s.Resources, v.ResourceID, v.ResourceName)
}

// matches tells whether a pattern of the list matches one of the texts; no list matches all.
func matches(patterns []string, texts ...string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return text != "" && Glob(pattern, text) })
	})
}

// Glob tells whether the text matches the pattern, in which "*" stands for any text, also across
// slashes, and everything else for itself.
func Glob(pattern, text string) bool {
	first, rest, open := strings.Cut(pattern, "*")
	if !open {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	pieces := strings.Split(rest, "*")
	last := pieces[len(pieces)-1]
	for _, piece := range pieces[:len(pieces)-1] {
		_, after, found := strings.Cut(text, piece)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}
