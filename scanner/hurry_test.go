package scanner_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
)

// hurried is an engine whose sessions have no time left while it is in a hurry.
type hurried struct {
	policy.Engine
	hurry atomic.Bool
}

type hurriedSession struct {
	policy.Session
	engine *hurried
}

func (h *hurried) Open(ctx context.Context, pack *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	session, err := h.Engine.Open(ctx, pack, options)
	return hurriedSession{session, h}, err
}

func (s hurriedSession) Evaluate(ctx context.Context, input policy.Input) ([]policy.Outcome, error) {
	outcomes, err := s.Session.Evaluate(ctx, input)
	if s.engine.hurry.Load() {
		for i := range outcomes {
			outcomes[i] = policy.Outcome{Policy: outcomes[i].Policy, Verdict: policy.Unknown, Reason: policy.ReasonDeadline}
		}
	}
	return outcomes, err
}

// TestRule3_9_AsksAgainWhatHadNoTime holds design rule 3.9 where a policy ran out of time for a reason that
// is not the resource's: the next scan judges it like one that judges everything.
func TestRule3_9_AsksAgainWhatHadNoTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("x", public)))
	engine := &hurried{Engine: r.engine}
	for _, hurry := range []bool{true, false} {
		engine.hurry.Store(hurry)
		accounts, err := r.store.Scannable(t.Context())
		fatal(t, err)
		_, err = scanner.New(scanner.Options{
			Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: engine},
			Providers: map[string]providers.Provider{providers.Snapshot: r.fake},
		}).Scan(t.Context(), accounts[0], scanner.Manual)
		fatal(t, err)
	}
	if diff := cmp.Diff([]string{"x no-public "}, r.openViolations(t)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
}
