package cel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// maxTime bounds the evaluation of all policies on one resource, as far as their cost is counted.
const maxTime = 30 * time.Second

// enabled is a policy with its parameters.
type enabled struct {
	*compiled
	params any
}

// session is an open pack. Everything in it is read only, but for the pool.
type session struct {
	adapter *adapter
	now     types.Timestamp
	any     []*enabled // policies of any type
	// accounts are the account policies, reads what they read by type.
	accounts []*enabled
	reads    map[string][]string
	byType   map[string][]*enabled // policies of a type and of any, in the pack's order
	pool     sync.Pool
}

func newSession(u *unit, options policy.SessionOptions) (*session, error) {
	s := &session{
		adapter: u.adapter, now: types.Timestamp{Time: options.Now.UTC()}, byType: map[string][]*enabled{}, reads: map[string][]string{},
	}
	var all []*enabled
	for _, p := range u.policies {
		if !options.Config.Enabled(p.name) {
			continue
		}
		params, err := newParams(options.Config[p.name].Properties)
		if err != nil {
			return nil, fmt.Errorf("config of policy %s: %w", p.name, err)
		}
		if p.account == nil {
			all = append(all, &enabled{p, params})
			continue
		}
		s.accounts = append(s.accounts, &enabled{p, params})
		for resourceType, paths := range p.account.paths {
			s.reads[resourceType] = append(s.reads[resourceType], paths...)
		}
	}
	s.index(all)
	s.pool.New = func() any { return newEvaluation(s) }
	return s, nil
}

// index finds the policies of each type, in the pack's order.
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

// newParams gives properties in the types of decoded JSON, numbers with their digits.
func newParams(properties map[string]any) (any, error) {
	if len(properties) == 0 {
		return map[string]any{}, nil
	}
	data, err := json.Marshal(properties)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var params map[string]any
	err = decoder.Decode(&params)
	return params, err
}

// Close implements policy.Session. There is nothing to release.
func (s *session) Close() error { return nil }

// Evaluate implements policy.Session.
func (s *session) Evaluate(ctx context.Context, input policy.Input) ([]policy.Outcome, error) {
	policies, ok := s.byType[input.Resource.Type]
	if !ok {
		policies = s.any
	}
	if len(policies) == 0 {
		return nil, nil
	}
	outcomes := make([]policy.Outcome, len(policies))
	for _, gap := range input.Unread {
		if gap.Path == "" {
			for i, p := range policies {
				outcomes[i] = policy.Outcome{Policy: p.name, Verdict: policy.Unknown, Reason: string(gap.Class)}
			}
			return outcomes, nil
		}
	}
	e := s.pool.Get().(*evaluation) //nolint:errcheck // the pool holds nothing else
	if err := e.begin(ctx, input); err != nil {
		return nil, err
	}
	for i, p := range policies {
		outcomes[i] = e.judge(p)
	}
	e.end()
	s.pool.Put(e)
	return outcomes, nil
}

// evaluation is the state of judging one resource, used again for others. It is the activation of
// every expression.
type evaluation struct {
	session   *session
	ctx       context.Context //nolint:containedctx // of counted expressions, with a deadline; nil until one runs
	outer     context.Context //nolint:containedctx // of the one call of Evaluate that uses this state
	cancel    context.CancelFunc
	input     policy.Input
	fields    map[string]any // of the resource
	facets    map[string]any
	resource  any
	account   map[string]any
	inventory map[string]any              // of an account policy: lists by type
	observer  *observer                   // of a trace
	frame     *interpreter.ExecutionFrame // of all expressions that are not counted

	policy    *enabled
	variables []ref.Val // nil until evaluated
	item      ref.Val
}

func newEvaluation(s *session) *evaluation {
	return &evaluation{session: s, fields: make(map[string]any, 9), facets: map[string]any{}}
}

func (e *evaluation) begin(ctx context.Context, input policy.Input) (err error) {
	e.outer, e.input = ctx, input
	fill(e.fields, e.facets, input.Resource)
	e.resource = e.fields
	if len(input.Unread) > 0 {
		e.resource = mark(e.fields, input.Unread)
	}
	e.frame, err = interpreter.NewExecutionFrame(e)
	return err
}

// fill shows a resource as policies see it.
func fill(fields, facets map[string]any, r *providers.Resource) {
	for name, part := range r.Parts {
		if name == providers.Properties {
			fields[name] = part.Value
		} else {
			facets[name] = part.Value
		}
	}
	fields["type"], fields["id"], fields["name"] = r.Type, r.ID, r.Name
	fields["region"], fields["uid"] = r.Region, r.UID
	fields["tags"], fields["ancestors"] = r.Tags, r.Ancestors
	fields["facets"] = facets
}

// end lets go of everything that belongs to the resource.
func (e *evaluation) end() {
	e.close()
	clear(e.fields)
	clear(e.facets)
	clear(e.variables[:cap(e.variables)])
	*e = evaluation{session: e.session, fields: e.fields, facets: e.facets, variables: e.variables[:0]}
}

// within gives what is evaluated from now on so much time.
func (e *evaluation) within(limit time.Duration) {
	if e.cancel != nil {
		e.cancel()
	}
	e.ctx, e.cancel = context.WithTimeout(e.outer, limit)
}

// close ends what runs for the resource or account.
func (e *evaluation) close() {
	if e.frame != nil {
		e.frame.Close()
	}
	if e.cancel != nil {
		e.cancel()
	}
}

// start turns to a policy.
func (e *evaluation) start(p *enabled) {
	e.policy, e.item = p, nil
	clear(e.variables)
	e.variables = slices.Grow(e.variables[:0], len(p.compiled.variables))[:len(p.compiled.variables)]
	clear(e.variables)
}

// ResolveName implements interpreter.Activation.
func (e *evaluation) ResolveName(name string) (any, bool) {
	switch name {
	case "resource":
		return e.resource, true
	case "params":
		return e.policy.params, true
	case "item":
		return e.item, e.item != nil
	case "now":
		return e.session.now, true
	case "account":
		return e.accountFields(), true
	case inventoryName:
		return e.inventory, e.inventory != nil
	}
	slot, ok := e.policy.slots[name]
	if !ok {
		return nil, false
	}
	if e.variables[slot] == nil {
		e.variables[slot] = e.variable(e.policy.compiled.variables[slot])
	}
	return e.variables[slot], true
}

// variable evaluates a variable. An error is explained here, where its expression is known.
func (e *evaluation) variable(p *program) ref.Val {
	value := e.run(p)
	if fault, ok := value.(*types.Err); ok {
		return types.WrapErr(&explained{e.fault(p, fault)})
	}
	return value
}

// Parent implements interpreter.Activation.
func (e *evaluation) Parent() interpreter.Activation { return nil }

func (e *evaluation) accountFields() map[string]any {
	if e.account == nil {
		account := e.input.Account
		if account == nil {
			account = &providers.Account{}
		}
		e.account = map[string]any{
			"name": account.Name, "provider": account.Cloud, "cloudId": account.CloudID, "tags": account.Tags,
		}
	}
	return e.account
}

// run evaluates an expression. Errors and panics come back as values.
func (e *evaluation) run(p *program) ref.Val {
	var out ref.Val
	var err error
	if p.counted || e.observer != nil {
		if e.ctx == nil {
			e.within(maxTime)
		}
		var details *cel.EvalDetails
		out, details, err = p.run.ContextEval(e.ctx, e)
		e.observer.note(p, out, details)
	} else if err = e.outer.Err(); err == nil {
		out, _, err = p.run.Eval(e.frame)
	}
	if err != nil {
		if value, ok := out.(*types.Err); ok {
			return value
		}
		return types.WrapErr(err)
	}
	return out
}
