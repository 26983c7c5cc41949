// Package scanner is the pipeline from a due account to a finished scan: discover, store
// resources, evaluate, diff, store violations. It decides what a scan proves; it knows no cloud,
// no SQL and no HTTP.
package scanner

import (
	"time"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Scan is one run over an account.
type Scan struct {
	// Seq orders scans and bounds the intervals of everything that is stored: what a scan wrote
	// holds from its Seq on.
	Seq int64
	// ID is the scan's public name.
	ID string
	// Organization is the key of the organization, a part of every identity.
	Organization string
	Account      providers.Account
	Trigger      Trigger
	StartedAt    time.Time
	// Epoch is the lease's; the store refuses writes of a scan whose lease has passed to another.
	Epoch int64
	// Left is what the scan did before the process that began it ended; nil for a new scan.
	Left *Left
	// Last is what the account's last scan left for this one; nil if that is not known, or no longer true.
	Last *Last
}

// Last is what a scan leaves for the next, so that it need not ask about what has not changed. It is
// true until a scan begins or anything else writes what scans write.
type Last struct {
	// Basis identifies what resources were judged by, and what their types' listings proved.
	Basis string
	// Seen are the resources that were read, part by part.
	Seen Seen
	// Contested are those of which one part was read more than once: the trail of a scope may have the
	// wrong record of them.
	Contested *KeySet
}

// Left is what a scan that did not come to its end has done.
type Left struct {
	// Plan is the digest of what it judges by, empty if it did not come so far.
	Plan string
	// Scopes are those that ended, Seen what each of them held, by the scope's name.
	Scopes []ScopeResult
	Seen   map[string]Seen
	// Counts are those of the judgements that were stored.
	Counts Counts
}

// Trigger says what started a scan.
type Trigger string

// The triggers of scans.
const (
	Manual    Trigger = "manual"
	Scheduled Trigger = "schedule"
	// Removal marks the end of an account that was removed: it reads nothing and resolves what the
	// account had open.
	Removal Trigger = "removal"
)

// Status is how far a scan is, or how it ended.
type Status string

// The statuses of scans. Partial means that a planned scope ended incomplete or failed, or a pack
// could not run; Failed that nothing could be read; Cancelled that somebody asked for its end;
// Interrupted that its process ended before it did.
const (
	Running     Status = "running"
	Succeeded   Status = "succeeded"
	Partial     Status = "partial"
	Failed      Status = "failed"
	Cancelled   Status = "cancelled"
	Interrupted Status = "interrupted"
)

// Counts are the numbers of a scan.
type Counts struct {
	// Resources is how many the account has now, as far as is known.
	Resources int
	Added     int
	Changed   int
	Removed   int
	// Opened and Resolved are violations.
	Opened   int
	Resolved int
	// Evaluated is how many resources were judged anew, for the log and for benchmarks.
	Evaluated int
	// Gaps is how many things could not be read.
	Gaps int
	// ScopesPlanned and ScopesComplete make the scan's coverage.
	ScopesPlanned  int
	ScopesComplete int
}

// add sums up what pages of judgements did.
func (c *Counts) add(o Counts) {
	c.Removed += o.Removed
	c.Opened += o.Opened
	c.Resolved += o.Resolved
	c.Evaluated += o.Evaluated
}

// Coverage is the share of planned scopes that were listed completely, 0 to 1; 0 if none was
// planned.
func (c Counts) Coverage() float64 {
	if c.ScopesPlanned == 0 {
		return 0
	}
	return float64(c.ScopesComplete) / float64(c.ScopesPlanned)
}

// Result is how a scan ended.
type Result struct {
	Status     Status
	Error      string
	FinishedAt time.Time
	Counts     Counts
	// Coverage is nil if the scan did not come to its end.
	Coverage []Coverage
	// Blocked are the permissions that were missing, by region, permission and call.
	Blocked []Blocked
	// Audited tells whether any policy audits the account. Where none does, the account is shown as
	// not audited, never as clean.
	Audited bool
	// Resumable tells that the next scan may go on where this one was interrupted.
	Resumable bool
	// Last is for the next scan; nil if this one cannot say.
	Last *Last
}

// Listing is how a listing ended.
type Listing string

// The ends of a listing. What was read of an incomplete one counts, but absence proves nothing.
const (
	Complete   Listing = "complete"
	Incomplete Listing = "incomplete"
	Unlisted   Listing = "failed"
)

// Worse gives the worse of two ends.
func (l Listing) Worse(o Listing) Listing {
	rank := map[Listing]int{Complete: 0, Incomplete: 1, Unlisted: 2}
	if rank[o] > rank[l] {
		return o
	}
	return l
}

// ScopeResult is what came of listing one scope.
type ScopeResult struct {
	Scope   providers.Scope
	Listing Listing
	// Class, Permission and Error tell why the scope failed; Error never quotes input.
	Class      providers.Class
	Permission string
	Error      string
	Gaps       []providers.Gap
	// GapCount counts all gaps; Gaps holds the first maxGaps of them, and at least one of each type,
	// facet and class.
	GapCount  int
	Resources int
	Duration  time.Duration
}

// Coverage tells how completely one (region, type) or one facet of it was read. Region
// providers.Anywhere and type providers.AnyType stand for all.
type Coverage struct {
	Region     string
	Type       string
	Facet      string
	Listing    Listing
	Class      providers.Class
	Permission string
	Place      string
	Reason     string
	Gaps       int
}

// LogLine is an entry of a scan's log.
type LogLine struct {
	Time    time.Time
	Level   string // info, warn or error
	Scope   string
	Message string
}

// Progress is how far a running scan is.
type Progress struct {
	Account string `json:"account"`
	Phase   Phase  `json:"phase"`
	// ScopesDone of Scopes have ended; Listing are being listed, by name, in the order of their beginnings.
	Scopes     int      `json:"scopes"`
	ScopesDone int      `json:"scopesDone"`
	Listing    []string `json:"listing,omitempty"`
	// Resources were read, Gaps could not be.
	Resources int `json:"resources"`
	Gaps      int `json:"gaps"`
	// Judged of Total resources were looked at by the second phase.
	Judged int `json:"judged"`
	Total  int `json:"total"`
	Opened int `json:"opened"`
	// Resolved counts violations like Opened.
	Resolved int `json:"resolved"`
}

// Phase is a step of a scan.
type Phase string

// The phases of a scan, in order.
const (
	Discovering Phase = "discover"
	Judging     Phase = "evaluate"
	Done        Phase = "done"
)

// Audit is one evaluation over an account: a pack with a config, and the groups that report what
// it finds. An account is evaluated once per distinct pack and config digest.
type Audit struct {
	Pack         *policy.Pack
	Config       policy.Reconciled
	ConfigDigest string
	Reporters    []Reporter
}

// Reporter is a group that reports an audit's findings.
type Reporter struct {
	Group string
	// Regions limits the reports to resources in one of these regions; none means anywhere.
	Regions []string
	// Levels are the group's levels by policy.
	Levels map[string]policy.Level
}
