package rego

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
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

// call is what an evaluation is given beside the policy.
type call struct {
	input ast.Value
	// cache holds the values of rules that other policies computed of the same input.
	cache topdown.VirtualCache
	// indexed lets the evaluator look at the input beforehand, to choose among a rule's definitions.
	indexed bool
}

// run evaluates the policy's rule. The value is nil where the rule is undefined.
func (e *evaluation) run(q *query, c call) (value any, err error) {
	options := []rego.EvalOption{
		rego.EvalParsedInput(c.input), rego.EvalTime(e.session.now), rego.EvalSeed(fixed),
		rego.EvalExternalCancel(e.cancel), rego.EvalRuleIndexing(c.indexed && e.session.tally == nil), rego.EvalVirtualCache(c.cache), rego.EvalMetrics(metrics.NoOp()),
		rego.EvalGenerateJSON(export),
	}
	if e.tracer != nil {
		options = append(options, rego.EvalQueryTracer(e.tracer))
	}
	results, err := q.whole.Eval(e.ctx, options...)
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0].Expressions[0].Value, nil
}

// errPanic is a fault of the evaluator that is not ours to die of.
var errPanic = errors.New("the evaluator panicked")

// watched runs the policy's rule with an input that holds spies, and tells what it asked for.
func (e *evaluation) watched(q *query, c call) (value any, asked *gap, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case touched:
			asked = &r.gap
		default:
			err = errPanic
		}
	}()
	value, err = e.run(q, c)
	return value, nil, err
}
