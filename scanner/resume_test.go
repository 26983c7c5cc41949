package scanner_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

const publicRule = `name: no-public
severity: high
description: Nothing is public.
message: is public
match: {types: [T]}
validations:
  - expression: resource.properties.public != true
`

var (
	public  = map[string]any{"public": true}
	private = map[string]any{"public": false}
)

// interrupted lists scope "a", and of scope "b" one resource; then its process is stopped.
func interrupted(t *testing.T, r *rig) {
	t.Helper()
	started, never := make(chan struct{}), make(chan struct{})
	stuck := scope("b", thing("b1", public), thing("b2", private))
	stuck.Events = append(stuck.Events[:1], append([]providertest.Event{{Started: started, Wait: never}}, stuck.Events[1:]...)...)
	r.fake.Set(scope("a", thing("a1", public), thing("a2", private)), stuck)
	r.workers = 1
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-started
		stop()
	}()
	result, err := r.scan(ctx, t)
	if !errors.Is(err, context.Canceled) || result.Status != scanner.Interrupted {
		t.Fatalf("scan: %+v, %v; want interrupted", result, err)
	}
}

// TestScan_ResumesAtUnfinishedScopes holds design rule 3.10: what ended before the interruption is
// not listed again, and the end is that of an undisturbed scan.
func TestScan_ResumesAtUnfinishedScopes(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	interrupted(t, r)
	// Scope "a" would fail if it were listed again.
	broken := scope("a")
	broken.Err = errors.New("listed twice")
	r.fake.Set(broken, scope("b", thing("b1", public), thing("b2", private)))
	result := r.mustScan(t)
	if c := result.Counts; c.Resources != 4 || c.Added != 4 || c.Opened != 2 || c.ScopesComplete != 2 {
		t.Errorf("counts %+v", c)
	}
	if diff := cmp.Diff([]string{"a1 no-public ", "b1 no-public "}, r.openViolations(t)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	scans, err := r.store.Scans(context.Background(), store.Access{}, account, store.Page{})
	if err != nil || len(scans) != 1 || scans[0].Added != 4 || scans[0].Opened != 2 {
		t.Errorf("scans %+v, %v", scans, err)
	}
	r.fake.Set(scope("a", thing("a1", public), thing("a2", private)), scope("b", thing("b1", public), thing("b2", private)))
	if c := r.mustScan(t).Counts; c.Added+c.Changed+c.Removed+c.Opened+c.Resolved+c.Evaluated != 0 {
		t.Errorf("the next scan changed something: %+v", c)
	}
}

// TestScan_ListsAgainWhatIsDamaged lets what a finished scope held be unreadable.
func TestScan_ListsAgainWhatIsDamaged(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	interrupted(t, r)
	db, err := sql.Open("sqlite3", "file:"+r.path)
	fatal(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE scan_seen SET keys = x'ff'`)
	fatal(t, errors.Join(err, db.Close()))
	r.fake.Set(scope("a", thing("a1", public), thing("a2", private)), scope("b", thing("b1", public), thing("b2", private)))
	if c := r.mustScan(t).Counts; c.Resources != 4 || c.Opened != 2 || c.ScopesComplete != 2 {
		t.Errorf("counts %+v", c)
	}
}

// TestScan_ListsAgainWhatWasReplaced holds design §12.1: a file whose size or time changed since the
// interruption is read once more.
func TestScan_ListsAgainWhatWasReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	interrupted(t, r)
	replaced := scope("a", thing("a2", public))
	replaced.Scope.Revision = "2"
	r.fake.Set(replaced, scope("b", thing("b2", private)))
	result := r.mustScan(t)
	if c := result.Counts; c.Resources != 2 || c.Removed != 1 {
		t.Errorf("counts %+v", c)
	}
	if diff := cmp.Diff([]string{"a2 no-public "}, r.openViolations(t)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
}

// TestScan_BeginsAnew holds design rule 3.10: a scan that is old, or that judged by other packs, is
// not gone on with.
func TestScan_BeginsAnew(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rig, *store.Declared){
		"old":            func(r *rig, _ *store.Declared) { r.now = r.now.Add(7 * time.Hour) },
		"other_pack":     func(_ *rig, d *store.Declared) { d.Packs[0].Digest = "sha256:other" },
		"other_group":    func(_ *rig, d *store.Declared) { d.Groups[0].Name = "other" },
		"other_settings": func(_ *rig, d *store.Declared) { d.Accounts[0].Settings = []byte(`{"path":"/elsewhere"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			interrupted(t, r)
			d := declared(r.packs(t, publicRule))
			change(r, &d)
			r.declare(t, d)
			r.fake.Set(scope("a", thing("a1", private)), scope("b", thing("b1", public)))
			if c := r.mustScan(t).Counts; c.Resources != 2 || c.ScopesComplete != 2 {
				t.Errorf("counts %+v", c)
			}
			scans, err := r.store.Scans(context.Background(), store.Access{}, account, store.Page{})
			if err != nil || len(scans) != 2 || scans[1].Status != string(scanner.Interrupted) {
				t.Errorf("scans %+v, %v", scans, err)
			}
			if left := r.rows(t, `SELECT scan_seq FROM scan_seen UNION ALL SELECT scan_seq FROM scan_deferred`); len(left) > 0 {
				t.Errorf("scans %v left something behind", left)
			}
		})
	}
}

// TestScan_StopsWhenCancelled lets somebody else cancel a running scan: nothing resolves by it, and
// it is not gone on with.
func TestScan_StopsWhenCancelled(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public)))
	r.mustScan(t)
	started, never := make(chan struct{}), make(chan struct{})
	r.fake.Set(providertest.Listing{
		Scope: providers.Scope{Name: "a", Region: providers.Anywhere}, Events: []providertest.Event{{Started: started, Wait: never}},
	})
	cancelled := make(chan error, 1)
	go func() {
		<-started
		scans, err := r.store.Scans(context.Background(), store.Access{}, account, store.Page{Limit: 1})
		if err == nil {
			_, err = r.store.CancelScan(context.Background(), store.Access{}, scans[0].ID, "ann")
		}
		cancelled <- err
	}()
	result, err := r.scan(context.Background(), t)
	if !errors.Is(err, scanner.ErrCancelled) || result.Status != scanner.Cancelled || result.Error != "scan was cancelled by ann" {
		t.Errorf("scan: %+v, %v; want cancelled by ann", result, err)
	}
	if err := <-cancelled; err != nil {
		t.Error(err)
	}
	if open := r.openViolations(t); len(open) != 1 {
		t.Errorf("open %q", open)
	}
	r.fake.Set(scope("a"))
	if c := r.mustScan(t).Counts; c.Removed != 1 || c.Resolved != 1 {
		t.Errorf("the next scan: %+v", c)
	}
}

// filled is a scope "b" that lists so many other things after the first ones that these are stored before
// it ends.
func filled(resources ...*providers.Resource) providertest.Listing {
	for i := range 500 {
		other := thing("b"+strconv.Itoa(i), private)
		other.Rank.Scope = "b"
		resources = append(resources, other)
	}
	return scope("b", resources...)
}

// stopBehind lets the second listing begin when the first has stored something, and stops the process
// when it has ended, while the first goes on for ever.
func (r *rig) stopBehind(t *testing.T, first, second providertest.Listing) {
	t.Helper()
	stored := make(chan struct{})
	first.Events = append(first.Events, providertest.Event{Started: stored, Wait: make(chan struct{})})
	second.Events = append([]providertest.Event{{Wait: stored}}, second.Events...)
	r.fake.Set(first, second)
	r.workers = 2
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for len(r.rows(t, `SELECT 1 FROM scan_scopes WHERE scan_seq = 2`)) == 0 {
			<-look.C
		}
		stop()
	}()
	if result, err := r.scan(ctx, t); !errors.Is(err, context.Canceled) {
		t.Fatalf("scan: %+v, %v; want interrupted", result, err)
	}
}

// TestRule3_10_GoesOnWhereScopesContended holds design rule 3.10 where two scopes had a record of x when
// the process ended, and the one that outranked the other has it no more when the scan goes on: what the
// other has is the truth, as if nothing had happened.
func TestRule3_10_GoesOnWhereScopesContended(t *testing.T) {
	t.Parallel()
	a := scope("a", as(public, 1, "a", 1))
	b2 := scope("b")
	b2.Scope.Revision = "2"
	for name, test := range map[string]struct {
		before []providertest.Listing
		broken []providertest.Listing // the process is stopped when the last has ended
		behind bool                   // the first goes on until then
		then   []providertest.Listing
	}{
		"and it lost": {
			[]providertest.Listing{a, filled()},
			[]providertest.Listing{filled(as(private, 2, "b", 501)), a}, true,
			[]providertest.Listing{a, filled()},
		},
		"and it was replaced": {
			[]providertest.Listing{a, filled()},
			[]providertest.Listing{a, filled(as(private, 2, "b", 501))}, false,
			[]providertest.Listing{a, filled()},
		},
		"and both were put aside": {
			[]providertest.Listing{scope("a"), scope("c", as(map[string]any{"public": true, "n": "3"}, 3, "c", 1)), filled()},
			[]providertest.Listing{a, scope("c"), filled(as(private, 2, "b", 501))}, false,
			[]providertest.Listing{a, scope("c"), filled()},
		},
		"and it was put aside behind one that is listed again": {
			[]providertest.Listing{scope("a"), scope("b"), scope("c", as(map[string]any{"public": true, "n": "3"}, 3, "c", 1))},
			[]providertest.Listing{a, scope("b", as(private, 2, "b", 1)), scope("c")}, false,
			[]providertest.Listing{a, b2, scope("c")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			r.workers = 1
			r.fake.Set(test.before...)
			r.mustScan(t)
			if test.behind {
				r.stopBehind(t, test.broken[0], test.broken[1])
			} else {
				r.stop(t, test.broken...)
			}
			r.workers = 1
			r.fake.Set(test.then...)
			if c := r.mustScan(t).Counts; c.Removed+c.Resolved > 0 {
				t.Errorf("counts %+v", c)
			}
			if diff := cmp.Diff([]string{"x no-public "}, r.openViolations(t)); diff != "" {
				t.Errorf("open (-want +got):\n%s", diff)
			}
		})
	}
}

// TestScan_HasItsOwnTrigger whatever started the scan before it.
func TestScan_HasItsOwnTrigger(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	for _, trigger := range []scanner.Trigger{scanner.Manual, scanner.Scheduled, scanner.Manual} {
		accounts, err := r.store.Scannable(t.Context())
		fatal(t, err)
		_, err = scanner.New(scanner.Options{
			Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: r.engine},
			Providers: map[string]providers.Provider{providers.Snapshot: r.fake}, Now: func() time.Time { return r.now },
		}).Scan(t.Context(), accounts[0], trigger)
		fatal(t, err)
	}
	if diff := cmp.Diff([]string{"manual", "schedule", "manual"}, r.rows(t, `SELECT trigger FROM scans ORDER BY seq`)); diff != "" {
		t.Errorf("triggers (-want +got):\n%s", diff)
	}
}

// TestScan_IsLeftToWhoTookItOver although the one before, whose lease ran out, let go of the lock later.
func TestScan_IsLeftToWhoTookItOver(t *testing.T) {
	t.Parallel()
	first := newRig(t, publicRule)
	second, third := &rig{path: first.path, now: first.now}, &rig{path: first.path, now: first.now}
	for _, other := range []*rig{second, third} {
		other.open(t)
		t.Cleanup(func() { other.close(t) })
	}
	accounts, err := first.store.Scannable(t.Context())
	fatal(t, err)
	slow, err := first.store.Begin(t.Context(), accounts[0], scanner.Manual)
	fatal(t, err)
	for _, r := range []*rig{first, second, third} {
		r.now = r.now.Add(31 * time.Second)
	}
	scan, err := second.store.Begin(t.Context(), accounts[0], scanner.Manual)
	fatal(t, err)
	if err := first.store.Log(t.Context(), slow); !errors.Is(err, scanner.ErrLeaseLost) {
		t.Fatalf("the first goes on: %v", err)
	}
	if _, err := third.store.Begin(t.Context(), accounts[0], scanner.Manual); !errors.Is(err, scanner.ErrBusy) {
		t.Errorf("the third begins: %v", err)
	}
	fatal(t, second.store.Log(t.Context(), scan))
}
