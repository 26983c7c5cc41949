package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// TestRule3_2_UnknownIsNotCompliant holds design rule 3.2: the score is compliant over what was judged,
// nothing where nothing was, and what is unknown is counted beside it.
func TestRule3_2_UnknownIsNotCompliant(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a"))
	r.mustScan(t)
	if s := r.score(t); s.Value != nil || s.Compliant+s.Violating+s.Unknown != 0 {
		t.Errorf("nothing judged: %+v", s)
	}
	hidden := thing("a3", public)
	hidden.Parts[providers.Properties] = providers.Part{
		Value: map[string]any{}, Unread: []providers.Unread{{Path: "/properties/public", Class: providers.AccessDenied}},
	}
	r.fake.Set(scope("a", hidden))
	r.mustScan(t)
	if s := r.score(t); s.Value != nil || s.Unknown != 1 {
		t.Errorf("nothing but unknown: %+v", s)
	}
	r.fake.Set(scope("a", thing("a1", public), thing("a2", private), thing("a4", private), hidden))
	r.mustScan(t)
	if s := r.score(t); s.Value == nil || *s.Value != 2.0/3 || s.Compliant != 2 || s.Violating != 1 || s.Unknown != 1 {
		t.Errorf("score %+v", s)
	}
	unknown, err := r.store.Unknowns(context.Background(), store.Access{}, "", store.Page{})
	if err != nil || len(unknown) != 1 || unknown[0].ResourceID != "a3" || unknown[0].Reason != "access_denied" {
		t.Errorf("unknown %+v, %v", unknown, err)
	}
}

// TestRule3_5_OneViolationSeveralGroups holds design rule 3.5: a policy runs once for all groups of one
// config, a violation is open while one of them reports it, and shows the strictest level.
func TestRule3_5_OneViolationSeveralGroups(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	d := declared(r.packs(t, publicRule))
	group := func(name string, level policy.Level) policy.Group {
		g := d.Groups[0]
		g.Name = name
		g.Packs = []policy.Applied{{Name: "pack0", Config: policy.Config{policy.AllPolicies: {Level: level}}}}
		return g
	}
	r.fake.Set(scope("a", thing("a1", public)))
	for _, step := range []struct {
		groups    []policy.Group
		state     string
		level     string
		names     []string
		evaluated int
	}{
		{[]policy.Group{group("g", policy.Advisory), group("h", policy.Mandatory)}, "open", "mandatory", []string{"g", "h"}, 1},
		{[]policy.Group{group("g", policy.Advisory)}, "open", "advisory", []string{"g"}, 1},
		{[]policy.Group{group("g", policy.Disabled), group("h", policy.Advisory)}, "open", "advisory", []string{"h"}, 1},
		{[]policy.Group{group("g", policy.Disabled)}, "resolved", "advisory", []string{}, 1},
		{nil, "resolved", "advisory", []string{}, 0},
	} {
		d.Groups = step.groups
		r.declare(t, d)
		result := r.mustScan(t)
		list, _, err := r.store.Violations(ctx, store.Access{}, store.ViolationFilter{State: store.AnyState}, store.Page{})
		if err != nil || len(list) != 1 {
			t.Fatalf("violations %+v, %v", list, err)
		}
		if v := list[0]; v.State != step.state || v.Level != step.level || !slices.Equal(v.Groups, step.names) || result.Counts.Evaluated != step.evaluated {
			t.Errorf("groups %v: %s %s %v, %d evaluated", step.names, v.State, v.Level, v.Groups, result.Counts.Evaluated)
		}
	}
}

// broken is an engine of which sessions fail to open.
type broken struct{ policy.Engine }

func (b broken) Open(context.Context, *policy.Pack, policy.SessionOptions) (policy.Session, error) {
	return nil, errors.New("out of order")
}

// TestRule3_7_OneBadThingNeverStopsTheRest holds design rule 3.7: a denied scope, a collector that
// crashes, a policy that errs and a pack that cannot run are recorded at their place; everything else
// goes on, and the scan says that it is partial.
func TestRule3_7_OneBadThingNeverStopsTheRest(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	errs := "name: errs\nseverity: low\ndescription: Errs.\nmatch: {types: [T]}\nvalidations:\n  - expression: resource.properties.nothing.at.all == 1\n"
	r := newRig(t, publicRule+"---\n"+errs)
	denied := scope("b", thing("b1", public))
	denied.Err = &providers.Error{Class: providers.AccessDenied, Permission: "list.things", Err: errors.New("denied")}
	crash := scope("c")
	crash.Events = []providertest.Event{{Resource: &providers.Resource{Parts: map[string]providers.Part{"x": {Value: func() {}}}}}}
	r.fake.Set(scope("a", thing("a1", public)), denied)
	result, err := r.scan(ctx, t)
	if err != nil || result.Status != scanner.Partial || result.Counts.ScopesComplete != 1 {
		t.Fatalf("scan %+v, %v", result, err)
	}
	if diff := cmp.Diff([]string{"a1 no-public ", "b1 no-public "}, r.openViolations(t)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	unknown, err := r.store.Unknowns(ctx, store.Access{}, "", store.Page{})
	if err != nil || len(unknown) != 2 || unknown[0].Policy != "errs" || unknown[0].Reason != policy.ReasonError {
		t.Errorf("unknown %+v, %v", unknown, err)
	}
	coverage, err := r.store.Coverage(ctx, store.Access{}, "", time.Time{})
	if err != nil || len(coverage) == 0 || coverage[0].Class != "access_denied" || coverage[0].Permission != "list.things" {
		t.Errorf("coverage %+v, %v", coverage, err)
	}

	accounts, err := r.store.Scannable(ctx)
	fatal(t, err)
	r.now = r.now.Add(time.Minute)
	r.fake.Set(scope("a", thing("a1", private)))
	result, err = scanner.New(scanner.Options{
		Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: broken{r.engine}}, Now: func() time.Time { return r.now },
		Providers: map[string]providers.Provider{providers.Snapshot: r.fake},
	}).Scan(ctx, accounts[0], scanner.Manual)
	if err != nil || result.Status != scanner.Partial {
		t.Errorf("with a pack that cannot run: %+v, %v", result, err)
	}
	// The scan saw a1 mended but could not judge it; b1 is gone by a complete listing.
	if diff := cmp.Diff([]string{"a1 no-public "}, r.openViolations(t)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	// What the pack would say is unknown, not compliant, and not nothing.
	unknown, err = r.store.Unknowns(ctx, store.Access{}, "", store.Page{})
	if err != nil || len(unknown) != 2 || unknown[1].Policy != "no-public" || unknown[1].Reason != policy.ReasonNoPack {
		t.Errorf("unknown %+v, %v", unknown, err)
	}
	account, err := r.store.Account(ctx, store.Access{}, account, time.Time{})
	if err != nil || account.Score.Unknown != 2 || account.Score.Value != nil {
		t.Errorf("score %+v, %v", account.Score, err)
	}
	// The pack runs again: the resource changed since the pack judged it last.
	r.mustScan(t)
	list, _, err := r.store.Violations(ctx, store.Access{}, store.ViolationFilter{State: store.AnyState, Resource: "a1"}, store.Page{})
	if err != nil || len(list) != 1 || list[0].Resolution != string(policy.Fixed) {
		t.Errorf("violations %+v, %v", list, err)
	}
	if faults, err := r.store.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check %q, %v", faults, err)
	}
}

// TestRule3_7_ManyKindsOfGaps bounds what a hostile listing makes a scan remember, without proving more
// than was proved.
func TestRule3_7_ManyKindsOfGaps(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public)))
	r.mustScan(t)
	hostile := scope("a")
	for i := range 20_000 {
		hostile.Events = append(hostile.Events, providertest.Event{Gap: &providers.Gap{Type: fmt.Sprintf("X%d", i), Class: providers.Decode, Place: "here"}})
	}
	r.fake.Set(hostile)
	result, err := r.scan(context.Background(), t)
	if err != nil || result.Counts.Gaps != 20_000 || len(result.Coverage) > 6000 {
		t.Fatalf("%d gaps, %d rows of coverage, %v", result.Counts.Gaps, len(result.Coverage), err)
	}
	if open := r.openViolations(t); len(open) != 1 {
		t.Errorf("open %q", open)
	}
}

// TestRule3_12_Deterministic holds design rule 3.12: concurrency changes nothing of what is found, nor
// its order.
func TestRule3_12_Deterministic(t *testing.T) {
	t.Parallel()
	var first []string
	for _, workers := range []int{1, 2, 8} {
		r := newRig(t, publicRule)
		r.workers = workers
		var listings []providertest.Listing
		for s := range 8 {
			var things []*providers.Resource
			for i := range 40 {
				x := thing(fmt.Sprintf("%d", (s*37+i)%200), map[string]any{"public": i%3 == 0, "n": number(s)})
				x.Rank = providers.Rank{Scope: fmt.Sprintf("s%d", s), Line: i}
				things = append(things, x)
			}
			listings = append(listings, scope(fmt.Sprintf("s%d", s), things...))
		}
		r.fake.Set(listings...)
		r.mustScan(t)
		state := r.state(t)
		got := slices.Concat(state["violations"], state["verdicts"], state["parts"], state["resources"], state["counters"])
		fatal(t, r.store.EachViolation(context.Background(), store.Access{}, store.ViolationFilter{}, func(v store.Violation) error {
			got = append(got, v.ID+" "+v.Message)
			return nil
		}))
		fatal(t, r.store.EachResource(context.Background(), store.Access{}, store.ResourceFilter{}, func(v store.Resource) error {
			got = append(got, v.ID)
			return nil
		}))
		if first == nil {
			first = got
		} else if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%d workers (-1 worker +%d):\n%s", workers, workers, diff)
		}
	}
}

// inTwoGroups declares a pack in two groups: "all" reports what is small and "other" what is public,
// with a setting that is no number in a config that cannot be used.
func (r *rig) inTwoGroups(t failing, most any) store.Declared {
	const small = "---\nname: small\nseverity: low\ndescription: n is small.\nmatch: {types: [T]}\nconfigSchema:\n  properties:\n" +
		"    most: {type: integer, default: 2}\nvalidations:\n  - expression: '!has(resource.properties.n) || resource.properties.n <= params.most'\n"
	d := declared(r.packs(t, publicRule+small))
	d.Groups[0].Packs[0].Config = policy.Config{"no-public": {Level: policy.Disabled}}
	d.Groups = append(d.Groups, policy.Group{
		Name: "other", Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{account},
		Packs: []policy.Applied{{Name: d.Packs[0].Name, Config: policy.Config{"small": {Properties: map[string]any{"most": most}}}}},
	})
	return d
}

// TestRule3_7_APackBrokenForOneGroup holds design rules 3.1 and 3.7: what the group reported stays open,
// whatever becomes of the resource, and the other group's verdicts stay too.
func TestRule3_7_APackBrokenForOneGroup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare(t, r.inTwoGroups(t, 2))
	r.fake.Set(scope("a", thing("x", public)))
	r.mustScan(t)
	r.declare(t, r.inTwoGroups(t, "many"))
	for i, n := range []int{0, 0, 1, 3, 3, 1} {
		properties := map[string]any{"public": true}
		if n > 0 {
			properties["n"] = number(n)
		}
		r.fake.Set(scope("a", thing("x", properties)), scope(strconv.Itoa(i))) // another plan, so that all are looked at
		if result, err := r.scan(t.Context(), t); err != nil || result.Status != scanner.Partial {
			t.Fatalf("scan %d: %+v, %v; want partial", i, result, err)
		}
		want := []string{"no-public open other"}
		outcome := "unknown" // over the other group's compliant
		if n == 3 {
			want, outcome = append(want, "small open all"), "violation"
		}
		open := r.rows(t, `SELECT v.policy, v.state, g.group_name FROM violations v JOIN violation_groups g ON g.violation_key = v.key AND g.to_seq IS NULL ORDER BY 1`)
		if diff := cmp.Diff(want, open); diff != "" {
			t.Errorf("scan %d: open (-want +got):\n%s", i, diff)
		}
		counted := r.rows(t, `SELECT policy, outcome, number FROM verdict_counts WHERE pack_digest = '' ORDER BY 1`)
		if diff := cmp.Diff([]string{"no-public unknown 1", "small " + outcome + " 1"}, counted); diff != "" {
			t.Errorf("scan %d: counted (-want +got):\n%s", i, diff)
		}
	}
}

// TestRule3_1_ABrokenPackThatIsRemoved holds design rule 3.1: what no group reports any more resolves, also
// where the pack could not run before it was removed.
func TestRule3_1_ABrokenPackThatIsRemoved(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	d := r.inTwoGroups(t, 2)
	d.Groups = d.Groups[1:]
	r.declare(t, d)
	r.fake.Set(scope("a", thing("x", public)))
	r.mustScan(t)
	d.Groups[0].Packs[0].Config["small"] = policy.Setting{Properties: map[string]any{"most": "many"}}
	r.declare(t, d)
	if result, err := r.scan(t.Context(), t); err != nil || result.Status != scanner.Partial {
		t.Fatalf("scan: %+v, %v; want partial", result, err)
	}
	d.Groups[0].Packs = nil
	r.declare(t, d)
	r.mustScan(t)
	if diff := cmp.Diff([]string{"resolved policy_removed"}, r.rows(t, `SELECT state, resolution FROM violations`)); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

// TestRule3_3_ARecreatedResourceStartsOver holds design rule 3.3 where a resource was deleted and made
// again between two scans, and looks the same.
func TestRule3_3_ARecreatedResourceStartsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	for _, uid := range []string{"1", "2"} {
		x := thing("x", public)
		x.UID = uid
		r.fake.Set(scope("a", x))
		r.mustScan(t)
	}
	want := []string{"2 2"}
	if diff := cmp.Diff(want, r.rows(t, `SELECT r.uid, v.resource_uid FROM resources r JOIN violations v ON v.resource_key = r.key`)); diff != "" {
		t.Errorf("ids of the resource and of its violation (-want +got):\n%s", diff)
	}
}
