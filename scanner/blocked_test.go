package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
)

const sizeRule = `name: small
severity: low
description: Things are small.
message: is large
match: {types: [T]}
validations:
  - expression: resource.properties.size == "small"
`

// TestBlocked_NamesWhatIsMissing holds which policies a missing permission is said to concern.
func TestBlocked_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	piece := providers.Piece("access")
	for name, tt := range map[string]struct {
		gap  providers.Gap
		want []scanner.Blocked
	}{
		"listing": {
			providers.Gap{Region: "here", Type: "T", Class: providers.AccessDenied, Permission: "t:List", Place: "t:List"},
			[]scanner.Blocked{{Region: "here", Call: "t:List", Permission: "t:List", Class: providers.AccessDenied, Types: []string{"T"}, Policies: []string{"pack0/no-public", "pack1/small"}}},
		},
		"facet": {
			providers.Gap{Type: "T", Facet: piece, Class: providers.DeniedByOrg, Permission: "t:GetAccess", Place: "t:GetAccess a", Paths: []string{"/properties/public"}},
			[]scanner.Blocked{{Region: providers.Anywhere, Call: "t:GetAccess", Permission: "t:GetAccess", Class: providers.DeniedByOrg, Types: []string{"T"}, Policies: []string{"pack0/no-public"}}},
		},
		"facet_that_nothing_reads": {
			providers.Gap{Type: "T", Facet: piece, Class: providers.AccessDenied, Permission: "t:GetAge", Place: "t:GetAge", Paths: []string{"/properties/age"}},
			[]scanner.Blocked{{Region: providers.Anywhere, Call: "t:GetAge", Permission: "t:GetAge", Class: providers.AccessDenied, Types: []string{"T"}, Policies: []string{}}},
		},
		"other_type": {
			providers.Gap{Type: "U", Class: providers.AccessDenied, Permission: "u:List", Place: "u:List"},
			[]scanner.Blocked{{Region: providers.Anywhere, Call: "u:List", Permission: "u:List", Class: providers.AccessDenied, Types: []string{"U"}, Policies: []string{}}},
		},
		"no_permission": {
			providers.Gap{Type: "T", Class: providers.Throttled, Place: "t:List"},
			[]scanner.Blocked{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule, sizeRule)
			listing := scope("one", thing("a", map[string]any{"size": "small", "public": false}))
			gap := tt.gap
			listing.Events = append(listing.Events, providertest.Event{Gap: &gap}, providertest.Event{Gap: &gap})
			r.fake.Set(listing)
			result, err := r.scan(t.Context(), t)
			fatal(t, err)
			if diff := cmp.Diff(tt.want, result.Blocked); diff != "" {
				t.Errorf("blocked (-want +got):\n%s", diff)
			}
			log := strings.Join(r.rows(t, `SELECT message FROM scan_log WHERE level = 'warn'`), "\n")
			if told := strings.Contains(log, "is missing"); told != (len(tt.want) > 0) {
				t.Errorf("the scan's log: %s", log)
			}
		})
	}
}

// TestBlocked_WholeAccount is what an account costs that cannot be entered.
func TestBlocked_WholeAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Fail(&providers.Error{Class: providers.AccessDenied, Permission: "sts:AssumeRole", Err: errors.New("denied")})
	result, err := r.scan(t.Context(), t)
	fatal(t, err)
	want := []scanner.Blocked{{
		Region: providers.Anywhere, Call: "sts:AssumeRole", Permission: "sts:AssumeRole", Class: providers.AccessDenied, Types: []string{}, Policies: []string{"pack0/no-public"},
	}}
	if diff := cmp.Diff(want, result.Blocked); diff != "" || result.Status != scanner.Failed {
		t.Errorf("scan %s, blocked (-want +got):\n%s", result.Status, diff)
	}
}

// telling is a provider that tells something whenever it plans.
type telling struct{ providers.Provider }

func (p telling) Collectors(ctx context.Context, account providers.Account, want providers.Want) ([]providers.Collector, error) {
	log := want.Log.With("service", "t").WithGroup("group")
	log.DebugContext(ctx, "not worth it")
	log.WarnContext(ctx, "slower", "scope", "here/t", "rate", 2.5)
	return p.Provider.Collectors(ctx, account, want)
}

// TestLog_TakesWhatProvidersTell holds that a provider's log is the scan's.
func TestLog_TakesWhatProvidersTell(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("one"))
	accounts, err := r.store.Scannable(t.Context())
	fatal(t, err)
	_, err = scanner.New(scanner.Options{
		Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: r.engine}, Providers: map[string]providers.Provider{providers.Snapshot: telling{r.fake}},
	}).Scan(t.Context(), accounts[0], scanner.Manual)
	fatal(t, err)
	want := []string{"warn here/t slower service=t rate=2.5"}
	got := r.rows(t, `SELECT level || ' ' || scope || ' ' || message FROM scan_log WHERE message LIKE '%slower%' OR message LIKE '%worth%'`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestProgress_NamesWhatIsListed holds that whoever follows a scan hears of every scope while it is listed.
func TestProgress_NamesWhatIsListed(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("one"), scope("two"))
	heard := map[string]bool{}
	last := scanner.Progress{}
	r.notify = func(now scanner.Progress) {
		for _, name := range now.Listing {
			heard[name] = true
		}
		last = now
	}
	r.mustScan(t)
	if !heard["one"] || !heard["two"] || len(last.Listing) > 0 || last.ScopesDone != 2 {
		t.Errorf("heard of %v, at last %+v", heard, last)
	}
}

// TestBlocked_OfTypesAndPermissions holds that a scope which could not be listed costs its types alone,
// and that no permission is lost among many gaps of another.
func TestBlocked_OfTypesAndPermissions(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	typed := providertest.Listing{
		Scope: providers.Scope{Name: "here/u", Region: "here", Types: []string{"U"}},
		Err:   &providers.Error{Class: providers.AccessDenied, Permission: "u:List", Err: errors.New("denied")},
	}
	many := scope("one")
	for i := range 300 {
		permission := "t:GetA"
		if i == 299 {
			permission = "t:GetB"
		}
		many.Events = append(many.Events, providertest.Event{Gap: &providers.Gap{Region: "here", Type: "V", Facet: "x", Class: providers.AccessDenied, Place: permission, Permission: permission}})
	}
	r.fake.Set(typed, many)
	result, err := r.scan(t.Context(), t)
	fatal(t, err)
	var got []string
	for _, b := range result.Blocked {
		got = append(got, fmt.Sprint(b.Permission, b.Types, b.Policies))
	}
	if diff := cmp.Diff([]string{"t:GetA[V] []", "t:GetB[V] []", "u:List[U] []"}, got); diff != "" {
		t.Errorf("blocked (-want +got):\n%s", diff)
	}
}
