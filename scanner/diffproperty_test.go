package scanner_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cloudaudit/policy"
	"cloudaudit/scanner"
)

var (
	groupsDrawn   = []string{"g", "h"}
	policiesDrawn = []string{"public", "small"}
	keysDrawn     = []string{"", "k"}
)

// drawnAudit is an audit of pack "p" in which policies may be missing, disabled or limited to a region.
func drawnAudit(t *rapid.T, groups []string) *scanner.Audit {
	audit := &scanner.Audit{Pack: &policy.Pack{Name: "p", Version: rapid.IntRange(1, 2).Draw(t, "version")}}
	for _, name := range policiesDrawn {
		if name == "public" || rapid.Bool().Draw(t, "has "+name) {
			audit.Pack.Policies = append(audit.Pack.Policies, policy.Policy{Name: name, Severity: policy.High, Message: "is wrong"})
		}
	}
	for _, group := range groups {
		reporter := scanner.Reporter{Group: group, Levels: map[string]policy.Level{}}
		if rapid.IntRange(0, 3).Draw(t, "filtered") == 0 {
			reporter.Regions = []string{"elsewhere"}
		}
		for _, p := range audit.Pack.Policies {
			reporter.Levels[p.Name] = rapid.SampledFrom(policy.Levels).Draw(t, "level")
		}
		audit.Reporters = append(audit.Reporters, reporter)
	}
	return audit
}

func drawnOutcomes(t *rapid.T, audit *scanner.Audit) []policy.Outcome {
	var outcomes []policy.Outcome
	for _, p := range audit.Pack.Policies {
		outcome := policy.Outcome{Policy: p.Name, Verdict: rapid.SampledFrom([]policy.Verdict{
			policy.Violates, policy.Violates, policy.Compliant, policy.NotApplicable, policy.Unknown,
		}).Draw(t, "verdict")}
		if outcome.Verdict == policy.Violates {
			outcome.Remainder = rapid.Bool().Draw(t, "remainder")
			for _, key := range keysDrawn {
				if key == "" || rapid.Bool().Draw(t, "key") {
					outcome.Reports = append(outcome.Reports, policy.Report{Key: key})
				}
			}
			if rapid.Bool().Draw(t, "only keyed") && len(outcome.Reports) > 1 {
				outcome.Reports = outcome.Reports[1:]
			}
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

// drawnSubject is anything that a scan may know of a resource, with what earlier scans found.
func drawnSubject(t *rapid.T) scanner.Subject {
	s := scanner.Subject{
		Presence: rapid.SampledFrom([]scanner.Presence{scanner.Present, scanner.Present, scanner.Missing, scanner.Gone, scanner.Outside}).Draw(t, "presence"),
		Resource: bucket, Region: "here", Groups: groupsDrawn, UID: rapid.SampledFrom([]string{"", "u1", "u2"}).Draw(t, "uid"),
	}
	switch rapid.IntRange(0, 5).Draw(t, "pack") {
	case 0:
		s.Dropped = []string{"p"}
	case 1, 2: // not judged: nothing changed
	default:
		if rapid.Bool().Draw(t, "broken for the group gone") {
			s.Judged = append(s.Judged, scanner.Judged{Audit: drawnAudit(t, []string{"gone"}), Silent: true})
		}
		split := rapid.IntRange(0, 2).Draw(t, "audits")
		for _, groups := range [][]string{groupsDrawn[:split], groupsDrawn[split:]} {
			if len(groups) > 0 {
				judged := scanner.Judged{Audit: drawnAudit(t, groups), Same: rapid.Bool().Draw(t, "same"), Silent: rapid.IntRange(0, 5).Draw(t, "silent") == 0}
				if !judged.Silent {
					judged.Outcomes = drawnOutcomes(t, judged.Audit)
				}
				s.Judged = append(s.Judged, judged)
			}
		}
	}
	for _, name := range policiesDrawn {
		for _, key := range keysDrawn {
			if rapid.Bool().Draw(t, "known") {
				s.Violations = append(s.Violations, drawnViolation(t, name, key))
			}
		}
	}
	return s
}

func drawnViolation(t *rapid.T, name, key string) scanner.Violation {
	v := held(key)
	v.ID, v.Policy, v.Triage = idOf("p", name, key), name, rapid.SampledFrom(policy.Triages).Draw(t, "triage")
	v.UID = rapid.SampledFrom([]string{"", "u1"}).Draw(t, "known uid")
	for _, group := range append(groupsDrawn, "gone") {
		if rapid.Bool().Draw(t, "reported by "+group) {
			v.Rows = append(v.Rows, scanner.Row{Group: group, Level: policy.Advisory, PackVersion: 1, Message: "is wrong"})
		}
	}
	v.Unverified = len(v.Rows) > 0 && rapid.Bool().Draw(t, "unverified")
	if len(v.Rows) == 0 {
		return resolved(v, rapid.SampledFrom([]policy.Resolution{policy.Fixed, policy.ResourceDeleted, policy.PolicyRemoved}).Draw(t, "resolution"))
	}
	return v
}

// diffHolds is the property: what rules 3.1, 3.4 and 3.5 say of every difference.
func diffHolds(t *rapid.T) {
	s := drawnSubject(t)
	before := map[string]scanner.Violation{}
	for _, v := range s.Violations {
		before[v.ID] = v
	}
	changes := scanner.Diff(s)
	after := map[string]scanner.Violation{}
	for id, v := range before {
		after[id] = v
	}
	for i, change := range changes {
		if i > 0 && changes[i-1].ID >= change.ID {
			t.Fatalf("changes are out of order, or one stands twice: %s, %s", changes[i-1].ID, change.ID)
		}
		if (change.State == policy.Open) != (len(change.Rows) > 0) {
			t.Fatalf("state %s with %d reports", change.State, len(change.Rows))
		}
		if change.State == policy.Resolved && before[change.ID].State == policy.Open {
			proofHolds(t, s, change)
		}
		after[change.ID] = change.Violation
	}
	reportsHold(t, s, after)
	silenceHolds(t, s, after)
	again := s
	again.Violations = nil
	for _, v := range after {
		again.Violations = append(again.Violations, v)
	}
	if second := scanner.Diff(again); len(second) > 0 {
		t.Fatalf("the same scan once more changes %+v", second)
	}
}

// proofHolds demands the proof that the resolution claims.
func proofHolds(t *rapid.T, s scanner.Subject, change scanner.Change) {
	proof := map[policy.Resolution]bool{
		policy.ResourceDeleted: s.Presence == scanner.Gone,
		policy.OutOfScope:      s.Presence == scanner.Outside,
	}
	if s.Presence == scanner.Present || s.Presence == scanner.Missing {
		for _, judged := range s.Judged {
			if judged.Silent {
				continue
			}
			_, has := judged.Pack.Policy(change.Policy)
			proof[policy.PolicyRemoved] = proof[policy.PolicyRemoved] || !has
			for _, reporter := range judged.Reporters {
				proof[policy.PolicyDisabled] = proof[policy.PolicyDisabled] || reporter.Levels[change.Policy] == policy.Disabled
				proof[policy.AccountUnassigned] = proof[policy.AccountUnassigned] || len(reporter.Regions) > 0
			}
			clean := !doubtful(judged, change.Policy, change.Key)
			proof[policy.Fixed] = proof[policy.Fixed] || has && clean && !judged.Same
			proof[policy.PolicyChanged] = proof[policy.PolicyChanged] || has && clean && judged.Same
		}
		dropped := slices.Contains(s.Dropped, change.Pack)
		proof[policy.PolicyRemoved] = proof[policy.PolicyRemoved] || dropped
		proof[policy.AccountUnassigned] = proof[policy.AccountUnassigned] || dropped || len(s.Judged) > 0
	}
	if !proof[change.Resolution] {
		t.Fatalf("%s %q resolved as %s without proof: %+v", change.Policy, change.Key, change.Resolution, s)
	}
}

// doubtful tells whether the audit's outcome leaves the violation possible.
func doubtful(judged scanner.Judged, name, key string) bool {
	for _, outcome := range judged.Outcomes {
		if outcome.Policy == name {
			reported := slices.ContainsFunc(outcome.Reports, func(r policy.Report) bool { return r.Key == key })
			return outcome.Verdict == policy.Unknown || outcome.Verdict == policy.Violates && (reported || outcome.Remainder)
		}
	}
	return false
}

// reportsHold demands that what a group reports now is open, and that a doubt resolves nothing.
func reportsHold(t *rapid.T, s scanner.Subject, after map[string]scanner.Violation) {
	if s.Presence == scanner.Gone || s.Presence == scanner.Outside {
		return
	}
	for _, judged := range s.Judged {
		for _, outcome := range judged.Outcomes {
			for _, reporter := range judged.Reporters {
				if len(reporter.Regions) > 0 || reporter.Levels[outcome.Policy] == policy.Disabled {
					continue
				}
				for _, report := range outcome.Reports {
					if v := after[idOf("p", outcome.Policy, report.Key)]; v.State != policy.Open {
						t.Fatalf("%s reports %s %q, which is %q", reporter.Group, outcome.Policy, report.Key, v.State)
					}
				}
				doubtHolds(t, s, judged, reporter.Group, outcome.Policy, after)
			}
		}
	}
}

func doubtHolds(t *rapid.T, s scanner.Subject, judged scanner.Judged, group, name string, after map[string]scanner.Violation) {
	for _, v := range s.Violations {
		reports := slices.ContainsFunc(v.Rows, func(r scanner.Row) bool { return r.Group == group })
		if v.Policy == name && reports && doubtful(judged, name, v.Key) && after[v.ID].State != policy.Open {
			t.Fatalf("%s %q resolved although %s could not verify it", name, v.Key, group)
		}
	}
}

// silenceHolds demands that what is reported by a group for which the pack could not run stays.
func silenceHolds(t *rapid.T, s scanner.Subject, after map[string]scanner.Violation) {
	if s.Presence == scanner.Gone || s.Presence == scanner.Outside {
		return
	}
	for _, judged := range s.Judged {
		for _, reporter := range judged.Reporters {
			reports := func(r scanner.Row) bool { return judged.Silent && r.Group == reporter.Group }
			for _, v := range s.Violations {
				if slices.ContainsFunc(v.Rows, reports) && !slices.ContainsFunc(after[v.ID].Rows, reports) {
					t.Fatalf("%s %q is reported no more by %s, for which the pack could not run", v.Policy, v.Key, reporter.Group)
				}
			}
		}
	}
}

// TestRule3_1_ResolutionNeedsProof holds design rules 3.1, 3.4 and 3.5 for whatever a scan may know.
func TestRule3_1_ResolutionNeedsProof(t *testing.T) {
	t.Parallel()
	for range 20 {
		rapid.Check(t, diffHolds)
	}
}

func FuzzDiff(f *testing.F) { f.Fuzz(rapid.MakeFuzz(diffHolds)) }
