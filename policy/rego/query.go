package rego

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// query is a policy that was prepared once, for any number of evaluations at a time.
type query struct {
	unit    *unit
	store   storage.Store
	policy  *compiled
	whole   rego.PreparedEvalQuery
	partial func() (rego.PreparedPartialQuery, error)
}

func newQuery(ctx context.Context, u *unit, p *compiled, store storage.Store) (*query, error) {
	q := &query{unit: u, store: store, policy: p}
	var err error
	q.whole, err = q.new(ast.NewBody(ast.NewExpr(ast.NewTerm(p.rule)))).PrepareForEval(ctx)
	q.partial = sync.OnceValues(func() (rego.PreparedPartialQuery, error) {
		return q.new(q.elements()).PrepareForPartial(context.WithoutCancel(ctx))
	})
	return q, err
}

func (q *query) new(body ast.Body) *rego.Rego {
	options := []func(*rego.Rego){
		rego.Compiler(q.unit.compiler), rego.Store(q.store), rego.ParsedQuery(body), rego.Capabilities(allowed),
	}
	for _, f := range functions {
		options = append(options, f.option())
	}
	return rego.New(options...)
}

// elements asks for the elements of the policy's rule, one by one.
func (q *query) elements() ast.Body {
	element := ast.NewTerm(ast.Var(elementName))
	if q.policy.set {
		return ast.NewBody(ast.NewExpr(ast.NewTerm(q.policy.rule.Append(element))))
	}
	return ast.NewBody(ast.Equality.Expr(element, ast.NewTerm(q.policy.rule.Append(ast.VarTerm("index")))))
}

// elementName is the variable of an element.
const elementName = "element"

// seed makes what is random the same in every scan.
type seed struct{}

// Read implements io.Reader.
func (seed) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var fixed io.Reader = seed{}

// run evaluates the policy's rule. The value is nil where the rule is undefined.
func (q *query) run(ctx context.Context, input ast.Value, now time.Time, cancel topdown.Cancel, indexed bool) (value any, err error) {
	results, err := q.whole.Eval(ctx, rego.EvalParsedInput(input), rego.EvalTime(now), rego.EvalSeed(fixed),
		rego.EvalExternalCancel(cancel), rego.EvalRuleIndexing(indexed))
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0].Expressions[0].Value, nil
}

// errPanic is a fault of the evaluator that is not ours to die of.
var errPanic = errors.New("the evaluator panicked")

// watched runs the policy's rule with an input that holds spies, and tells what it asked for.
func (q *query) watched(ctx context.Context, input ast.Value, now time.Time, cancel topdown.Cancel, indexed bool) (value any, asked *gap, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case touched:
			asked = &r.gap
		default:
			err = errPanic
		}
	}()
	value, err = q.run(ctx, input, now, cancel, indexed)
	return value, nil, err
}
