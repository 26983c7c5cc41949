package rego

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// session is an open pack. Everything in it is read only, but for the counts of deadlines missed.
type session struct {
	unit *unit
	now  time.Time
	// limit bounds each evaluation, and patience how many of a policy's may reach it.
	limit    time.Duration
	patience int32
	any      []*enabled            // resource policies of any type
	byType   map[string][]*enabled // resource policies of a type and of any, in the pack's order
	account  []*enabled            // account policies
	tally    *tally                // notes which branches are taken; there is none in scans
}

// enabled is a policy that runs, with its parameters.
type enabled struct {
	*compiled
	query      *query
	parameters *ast.Term
	late       atomic.Int32 // evaluations that ran out of time
}

func newSession(ctx context.Context, u *unit, options policy.SessionOptions) (*session, error) {
	s := &session{unit: u, now: options.Now.UTC(), limit: maxTime, patience: maxLate, byType: map[string][]*enabled{}}
	config, err := configOf(options.Config)
	if err != nil {
		return nil, err
	}
	shared.RLock()
	defer shared.RUnlock()
	store := newStore(config)
	var all []*enabled
	for _, p := range u.policies {
		if !options.Config.Enabled(p.name) {
			continue
		}
		q, err := newQuery(ctx, u, p, store)
		if err != nil {
			return nil, fmt.Errorf("prepare policy %s: %w", p.name, err)
		}
		e := &enabled{compiled: p, query: q, parameters: parametersOf(config, p.name)}
		if p.account {
			s.account = append(s.account, e)
		} else {
			all = append(all, e)
		}
	}
	s.index(all)
	return s, nil
}

// index sorts policies by type, so that what a resource has nothing to do with costs nothing.
func (s *session) index(all []*enabled) {
	for _, p := range all {
		if len(p.types) == 0 {
			s.any = append(s.any, p)
		}
		for _, name := range p.types {
			s.byType[name] = nil
		}
	}
	for name := range s.byType {
		for _, p := range all {
			if len(p.types) == 0 || slices.Contains(p.types, name) {
				s.byType[name] = append(s.byType[name], p)
			}
		}
	}
}

// configOf gives the properties of the policies that have any, in the types of decoded JSON.
func configOf(reconciled policy.Reconciled) (map[string]any, error) {
	config := map[string]any{}
	for name, setting := range reconciled {
		if len(setting.Properties) == 0 {
			continue
		}
		data, err := json.Marshal(setting.Properties)
		if err != nil {
			return nil, fmt.Errorf("config of policy %s: %w", name, err)
		}
		if config[name], err = providers.ParseValue(data); err != nil {
			return nil, fmt.Errorf("config of policy %s: %w", name, err)
		}
	}
	return config, nil
}

// newStore holds data.config; it is absent where nothing is set.
func newStore(config map[string]any) storage.Store {
	data := map[string]any{}
	if len(config) > 0 {
		data["config"] = config
	}
	return inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
}

func parametersOf(config map[string]any, name string) *ast.Term {
	properties, ok := config[name]
	if !ok {
		return emptyObject
	}
	return ast.NewTerm((&converter{}).convert(properties, true, nil).value)
}

// Close implements policy.Session. There is nothing to release.
func (s *session) Close() error { return nil }

// Evaluate implements policy.Session.
func (s *session) Evaluate(ctx context.Context, input policy.Input) ([]policy.Outcome, error) {
	policies := s.matching(input)
	if len(policies) == 0 {
		return nil, nil
	}
	outcomes := make([]policy.Outcome, len(policies))
	for _, u := range input.Unread {
		if u.Path == "" {
			for i, p := range policies {
				outcomes[i] = policy.Outcome{Policy: p.name, Verdict: policy.Unknown, Reason: string(u.Class)}
			}
			return outcomes, nil
		}
	}
	e := newEvaluation(ctx, s)
	defer e.end()
	subject := newSubject(s.unit.format, input)
	for i, p := range policies {
		outcomes[i] = e.judge(p, subject)
	}
	return outcomes, nil
}

// matching gives the policies about the resource's type. In the overlaid format a property may
// stand in the place of the type: what it names counts, too.
func (s *session) matching(input policy.Input) []*enabled {
	name := input.Resource.Type
	if s.unit.format == admission && !strings.HasPrefix(name, kubernetesPrefix) {
		return nil
	}
	policies, ok := s.byType[name]
	if !ok {
		policies = s.any
	}
	if s.unit.format != overlaid {
		return policies
	}
	properties, _ := input.Resource.Parts[providers.Properties].Value.(map[string]any)
	other, isText := properties["type"].(string)
	if !isText || strings.EqualFold(other, name) {
		return policies
	}
	for _, p := range s.byType[canonical(other)] {
		if !slices.Contains(policies, p) {
			policies = append(policies[:len(policies):len(policies)], p)
		}
	}
	return policies
}

// canonical gives a type in the case in which pinned types stand.
func canonical(name string) string {
	if strings.HasPrefix(strings.ToLower(name), "microsoft.") {
		return shape.ARMType(name)
	}
	return name
}
