package rego

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// maxInventory bounds the input of an account policy: values in all of its resources. A resource
// of half a kilobyte has about 50 of them, and takes some 8 KB here.
const maxInventory = 1_000_000

// EvaluateAccount implements policy.AccountSession.
func (s *session) EvaluateAccount(ctx context.Context, account *providers.Account, inventory policy.Inventory) ([]policy.Outcome, error) {
	if len(s.account) == 0 {
		return nil, nil
	}
	e := newEvaluation(ctx, s)
	defer e.end()
	i := &whole{session: s, account: account, inventory: inventory, types: map[string]*listing{}}
	outcomes := make([]policy.Outcome, len(s.account))
	for n, p := range s.account {
		var err error
		if outcomes[n], err = e.judgeAccount(p, i); err != nil {
			return nil, err
		}
		i.release(s.account[n+1:])
	}
	return outcomes, nil
}

// whole is an account's inventory, as far as policies asked for it.
type whole struct {
	session   *session
	account   *providers.Account
	inventory policy.Inventory
	types     map[string]*listing
}

// listing is the resources of one type, converted.
type listing struct {
	terms  []*ast.Term
	size   int
	hidden *gap
	paths  [][]string // of hidden places
	large  bool
}

// release lets go of the types that none of the policies to come reads.
func (w *whole) release(next []*enabled) {
	for name := range maps.Clone(w.types) {
		if !slices.ContainsFunc(next, func(p *enabled) bool { return slices.Contains(p.types, name) }) {
			delete(w.types, name)
		}
	}
}

// list reads a type, up to the limit.
func (w *whole) list(ctx context.Context, name string) (*listing, error) {
	if known, ok := w.types[name]; ok {
		return known, nil
	}
	l := &listing{}
	for input, err := range w.inventory.Resources(ctx, name, nil) {
		if err != nil {
			return nil, fmt.Errorf("read the resources of type %s: %w", name, err)
		}
		if l.large = l.size > maxInventory; l.large {
			l.terms = nil
			break
		}
		if input.Account == nil {
			input.Account = w.account
		}
		l.add(newSubject(w.session.unit.format, input), input)
	}
	w.types[name] = l
	return l, nil
}

func (l *listing) add(s *subject, input policy.Input) {
	for _, u := range input.Unread {
		if u.Path == "" {
			l.hide(gap{u.Class, ""}, nil)
			return
		}
	}
	for i, place := range s.hidden {
		l.hide(place.gap, s.paths[i])
	}
	l.size += s.size
	l.terms = append(l.terms, ast.NewTerm(s.root))
}

// hide notes a hidden place; no path means the whole resource.
func (l *listing) hide(g gap, path []string) {
	if l.hidden == nil || g.before(*l.hidden) {
		l.hidden = &g
	}
	l.paths = append(l.paths, path)
}

// judgeAccount evaluates one account policy.
func (e *evaluation) judgeAccount(p *enabled, w *whole) (policy.Outcome, error) {
	if outcome, decided := e.before(p, nil); decided {
		return outcome, nil
	}
	unknown := policy.Outcome{Policy: p.name, Verdict: policy.Unknown}
	if len(p.types) == 0 {
		unknown.Reason = policy.ReasonNotCovered
		unknown.Detail = p.place() + ": the types that the policy reads cannot be told; name them in custom.types"
		return unknown, nil
	}
	resources, hidden, size := []*ast.Term{}, false, 0
	for _, name := range p.types {
		if _, incomplete := w.inventory.Incomplete(name); incomplete {
			unknown.Reason, unknown.Detail = policy.ReasonIncomplete, name
			return unknown, nil
		}
		l, err := w.list(e.ctx, name)
		if err != nil {
			return policy.Outcome{}, err
		}
		if size += l.size; l.large || size > maxInventory {
			unknown.Reason = policy.ReasonTooLarge
			unknown.Detail = fmt.Sprintf("the resources have more than %d values", maxInventory)
			return unknown, nil
		}
		if slices.ContainsFunc(l.paths, func(path []string) bool { return path == nil }) {
			unknown.Reason, unknown.Detail = string(l.hidden.class), name
			return unknown, nil
		}
		hidden = hidden || l.hidden != nil
		resources = append(resources, l.terms...)
	}
	return e.judgeResources(p, resources, hidden), nil
}

// judgeResources evaluates an account policy on its resources. One that asks for something hidden is
// unknown: in an inventory there is no telling on which of many it depends.
func (e *evaluation) judgeResources(p *enabled, resources []*ast.Term, hidden bool) policy.Outcome {
	shared.RLock()
	defer shared.RUnlock()
	input := ast.NewObject(ast.Item(ast.InternedTerm(resourcesKey), ast.NewTerm(ast.NewArray(resources...))))
	defer e.begin(maxAccountTime)()
	value, asked, err := e.watched(p.query, call{input: input, cache: topdown.NewVirtualCache(), indexed: !hidden})
	switch {
	case asked != nil:
		return policy.Outcome{Policy: p.name, Verdict: policy.Unknown, Reason: string(asked.class), Detail: asked.path}
	case err == nil:
		return p.outcome(value)
	case hidden && !e.cancel.Cancelled() && !isConflict(err):
		return policy.Outcome{Policy: p.name, Verdict: policy.Unknown, Reason: string(providers.NotRead)}
	}
	return e.failed(p, err)
}
