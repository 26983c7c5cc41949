package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/store"
)

// view is everything that the lists show of an account at a moment, in words.
type view struct{ Violations, Resources, Coverage, Exceptions, Accounts, Counts []string }

func (r *rig) view(t *testing.T, at time.Time) view {
	t.Helper()
	ctx := context.Background()
	var v view
	violations, _, err := r.store.Violations(ctx, store.Access{}, store.ViolationFilter{State: store.AnyState, At: at}, store.Page{})
	fatal(t, err)
	for _, x := range violations {
		v.Violations = append(v.Violations, fmt.Sprintf("%s %s %s %s %s %s %s excused=%v first=%s unverified=%s resolved=%s %s groups=%v %s", x.ResourceID, x.Policy,
			x.State, x.Severity, x.Level, x.Triage, x.Assignee, x.Excused, clock(x.FirstSeen), clock(x.UnverifiedSince), clock(x.ResolvedAt), x.Resolution, x.Groups, x.Region))
	}
	resources, _, err := r.store.ListResources(ctx, store.Access{}, store.ResourceFilter{At: at}, store.Page{})
	fatal(t, err)
	for _, x := range resources {
		detail, err := r.store.Resource(ctx, store.Access{}, x.ID, at)
		fatal(t, err)
		v.Resources = append(v.Resources, fmt.Sprintf("%s %s %v missing=%s version=%d seen=%s %s unread=%v", x.ID, x.Region, x.Tags, x.Missing, x.Version,
			clock(x.LastSeen), detail.Properties, detail.Unread))
	}
	coverage, err := r.store.Coverage(ctx, store.Access{}, "", at)
	fatal(t, err)
	for _, x := range coverage {
		v.Coverage = append(v.Coverage, fmt.Sprintf("%s %s %s %s %s", x.Type, x.Facet, x.Listing, x.Class, clock(x.LastComplete)))
	}
	exceptions, err := r.store.Exceptions(ctx, store.Access{}, store.ExceptionFilter{At: at})
	fatal(t, err)
	for _, x := range exceptions {
		v.Exceptions = append(v.Exceptions, x.Name)
	}
	accounts, err := r.store.Accounts(ctx, store.Access{}, at)
	fatal(t, err)
	for _, x := range accounts {
		v.Accounts = append(v.Accounts, fmt.Sprintf("%s %s resources=%d open=%v compliant=%d unknown=%d", x.Name, x.Status, x.Resources, x.Open, x.Score.Compliant, x.Score.Unknown))
	}
	tallies, err := r.store.CountViolations(ctx, store.Access{}, store.ViolationFilter{At: at}, "level")
	fatal(t, err)
	for _, x := range tallies {
		v.Counts = append(v.Counts, fmt.Sprintf("%s %d", x.Name, x.Count))
	}
	return v
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func clock(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.Format("15:04")
}

// TestAt_ShowsWhatWasShown holds design §12.6: after each of many changes the lists are written down,
// and at the end, asked for each of those moments, they are the same.
func TestAt_ShowsWhatWasShown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	moved := tagged("a1", map[string]string{"env": "test"}, public)
	moved.Region = "r1"
	denied := scope("a", thing("a2", public))
	denied.Events = append(denied.Events, providertest.Event{Gap: &providers.Gap{Region: providers.Anywhere, Class: providers.AccessDenied, Place: "a:1", Reason: "denied"}})
	failed := scope("a")
	failed.Err = errors.New("gone")
	set := func(listings ...providertest.Listing) func() {
		return func() {
			r.fake.Set(listings...)
			if result, err := r.scan(ctx, t); err != nil {
				t.Fatalf("%+v, %v", result, err)
			}
		}
	}
	ignored, ann := policy.TriageIgnored, "ann"
	steps := []func(){
		set(scope("a", thing("a1", public), thing("a2", private))),
		set(scope("a", moved, thing("a2", public))),
		func() {
			ids := r.rows(t, `SELECT v.id FROM violations v JOIN resources r ON r.key = v.resource_key WHERE r.id = 'a1'`)
			_, err := r.store.SetTriage(ctx, store.Access{}, ids, store.TriageUpdate{Triage: &ignored, Assignee: &ann}, "ann")
			fatal(t, err)
		},
		func() {
			fatal(t, r.store.AddException(ctx, testData(policy.ExceptionScope{Policies: []string{"no-public"}, Tags: map[string]string{"env": "test"}}), "ann"))
		},
		set(denied),
		set(failed),
		set(scope("a", thing("a2", private))),
		func() { fatal(t, r.store.RemoveException(ctx, "tests", "ann")) },
		func() {
			d := declared(r.packs(t, strings.Replace(publicRule, "severity: high", "severity: critical", 1)))
			d.Groups[0].Packs[0].Config = policy.Config{policy.AllPolicies: {Level: policy.Mandatory}}
			r.declare(t, d)
		},
		set(scope("a", thing("a1", public), thing("a2", public), thing("a3", nil))),
		set(),
		set(scope("a", thing("a1", private), thing("a2", public))),
	}
	var moments []time.Time
	var views []view
	for _, step := range steps {
		r.now = r.now.Add(time.Minute)
		step()
		r.now = r.now.Add(time.Second)
		moments, views = append(moments, r.now), append(views, r.view(t, time.Time{}))
	}
	r.now = r.now.Add(time.Hour)
	for i, at := range moments {
		if diff := cmp.Diff(views[i], r.view(t, at)); diff != "" {
			t.Errorf("after step %d (-then +now):\n%s", i, diff)
		}
	}
}

// TestAt_RefusesWhatIsNotKnown holds design §12.6: a moment before the horizon or in the future is an
// error, never an empty list; and retention keeps what the moments after the horizon need.
func TestAt_RefusesWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public), thing("a2", public), thing("a3", public)))
	r.mustScan(t)
	early := r.now.Add(time.Second)
	r.fake.Set(scope("a", thing("a1", private), thing("a3", public)))
	r.mustScan(t)
	before := r.view(t, time.Time{})
	r.now = r.now.Add(100 * 24 * time.Hour)
	horizon := r.now
	keep := store.Retention{ScanLogs: 24 * time.Hour, Intervals: 10 * 24 * time.Hour, AuditLog: 24 * time.Hour}
	fatal(t, r.store.Prune(ctx, keep))
	if diff := cmp.Diff([]string{"a3"}, r.listed(t, store.ViolationFilter{State: store.AnyState})); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if rest := r.rows(t, `SELECT 'part' FROM parts WHERE to_seq IS NOT NULL UNION ALL SELECT 'resource' FROM resources WHERE gone_seq IS NOT NULL
		UNION ALL SELECT 'scope' FROM scan_scopes WHERE scan_seq = 1 UNION ALL SELECT 'audit' FROM audit_log`); len(rest) > 0 {
		t.Errorf("left %q", rest)
	}
	for name, at := range map[string]time.Time{"before the horizon": early, "in the future": r.now.Add(time.Hour)} {
		if _, _, err := r.store.Violations(ctx, store.Access{}, store.ViolationFilter{At: at}, store.Page{}); !errors.Is(err, store.ErrPast) {
			t.Errorf("violations %s: %v", name, err)
		}
		if _, _, err := r.store.ListResources(ctx, store.Access{}, store.ResourceFilter{At: at}, store.Page{}); !errors.Is(err, store.ErrPast) {
			t.Errorf("resources %s: %v", name, err)
		}
		if _, err := r.store.Coverage(ctx, store.Access{}, "", at); !errors.Is(err, store.ErrPast) {
			t.Errorf("coverage %s: %v", name, err)
		}
		if _, err := r.store.Accounts(ctx, store.Access{}, at); !errors.Is(err, store.ErrPast) {
			t.Errorf("accounts %s: %v", name, err)
		}
	}
	after := r.view(t, horizon.Add(-9*24*time.Hour))
	if diff := cmp.Diff(before.Resources, after.Resources); diff != "" {
		t.Errorf("resources at a moment that is kept (-then +now):\n%s", diff)
	}
	if faults, err := r.store.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %v", faults, err)
	}
	r.fake.Set(scope("a", thing("a1", public), thing("a2", public), thing("a3", public)))
	if c := r.mustScan(t).Counts; c.Opened != 2 || c.Added != 1 {
		t.Errorf("the next scan: %+v", c)
	}
}

// TestResourceDiff_TellsPaths compares a resource with what it was.
func TestResourceDiff_TellsPaths(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	first := tagged("a1", map[string]string{"env": "test"}, map[string]any{"public": true, "ports": []any{"22", "80"}, "gone": map[string]any{"x": "y"}})
	first.Parts["iam"] = providers.Part{Value: map[string]any{"members": []any{"ann"}}}
	r.fake.Set(scope("a", first))
	r.mustScan(t)
	start := r.now.Add(time.Second)
	r.fake.Set(scope("a", tagged("a1", map[string]string{"env": "prod"}, map[string]any{"public": true, "ports": []any{"22", "443", "8443"}})))
	r.mustScan(t)
	want := []string{
		`removed /facets/iam {"members":["ann"]} null`,
		`removed /properties/gone {"x":"y"} null`,
		`changed /properties/ports/1 "80" "443"`,
		`added /properties/ports/2 null "8443"`,
		`changed /tags/env "test" "prod"`,
	}
	for name, from := range map[string]time.Time{"last change": {}, "from a time": start} {
		changes, err := r.store.ResourceDiff(ctx, store.Access{}, "a1", from, time.Time{})
		fatal(t, err)
		got := []string{}
		for _, c := range changes {
			got = append(got, fmt.Sprintf("%s %s %s %s", c.Change, c.Path, c.Before, c.After))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestScanDiff_ComparesTwoScans sums up what happened between two scans of an account.
func TestScanDiff_ComparesTwoScans(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	for _, listing := range []providertest.Listing{
		scope("a", thing("a1", public), thing("a2", private), thing("a3", private)),
		scope("a", thing("a1", private), thing("a2", private), thing("a4", public)),
		scope("a", thing("a1", public), thing("a2", public), thing("a5", private)),
	} {
		r.fake.Set(listing)
		r.mustScan(t)
	}
	scans, err := r.store.Scans(ctx, store.Access{}, account, store.Page{})
	fatal(t, err)
	diff := func(from, to string) []string {
		t.Helper()
		list, err := r.store.ScanDiff(ctx, store.Access{}, from, to)
		fatal(t, err)
		got := []string{}
		for _, d := range list {
			got = append(got, strings.Join([]string{d.Change, d.What, d.Resource}, " "))
		}
		return got
	}
	if d := cmp.Diff([]string{
		"resolved violation a1", "opened violation a4", "changed resource a1", "removed resource a3", "added resource a4",
	}, diff("", scans[1].ID)); d != "" {
		t.Errorf("the second scan (-want +got):\n%s", d)
	}
	// a1 was mended and broken again, a4 came and went.
	if d := cmp.Diff([]string{
		"opened violation a2", "changed resource a1", "changed resource a2", "removed resource a3", "added resource a5",
	}, diff(scans[2].ID, scans[0].ID)); d != "" {
		t.Errorf("from first to last (-want +got):\n%s", d)
	}
	if _, err := r.store.ScanDiff(ctx, store.Access{}, scans[0].ID, scans[2].ID); err == nil {
		t.Error("the later scan was taken for the earlier one")
	}
}
