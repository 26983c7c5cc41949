package azure

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// step is a function as a step of the pipeline.
type step func(*azpolicy.Request) (*http.Response, error)

// Do implements the SDK's interface.
func (do step) Do(request *azpolicy.Request) (*http.Response, error) { return do(request) }

// renewing has a call whose token is not taken any more tried once more. The SDK forgets such a token, so
// that the second try has a new one.
func renewing(request *azpolicy.Request) (*http.Response, error) {
	ctx := request.Raw().Context()
	response, err := request.Clone(ctx).Next()
	if err != nil || response.StatusCode != http.StatusUnauthorized || ctx.Err() != nil {
		return response, err
	}
	runtime.Drain(response)
	if err := request.RewindBody(); err != nil {
		return nil, err
	}
	return request.Clone(ctx).Next()
}

// tryTimeout is how long an attempt may take, without what it waits before.
const tryTimeout = time.Minute

// limiting lets every attempt of a call wait for its limiter and for a slot, and tells the limiter what
// came of it.
func (s *session) limiting(request *azpolicy.Request) (*http.Response, error) {
	ctx := request.Raw().Context()
	limit := s.limiter(request.Raw().URL.Path)
	if err := limit.wait(ctx); err != nil {
		return nil, err
	}
	if err := s.provider.limits.enter(ctx); err != nil {
		return nil, err
	}
	defer s.provider.limits.leave()
	s.calls.Add(1)
	within, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	response, err := request.WithContext(within).Next()
	if err == nil {
		s.heed(limit, response.StatusCode, response.Header)
	}
	return response, err
}

// patience is the longest pause that a call waits for when it is asked to. What asks for more is refused.
const patience = 2 * time.Minute

// heed does what an answer asks for. The limiter waits for everybody, so that the SDK need not wait once
// more: it gives up at once where it is asked to wait for longer than it is used to.
func (s *session) heed(limit *limiter, status int, header http.Header) {
	if status == http.StatusTooManyRequests {
		s.refused.Add(1)
		if now, slowed := limit.refused(); slowed {
			s.logger().Warn("Azure asks for fewer calls", "rate", now)
		}
	}
	if after := retryAfter(header); after > 0 && after <= patience {
		for _, name := range retryHeaders {
			header.Del(name)
		}
		limit.rest(s.shorter(after))
	}
	if header.Get("x-ms-user-quota-remaining") == "0" {
		limit.rest(s.shorter(min(clock(header.Get("x-ms-user-quota-resets-after")), patience)))
	}
}

// retryHeaders say after how long a call may be tried again, in the order in which they count.
var retryHeaders = []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms", "Retry-After"}

func retryAfter(header http.Header) time.Duration {
	for i, name := range retryHeaders {
		unit := time.Millisecond
		if i == len(retryHeaders)-1 {
			unit = time.Second
		}
		if number, err := strconv.Atoi(header.Get(name)); err == nil && number > 0 {
			return time.Duration(number) * unit
		}
	}
	if at, err := http.ParseTime(header.Get("Retry-After")); err == nil {
		return time.Until(at)
	}
	return 0
}

// clock reads a duration that is written as hh:mm:ss; 0 for anything else.
func clock(text string) time.Duration {
	var sum time.Duration
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return 0
	}
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		number, err := strconv.Atoi(parts[i])
		if err != nil || number < 0 {
			return 0
		}
		sum += time.Duration(number) * unit
	}
	return sum
}
