package scanner

import (
	"cmp"
	"slices"

	"cloudaudit/policy"
)

// Subject is everything that a scan knows of one resource when it decides about its violations.
type Subject struct {
	Presence Presence
	// Resource identifies the resource; Pack, Policy and Key are empty.
	Resource policy.Identity
	Region   string
	UID      string
	// Violations are all that were ever known of the resource.
	Violations []Violation
	// Judged are the audits that judged it now. Of a pack either all audits are here or none, in
	// which case its violations are left alone.
	Judged []Judged
	// Dropped names packs by which no audit judges the account any more.
	Dropped []string
	// Groups are the groups that audit the account now.
	Groups []string
}

// Judged is what one audit said of the resource.
type Judged struct {
	*Audit
	Outcomes []policy.Outcome
	// Silent tells that the pack cannot run: what its groups report stays, in doubt.
	Silent bool
	// Same tells that the resource's content is what the pack judged before, so that a difference
	// comes from the pack or its config alone.
	Same bool
}

// Diff decides what becomes of a resource's violations, and gives those that change. It is the
// place where design rules 3.1, 3.4 and 3.5 are kept: a violation opens when a group reports it,
// and resolves only with proof. It reads nothing but its argument.
func Diff(s Subject) []Change {
	reported := s.reports()
	var changes []Change
	for _, v := range s.Violations {
		fresh := reported[v.ID]
		delete(reported, v.ID)
		if change, changed := s.next(v, fresh); changed {
			changes = append(changes, change)
		}
	}
	for _, fresh := range reported {
		changes = append(changes, s.open(fresh))
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.ID, b.ID) })
	return changes
}

// reports gives the violations that were reported now, by id, each with a row per group.
func (s Subject) reports() map[string]Violation {
	found := map[string]Violation{}
	if s.Presence == Gone || s.Presence == Outside {
		return found
	}
	for _, judged := range s.Judged {
		for _, outcome := range judged.Outcomes {
			if outcome.Verdict == policy.Violates {
				s.report(found, judged, outcome)
			}
		}
	}
	return found
}

func (s Subject) report(found map[string]Violation, judged Judged, outcome policy.Outcome) {
	rule, _ := judged.Pack.Policy(outcome.Policy)
	for _, report := range outcome.Reports {
		identity := s.Resource
		identity.Pack, identity.Policy, identity.Key = judged.Pack.Name, outcome.Policy, report.Key
		v := found[identity.ID()]
		v.ID, v.Pack, v.Policy, v.Key = identity.ID(), identity.Pack, identity.Policy, identity.Key
		v.Severity = cmp.Or(report.Severity, rule.Severity)
		for _, reporter := range judged.Reporters {
			if reporter.covers(s.Region) && reporter.runs(outcome.Policy) {
				v.Rows = append(v.Rows, Row{
					Group:       reporter.Group,
					Level:       reporter.Levels[outcome.Policy],
					PackVersion: judged.Pack.Version,
					Message:     cmp.Or(report.Message, rule.Message, rule.Description),
				})
			}
		}
		if len(v.Rows) > 0 {
			found[v.ID] = v
		}
	}
}

func (r Reporter) covers(region string) bool {
	return len(r.Regions) == 0 || slices.Contains(r.Regions, region)
}

func (r Reporter) runs(name string) bool { return r.Levels[name] != policy.Disabled }

// open is the change of a violation that was never known.
func (s Subject) open(v Violation) Change {
	v.State, v.Triage, v.UID = policy.Open, policy.TriageOpen, s.UID
	return finish(Change{Violation: v, NewTriage: true})
}

// next is a known violation after this scan, and whether that is a change.
func (s Subject) next(was, fresh Violation) (Change, bool) {
	now := was
	now.Rows = slices.Clone(fresh.Rows)
	resolution, doubted := policy.Resolution(""), false
	for _, row := range was.Rows {
		if slices.ContainsFunc(fresh.Rows, func(r Row) bool { return r.Group == row.Group }) {
			continue
		}
		fate := s.fate(was, row)
		resolution = weightier(resolution, fate.resolution)
		if fate.resolution == "" {
			now.Rows = append(now.Rows, row)
		}
		doubted = doubted || fate.doubted
	}
	switch {
	case len(fresh.Rows) > 0:
		now.Unverified, now.Severity = false, fresh.Severity
	case doubted:
		now.Unverified = true
	}
	return s.settle(was, now, resolution)
}

// settle derives the state from the rows that are left.
func (s Subject) settle(was, now Violation, resolution policy.Resolution) (Change, bool) {
	change := Change{Was: was.State}
	switch {
	case len(now.Rows) > 0:
		now.State, now.Resolution = policy.Open, ""
		change.NewTriage = s.startsOver(was)
		if was.State == policy.Resolved && now.Triage == policy.TriageInProgress || change.NewTriage {
			now.Triage = policy.TriageOpen
		}
		if !now.Unverified {
			now.UID = s.UID
		}
	case was.State == policy.Open:
		now.State, now.Resolution, now.Unverified = policy.Resolved, resolution, false
	}
	change.Violation = now
	change = finish(change)
	return change, !equal(was, change.Violation)
}

// startsOver tells whether people's triage of an earlier resource ends with it.
func (s Subject) startsOver(was Violation) bool {
	recreated := was.UID != "" && s.UID != "" && was.UID != s.UID
	return recreated || was.State == policy.Resolved && was.Resolution == policy.ResourceDeleted
}

// finish orders the rows and derives what follows from them: level and message of the strictest.
func finish(c Change) Change {
	slices.SortFunc(c.Rows, func(a, b Row) int { return cmp.Compare(a.Group, b.Group) })
	for i, row := range c.Rows {
		if i == 0 || row.Level.Stricter(c.Level) {
			c.Level, c.Message = row.Level, row.Message
		}
	}
	return c
}

func equal(a, b Violation) bool {
	slices.SortFunc(a.Rows, func(x, y Row) int { return cmp.Compare(x.Group, y.Group) })
	return a.State == b.State && a.Resolution == b.Resolution && a.Unverified == b.Unverified &&
		a.Severity == b.Severity && a.Triage == b.Triage && a.UID == b.UID && slices.Equal(a.Rows, b.Rows)
}

// fate is what becomes of a group's report that was not repeated: it ends by a resolution, or it
// stays, in doubt when this scan tried to verify it and could not.
type fate struct {
	resolution policy.Resolution
	doubted    bool
}

var (
	stays  = fate{}
	doubts = fate{doubted: true}
)

func ends(resolution policy.Resolution) fate { return fate{resolution: resolution} }

func (s Subject) fate(v Violation, row Row) fate {
	switch {
	case s.Presence == Gone:
		return ends(policy.ResourceDeleted)
	case s.Presence == Outside:
		return ends(policy.OutOfScope)
	}
	judgedPack := false
	for _, judged := range s.Judged {
		if judged.Pack.Name != v.Pack {
			continue
		}
		judgedPack = true
		for _, reporter := range judged.Reporters {
			if reporter.Group == row.Group && judged.Silent {
				return doubts
			}
			if reporter.Group == row.Group {
				return s.verdict(judged, reporter, v)
			}
		}
	}
	if !judgedPack && !slices.Contains(s.Dropped, v.Pack) {
		return stays
	}
	if slices.Contains(s.Groups, row.Group) {
		return ends(policy.PolicyRemoved)
	}
	return ends(policy.AccountUnassigned)
}

// verdict is the fate of a report by the audit that the group reports.
func (s Subject) verdict(judged Judged, reporter Reporter, v Violation) fate {
	if _, known := judged.Pack.Policy(v.Policy); !known {
		return ends(policy.PolicyRemoved)
	}
	if !reporter.covers(s.Region) {
		return ends(policy.AccountUnassigned)
	}
	if !reporter.runs(v.Policy) {
		return ends(policy.PolicyDisabled)
	}
	for _, outcome := range judged.Outcomes {
		if outcome.Policy != v.Policy {
			continue
		}
		if outcome.Verdict == policy.Unknown || outcome.Verdict == policy.Violates && outcome.Remainder {
			return doubts
		}
		break
	}
	if judged.Same {
		return ends(policy.PolicyChanged)
	}
	return ends(policy.Fixed)
}

// weight orders the resolutions of several groups' reports: the one that says most of the resource
// stands for the violation.
var weight = []policy.Resolution{
	"", policy.AccountUnassigned, policy.PolicyRemoved, policy.PolicyDisabled, policy.PolicyChanged,
	policy.Fixed, policy.OutOfScope, policy.ResourceDeleted,
}

func weightier(a, b policy.Resolution) policy.Resolution {
	if slices.Index(weight, b) > slices.Index(weight, a) {
		return b
	}
	return a
}
