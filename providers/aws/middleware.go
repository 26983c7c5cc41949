package aws

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
)

type stackOption = func(*middleware.Stack) error

// limiting lets every attempt of a call wait for its limiter and for a slot, and tells the limiter
// what came of it. Slowed is told the rate whenever that falls.
func limiting(all *limiters, limit *limiter, slowed func(now float64)) stackOption {
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("cloudaudit/limit",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, meta middleware.Metadata, err error) {
				if err := limit.wait(ctx); err != nil {
					return out, meta, err
				}
				if err := all.enter(ctx); err != nil {
					return out, meta, err
				}
				defer all.leave()
				out, meta, err = next.HandleFinalize(ctx, in)
				if !throttled(err) {
					limit.passed()
				} else if now, fell := limit.refused(retryAfter(err)); fell {
					slowed(now)
				}
				return out, meta, err
			}), "Retry", middleware.After)
	}
}

// throttled tells whether the service asks for fewer calls.
func throttled(err error) bool {
	return has(err, throttledCodes) || status(err) == http.StatusTooManyRequests
}

// retryAfter is how long the service wants no further call.
func retryAfter(err error) time.Duration {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return 0
	}
	header := answer.Response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return time.Until(at)
	}
	return 0
}

// renewing has a call whose credentials have expired tried once more with new ones.
func renewing(credentials *sdk.CredentialsCache) stackOption {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("cloudaudit/renew",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleInitialize(ctx, in)
				if !has(err, expiredCodes) || ctx.Err() != nil {
					return out, meta, err
				}
				credentials.Invalidate()
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
	}
}

// observing tells whoever listens of every call that is made, by its name.
func (s *session) observing(region string) stackOption {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("cloudaudit/observe",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				name := callName(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
				if s.heard != nil {
					s.heard(name)
				}
				if s.provider.observe != nil {
					s.provider.observe(name, region)
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
	}
}
