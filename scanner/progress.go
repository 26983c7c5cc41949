package scanner

import (
	"context"
	"errors"
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

// take gives the progress and whether it changed since it was last taken.
func (t *tracker) take() (Progress, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := t.changed
	t.changed = false
	return t.now, changed
}

const (
	reportEvery = time.Second
	renewEvery  = 8 // reports; leases last 30 s
)

// keepAlive persists progress and renews the lease until the returned function is called. When
// the lease is lost the returned context ends, with ErrLeaseLost as its cause.
func (r *run) keepAlive(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		ticker := time.NewTicker(reportEvery)
		defer ticker.Stop()
		for idle := 0; ; idle++ {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			progress, changed := r.progress.take()
			if !changed && idle < renewEvery {
				continue
			}
			idle = 0
			if err := r.Store.Report(ctx, r.scan, progress); errors.Is(err, ErrLeaseLost) {
				cancel(err)
			}
		}
	})
	return ctx, func() { close(done); wait.Wait() }
}
