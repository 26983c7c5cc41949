package scanner

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// tracker holds the progress of a scan, which several goroutines advance.
type tracker struct {
	mu      sync.Mutex
	now     Progress
	changed bool
	notify  func(Progress)
}

func newTracker(account string, notify func(Progress)) *tracker {
	return &tracker{now: Progress{Account: account, Phase: Discovering}, notify: notify}
}

func (t *tracker) set(change func(*Progress)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.now)
	t.changed = true
	if t.notify != nil {
		t.notify(t.now)
	}
}

// began and ended note which scopes are being listed. Whoever heard of the progress before keeps what it
// heard.
func (t *tracker) began(scope string) {
	t.set(func(p *Progress) { p.Listing = append(slices.Clone(p.Listing), scope) })
}

func (t *tracker) ended(scope string) {
	t.set(func(p *Progress) {
		p.ScopesDone++
		p.Listing = slices.DeleteFunc(slices.Clone(p.Listing), func(name string) bool { return name == scope })
	})
}

// moved tells whether the progress changed since it was last taken.
func (t *tracker) moved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

func (t *tracker) take() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = false
	return t.now
}

const (
	askEvery    = 500 * time.Millisecond
	reportEvery = 2  // askings: once a second at most
	renewEvery  = 16 // askings: leases last 30 s
)

// keepAlive persists progress, renews the lease and asks whether the scan is still wanted, until the
// returned function is called. When it is not, or the lease is lost, the returned context ends, with
// ErrCancelled or ErrLeaseLost as its cause.
func (r *run) keepAlive(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		ticker := time.NewTicker(askEvery)
		defer ticker.Stop()
		for asked, reported := 1, 0; ; asked++ {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := r.Store.Wanted(ctx, r.scan); errors.Is(err, ErrCancelled) || errors.Is(err, ErrLeaseLost) {
				cancel(err)
				return
			}
			if idle := asked - reported; idle >= renewEvery || idle >= reportEvery && r.progress.moved() {
				reported = asked
				r.report(ctx)
			}
		}
	})
	return ctx, func() { close(done); wait.Wait() }
}

// report persists the progress, which renews the lease. What fails is tried again by the next
// report; a store that stays broken ends the scan by its other writes.
func (r *run) report(ctx context.Context) { _ = r.Store.Report(ctx, r.scan, r.progress.take()) }
