package azure

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// quota is how many calls per second are made, and how many at once after a pause. They lie below what
// Azure documents, because others call as well.
type quota struct {
	perSecond float64
	burst     int
}

var (
	graphQuota   = quota{perSecond: 2.5, burst: 12}
	managerQuota = quota{perSecond: 20, burst: 100}
	// An emulator bears all calls that come.
	emulatorQuota = quota{perSecond: 1e6, burst: 1e6}
)

// slow is how long a limiter keeps to half of its rate after a refusal.
const slow = 5 * time.Minute

// leastRate is the slowest rate, in calls per second.
const leastRate = 0.2

// limiter keeps the rate of the calls that share a quota.
type limiter struct {
	rate *rate.Limiter
	full float64

	mu     sync.Mutex
	now    float64
	rested time.Time // until when all calls wait
	slowed time.Time // until when the rate is lower
	calmed time.Time // until when it does not fall again: calls under way were sent at the old one
}

func newLimiter(of quota) *limiter {
	return &limiter{rate: rate.NewLimiter(rate.Limit(of.perSecond), of.burst), full: of.perSecond, now: of.perSecond}
}

// wait holds a call back until it may be sent.
func (l *limiter) wait(ctx context.Context) error {
	l.recover()
	if err := l.rate.Wait(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	rest := time.Until(l.rested)
	l.mu.Unlock()
	return providers.Pause(ctx, rest)
}

// recover goes back to the full rate when a refusal is long enough ago.
func (l *limiter) recover() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now < l.full && time.Now().After(l.slowed) {
		l.set(l.full)
	}
}

// refused halves the rate. It gives the rate, and whether that is a new one.
func (l *limiter) refused() (now float64, slowed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowed = time.Now().Add(slow)
	if time.Now().Before(l.calmed) {
		return l.now, false
	}
	l.calmed = time.Now().Add(time.Second)
	l.set(max(l.now/2, leastRate))
	return l.now, true
}

func (l *limiter) set(perSecond float64) {
	l.now = perSecond
	l.rate.SetLimit(rate.Limit(perSecond))
}

// rest lets nobody call for a while.
func (l *limiter) rest(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.rested) {
		l.rested = until
	}
}

// limiters holds the limiters of all accounts, which outlive a scan.
type limiters struct {
	mu    sync.Mutex
	known map[limitKey]*limiter
	// slots caps the calls in flight over everything.
	slots chan struct{}
}

// limitKey is what has a quota: an identity in Resource Graph, and in each subscription.
type limitKey struct{ endpoint, tenant, client, of string }

func newLimiters(calls int) *limiters {
	return &limiters{known: map[limitKey]*limiter{}, slots: make(chan struct{}, calls)}
}

// graphPath is where Resource Graph answers.
const graphPath = "/providers/Microsoft.ResourceGraph/resources"

// limiter is that of a path.
func (s *session) limiter(path string) *limiter {
	c := s.settings.Credentials
	key := limitKey{s.endpoint(), cmp.Or(c.TenantID, s.settings.Tenant), c.kind() + c.ClientID, "graph"}
	of := graphQuota
	if path != graphPath {
		id, _ := shape.ParseARMID(path)
		key.of, of = strings.ToLower(id.Subscription), managerQuota
	}
	if s.settings.Endpoint != "" {
		of = emulatorQuota
	}
	return s.provider.limits.of(key, of)
}

func (ls *limiters) of(key limitKey, of quota) *limiter {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	known := ls.known[key]
	if known == nil {
		known = newLimiter(of)
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
