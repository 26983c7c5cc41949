package scanner_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
	"weak"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
)

// living counts resources that something still holds.
type living struct {
	mu    sync.Mutex
	known []weak.Pointer[providers.Resource]
	met   int
	most  int
}

// meet takes note of resources and now and then counts those that are still there.
func (l *living) meet(resources ...*providers.Resource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range resources {
		l.known = append(l.known, weak.Make(r))
		if l.met++; l.met%400 == 0 {
			l.count()
		}
	}
}

func (l *living) count() {
	runtime.GC()
	alive := l.known[:0]
	for _, p := range l.known {
		if p.Value() != nil {
			alive = append(alive, p)
		}
	}
	l.known = alive
	l.most = max(l.most, len(alive))
}

// endless is a provider that makes its resources as they are read, and a store that is watched when it
// gives them back.
type endless struct {
	scanner.Store
	size         int
	read, loaded living
}

func (e *endless) Collectors(context.Context, providers.Account, providers.Want) ([]providers.Collector, error) {
	return []providers.Collector{{
		Scope: providers.Scope{Name: "a", Region: providers.Anywhere, Whole: []string{"iam"}},
		Collect: func(ctx context.Context, emit providers.Emitter) error {
			for i := range e.size {
				r := providertest.Clone(thing(strconv.Itoa(i), map[string]any{"public": i%10 == 0}))
				e.read.meet(r)
				if err := emit.Resource(r); err != nil {
					return err
				}
			}
			return ctx.Err()
		},
	}}, nil
}

func (e *endless) Load(ctx context.Context, scan *scanner.Scan, keys []int64, read *providers.Projection) ([]*providers.Resource, error) {
	resources, err := e.Store.Load(ctx, scan, keys, read)
	e.loaded.meet(resources...)
	return resources, err
}

const fewRule = `name: few
kind: account
severity: low
description: Few are public.
validations:
  - expression: inventory("T").filter(r, r.properties.public == true).size() < 3
    message: many are public
`

// TestRule3_8_BoundedMemory holds design rule 3.8: of an account of many batches no more than a few
// are in memory, neither as they are read nor as resource or account policies judge them.
func TestRule3_8_BoundedMemory(t *testing.T) {
	t.Parallel()
	const size, batches = 6000, 3 * 500
	r := newRig(t, publicRule, fewRule)
	e := &endless{Store: r.store, size: size}
	accounts, err := r.store.Scannable(t.Context())
	fatal(t, err)
	result, err := scanner.New(scanner.Options{
		Store: e, Engines: map[string]policy.Engine{policy.RuntimeCEL: cel.New()}, Workers: 2,
		Providers: map[string]providers.Provider{providers.Snapshot: e}, Now: func() time.Time { return r.now },
	}).Scan(t.Context(), accounts[0], scanner.Manual)
	if err != nil || result.Counts.Resources != size || result.Counts.Opened != size/10+1 {
		t.Fatalf("scan: %+v, %v", result, err)
	}
	for name, l := range map[string]*living{"read": &e.read, "loaded": &e.loaded} {
		if l.met < size || l.most > batches {
			t.Errorf("%s: of %d resources %d were in memory at once, more than %d", name, l.met, l.most, batches)
		}
	}
}
