package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
)

// reality is what there is: the things of each scope, and whether they are public.
type reality struct {
	random *rand.Rand
	scopes [4]map[string]bool
}

func newReality(seed uint64) *reality {
	r := &reality{random: rand.New(rand.NewPCG(seed, 1))}
	for s := range r.scopes {
		r.scopes[s] = map[string]bool{}
		for i := range 12 {
			r.scopes[s][fmt.Sprintf("s%d-%02d", s, i)] = r.random.IntN(3) == 0
		}
	}
	return r
}

// change lets an hour go by: things change, come and go.
func (r *reality) change() {
	for s, things := range r.scopes {
		for _, id := range slices.Sorted(maps.Keys(things)) {
			switch r.random.IntN(25) {
			case 0:
				things[id] = !things[id]
			case 1:
				delete(things, id)
			}
		}
		if r.random.IntN(4) == 0 {
			things[fmt.Sprintf("s%d-%02d", s, r.random.IntN(16))] = r.random.IntN(2) == 0
		}
	}
}

// public lists what violates the policy.
func (r *reality) public() []string {
	list := []string{}
	for _, things := range r.scopes {
		for id, isPublic := range things {
			if isPublic {
				list = append(list, id+" no-public ")
			}
		}
	}
	slices.Sort(list)
	return list
}

func (r *reality) is(id string) bool {
	for _, things := range r.scopes {
		if things[id] {
			return true
		}
	}
	return false
}

// glimpse is what a scan gets to see of a scope: ids that were told wholly, once the listing has begun.
// A scan that goes on does not list again what it had listed.
type glimpse struct {
	begun chan struct{}
	told  []string
}

// glimpse lets some things be hidden, some listings end early, some fail, and some stand still until the
// scan is stopped.
func (r *reality) glimpse(faulty bool, stop func()) (listings []providertest.Listing, glimpses []*glimpse) {
	for s, things := range r.scopes {
		g := &glimpse{begun: make(chan struct{})}
		glimpses = append(glimpses, g)
		listing := scope(fmt.Sprintf("s%d", s))
		listing.Events = append(listing.Events, providertest.Event{Started: g.begun})
		end := r.random.IntN(len(things) + 1)
		fault := 0
		if faulty {
			fault = r.random.IntN(8)
		}
		for i, id := range slices.Sorted(maps.Keys(things)) {
			x := thing(id, map[string]any{"public": things[id]})
			switch {
			case fault == 1 && i >= end: // the listing fails half-way
				listing.Err = &providers.Error{Class: providers.Throttled, Err: errors.New("throttled")}
				continue
			case fault == 2 && i%3 == 0: // some things are denied
				listing.Events = append(listing.Events, providertest.Event{Gap: &providers.Gap{Type: "T", Class: providers.AccessDenied, Place: id}})
				continue
			case fault == 3 && i%2 == 0: // what matters is hidden
				x.Parts[providers.Properties] = providers.Part{
					Value: map[string]any{}, Unread: []providers.Unread{{Path: "/properties/public", Class: providers.AccessDenied}},
				}
			case fault == 4 && i == end:
				started := make(chan struct{})
				listing.Events = append(listing.Events, providertest.Event{Started: started, Wait: make(chan struct{})})
				go func() { <-started; stop() }()
			default:
				g.told = append(g.told, id)
			}
			listing.Events = append(listing.Events, providertest.Event{Resource: x})
		}
		if fault == 5 {
			listing.Events, listing.Err, g.told = nil, errors.New("cannot look"), nil
		}
		listings = append(listings, listing)
	}
	return listings, glimpses
}

// seen gives the ids that the scan was told.
func (g *glimpse) seen() []string {
	select {
	case <-g.begun:
		return g.told
	default:
		return nil
	}
}

// weeks is how many weeks are simulated, each with faults of its own.
const weeks = 3

// TestAWeekOfFaults scans every hour of a week, with faults of many kinds in most scans: nothing that
// was told is lost or doubled, nothing resolves that is not mended, and one scan that sees everything
// ends every doubt.
func TestAWeekOfFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(weeks) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r, world := newRig(t, publicRule), newReality(seed)
			interrupted := false
			for range 7 * 24 {
				if !interrupted { // a scan that goes on sees the moment at which it began
					world.change()
				}
				interrupted = r.hour(t, world)
			}
			listings, _ := world.glimpse(false, nil)
			r.fake.Set(listings...)
			if _, err := r.scan(context.Background(), t); err != nil { // it may go on with a faulty one
				t.Fatal(err)
			}
			world.change()
			listings, _ = world.glimpse(false, nil)
			r.fake.Set(listings...)
			r.mustScan(t)
			if diff := cmp.Diff(world.public(), r.openViolations(t)); diff != "" {
				t.Errorf("open at the end (-real +open):\n%s", diff)
			}
			if doubt := r.rows(t, `SELECT id FROM violations WHERE unverified_seq IS NOT NULL`); len(doubt) > 0 {
				t.Errorf("%d violations are in doubt", len(doubt))
			}
			if faults, err := r.store.Check(context.Background()); err != nil || len(faults) > 0 {
				t.Errorf("check: %v, %v", faults, err)
			}
		})
	}
}

// hour scans once and looks for what must not be. It tells whether the scan was interrupted.
func (r *rig) hour(t *testing.T, world *reality) bool {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	listings, glimpses := world.glimpse(true, stop)
	r.fake.Set(listings...)
	before := r.openViolations(t)
	_, err := r.scan(ctx, t)
	after := r.openViolations(t)
	for _, row := range before {
		if id, _, _ := strings.Cut(row, " "); world.is(id) && !slices.Contains(after, row) {
			t.Fatalf("%s resolved and is public", id)
		}
	}
	if len(slices.Compact(slices.Clone(after))) != len(after) {
		t.Fatalf("open twice: %q", after)
	}
	if err != nil {
		return true
	}
	for _, g := range glimpses {
		for _, id := range g.seen() {
			if open := slices.Contains(after, id+" no-public "); open != world.is(id) {
				t.Fatalf("%s was told: public is %v, open is %v", id, world.is(id), open)
			}
		}
	}
	return false
}
