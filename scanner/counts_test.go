package scanner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/store"
)

// TestCounts_AreThoseOfTheList, by whatever violations are counted and whatever the filter.
func TestCounts_AreThoseOfTheList(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule, "name: odd\nseverity: low\ndescription: Is even.\nvalidations:\n  - expression: resource.properties.public == true\n")
	r.fake.Set(scope("a", thing("x", public), thing("y", public), thing("z", private)))
	r.mustScan(t)
	r.fake.Set(scope("a", thing("x", public), thing("y", private), thing("z", private)))
	r.mustScan(t)
	for _, filter := range []store.ViolationFilter{
		{}, {State: store.AnyState}, {State: policy.Resolved}, {Pack: "pack1"}, {Policy: "no-public", State: store.AnyState},
		{Severities: []string{"low"}}, {Account: account}, {Account: "other"}, {Type: "T"}, {Search: "y"},
	} {
		for _, by := range store.Groupings {
			want := map[string]int{}
			err := r.store.EachViolation(t.Context(), store.Access{}, filter, func(v store.Violation) error {
				want[map[string]string{
					"account": v.Account, "level": v.Level, "pack": v.Pack, "policy": v.Policy, "provider": v.Provider,
					"region": v.Region, "severity": v.Severity, "type": v.ResourceType,
				}[by]]++
				return nil
			})
			fatal(t, err)
			tallies, err := r.store.CountViolations(t.Context(), store.Access{Accounts: []string{account}}, filter, by)
			fatal(t, err)
			got := map[string]int{}
			for _, tally := range tallies {
				got[tally.Name] = tally.Count
				if sum := tally.Critical + tally.High + tally.Medium + tally.Low; sum != tally.Count {
					t.Errorf("%+v by %s: %+v", filter, by, tally)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v by %s (-list +count):\n%s", filter, by, diff)
			}
		}
	}
}
