package aws

import (
	"context"
	"sync"
)

// memo remembers what a call gave, for everything that needs it.
type memo[T any] struct {
	mu    sync.Mutex
	known bool
	value T
	err   error
}

// get makes the call unless it was made. An answer is remembered, and so is a failure, but not the end
// of the caller's context.
func (m *memo[T]) get(ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known {
		return m.value, m.err
	}
	value, err := read(ctx)
	if err == nil || ctx.Err() == nil {
		m.value, m.err, m.known = value, err, true
	}
	return value, err
}

// once remembers what a call gave for the rest of a scope.
func once[T any](ctx context.Context, r *run, name string, read func(context.Context) (T, error)) (T, error) {
	kept, _ := r.memos.LoadOrStore(name, &memo[T]{})
	known, ok := kept.(*memo[T])
	if !ok {
		return read(ctx)
	}
	return known.get(ctx, read)
}
