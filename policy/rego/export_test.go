package rego

import (
	"time"

	"cloudaudit/policy"
)

// WithLimit gives the session little time for each policy, for tests of what has to be stopped.
func WithLimit(s policy.Session) policy.Session {
	s.(*session).limit, s.(*session).patience = 500*time.Millisecond, 2
	return s
}

// WithoutIndex makes the session evaluate every policy on every resource.
func WithoutIndex(s policy.Session) policy.Session {
	open := s.(*session)
	var all []*enabled
	seen := map[*enabled]bool{}
	for _, p := range open.unit.policies {
		for _, list := range open.byType {
			for _, e := range list {
				if e.compiled == p && !seen[e] {
					seen[e] = true
					all = append(all, e)
				}
			}
		}
		for _, e := range open.any {
			if e.compiled == p && !seen[e] {
				seen[e] = true
				all = append(all, e)
			}
		}
	}
	open.any, open.byType = all, map[string][]*enabled{}
	return open
}
