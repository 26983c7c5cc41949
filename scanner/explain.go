package scanner

import (
	"context"
	"errors"
	"fmt"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// ErrNotJudged tells that no audit of an account judges a resource by a policy. The error that wraps it
// says why.
var ErrNotJudged = errors.New("the policy does not judge the resource")

// Explanation tells why a policy judges a resource as it does.
type Explanation struct {
	Pack   string
	Policy string
	// Groups are those that report what this judgement finds.
	Groups []string
	policy.Trace
}

// Explain judges a resource anew by a policy, as the account's last scan left both, and tells how the
// outcome comes about: once for each config by which groups apply the policy's pack.
func (s *Scanner) Explain(ctx context.Context, account providers.Account, key int64, name string) ([]Explanation, error) {
	scan, scopes, err := s.Store.Judged(ctx, account)
	if err != nil {
		return nil, err
	}
	r := newRun(s, scan)
	r.scopes = scopes
	if r.plan, err = r.newPlan(ctx); err != nil {
		return nil, err
	}
	defer r.plan.close()
	page, err := s.Store.HeldKeys(ctx, scan, []int64{key})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the resource: %w", err)
	case len(page) == 0:
		return nil, fmt.Errorf("%w: it is gone", ErrNotJudged)
	}
	j := &judging{run: r, types: map[string]*typeState{}}
	var explanations []Explanation
	for _, audit := range r.plan.audits {
		if !audit.judges(name, page[0].Type) {
			continue
		}
		one, err := j.explain(ctx, audit, &page[0], name)
		if err != nil {
			return nil, err
		}
		explanations = append(explanations, one)
	}
	if len(explanations) == 0 {
		return nil, fmt.Errorf("%w: no group of account %s has a resource policy %s for type %s enabled", ErrNotJudged, account.Name, name, page[0].Type)
	}
	return explanations, nil
}

// judges tells whether the audit has the policy for resources of the type.
func (a *auditing) judges(name, resourceType string) bool {
	p, known := a.Pack.Policy(name)
	return known && p.Kind != policy.OnAccount && a.Config.Enabled(name) && p.Matches(resourceType)
}

func (j *judging) explain(ctx context.Context, audit *auditing, held *Held, name string) (Explanation, error) {
	explanation := Explanation{Pack: audit.Pack.Name, Policy: name}
	for _, reporter := range audit.Reporters {
		explanation.Groups = append(explanation.Groups, reporter.Group)
	}
	if held.Missing != "" {
		explanation.Outcome = unknown([]string{name}, string(held.Missing))[0]
		return explanation, nil
	}
	tracer, able := j.Engines[audit.Pack.Runtime].(policy.Tracer)
	if !able {
		return explanation, fmt.Errorf("runtime %s of pack %s cannot explain its outcomes", audit.Pack.Runtime, audit.Pack.Name)
	}
	resources, err := j.Store.Load(ctx, j.scan, []int64{held.Key}, nil)
	if err != nil {
		return explanation, fmt.Errorf("load resource %s: %w", held.Identity, err)
	}
	resources[0].Join()
	input := j.input(j.unread(audit.of(held.Type), held), resources[0])
	explanation.Trace, err = tracer.Trace(ctx, audit.Pack, policy.SessionOptions{Config: audit.Config, Now: j.scan.StartedAt}, name, input)
	return explanation, err
}
