package rego

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"cloudaudit/policy"
)

var _ policy.Watcher = (*Engine)(nil)

// Watch implements policy.Watcher. What it gives also runs the pack's own tests, which take branches as
// cases do.
func (e *Engine) Watch(ctx context.Context, pack *policy.Pack) (policy.Watch, error) {
	u, err := e.unit(ctx, pack)
	if err != nil {
		return nil, err
	}
	return &tally{unit: u, taken: map[way]bool{}}, nil
}

// tally is the policy.Watch of a pack. It is safe for concurrent use.
type tally struct {
	unit  *unit
	mu    sync.Mutex
	taken map[way]bool
}

// spot is where an expression stands. The evaluator asks a negated one as two: itself, and what it
// negates in a query of its own.
type spot struct {
	place   string
	negated bool
}

// way is what an expression gave.
type way struct {
	spot
	holds bool
}

func spotOf(x *ast.Expr) spot { return spot{placeOf(x.Location), x.IsNegated()} }

func (t *tally) note(at spot, holds bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken[way{at, holds}] = true
}

// Open implements policy.Opener.
func (t *tally) Open(ctx context.Context, _ *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	s, err := newSession(ctx, t.unit, options)
	if err != nil {
		return nil, err
	}
	s.tally = t
	return s, nil
}

// RunTests runs the test rules of the pack as Engine.RunTests does, and notes the branches they take.
func (t *tally) RunTests(ctx context.Context, manifest policy.Manifest, files fs.FS) ([]policy.CaseResult, error) {
	return runTests(ctx, manifest, files, t)
}

// rerun evaluates a test rule once more, without the index by which the tester passes over rules that
// cannot hold: that they do not is a branch, too. What comes of it has been told.
func (t *tally) rerun(ctx context.Context, test *tester.Result, options ...func(*rego.Rego)) {
	ctx, cancel := context.WithTimeout(ctx, maxTestTime)
	defer cancel()
	for _, f := range functions {
		options = append(options, f.option())
	}
	options = append(options, rego.Query(test.Package+"."+test.Name))
	prepared, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		return // as the tester has told
	}
	_, _ = prepared.Eval(ctx, rego.EvalQueryTracer(t.counter()), rego.EvalRuleIndexing(false))
}

// Branches implements policy.Watch: whether each expression of the rules that the policy reaches held,
// and whether it did not. Assignments and loops have only the first.
func (t *tally) Branches(name string) []policy.Branch {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []policy.Branch
	for _, p := range t.unit.policies {
		if p.name == name {
			for _, r := range t.unit.written(p.facts.rules) {
				found = append(found, t.branchesOf(r)...)
			}
		}
	}
	return found
}

// written gives rules as their author wrote them, in the order of the text. The library's are left out.
func (u *unit) written(compiled []*ast.Rule) (rules []*ast.Rule) {
	for _, module := range u.modules {
		for _, r := range module.Rules {
			if slices.ContainsFunc(compiled, func(c *ast.Rule) bool { return placeOf(c.Location) == placeOf(r.Location) }) {
				rules = append(rules, r)
			}
		}
	}
	slices.SortFunc(rules, func(a, b *ast.Rule) int { return a.Location.Compare(b.Location) })
	return rules
}

func (t *tally) branchesOf(r *ast.Rule) (found []policy.Branch) {
	for _, x := range expressions(r) {
		branch := policy.Branch{
			Place: placeOf(x.Location), Of: "rule " + r.Head.Ref().String(),
			Expression: strings.Join(strings.Fields(string(x.Location.Text)), " "),
			Gives:      "true", Taken: t.taken[way{spotOf(x), true}],
		}
		found = append(found, branch)
		if !x.IsAssignment() && !x.IsSome() {
			branch.Gives, branch.Taken = "false", t.taken[way{spotOf(x), false}]
			found = append(found, branch)
		}
	}
	return found
}

// expressions gives those of a rule that have ways, in the order of the text. What is negated stands
// where its negation does, which is in front.
func expressions(r *ast.Rule) (found []*ast.Expr) {
	seen := map[string]bool{}
	ast.WalkExprs(r, func(x *ast.Expr) bool {
		if place := placeOf(x.Location); !idle(x) && !seen[place] {
			seen[place] = true
			found = append(found, x)
		}
		return false
	})
	slices.SortFunc(found, func(a, b *ast.Expr) int { return a.Location.Compare(b.Location) })
	return found
}

// idle tells of expressions that have no ways: constants, the names of variables, and prints.
func idle(x *ast.Expr) bool {
	switch terms := x.Terms.(type) {
	case *ast.Term:
		return ast.IsConstant(terms.Value)
	case *ast.SomeDecl:
		return !slices.ContainsFunc(terms.Symbols, func(symbol *ast.Term) bool {
			_, loops := symbol.Value.(ast.Call)
			return loops
		})
	}
	return x.IsCall() && x.Operator().String() == ast.Print.Name
}

// counter is the topdown.QueryTracer of one evaluation for a tally.
type counter struct {
	tally *tally
	open  map[uint64]spot // what each query asked last and did not hear of yet
}

func (t *tally) counter() *counter { return &counter{t, map[uint64]spot{}} }

// Enabled implements topdown.QueryTracer.
func (c *counter) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (c *counter) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer. That an expression held shows when its query goes on.
func (c *counter) TraceEvent(event topdown.Event) {
	switch event.Op {
	case topdown.EnterOp, topdown.FailOp:
		delete(c.open, event.QueryID)
	case topdown.EvalOp, topdown.ExitOp:
		if at, open := c.open[event.QueryID]; open {
			c.tally.note(at, true)
			delete(c.open, event.QueryID)
		}
	}
	x, is := event.Node.(*ast.Expr)
	if !is || x.Location == nil || x.Generated || c.tally.unit.modules[x.Location.File] == nil {
		return
	}
	switch event.Op {
	case topdown.EvalOp:
		c.open[event.QueryID] = spotOf(x)
	case topdown.FailOp:
		c.tally.note(spotOf(x), false)
	}
}
