package gcp

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	asset "cloud.google.com/go/asset/apiv1"
	"cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cloudaudit/providers"
)

// pageSize is the most that a page may hold.
const pageSize = 1000

// usage tells how many calls were made and how many of them were too many.
type usage struct{ calls, refused int }

// listing lists the assets of a scope with one content type, over one connection.
type listing struct {
	*session
	content string
	client  *asset.Client
	// began tells that something was listed, renewed that the credentials were asked for again.
	began, renewed bool
	used           usage
}

// list hands every asset to take, in the order of the pages, and closes the connection. Of types that
// Google Cloud does not know, it tells unknown, and lists the others.
func (l *listing) list(ctx context.Context, types []string, unknown func(string) error, take func(*assetpb.Asset) error) error {
	defer l.close()
	return l.ofTypes(ctx, types, unknown, take)
}

// ofTypes lists types together. A type that is unknown has the whole call refused, so that one in many is
// looked for by halves.
func (l *listing) ofTypes(ctx context.Context, types []string, unknown func(string) error, take func(*assetpb.Asset) error) error {
	l.began = false
	err := l.pages(ctx, types, take)
	if len(types) == 0 || l.began || !coded(err, codes.InvalidArgument) {
		return explained(err, l.content)
	}
	if _, _, err := l.page(ctx, 1, nil, ""); err != nil { // it is not for the types
		return explained(err, l.content)
	}
	return l.halves(ctx, types, unknown, take)
}

func (l *listing) halves(ctx context.Context, types []string, unknown func(string) error, take func(*assetpb.Asset) error) error {
	if len(types) == 1 {
		return unknown(types[0])
	}
	for _, half := range [][]string{types[:len(types)/2], types[len(types)/2:]} {
		l.began = false
		err := l.pages(ctx, half, take)
		if !l.began && coded(err, codes.InvalidArgument) {
			err = l.halves(ctx, half, unknown, take)
		}
		if err != nil {
			return explained(err, l.content)
		}
	}
	return nil
}

// explained explains the error of a call, and leaves those of others as they are.
func explained(err error, content string) error {
	var ours *callError
	if errors.As(err, &ours) {
		return explain(ours.error, content)
	}
	return err
}

// callError is what a call ended with.
type callError struct{ error }

func (e *callError) Unwrap() error { return e.error }

// pages lists page by page. A token that is not taken any more has the listing begin anew, once: what was
// listed comes again, which does no harm, as it is the same.
func (l *listing) pages(ctx context.Context, types []string, take func(*assetpb.Asset) error) error {
	seen := map[string]bool{}
	restarted := false
	token := ""
	for {
		assets, next, err := l.page(ctx, pageSize, types, token)
		if token != "" && !restarted && coded(err, codes.InvalidArgument, codes.FailedPrecondition) {
			l.log.InfoContext(ctx, "the token of a page was not taken any more: listing anew", "content", l.content)
			restarted, token = true, ""
			clear(seen)
			continue
		}
		if err != nil {
			return err
		}
		l.began = true
		for _, a := range assets {
			if err := take(a); err != nil {
				return err
			}
		}
		switch {
		case next == "":
			return ctx.Err()
		case seen[next]:
			return failure(providers.Failure, "list assets (%s): a page was to be followed by one that had come before", l.content)
		}
		seen[next] = true
		token = next
	}
}

// page asks for a page until it comes or there is no hope.
func (l *listing) page(ctx context.Context, size int, types []string, token string) ([]*assetpb.Asset, string, error) {
	for attempt := 1; ; attempt++ {
		assets, next, err := l.call(ctx, size, types, token)
		if err == nil {
			return assets, next, nil
		}
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		wait, again := l.again(ctx, err, attempt)
		if !again {
			return nil, "", err
		}
		if err := providers.Pause(ctx, wait); err != nil {
			return nil, "", err
		}
	}
}

// call asks for a page once.
func (l *listing) call(ctx context.Context, size int, types []string, token string) ([]*assetpb.Asset, string, error) {
	if err := l.limit.wait(ctx); err != nil {
		return nil, "", err
	}
	if l.client == nil {
		client, err := l.connect(ctx)
		if err != nil {
			return nil, "", err
		}
		l.client = client
	}
	l.used.calls++
	pages := l.client.ListAssets(ctx, &assetpb.ListAssetsRequest{
		Parent: l.settings.Scope, ReadTime: timestamppb.New(l.readTime), AssetTypes: types,
		ContentType: assetpb.ContentType(assetpb.ContentType_value[l.content]),
	})
	// The iterator's other methods go on by themselves over pages without assets, in circles if it must be.
	assets, next, err := pages.InternalFetch(size, token)
	if err != nil {
		return nil, "", &callError{err}
	}
	return assets, next, nil
}

func (l *listing) close() {
	if l.client != nil {
		_ = l.client.Close() // nothing was written that could be lost
		l.client = nil
	}
}

// How often a call is made before it counts as failed: as often as quotas take to fill again, and as
// short failures of the network or the service take to pass.
const (
	refusedAttempts = 8
	failedAttempts  = 5
)

// again tells whether a call that failed is to be made again, and after how long.
func (l *listing) again(ctx context.Context, err error, attempt int) (time.Duration, bool) {
	switch {
	case coded(err, codes.ResourceExhausted) && attempt < refusedAttempts:
		l.used.refused++
		wait := max(rest(err), l.backoff(2*time.Second, attempt))
		if now, slower := l.limit.refuse(wait); slower {
			l.log.WarnContext(ctx, "too many calls for the quota: calling less often", "per_minute", int(now*60))
		}
		return wait, true
	case coded(err, codes.Unavailable, codes.DeadlineExceeded, codes.Internal) && attempt < failedAttempts:
		return l.backoff(time.Second, attempt), true
	case coded(err, codes.Unauthenticated) && !l.renewed:
		l.renewed = true
		l.close() // a new client asks for a new token
		return 0, true
	}
	return 0, false
}

// longestBackoff is the longest time between two attempts.
const longestBackoff = time.Minute

// backoff doubles with each attempt, and varies so that calls do not come together again. A test server
// is not waited for.
func (l *listing) backoff(first time.Duration, attempt int) time.Duration {
	if l.settings.Endpoint != "" {
		return time.Millisecond
	}
	wait := min(first<<(attempt-1), longestBackoff)
	return wait/2 + rand.N(wait/2)
}
