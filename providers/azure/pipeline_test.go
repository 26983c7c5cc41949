package azure

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"cloudaudit/providers"
)

func TestClock(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"00:00:05": 5 * time.Second, "01:02:03": time.Hour + 2*time.Minute + 3*time.Second, "": 0, "5": 0, "a:b:c": 0, "00:00:-5": 0,
	} {
		if got := clock(text); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header http.Header
		least  time.Duration
		most   time.Duration
	}{
		"none":    {http.Header{}, 0, 0},
		"seconds": {http.Header{"Retry-After": {"7"}}, 7 * time.Second, 7 * time.Second},
		"exact":   {http.Header{"Retry-After": {"7"}, "X-Ms-Retry-After-Ms": {"250"}}, 250 * time.Millisecond, 250 * time.Millisecond},
		"date":    {http.Header{"Retry-After": {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}}, 50 * time.Second, time.Minute},
		"odd":     {http.Header{"Retry-After": {"soon"}}, 0, 0},
	} {
		if got := retryAfter(tt.header); got < tt.least || got > tt.most {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// live is a session of a real cloud, whose waits are not shortened.
func live() *session { return &session{provider: New(Options{}), settings: Settings{Cloud: Public}} }

// TestHeed_WaitsAsAsked holds that everybody waits for as long as one answer asks for.
func TestHeed_WaitsAsAsked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		header http.Header
		want   time.Duration
		left   string // of the header, for the SDK
	}{
		"nothing":  {http.StatusOK, http.Header{}, 0, ""},
		"refused":  {http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}, 30 * time.Second, ""},
		"too_long": {http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}}, 0, "3600"},
		"quota":    {http.StatusOK, http.Header{"X-Ms-User-Quota-Remaining": {"0"}, "X-Ms-User-Quota-Resets-After": {"00:00:04"}}, 4 * time.Second, ""},
		"left":     {http.StatusOK, http.Header{"X-Ms-User-Quota-Remaining": {"3"}, "X-Ms-User-Quota-Resets-After": {"00:00:04"}}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limit := newLimiter(managerQuota)
				live().heed(limit, tt.status, tt.header)
				begin := time.Now()
				if err := limit.wait(t.Context()); err != nil || time.Since(begin) != tt.want {
					t.Errorf("waited for %s, error %v", time.Since(begin), err)
				}
				if left := tt.header.Get("Retry-After"); left != tt.left {
					t.Errorf("the SDK is left with %q", left)
				}
			})
		})
	}
}

// TestLimiter_SlowsDown holds that a refusal halves the rate for a while, once for all calls under way.
func TestLimiter_SlowsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := newLimiter(quota{perSecond: 8, burst: 1})
		now, slowed := limit.refused()
		if again, twice := limit.refused(); now != 4 || !slowed || again != 4 || twice {
			t.Errorf("the rate is %f, then %f", now, again)
		}
		begin := time.Now()
		for range 9 {
			if err := limit.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("nine calls took %s", took)
		}
		<-time.After(slow)
		limit.recover()
		if limit.now != 8 {
			t.Errorf("the rate stays at %f", limit.now)
		}
	})
}

// transport answers as a function does.
type transport func(*http.Request) (*http.Response, error)

func (t transport) Do(request *http.Request) (*http.Response, error) { return t(request) }

// TestLimiting_TimesTheCallAlone holds that an attempt ends after a while, and that waiting for the limiter
// is not part of it.
func TestLimiting_TimesTheCallAlone(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]bool{"answered": true, "silent": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := live()
				s.cloud = cloudOf(s.settings)
				s.limiter("/subscriptions/s").rest(2 * tryTimeout)
				pipeline := runtime.NewPipeline("test", "", runtime.PipelineOptions{PerRetry: []azpolicy.Policy{step(s.limiting)}}, &azpolicy.ClientOptions{
					Retry: azpolicy.RetryOptions{MaxRetries: -1},
					Transport: transport(func(request *http.Request) (*http.Response, error) {
						if answers {
							return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: request}, nil
						}
						<-request.Context().Done()
						return nil, request.Context().Err()
					}),
				})
				request, err := runtime.NewRequest(t.Context(), http.MethodGet, "https://example.com/subscriptions/s")
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				response, err := pipeline.Do(request)
				if err == nil {
					response.Body.Close()
				}
				want := map[bool]time.Duration{true: 2 * tryTimeout, false: 3 * tryTimeout}[answers]
				if took := time.Since(begin); took != want || answers != (err == nil) || err != nil && classify(err) != providers.Timeout {
					t.Errorf("the call took %s, error %v", took, err)
				}
			})
		})
	}
}
