package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// The evaluator drops a residual query whose types do not fit, as one that can never hold. Below a
// negation that is wrong: what cannot hold makes its negation true. A witness watches an evaluation
// with unknowns for this, so that a rest which lacks something is not taken for a proof.
type witness struct {
	root     uint64
	begun    bool
	finished int  // how often the query was come to its end
	complex  bool // something was left whose types can fail to fit
}

// Enabled implements topdown.QueryTracer.
func (*witness) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*witness) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (w *witness) TraceEvent(event topdown.Event) {
	switch event.Op {
	case topdown.EnterOp:
		if !w.begun {
			w.root, w.begun = event.QueryID, true
		}
	case topdown.ExitOp:
		if _, whole := event.Node.(ast.Body); whole && event.QueryID == w.root {
			w.finished++
		}
	case topdown.SaveOp:
		e, ok := event.Node.(*ast.Expr)
		w.complex = w.complex || !ok || !simple(e)
	}
}

// simple tells whether a statement compares nothing but references, variables and scalars: these fit
// whatever they are.
func simple(e *ast.Expr) bool {
	switch terms := e.Terms.(type) {
	case *ast.Term:
		return plainTerm(terms)
	case *ast.Not:
		for _, inner := range terms.Body {
			if !simple(inner) {
				return false
			}
		}
		return true
	case []*ast.Term:
		return e.IsEquality() && plainTerm(terms[1]) && plainTerm(terms[2])
	}
	return false
}

func plainTerm(term *ast.Term) bool {
	switch term.Value.(type) {
	case ast.Var, ast.Ref:
		return true
	}
	return ast.IsScalar(term.Value)
}

// nested tells whether a negation of the policy holds something of which, in turn, more can be true
// where less is: another negation, every, or a comprehension.
func (f *facts) nested() bool {
	turning := map[*ast.Rule]bool{}
	for range f.rules { // until nothing is added
		before := len(turning)
		for _, rule := range f.rules {
			if !turning[rule] && f.turns(rule, turning) {
				turning[rule] = true
			}
		}
		if len(turning) == before {
			break
		}
	}
	for _, rule := range f.rules {
		found := false
		ast.WalkExprs(rule, func(e *ast.Expr) bool {
			switch inner := e.Terms.(type) {
			case *ast.Not:
				found = found || f.turns(inner.Body, turning)
			case *ast.Every:
				found = found || f.turns(inner.Body, turning)
			default:
				if e.Negated {
					positive := e.Copy()
					positive.Negated = false
					found = found || f.turns(positive, turning)
				}
			}
			return found
		})
		if found {
			return true
		}
	}
	return false
}

// turns tells whether a part of a rule holds a negation or the like, or reaches one.
func (f *facts) turns(node any, turning map[*ast.Rule]bool) bool {
	found := false
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			found = found || x.Negated
		case *ast.Not, *ast.Every, *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			found = true
		case ast.Ref:
			if x[0].Equal(ast.DefaultRootDocument) {
				for _, rule := range f.rulesOf(x) {
					found = found || turning[rule]
				}
			}
		}
		return found
	}).Walk(node)
	return found
}
