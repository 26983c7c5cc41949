package aws

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cloudaudit/providers"
)

// Rates of calls per second with which a limiter begins, by service. They lie below the quotas that
// AWS documents, because the account's owners call as well.
const startRate = 8

var startRates = map[string]float64{"iam": 5, "kms": 10, "lambda": 10, "sns": 10, "s3": 20, "cloudcontrol": 2}

const (
	// growth is how many calls per second each second of calls without a refusal adds.
	growth = 1
	// mostTimes is how far above its start a rate may grow.
	mostTimes = 5
	// leastRate is the slowest rate.
	leastRate = 0.5
	// calm is how long a limiter does not slow down again after it did: calls that were under way
	// then were sent at the old rate.
	calm = time.Second
)

// limiter keeps the rate of the calls to one service of one region of one account. It grows while
// nothing is refused and halves when something is.
type limiter struct {
	rate  *rate.Limiter
	start float64

	mu     sync.Mutex
	now    float64
	rested time.Time // until when all calls wait
	calmed time.Time
	calls  int
	refuse int
}

func newLimiter(perSecond float64) *limiter {
	return &limiter{rate: rate.NewLimiter(rate.Limit(perSecond), max(int(perSecond), 1)), start: perSecond, now: perSecond}
}

// wait holds a call back until it may be sent.
func (l *limiter) wait(ctx context.Context) error {
	if err := l.rate.Wait(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	l.calls++
	rest := time.Until(l.rested)
	l.mu.Unlock()
	return providers.Pause(ctx, rest)
}

// passed notes a call that was not refused.
func (l *limiter) passed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now < l.start*mostTimes {
		l.set(l.now + growth/l.now)
	}
}

// refused notes that the service had too many calls, and after how long it wants the next, 0 if it
// does not say. It gives the rate, and whether that is a new one.
func (l *limiter) refused(after time.Duration) (now float64, slowed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse++
	if until := time.Now().Add(after); after > 0 && until.After(l.rested) {
		l.rested = until
	}
	if time.Now().Before(l.calmed) {
		return l.now, false
	}
	l.calmed = time.Now().Add(calm)
	l.set(max(l.now/2, leastRate))
	return l.now, true
}

func (l *limiter) set(perSecond float64) {
	l.now = perSecond
	l.rate.SetLimit(rate.Limit(perSecond))
}

// Usage tells how many calls a limiter let through, and what became of its rate.
type Usage struct {
	Calls int
	// Refused counts the answers that asked for fewer calls.
	Refused int
	// Rate is how many calls per second it allows now.
	Rate float64
}

func (l *limiter) usage() Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Usage{Calls: l.calls, Refused: l.refuse, Rate: l.now}
}

// limiters holds the limiters of all accounts. They outlive a scan, so that the next one begins with
// what the last has learnt.
type limiters struct {
	mu    sync.Mutex
	known map[limitKey]*limiter
	// slots caps the calls in flight over everything.
	slots chan struct{}
}

type limitKey struct{ account, region, service string }

func newLimiters(calls int) *limiters {
	return &limiters{known: map[limitKey]*limiter{}, slots: make(chan struct{}, calls)}
}

func (ls *limiters) of(key limitKey, perSecond float64) *limiter {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	known := ls.known[key]
	if known == nil {
		known = newLimiter(perSecond)
		ls.known[key] = known
	}
	return known
}

// enter takes a slot for a call in flight; leave gives it back.
func (ls *limiters) enter(ctx context.Context) error {
	select {
	case ls.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (ls *limiters) leave() { <-ls.slots }
