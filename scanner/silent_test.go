package scanner_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/store"
)

// reports gives the violations with what is known of them, and the groups that report them.
func (r *rig) reports(t failing) []string {
	t.Helper()
	return r.rows(t, `SELECT v.policy, v.state, v.resolution, CASE WHEN v.unverified_seq IS NULL THEN '' ELSE 'unverified' END,
		(SELECT GROUP_CONCAT(n) FROM (SELECT group_name AS n FROM violation_groups g WHERE g.violation_key = v.key AND to_seq IS NULL ORDER BY 1)) FROM violations v ORDER BY 1`)
}

// partial scans where a pack cannot run.
func (r *rig) partial(t *testing.T) {
	t.Helper()
	if result, err := r.scan(t.Context(), t); err != nil || result.Status != "partial" {
		t.Fatalf("scan %+v, %v; want partial", result, err)
	}
}

// TestRule3_1_AGroupThatGoesWhileItsPackIsBroken holds that what such a group reported ends with it.
func TestRule3_1_AGroupThatGoesWhileItsPackIsBroken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare(t, r.inTwoGroups(t, 2))
	r.fake.Set(scope("a", thing("x", public)))
	r.mustScan(t)
	r.declare(t, r.inTwoGroups(t, "many"))
	r.partial(t)
	d := r.inTwoGroups(t, 2)
	d.Groups = d.Groups[:1]
	r.declare(t, d)
	r.mustScan(t)
	if diff := cmp.Diff([]string{"no-public resolved account_unassigned  <nil>"}, r.reports(t)); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

// TestRule3_1_NoDoubtWhereNothingWasTried holds that a violation which one group could verify is not in
// doubt because another's pack is broken, whatever else is judged anew.
func TestRule3_1_NoDoubtWhereNothingWasTried(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	both := func(most any, level policy.Level) store.Declared {
		d := r.inTwoGroups(t, most)
		d.Packs = append(d.Packs, r.packs(t, publicRule, sizeRule)[1])
		d.Groups[0].Packs[0].Config = nil
		d.Groups[0].Packs = append(d.Groups[0].Packs, policy.Applied{Name: "pack1", Config: policy.Config{"small": {Level: level}}})
		return d
	}
	r.fake.Set(scope("a", thing("x", public)))
	r.declare(t, both(2, policy.Advisory))
	r.mustScan(t)
	for _, level := range []policy.Level{policy.Advisory, policy.Mandatory} {
		r.declare(t, both("many", level))
		r.partial(t)
		if diff := cmp.Diff([]string{"no-public open   all,other"}, r.reports(t)); diff != "" {
			t.Errorf("%s: violations (-want +got):\n%s", level, diff)
		}
	}
}

// TestRule3_1_AConfigThatIsMended holds that the config, and not the resource, is why a violation ends.
func TestRule3_1_AConfigThatIsMended(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	d := r.inTwoGroups(t, 2)
	d.Groups = d.Groups[1:]
	r.fake.Set(scope("a", thing("x", map[string]any{"n": number(3)})))
	for _, step := range []struct {
		most any
		want string
	}{
		{2, "small open   other"}, {"many", "small open  unverified other"}, {"many", "small open  unverified other"}, {5, "small resolved policy_changed  <nil>"},
	} {
		d.Groups[0].Packs[0].Config["small"] = policy.Setting{Properties: map[string]any{"most": step.most}}
		r.declare(t, d)
		if _, err := r.scan(t.Context(), t); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{step.want}, r.reports(t)); diff != "" {
			t.Errorf("most %v: violations (-want +got):\n%s", step.most, diff)
		}
	}
}

// TestRule3_2_WhatIsExcusedAndUnknown holds that an excused pair which is unknown hides no other
// violation.
func TestRule3_2_WhatIsExcusedAndUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule, sizeRule)
	d := declared(r.packs(t, publicRule, sizeRule))
	d.Exceptions = []policy.Exception{{Name: "e", Owner: "ann", Reason: "known", Scope: policy.ExceptionScope{Packs: []string{"pack0"}}}}
	r.declare(t, d)
	see := func(part providers.Part) store.Score {
		x := thing("x", nil)
		x.Parts[providers.Properties] = part
		r.fake.Set(scope("a", x))
		if _, err := r.scan(t.Context(), t); err != nil {
			t.Fatal(err)
		}
		status, err := r.store.Account(t.Context(), store.Access{}, account, time.Time{})
		fatal(t, err)
		status.Score.Value = nil
		return status.Score
	}
	whole := providers.Part{Value: map[string]any{"public": true, "size": "large"}}
	unread := providers.Part{Value: map[string]any{"size": "large"}, Unread: []providers.Unread{{Path: "/properties/public", Class: providers.AccessDenied}}}
	want := store.Score{Violating: 1, Excused: 1}
	if diff := cmp.Diff(want, see(whole)); diff != "" {
		t.Errorf("score (-want +got):\n%s", diff)
	}
	want = store.Score{Violating: 1, Unknown: 1}
	if diff := cmp.Diff(want, see(unread)); diff != "" {
		t.Errorf("score with what is excused unread (-want +got):\n%s", diff)
	}
	r.broken[0] = true
	if diff := cmp.Diff(want, see(whole)); diff != "" {
		t.Errorf("score with what is excused not judged (-want +got):\n%s", diff)
	}
}
