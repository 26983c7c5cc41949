package scanner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Options are what a Scanner works with.
type Options struct {
	Store     Store
	Providers map[string]providers.Provider // by Account.Provider
	Engines   map[string]policy.Engine      // by Pack.Runtime
	Now       func() time.Time              // time.Now if nil
	// Workers bounds how many scopes are listed, and how many resources judged, at once; the number
	// of processors if 0.
	Workers int
	// Listers bounds how many scopes are listed at once of accounts of a provider, by Account.Provider;
	// Workers does of others. Where listing waits for a network, more of it goes on at once.
	Listers map[string]int
	// Full judges every resource anew, also where nothing changed. What it finds is the same; it
	// serves those who doubt that.
	Full bool
	// Notify hears of progress, several times a second at most; it must not block. May be nil.
	Notify func(Progress)
}

// Scanner scans accounts. It is safe for concurrent use: the store's leases keep two scans of one
// account apart.
type Scanner struct{ Options }

// run is one scan under way.
type run struct {
	*Scanner
	scan     *Scan
	plan     *plan
	result   Result
	scopes   []ScopeResult
	held     []string // types of the account's resources, once they are judged
	hurried  bool     // some policy ran out of time
	ingest   *ingest
	progress *tracker
}

// New makes a Scanner.
func New(options Options) *Scanner {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	return &Scanner{options}
}

// Scan runs one scan of the account to its end and records it. The Result tells how it ended; the
// error is set when there was none to record (ErrBusy, a store that fails) and when ctx ended. If
// the account's last scan did not come to its end, that one goes on at its unfinished scopes.
func (s *Scanner) Scan(ctx context.Context, account providers.Account, trigger Trigger) (Result, error) {
	result, err := s.scan(ctx, account, trigger)
	if errors.Is(err, errOutdated) {
		return s.scan(ctx, account, trigger)
	}
	return result, err
}

func (s *Scanner) scan(ctx context.Context, account providers.Account, trigger Trigger) (Result, error) {
	scan, err := s.Store.Begin(ctx, account, trigger)
	if err != nil {
		return Result{Status: Failed, Error: err.Error()}, fmt.Errorf("scan account %s: %w", account.Name, err)
	}
	r := newRun(s, scan)
	ctx, stop := r.keepAlive(ctx)
	err = r.pipeline(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	stop()
	return r.end(ctx, err)
}

// pipeline is the scan itself, in the order of the picture: discover, store resources, evaluate,
// diff, store violations.
func (r *run) pipeline(ctx context.Context) error {
	plan, err := r.newPlan(ctx)
	if err != nil {
		return err
	}
	defer plan.close()
	r.plan = plan
	if err := r.resume(ctx); err != nil {
		return err
	}
	r.result.Audited = plan.audited()
	if !r.result.Audited {
		r.log(ctx, "warn", "", "no policy group audits this account")
	}
	if err := r.discover(ctx); err != nil {
		return err
	}
	if err := r.restoreDeferred(ctx); err != nil {
		return err
	}
	return r.judge(ctx)
}

func newRun(s *Scanner, scan *Scan) *run {
	r := &run{Scanner: s, scan: scan, progress: newTracker(scan.Account.Name, s.Notify)}
	r.ingest = &ingest{run: r, seen: Seen{}, aside: Seen{}}
	return r
}

// end records how the scan ended, also when ctx is over.
func (r *run) end(ctx context.Context, cause error) (Result, error) {
	r.conclude(ctx, cause)
	// A cancelled scan still has to give its lease back and say that it was cancelled.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	r.progress.set(func(p *Progress) { p.Phase = Done })
	r.logBlocked(ctx)
	r.log(ctx, "info", "", r.summary())
	if errors.Is(cause, ErrLeaseLost) {
		return r.result, cause // the scan belongs to another now
	}
	if err := r.Store.End(ctx, r.scan, r.result); err != nil {
		return r.result, errors.Join(cause, fmt.Errorf("end scan %s: %w", r.scan.ID, err))
	}
	return r.result, cause
}

const endTimeout = 30 * time.Second

// conclude derives the status: nothing read is failed, something not read is partial.
func (r *run) conclude(ctx context.Context, cause error) {
	r.result.FinishedAt = r.Now()
	if cause == nil {
		r.result.Coverage, r.result.Blocked = r.coverage(), r.blocked()
		r.result.Last = r.last()
	}
	failed := 0
	for _, scope := range r.scopes {
		r.result.Counts.Gaps += scope.GapCount
		switch scope.Listing {
		case Complete:
			r.result.Counts.ScopesComplete++
		case Unlisted:
			failed++
		}
	}
	r.result.Counts.ScopesPlanned = len(r.scopes)
	switch {
	case errors.Is(cause, errOutdated):
		r.result.Status, r.result.Error = Interrupted, cause.Error()
	case errors.Is(cause, ErrCancelled):
		r.result.Status, r.result.Error = Cancelled, cause.Error()
	case cause != nil && ctx.Err() != nil && !errors.Is(cause, ErrLeaseLost):
		r.result.Status, r.result.Error, r.result.Resumable = Interrupted, "the scanning process was stopped", true
	case cause != nil: // of our own: when it is mended, the next scan goes on
		r.result.Status, r.result.Error, r.result.Resumable = Failed, cause.Error(), true
	case failed == len(r.scopes):
		r.result.Status, r.result.Error = Failed, r.scopes[0].Error
	case r.result.Counts.ScopesComplete < len(r.scopes) || len(r.plan.broken) > 0:
		r.result.Status = Partial
	default:
		r.result.Status = Succeeded
	}
}

func (r *run) summary() string {
	c := r.result.Counts
	return fmt.Sprintf("scan %s: %d resources (%d added, %d changed, %d removed), %d of %d scopes complete, %d violations opened, %d resolved",
		r.result.Status, c.Resources, c.Added, c.Changed, c.Removed, c.ScopesComplete, c.ScopesPlanned, c.Opened, c.Resolved)
}

// log writes a line of the scan's log. A log that cannot be written must not end a scan whose
// results can; the store's next write will say what is wrong.
func (r *run) log(ctx context.Context, level, scope, message string) {
	_ = r.Store.Log(ctx, r.scan, LogLine{Time: r.Now(), Level: level, Scope: scope, Message: message})
}
