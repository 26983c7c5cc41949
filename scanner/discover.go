package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"cloudaudit/providers"
)

// planScope is the name under which a provider's failure to plan any listing is recorded.
const planScope = "plan"

// discover lists every scope of the account, a few at once, and stores what they hold. The failure
// of a scope is its result; an error means that the scan cannot go on.
func (r *run) discover(ctx context.Context) error {
	collectors, err := r.collectors(ctx)
	if err != nil {
		return err
	}
	r.scopes = make([]ScopeResult, len(collectors))
	r.progress.set(func(p *Progress) { p.Scopes = len(collectors) })
	done, err := r.takeOver(ctx, collectors)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(r.Listers[r.scan.Account.Provider], r.Workers))
	for i, collector := range collectors {
		if done[i] {
			continue
		}
		group.Go(func() error {
			result, err := r.list(ctx, collector)
			r.scopes[i] = result
			return err
		})
	}
	return group.Wait()
}

// takeOver finds the scopes that this scan listed before its process ended, before any other is
// listed: what they held has to be known when records of other scopes are weighed.
func (r *run) takeOver(ctx context.Context, collectors []providers.Collector) ([]bool, error) {
	taken := make([]bool, len(collectors))
	for i, collector := range collectors {
		result, done, err := r.finished(ctx, collector.Scope)
		if err != nil {
			return nil, fmt.Errorf("list scope %s again: %w", collector.Scope.Name, err)
		}
		if !done {
			continue
		}
		taken[i], r.scopes[i] = true, result
		r.ingest.seen.merge(r.scan.Left.Seen[collector.Scope.Name])
		r.progress.set(func(p *Progress) {
			p.ScopesDone++
			p.Resources += result.Resources
			p.Gaps += result.GapCount
		})
	}
	return taken, nil
}

// collectors asks the provider for its plan. One that cannot plan gives a single scope that fails.
func (r *run) collectors(ctx context.Context) ([]providers.Collector, error) {
	listed, err := r.Store.Listed(ctx, r.scan.Account)
	if err != nil {
		return nil, fmt.Errorf("read what the last scan of %s listed: %w", r.scan.Account.Name, err)
	}
	provider := r.Providers[r.scan.Account.Provider]
	if provider == nil {
		return []providers.Collector{failing(fmt.Errorf("provider %q is not in this build", r.scan.Account.Provider))}, nil
	}
	collectors, err := provider.Collectors(ctx, r.scan.Account, providers.Want{Paths: r.plan.want(), Listed: listed, Log: slog.New(logHandler{run: r})})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return []providers.Collector{failing(err)}, nil
	case len(collectors) == 0:
		return []providers.Collector{failing(errors.New("there is nothing to list; check the account's settings"))}, nil
	}
	return collectors, nil
}

func failing(err error) providers.Collector {
	return providers.Collector{
		Scope:   providers.Scope{Name: planScope, Region: providers.Anywhere},
		Collect: func(context.Context, providers.Emitter) error { return err },
	}
}

// list runs one collector and records its result.
func (r *run) list(ctx context.Context, collector providers.Collector) (ScopeResult, error) {
	started := r.Now()
	r.progress.began(collector.Scope.Name)
	listing := &listing{run: r, ctx: ctx, seen: Seen{}, trail: r.newTrail(collector.Scope.Name), result: ScopeResult{Scope: collector.Scope, Listing: Complete}}
	err := listing.collect(ctx, collector)
	if listing.err != nil {
		return listing.result, listing.err
	}
	if ctx.Err() != nil {
		return listing.result, context.Cause(ctx)
	}
	if err := listing.trail.end(ctx); err != nil {
		return listing.result, err
	}
	listing.conclude(err)
	listing.result.Duration = r.Now().Sub(started)
	if err := r.Store.EndScope(ctx, r.scan, listing.result, listing.seen); err != nil {
		return listing.result, fmt.Errorf("record scope %s: %w", collector.Scope.Name, err)
	}
	r.logScope(ctx, listing.result)
	r.progress.ended(collector.Scope.Name)
	return listing.result, nil
}

// listing is a scope being listed: it takes what the collector emits and hands it on in batches.
type listing struct {
	run    *run
	ctx    context.Context //nolint:containedctx // of the one call of list that this value lives in
	batch  []*providers.Resource
	seen   Seen
	trail  *trail
	result ScopeResult
	gaps   map[gapKind]int
	err    error // of the store: the scan cannot go on
}

// collect runs the collector; a panic in it is the failure of its scope and of nothing else.
func (l *listing) collect(ctx context.Context, collector providers.Collector) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.run.log(ctx, "error", collector.Scope.Name, fmt.Sprintf("the collector crashed: %v\n%s", p, debug.Stack()))
			err = errors.New("the collector crashed; the scan's log has the trace")
		}
	}()
	if err := collector.Collect(ctx, l); err != nil {
		return errors.Join(err, l.flush())
	}
	return l.flush()
}

// batchSize is how many records are looked up and written at once.
const batchSize = 500

// Resource implements providers.Emitter.
func (l *listing) Resource(resource *providers.Resource) error {
	l.batch = append(l.batch, resource)
	if len(l.batch) < batchSize {
		return nil
	}
	return l.flush()
}

func (l *listing) flush() error {
	if len(l.batch) == 0 || l.err != nil {
		return l.err
	}
	l.err = l.run.ingest.save(l.ctx, l.batch, l.seen, l.trail)
	l.result.Resources += len(l.batch)
	read := len(l.batch)
	l.run.progress.set(func(p *Progress) { p.Resources += read })
	clear(l.batch)
	l.batch = l.batch[:0]
	return l.err
}

// maxKinds bounds how many kinds of gaps a scope may have. What comes after them counts as a gap of
// any type, which proves less and never more.
const maxKinds = 5000

type gapKind struct {
	region, resourceType, facet string
	class                       providers.Class
	permission                  string
}

// maxGaps is how many gaps of a scope are kept one by one. Beyond it only the first of each kind
// is, because coverage needs to know every kind; all are counted.
const maxGaps = 200

// Gap implements providers.Emitter.
func (l *listing) Gap(gap providers.Gap) error {
	kind := gapKind{gap.Region, gap.Type, gap.Facet, gap.Class, gap.Permission}
	if l.gaps == nil {
		l.gaps = map[gapKind]int{}
	}
	if len(l.gaps) >= maxKinds && l.gaps[kind] == 0 {
		gap.Region, gap.Type, gap.Facet = providers.Anywhere, "", ""
		kind = gapKind{region: gap.Region, class: gap.Class}
	}
	if l.gaps[kind]++; l.gaps[kind] == 1 || len(l.result.Gaps) < maxGaps {
		l.result.Gaps = append(l.result.Gaps, gap)
	}
	l.result.GapCount++
	l.run.progress.set(func(p *Progress) { p.Gaps++ })
	return l.ctx.Err()
}

// conclude works out how the listing ended.
func (l *listing) conclude(err error) {
	switch {
	case err != nil:
		l.result.Listing, l.result.Class, l.result.Error = Unlisted, providers.Failure, err.Error()
		var known *providers.Error
		if errors.As(err, &known) {
			l.result.Class, l.result.Permission = known.Class, known.Permission
		}
	case l.result.GapCount > 0:
		l.result.Listing = Incomplete
	}
}

func (r *run) logScope(ctx context.Context, result ScopeResult) {
	for i, gap := range result.Gaps {
		if i == maxLoggedGaps {
			r.log(ctx, "warn", result.Scope.Name, fmt.Sprintf("and %d more gaps", result.GapCount-i))
			break
		}
		r.log(ctx, "warn", result.Scope.Name, fmt.Sprintf("%s: %s: %s", gap.Place, gap.Class, gap.Reason))
	}
	if result.Listing == Unlisted {
		r.log(ctx, "error", result.Scope.Name, fmt.Sprintf("failed after %d records: %s", result.Resources, result.Error))
		return
	}
	r.log(ctx, "info", result.Scope.Name, fmt.Sprintf("%s: %d records in %s", result.Listing, result.Resources, result.Duration.Round(time.Millisecond)))
}

const maxLoggedGaps = 20
