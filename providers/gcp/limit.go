package gcp

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cloudaudit/providers"
)

const (
	// fullRate is how many calls per second a consumer project makes: Google Cloud allows it 100 listings
	// a minute, and others list as well.
	fullRate = 1.5
	// leastRate is the slowest rate.
	leastRate = 0.1
	// burst is how many calls may come at once, so that a small project is read without waiting.
	burst = 5
	// calm is how long a rate stays low after calls were refused.
	calm = 5 * time.Minute
	// settling is how long calls that were under way are given before a refusal halves the rate again.
	settling = time.Second
)

// limiter keeps the rate of the calls that count against one project. The rate halves when a call is
// refused, and comes back when none was for a while.
type limiter struct {
	rate *rate.Limiter
	now  func() time.Time

	mu      sync.Mutex
	full    rate.Limit
	refused time.Time // the last time that the rate was halved
	rested  time.Time // until when all calls wait
}

func newLimiter(perSecond rate.Limit) *limiter {
	return &limiter{rate: rate.NewLimiter(perSecond, burst), now: time.Now, full: perSecond}
}

// wait holds a call back until it may be sent.
func (l *limiter) wait(ctx context.Context) error {
	l.mu.Lock()
	if !l.refused.IsZero() && l.now().Sub(l.refused) > calm {
		l.refused = time.Time{}
		l.rate.SetLimit(l.full)
	}
	rest := l.rested.Sub(l.now())
	l.mu.Unlock()
	if err := providers.Pause(ctx, rest); err != nil {
		return err
	}
	return l.rate.Wait(ctx)
}

// refuse notes that a call was one too many, and for how long Google Cloud wants none. It gives the new
// rate, and whether that is lower than before.
func (l *limiter) refuse(rest time.Duration) (rate.Limit, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if until := now.Add(rest); until.After(l.rested) {
		l.rested = until
	}
	if l.full == rate.Inf || now.Sub(l.refused) < settling {
		return l.rate.Limit(), false
	}
	l.refused = now
	l.rate.SetLimit(max(l.rate.Limit()/2, leastRate))
	return l.rate.Limit(), true
}

// limiters holds the limiters of all consumer projects. They outlive a scan, so that the next one begins
// with what the last has learnt.
type limiters struct {
	mu    sync.Mutex
	known map[consumer]*limiter
}

// consumer is whose quota calls count against: a project that is named, or else that of the credentials.
type consumer struct{ endpoint, project, credentials string }

func (ls *limiters) of(c consumer) *limiter {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.known == nil {
		ls.known = map[consumer]*limiter{}
	}
	if ls.known[c] == nil {
		perSecond := rate.Limit(fullRate)
		if c.endpoint != "" {
			perSecond = rate.Inf // a test server has no quota
		}
		ls.known[c] = newLimiter(perSecond)
	}
	return ls.known[c]
}
