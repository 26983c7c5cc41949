package scanner

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// restless gives the resources that have to be looked at, where that need not be all: those of which
// a record was weighed, those that one of this scan and the last one did not read whole, those that
// were not settled, and those that policies with a clock judge. All others were read in this scan as
// they were in the last, and what they are judged by is the same. It is nil if any may be concerned.
func (j *judging) restless(ctx context.Context) (*KeySet, error) {
	last := j.scan.Last
	if last == nil || j.Full || last.Basis != j.basis() {
		return nil, nil
	}
	types, err := j.Store.HeldTypes(ctx, j.scan)
	if err != nil {
		return nil, fmt.Errorf("read the types of account %s: %w", j.scan.Account.Name, err)
	}
	keys, err := j.Store.Unsettled(ctx, j.scan, slices.DeleteFunc(types, func(t string) bool { return !j.hasClock(t) }))
	if err != nil {
		return nil, fmt.Errorf("read what is not settled of account %s: %w", j.scan.Account.Name, err)
	}
	keys.merge(&j.ingest.weighed)
	for _, left := range j.abandoned {
		keys.merge(left)
	}
	for part, before := range last.Seen {
		for key := range before.All() {
			if !j.ingest.seen.Has(part, key) {
				keys.Add(key)
			}
		}
	}
	return keys, nil
}

// hasClock tells whether resources of the type are judged by the time of day.
func (j *judging) hasClock(resourceType string) bool {
	return slices.ContainsFunc(j.plan.audits, func(a *auditing) bool { return a.of(resourceType).clock })
}

// basis identifies everything that judgements depend on beside the resources themselves.
func (r *run) basis() string {
	lines := make([]string, 0, len(r.scopes))
	for _, s := range r.scopes {
		line := fmt.Sprintf("%q %q %q %q %s %s", s.Scope.Name, s.Scope.Region, s.Scope.Types, s.Scope.Whole, s.Listing, s.Class)
		for _, gap := range s.Gaps {
			line += fmt.Sprintf(" %q %q %s", gap.Type, gap.Facet, gap.Class)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return r.plan.digest(r.scan.Account) + fmt.Sprintf(" %x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
}

// last gives what the next scan may know. What was read before an interruption is not known well
// enough, and what had no time is to be judged again.
func (r *run) last() *Last {
	if r.scan.Left != nil || r.hurried {
		return nil
	}
	return &Last{Basis: r.basis(), Seen: r.ingest.seen, Contested: &r.ingest.contested}
}
