package rego

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"cloudaudit/policy"
)

var _ policy.Tracer = (*Engine)(nil)

// Trace implements policy.Tracer. The steps are the expressions of the pack's own rules that the policy
// came to, with what they gave: a value where one is assigned, else whether they hold. Of an expression
// that is asked more than once, the last time that it held counts.
func (e *Engine) Trace(ctx context.Context, pack *policy.Pack, options policy.SessionOptions, name string, input policy.Input) (policy.Trace, error) {
	s, err := e.open(ctx, pack, options)
	if err != nil {
		return policy.Trace{}, err
	}
	trace := policy.Trace{Outcome: policy.Outcome{Policy: name, Verdict: policy.NotApplicable}}
	outcomes, err := s.Evaluate(ctx, input)
	if err != nil {
		return policy.Trace{}, err
	}
	for i, p := range s.matching(input) {
		if p.name == name {
			trace.Outcome, trace.Steps = outcomes[i], s.trace(ctx, p, input)
		}
	}
	return trace, nil
}

// trace watches the policy's rule once more, on all that is known of the resource.
func (s *session) trace(ctx context.Context, p *enabled, input policy.Input) []policy.Step {
	e := newEvaluation(ctx, s)
	defer e.end()
	r := &recorder{modules: s.unit.modules, steps: map[string]*step{}, rules: map[uint64]string{}, parents: map[uint64]uint64{}, last: map[uint64]*step{}}
	e.tracer = r
	if _, asked, _ := e.whole(p, newSubject(s.unit.format, input), false); asked != nil && r.open != nil {
		r.open.value = fmt.Sprintf("unknown: %s %s", asked.path, asked.class)
	}
	return r.list()
}

// recorder is a topdown.QueryTracer that keeps what each expression gave.
type recorder struct {
	modules map[string]*ast.Module
	steps   map[string]*step // by place
	open    *step            // what was asked last
	// Of each query: the rule, the query that it is a part of, and the expression asked last.
	rules   map[uint64]string
	parents map[uint64]uint64
	last    map[uint64]*step
}

// step is an expression.
type step struct {
	expr  *ast.Expr
	rule  string
	holds bool
	value string
}

// Enabled implements topdown.QueryTracer.
func (r *recorder) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (r *recorder) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

// TraceEvent implements topdown.QueryTracer. That an expression held shows when its query goes on.
func (r *recorder) TraceEvent(event topdown.Event) {
	if event.Op == topdown.EnterOp {
		r.parents[event.QueryID] = event.ParentID
		if rule, is := event.Node.(*ast.Rule); is {
			r.rules[event.QueryID] = rule.Head.Ref().String()
		}
	}
	if before := r.last[event.QueryID]; before != nil && (event.Op == topdown.EvalOp || event.Op == topdown.ExitOp) {
		before.held(event)
		delete(r.last, event.QueryID)
	}
	expr, is := event.Node.(*ast.Expr)
	if !is || event.Location == nil || r.modules[event.Location.File] == nil {
		return
	}
	if known := r.steps[placeOf(event.Location)]; known != nil && known.expr.IsNegated() && !expr.IsNegated() {
		return // what the expression there negates, which is asked in a query of its own
	}
	switch event.Op {
	case topdown.EvalOp, topdown.RedoOp:
		r.open = r.step(expr, event)
		r.last[event.QueryID] = r.open
	case topdown.FailOp:
		if s := r.step(expr, event); !s.holds {
			s.value = "false"
		}
		delete(r.last, event.QueryID)
	}
}

func (r *recorder) step(expr *ast.Expr, event topdown.Event) *step {
	place := placeOf(event.Location)
	if r.steps[place] == nil {
		r.steps[place] = &step{expr: expr, rule: r.ruleOf(event.QueryID)}
	}
	return r.steps[place]
}

// ruleOf finds the rule that a query is a part of.
func (r *recorder) ruleOf(query uint64) string {
	for range len(r.parents) {
		if name, known := r.rules[query]; known {
			return name
		}
		query = r.parents[query]
	}
	return ""
}

// held notes what the expression gave: the value of what it assigns or, as a part that the compiler took
// out of another expression, stands for; else the values that it held with.
func (s *step) held(event topdown.Event) {
	var given string // to a name of the compiler's
	var with []string
	ast.WalkVars(s.expr, func(v ast.Var) bool {
		name, value := string(event.LocalMetadata[v].Name), event.Locals.Get(v)
		switch {
		case value == nil || name == "":
		case strings.HasPrefix(name, "__local"):
			given = value.String()
		default:
			if pair := name + " = " + policy.Shorten(value.String()); !slices.Contains(with, pair) {
				with = append(with, pair)
			}
		}
		return false
	})
	s.holds, s.value = true, "true"
	switch name, _, assigns := strings.Cut(string(s.expr.Location.Text), " :="); {
	case s.expr.Generated && given != "":
		s.value = policy.Shorten(given)
	case assigns && len(with) > 0 && strings.HasPrefix(with[0], name+" = "):
		s.value = strings.TrimPrefix(with[0], name+" = ")
	case len(with) > 0:
		s.value += ", " + strings.Join(with, ", ")
	}
}

// list gives the steps in the order of the text, but parts first that were taken out of a line.
func (r *recorder) list() []policy.Step {
	sorted := make([]*step, 0, len(r.steps))
	for _, s := range r.steps {
		sorted = append(sorted, s)
	}
	slices.SortFunc(sorted, func(a, b *step) int {
		x, y := a.expr.Location, b.expr.Location
		if a.expr.Generated != b.expr.Generated && x.File == y.File && x.Row == y.Row {
			return map[bool]int{true: -1, false: 1}[a.expr.Generated]
		}
		return cmp.Or(strings.Compare(x.File, y.File), cmp.Compare(x.Row, y.Row), cmp.Compare(x.Col, y.Col))
	})
	steps := make([]policy.Step, len(sorted))
	for i, s := range sorted {
		steps[i] = policy.Step{
			Place: placeOf(s.expr.Location), Of: "rule " + s.rule, Expression: strings.TrimSpace(string(s.expr.Location.Text)), Value: s.value,
		}
		if s.expr.Generated {
			steps[i].Depth = 1
		}
	}
	return steps
}
