package policy

import "cloudaudit/providers"

// Verdict is what one policy said of one resource.
type Verdict string

// The verdicts. Unknown is never compliant.
const (
	Violates      Verdict = "violation"
	Compliant     Verdict = "compliant"
	NotApplicable Verdict = "not_applicable"
	Unknown       Verdict = "unknown"
)

// Reasons of an unknown outcome. Where it depends on an unread path the reason is the path's
// class instead.
const (
	ReasonError      = "evaluation_error"
	ReasonDeadline   = "deadline"
	ReasonIncomplete = "incomplete_types"
	ReasonNotCovered = "not_covered"
	ReasonTooLarge   = "input_too_large"
	ReasonCost       = "cost_limit" // unlike a deadline it is the same whenever the resource is
	ReasonNoPack     = "pack_cannot_run"
)

// Outcome is a verdict with its particulars.
type Outcome struct {
	Policy  string
	Verdict Verdict
	// Reason says why the verdict is Unknown (or which part of a violation is), as one of the
	// Reason constants or a providers.Class.
	Reason string
	// Detail says more of an unknown outcome to an author: the expression's error, the unread path.
	// It never holds a value of the resource.
	Detail string
	// Reports are what a violation found, sorted by key; at least one.
	Reports []Report
	// Remainder tells that a violation leaves an unknown rest: keys that it did not report are not
	// proved compliant.
	Remainder bool
}

// Report is one finding of a policy on a resource.
type Report struct {
	// Key tells reports of one policy on one resource apart, in a way that outlasts changes of
	// message; empty where all reports are one violation.
	Key     string
	Message string
	// Severity overrides the policy's, if set.
	Severity Severity
}

// Input is a resource as policies see it.
type Input struct {
	Account  *providers.Account
	Resource *providers.Resource
	// Unread are all unread paths, those of facets that were not read included, sorted by path.
	Unread []providers.Unread
}
