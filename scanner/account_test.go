package scanner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// fewPublic is an account policy: at most one thing is public.
var fewPublic = policy.Policy{Name: "few-public", Kind: policy.OnAccount, Level: policy.Advisory, Severity: policy.High, Types: []string{"T"}, Message: "many are public"}

// counting is an engine whose sessions judge accounts by fewPublic.
type counting struct{ policy.Engine }

func (c counting) Open(ctx context.Context, pack *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	session, err := c.Engine.Open(ctx, pack, options)
	return countingSession{session, options.Config}, err
}

type countingSession struct {
	policy.Session
	config policy.Reconciled
}

func (c countingSession) EvaluateAccount(ctx context.Context, _ *providers.Account, inventory policy.Inventory) ([]policy.Outcome, error) {
	if !c.config.Enabled(fewPublic.Name) {
		return nil, nil
	}
	outcome := policy.Outcome{Policy: fewPublic.Name, Verdict: policy.Compliant}
	if _, incomplete := inventory.Incomplete("T"); incomplete {
		outcome.Verdict, outcome.Reason = policy.Unknown, policy.ReasonIncomplete
		return []policy.Outcome{outcome}, nil
	}
	count := 0
	for input, err := range inventory.Resources(ctx, "T", nil) {
		if err != nil {
			return nil, err
		}
		properties, _ := input.Resource.Parts[providers.Properties].Value.(map[string]any)
		if properties["public"] == true {
			count++
		}
	}
	if count > 1 {
		outcome.Verdict, outcome.Reports = policy.Violates, []policy.Report{{}}
	}
	return []policy.Outcome{outcome}, nil
}

func (r *rig) scanCounting(t *testing.T) scanner.Result {
	t.Helper()
	accounts, err := r.store.Scannable(context.Background())
	fatal(t, err)
	r.now = r.now.Add(time.Minute)
	result, err := scanner.New(scanner.Options{
		Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: counting{r.engine}}, Now: func() time.Time { return r.now },
		Providers: map[string]providers.Provider{providers.Snapshot: r.fake},
	}).Scan(context.Background(), accounts[0], scanner.Manual)
	fatal(t, err)
	return result
}

// TestRule3_6_AccountPoliciesNeedTheWholeTruth holds design rule 3.6: a policy over the account neither
// opens nor resolves while a type that it reads is not complete, and is a pair with the account.
func TestRule3_6_AccountPoliciesNeedTheWholeTruth(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	d := declared(r.packs(t, publicRule))
	d.Packs[0].Policies = append(d.Packs[0].Policies, fewPublic)
	d.Packs[0].Digest = "sha256:with an account policy"
	d.Groups = append(d.Groups, policy.Group{Name: "filtered", Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{account + "/global"},
		Packs: []policy.Applied{{Name: "pack0"}}})
	r.declare(t, d)
	both := scope("a", thing("a1", public), thing("a2", public))
	failing := scope("a", thing("a1", private), thing("a2", private))
	failing.Err = errors.New("throttled")
	one := scope("a", thing("a1", private), thing("a2", public))
	off := func() {
		d.Groups[0].Packs[0].Config = policy.Config{fewPublic.Name: {Level: policy.Disabled}}
		r.declare(t, d)
	}
	type state struct {
		State, Resolution string
		Groups            []string
		Unverified        bool
		Unknown           int
	}
	for _, step := range []struct {
		name   string
		before func()
		want   state
	}{
		{"opens", func() { r.fake.Set(both) }, state{"open", "", []string{"all"}, false, 0}},
		{"stays", func() { r.fake.Set(both) }, state{"open", "", []string{"all"}, false, 0}},
		{"incomplete", func() { r.fake.Set(failing) }, state{"open", "", []string{"all"}, true, 1}},
		{"fixed", func() { r.fake.Set(one) }, state{"resolved", "fixed", []string{}, false, 0}},
		{"recurs", func() { r.fake.Set(both) }, state{"open", "", []string{"all"}, false, 0}},
		{"disabled", off, state{"resolved", "policy_disabled", []string{}, false, 0}},
	} {
		step.before()
		r.scanCounting(t)
		list, _, err := r.store.Violations(ctx, store.Access{}, store.ViolationFilter{Policy: fewPublic.Name, State: store.AnyState}, store.Page{})
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: violations %+v, %v", step.name, list, err)
		}
		v := list[0]
		unknown, err := r.store.Unknowns(ctx, store.Access{}, "", store.Page{})
		fatal(t, err)
		got := state{v.State, v.Resolution, v.Groups, v.UnverifiedSince != nil, 0}
		for _, pair := range unknown {
			if pair.Policy == fewPublic.Name && pair.ResourceID == "" {
				got.Unknown++
			}
		}
		if step.name == "disabled" { // the filtered group has its own config still, and may not report it
			got.Unknown = 0
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		if faults, err := r.store.Check(ctx); err != nil || len(faults) > 0 {
			t.Errorf("%s: check: %v, %v", step.name, faults, err)
		}
	}
}
