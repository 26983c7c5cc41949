package scanner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/store"
)

func tagged(id string, tags map[string]string, properties map[string]any) *providers.Resource {
	r := thing(id, properties)
	r.Tags = tags
	return r
}

// listed gives the open violations' resources, "*" after those that are excused.
func (r *rig) listed(t *testing.T, filter store.ViolationFilter) []string {
	t.Helper()
	list, _, err := r.store.Violations(context.Background(), store.Access{}, filter, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, v := range list {
		name := v.ResourceID
		if v.Excused {
			name += "*"
		}
		names = append(names, name)
	}
	return names
}

func (r *rig) score(t *testing.T) store.Score {
	t.Helper()
	status, err := r.store.Account(context.Background(), store.Access{}, account, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return status.Score
}

func testData(scope policy.ExceptionScope) policy.Exception {
	return policy.Exception{Name: "tests", Scope: scope, Owner: "ann", Reason: "test data"}
}

// TestExceptions_AreInForceAtOnce adds, lets expire and removes an exception between scans: what it
// covers is excused from then to then, and leaves the score.
func TestExceptions_AreInForceAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public), thing("a2", public), thing("a3", private)))
	r.mustScan(t)
	check := func(when string, want []string, violating, excused int) {
		t.Helper()
		if diff := cmp.Diff(want, r.listed(t, store.ViolationFilter{})); diff != "" {
			t.Errorf("%s: open (-want +got):\n%s", when, diff)
		}
		if s := r.score(t); s.Violating != violating || s.Excused != excused || s.Compliant != 1 {
			t.Errorf("%s: score %+v", when, s)
		}
	}
	check("before", []string{"a1", "a2"}, 2, 0)
	e := testData(policy.ExceptionScope{Policies: []string{"no-public"}, Resources: []string{"a1"}})
	expires := r.now.Add(time.Hour)
	e.Expires = &expires
	if err := r.store.AddException(ctx, e, "ann"); err != nil {
		t.Fatal(err)
	}
	check("added", []string{"a1*", "a2"}, 1, 1)
	if err := r.store.AddException(ctx, e, "ann"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second exception of the name: %v, want a conflict", err)
	}
	r.now = r.now.Add(2 * time.Hour)
	check("expired", []string{"a1", "a2"}, 2, 0)
	if err := r.store.RemoveException(ctx, "tests", "ann"); err != nil {
		t.Fatal(err)
	}
	e.Expires = nil
	if err := r.store.AddException(ctx, e, "ann"); err != nil {
		t.Fatal(err)
	}
	check("added again", []string{"a1*", "a2"}, 1, 1)
	if err := r.store.RemoveException(ctx, "tests", "ann"); err != nil {
		t.Fatal(err)
	}
	check("removed", []string{"a1", "a2"}, 2, 0)
	if err := r.store.RemoveException(ctx, "tests", "ann"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if rows := r.rows(t, `SELECT actor, action, object FROM audit_log WHERE object LIKE 'exception%' ORDER BY id`); len(rows) != 4 {
		t.Errorf("audit log %q", rows)
	}
}

// TestExceptions_CoverWhatScansFind lets an exception by tag meet violations that are found later, and
// resources whose tag goes away.
func TestExceptions_CoverWhatScansFind(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	e := testData(policy.ExceptionScope{Policies: []string{"pack0/no-*"}, Tags: map[string]string{"env": "test"}})
	if err := r.store.AddException(context.Background(), e, "ann"); err != nil {
		t.Fatal(err)
	}
	test := map[string]string{"env": "test"}
	r.fake.Set(scope("a", tagged("a1", test, public), tagged("a2", nil, public)))
	r.mustScan(t)
	if diff := cmp.Diff([]string{"a1*", "a2"}, r.listed(t, store.ViolationFilter{})); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	r.fake.Set(scope("a", tagged("a1", nil, public), tagged("a2", test, public)))
	r.mustScan(t)
	if diff := cmp.Diff([]string{"a1", "a2*"}, r.listed(t, store.ViolationFilter{})); diff != "" {
		t.Errorf("tags swapped (-want +got):\n%s", diff)
	}
	no := false
	if diff := cmp.Diff([]string{"a1"}, r.listed(t, store.ViolationFilter{Excused: &no})); diff != "" {
		t.Errorf("not excused (-want +got):\n%s", diff)
	}
}

// TestExceptions_PairNeedsAllKeysExcused holds design §7: a pair leaves the violating ones only when
// every open violation of it is excused.
func TestExceptions_PairNeedsAllKeysExcused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const keyed = `name: ports
severity: high
description: No open ports.
match: {types: [T]}
validations:
  - {expression: resource.properties.ssh != true, message: ssh is open, key: '"22"'}
  - {expression: resource.properties.rdp != true, message: rdp is open, key: '"3389"'}
`
	r := newRig(t, keyed, publicRule)
	r.fake.Set(scope("a", thing("a1", map[string]any{"ssh": true, "rdp": true, "public": false})))
	r.mustScan(t)
	e := testData(policy.ExceptionScope{Packs: []string{"pack0"}})
	if err := r.store.AddException(ctx, e, "ann"); err != nil {
		t.Fatal(err)
	}
	if s := r.score(t); s.Violating != 0 || s.Excused != 1 {
		t.Errorf("both excused: %+v", s)
	}
	list, err := r.store.Exceptions(ctx, store.Access{}, store.ExceptionFilter{})
	if err != nil || len(list) != 1 || list[0].Excused != 2 || list[0].Unused || !list[0].Broad {
		t.Errorf("exceptions %+v, %v", list, err)
	}
	half := testData(policy.ExceptionScope{Policies: []string{"ports"}, Resources: []string{"a2"}})
	half.Name = "half"
	if err := r.store.AddException(ctx, half, "ann"); err != nil {
		t.Fatal(err)
	}
	list, err = r.store.Exceptions(ctx, store.Access{}, store.ExceptionFilter{})
	if err != nil || len(list) != 2 || !list[0].Unused || list[0].Broad {
		t.Errorf("exceptions %+v, %v", list, err)
	}
}

// TestRule3_4_TriageSurvivesRecurrence holds design rule 3.4: recurrence keeps by_design and ignored,
// turns in_progress into open, and starts over after the resource was deleted.
func TestRule3_4_TriageSurvivesRecurrence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		triage, want policy.Triage
		between      []*providers.Resource
	}{
		"by_design_fixed":     {policy.TriageByDesign, policy.TriageByDesign, []*providers.Resource{thing("a1", private)}},
		"ignored_fixed":       {policy.TriageIgnored, policy.TriageIgnored, []*providers.Resource{thing("a1", private)}},
		"in_progress_fixed":   {policy.TriageInProgress, policy.TriageOpen, []*providers.Resource{thing("a1", private)}},
		"by_design_deleted":   {policy.TriageByDesign, policy.TriageOpen, nil},
		"in_progress_deleted": {policy.TriageInProgress, policy.TriageOpen, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			r := newRig(t, publicRule)
			r.fake.Set(scope("a", thing("a1", public)))
			r.mustScan(t)
			id := r.rows(t, `SELECT id FROM violations`)[0]
			p1, ann := "p1", "ann"
			if _, err := r.store.SetTriage(ctx, store.Access{}, []string{id[:8]}, store.TriageUpdate{Triage: &test.triage, Priority: &p1, Assignee: &ann}, "ann"); err != nil {
				t.Fatal(err)
			}
			r.fake.Set(scope("a", test.between...))
			r.mustScan(t)
			r.fake.Set(scope("a", thing("a1", public)))
			r.mustScan(t)
			v, err := r.store.Violation(ctx, store.Access{}, id, time.Time{})
			if err != nil || v.State != "open" || v.Triage != string(test.want) {
				t.Fatalf("%+v, %v; want triage %s", v, err, test.want)
			}
			if deleted := test.between == nil; deleted != (v.Assignee == "") || deleted != (v.Priority == "p4") {
				t.Errorf("assignee %q, priority %s", v.Assignee, v.Priority)
			}
		})
	}
}

func TestSetTriage_ChangesAllOrNone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public)))
	r.mustScan(t)
	id := r.rows(t, `SELECT id FROM violations`)[0]
	ignored, wrong := policy.TriageIgnored, policy.Triage("closed")
	if _, err := r.store.SetTriage(ctx, store.Access{}, []string{id, "ffffffff"}, store.TriageUpdate{Triage: &ignored}, "ann"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown id: %v", err)
	}
	if _, err := r.store.SetTriage(ctx, store.Access{}, []string{id}, store.TriageUpdate{Triage: &wrong}, "ann"); err == nil {
		t.Error("an unknown triage was taken")
	}
	if _, err := r.store.SetTriage(ctx, store.Access{Accounts: []string{"other"}}, []string{id}, store.TriageUpdate{Triage: &ignored}, "bob"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("somebody who may not see it: %v", err)
	}
	if got := r.rows(t, `SELECT triage FROM violations`); got[0] != "open" {
		t.Errorf("triage %s", got)
	}
}
