package policy

import (
	"context"
	"slices"
)

// Opener opens sessions of packs, as an Engine does.
type Opener interface {
	Open(ctx context.Context, pack *Pack, options SessionOptions) (Session, error)
}

// Watcher is an Engine that can tell which branches of a pack's policies its sessions took.
type Watcher interface {
	// Watch prepares a loaded pack once more: watching has its price, which scans do not pay.
	Watch(ctx context.Context, pack *Pack) (Watch, error)
}

// Watch opens sessions of the one pack and notes which branches they take.
type Watch interface {
	Opener
	// Branches gives the branches of a policy and of what it calls in its pack, in the order of the
	// text, as taken by all sessions so far.
	Branches(name string) []Branch
}

// Branch is one of the ways that an evaluation may go on at an expression.
type Branch struct {
	// Place is "file:line:column" in the pack.
	Place string `json:"place"`
	// Of says what the expression is a part of: "match", "validation 1", "rule deny_public".
	Of         string `json:"of"`
	Expression string `json:"expression"`
	// Gives is what the expression gives on this way: true or false, present or absent.
	Gives string `json:"gives"`
	Taken bool   `json:"taken"`
}

// Branches are those of one policy.
type Branches struct {
	Policy string
	All    []Branch
}

// Taken is how many of the branches were taken.
func (b Branches) Taken() (taken int) {
	for _, branch := range b.All {
		if branch.Taken {
			taken++
		}
	}
	return taken
}

// Percent is how much of the policy was taken, rounded down, so that only all of it is 100.
func (b Branches) Percent() int {
	if len(b.All) == 0 {
		return 100
	}
	return 100 * b.Taken() / len(b.All)
}

// Untaken gives the branches that nothing took.
func (b Branches) Untaken() []Branch {
	return slices.DeleteFunc(slices.Clone(b.All), func(branch Branch) bool { return branch.Taken })
}

// BranchesOf gives the branches of some policies of a pack. What several of them call counts for the
// first, so that nothing counts twice.
func BranchesOf(watch Watch, names []string) []Branches {
	seen := map[Branch]bool{}
	found := make([]Branches, len(names))
	for i, name := range names {
		found[i] = Branches{name, slices.DeleteFunc(watch.Branches(name), func(b Branch) bool {
			known := seen[b]
			seen[b] = true
			return known
		})}
	}
	return found
}
