package gcp

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// passes counts the calls that a limiter lets through in a while.
func passes(t *testing.T, l *limiter, during time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	n := 0
	for l.wait(ctx) == nil {
		n++
	}
	return n
}

func TestLimiter_StaysBelowTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if n := passes(t, newLimiter(fullRate), time.Minute); n < 85 || n > 100 {
			t.Errorf("%d calls in a minute, the quota is 100", n)
		}
	})
}

func TestLimiter_HalvesWhenRefusedAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(fullRate)
		passes(t, l, time.Minute)
		now, slower := l.refuse(0)
		if again, twice := l.refuse(0); !slower || twice || now != fullRate/2 || again != now {
			t.Errorf("refused twice at once: %v %v, then %v %v", now, slower, again, twice)
		}
		if n := passes(t, l, time.Minute); n < 40 || n > 55 {
			t.Errorf("%d calls in a minute after a refusal", n)
		}
		passes(t, l, calm)
		if n := passes(t, l, time.Minute); n < 85 || n > 100 {
			t.Errorf("%d calls in a minute after a while without", n)
		}
	})
}

func TestLimiter_RestsAsLongAsItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(fullRate)
		began := time.Now()
		l.refuse(30 * time.Second)
		if err := l.wait(t.Context()); err != nil || time.Since(began) < 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestLimiters_AreOfWhoPays(t *testing.T) {
	t.Parallel()
	var all limiters
	shared := all.of(consumer{project: "quota-1"})
	if shared != all.of(consumer{project: "quota-1"}) || shared == all.of(consumer{project: "quota-2"}) || shared == all.of(consumer{credentials: "x"}) {
		t.Error("accounts do not share the limiter of their project alone")
	}
	if got := all.of(consumer{endpoint: "127.0.0.1:1"}).rate.Limit(); got != rate.Inf {
		t.Errorf("a test server is asked %v times a second", got)
	}
}

func TestBackoff_Doubles(t *testing.T) {
	t.Parallel()
	l := &listing{session: &session{}}
	for attempt, most := range map[int]time.Duration{1: 2 * time.Second, 3: 8 * time.Second, 7: longestBackoff} {
		if got := l.backoff(2*time.Second, attempt); got > most || got < most/2 {
			t.Errorf("attempt %d: %s", attempt, got)
		}
	}
}
