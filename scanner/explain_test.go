package scanner_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

const membersRule = `name: members
severity: medium
description: Nobody is a member.
match: {types: [T]}
validations:
  - {expression: 'resource.facets.iam.members.size() == 0', message: has members}
`

// TestExplain_SaysWhatTheScanSaid also where something could not be read.
func TestExplain_SaysWhatTheScanSaid(t *testing.T) {
	t.Parallel()
	members := map[string]any{"members": []any{"ann"}}
	for name, test := range map[string]struct {
		rule, policy string
		iam          bool
		whole        []string
		gone         bool // from a listing that failed
		want         []string
	}{
		"violation":      {publicRule, "no-public", false, []string{"iam"}, false, []string{"violation", "", "resource.properties.public != true = false"}},
		"facet":          {membersRule, "members", true, []string{"iam"}, false, []string{"violation", "", "resource.facets.iam.members.size() == 0 = false"}},
		"facet is empty": {membersRule, "members", false, []string{"iam"}, false, []string{"unknown", "evaluation_error", ""}},
		"facet unread":   {membersRule, "members", false, nil, false, []string{"unknown", "not_read", "resource.facets.iam.members.size() == 0 = unknown: /facets/iam not_read"}},
		"missing":        {publicRule, "no-public", false, []string{"iam"}, true, []string{"unknown", "throttled", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, test.rule)
			x := thing("x", public)
			if test.iam {
				x.Parts["iam"] = providers.Part{Value: members}
			}
			listing := scope("a", x)
			listing.Scope.Whole = test.whole
			r.fake.Set(listing)
			r.mustScan(t)
			if test.gone {
				listing.Events, listing.Err = nil, &providers.Error{Class: providers.Throttled, Err: errors.New("throttled")}
				r.fake.Set(listing, scope("b", thing("y", private)))
				if _, err := r.scan(t.Context(), t); err != nil {
					t.Fatal(err)
				}
			}
			got := r.explain(t, test.policy)
			outcome := got.Outcome
			if stored := r.rows(t, `SELECT outcomes FROM verdicts JOIN resources ON key = resource_key WHERE id = 'x'`); !strings.Contains(stored[0], outcome.Reason) {
				t.Errorf("the scan said %q, not %s", stored, outcome.Reason)
			}
			last := ""
			for _, s := range got.Steps {
				if s.Of == "validation 1" && s.Depth == 0 && test.want[2] != "" {
					last = s.Expression + " = " + s.Value
				}
			}
			if diff := cmp.Diff(test.want, []string{string(outcome.Verdict), outcome.Reason, last}); diff != "" {
				t.Errorf("explanation (-want +got):\n%s", diff)
			}
		})
	}
}

func (r *rig) explain(t *testing.T, name string) scanner.Explanation {
	t.Helper()
	x, err := r.store.Resource(t.Context(), store.Access{}, "x", time.Time{})
	fatal(t, err)
	accounts, err := r.store.Scannable(t.Context())
	fatal(t, err)
	sc := scanner.New(scanner.Options{Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: r.engine}})
	explanations, err := sc.Explain(t.Context(), accounts[0], x.Key(), name)
	if err != nil || len(explanations) != 1 {
		t.Fatalf("%+v, %v", explanations, err)
	}
	if diff := cmp.Diff([]string{"all"}, explanations[0].Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if _, err := sc.Explain(t.Context(), accounts[0], x.Key(), "nothing"); !errors.Is(err, scanner.ErrNotJudged) {
		t.Errorf("a policy that is not there: %v", err)
	}
	return explanations[0]
}
