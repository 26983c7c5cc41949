// Package providertest holds a provider for tests and the contract that every provider passes.
package providertest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"cloudaudit/providers"
)

// Listing is what a fake provider lists in one scope.
type Listing struct {
	Scope providers.Scope
	// Events happen in their order.
	Events []Event
	// Err is how the listing ends.
	Err error
}

// Event is one step of a listing: of its fields, the ones that are set happen in the order of
// declaration.
type Event struct {
	// Started is closed when the listing gets here, once.
	Started chan<- struct{}
	// Wait holds the listing until it is closed or the listing is cancelled.
	Wait     <-chan struct{}
	Resource *providers.Resource
	Gap      *providers.Gap
}

// Fake is a provider that lists what it is told to. It is safe for concurrent use.
type Fake struct {
	mu       sync.Mutex
	listings []Listing
	err      error
	wants    []providers.Want
	started  map[chan<- struct{}]bool
}

var _ providers.Provider = (*Fake)(nil)

// New makes a fake provider that lists the listings in every scan.
func New(listings ...Listing) *Fake {
	return &Fake{listings: listings, started: map[chan<- struct{}]bool{}}
}

// Set replaces the listings for scans to come.
func (f *Fake) Set(listings ...Listing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listings, f.err = listings, nil
}

// Fail makes Collectors give an error from now on, until Set.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Wants gives what every call of Collectors so far was asked for.
func (f *Fake) Wants() []providers.Want {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.wants)
}

// Collectors plans one collector for each listing.
func (f *Fake) Collectors(ctx context.Context, _ providers.Account, want providers.Want) ([]providers.Collector, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wants = append(f.wants, want)
	if f.err != nil {
		return nil, f.err
	}
	collectors := make([]providers.Collector, 0, len(f.listings))
	for _, listing := range f.listings {
		collectors = append(collectors, providers.Collector{
			Scope: listing.Scope,
			Collect: func(ctx context.Context, emit providers.Emitter) error {
				return f.collect(ctx, listing, emit)
			},
		})
	}
	return collectors, ctx.Err()
}

func (f *Fake) collect(ctx context.Context, listing Listing, emit providers.Emitter) error {
	for _, event := range listing.Events {
		if err := f.happen(ctx, event, emit); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return listing.Err
}

func (f *Fake) happen(ctx context.Context, event Event, emit providers.Emitter) error {
	f.begin(event.Started)
	if event.Wait != nil {
		select {
		case <-event.Wait:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if event.Resource != nil {
		if err := emit.Resource(Clone(event.Resource)); err != nil {
			return err
		}
	}
	if event.Gap != nil {
		return emit.Gap(*event.Gap)
	}
	return nil
}

func (f *Fake) begin(started chan<- struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if started != nil && !f.started[started] {
		f.started[started] = true
		close(started)
	}
}

// Resources gives an event for each resource.
func Resources(resources ...*providers.Resource) []Event {
	events := make([]Event, 0, len(resources))
	for _, resource := range resources {
		events = append(events, Event{Resource: resource})
	}
	return events
}

// Clone copies a resource wholly, because an emitter owns what it is given. What a test has left
// out is filled in: the identity, the region and the parts' hashes.
func Clone(resource *providers.Resource) *providers.Resource {
	c := *resource
	if c.Identity == "" {
		c.Identity = c.ID
	}
	if c.Region == "" {
		c.Region = providers.Global
	}
	c.Ancestors = slices.Clone(c.Ancestors)
	c.Tags = maps.Clone(c.Tags)
	c.Parts = make(map[string]providers.Part, len(resource.Parts))
	for name, part := range resource.Parts {
		part.Value = cloneValue(part.Value)
		part.Unread = slices.Clone(part.Unread)
		if part.Hash == (providers.Hash{}) {
			part.Hash = hash(&c, name, part.Value)
		}
		c.Parts[name] = part
	}
	return &c
}

func cloneValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, child := range v {
			c[key] = cloneValue(child)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, child := range v {
			c[i] = cloneValue(child)
		}
		return c
	}
	return value
}

// hash stands in for the content hash of real providers: equal content has equal hashes.
func hash(resource *providers.Resource, part string, value any) providers.Hash {
	about := ""
	if part == providers.Properties {
		about = fmt.Sprintf("%q %q %q %q", resource.Name, resource.Region, resource.Tags, resource.Ancestors)
	}
	// Values that cannot be written are of no JSON kind, which Exercise finds.
	body, _ := json.Marshal(value)
	sum := sha256.Sum256(append(body, about...))
	return providers.Hash(sum[:len(providers.Hash{})])
}
