package cel

import (
	"context"
	"strings"
	"sync/atomic"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"cloudaudit/policy"
)

var _ policy.Watcher = (*Engine)(nil)

// Watch implements policy.Watcher. The pack is compiled anew, with something that notes what it gives
// at every fork of its expressions.
func (e *Engine) Watch(ctx context.Context, pack *policy.Pack) (policy.Watch, error) {
	u, err := recompile(ctx, pack, counting)
	if err != nil {
		return nil, err
	}
	return tally{u}, nil
}

// tally is the policy.Watch of a pack.
type tally struct{ unit *unit }

// Open implements policy.Opener.
func (t tally) Open(_ context.Context, _ *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	return newSession(t.unit, options)
}

// Branches implements policy.Watch.
func (t tally) Branches(name string) (branches []policy.Branch) {
	for _, p := range t.unit.policies {
		if p.name == name {
			p.each(func(of string, p *program) {
				for _, f := range p.forks {
					branches = append(branches, f.branches(of)...)
				}
			})
		}
	}
	return branches
}

// fork is an expression at which an evaluation goes one of two ways: one that is true or false and
// decides something, or one that gives a value that may be absent.
type fork struct {
	place, expression string
	optional          bool
	first, second     atomic.Bool // true and false, present and absent
}

func (f *fork) branches(of string) []policy.Branch {
	first := policy.Branch{Place: f.place, Of: of, Expression: f.expression, Gives: "true", Taken: f.first.Load()}
	second := first
	second.Gives, second.Taken = "false", f.second.Load()
	if f.optional {
		first.Gives, second.Gives = "present", "absent"
	}
	return []policy.Branch{first, second}
}

// note takes what the expression gave. What is unknown or an error goes no way.
func (f *fork) note(value ref.Val) {
	switch value := value.(type) {
	case types.Bool:
		f.take(bool(value))
	case *types.Optional:
		f.take(value.HasValue())
	}
}

func (f *fork) take(first bool) {
	if first {
		f.first.Store(true)
	} else {
		f.second.Store(true)
	}
}

// forking finds the forks of an expression.
type forking struct {
	program *program
	byID    map[int64]*fork
}

// findForks finds the forks of an expression. Whole tells that its own value decides something, too.
func findForks(p *program, whole bool) forking {
	f := forking{p, map[int64]*fork{}}
	f.visit(p.checked.Expr(), whole)
	return f
}

// visit finds the forks in an expression. Where it decides something it is one itself, but for what
// only puts others together.
func (f *forking) visit(x ast.Expr, decides bool) {
	switch x.Kind() {
	case ast.CallKind:
		f.call(x, decides)
		return
	case ast.ComprehensionKind:
		f.loop(x, decides)
		return
	case ast.SelectKind:
		decides = decides || x.AsSelect().IsTestOnly()
		f.visit(x.AsSelect().Operand(), false)
	case ast.ListKind:
		f.each(x.AsList().Elements())
	case ast.MapKind:
		for _, entry := range x.AsMap().Entries() {
			f.visit(entry.AsMapEntry().Value(), false)
		}
	}
	if decides {
		f.add(x, false)
	}
}

func (f *forking) each(list []ast.Expr) {
	for _, x := range list {
		f.visit(x, false)
	}
}

func (f *forking) call(x ast.Expr, decides bool) {
	call := x.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		for _, side := range call.Args() {
			f.visit(side, true)
		}
		return
	case operators.LogicalNot:
		f.visit(call.Args()[0], decides)
		return
	case operators.Conditional:
		f.visit(call.Args()[0], true)
		f.visit(call.Args()[1], decides)
		f.visit(call.Args()[2], decides)
		return
	}
	if call.IsMemberFunction() {
		f.visit(call.Target(), false)
		if name := call.FunctionName(); name == "orValue" || name == "or" {
			f.add(call.Target(), true)
		}
	}
	f.each(call.Args())
	if decides {
		f.add(x, false)
	}
}

// loop finds the forks of what a macro made: of the list, of what is asked of each element, and of what
// stands below a name that cel.bind gives.
func (f *forking) loop(x ast.Expr, decides bool) {
	loop := x.AsComprehension()
	f.visit(loop.AccuInit(), false)
	if loop.IterRange().Kind() == ast.ListKind && loop.IterRange().AsList().Size() == 0 { // cel.bind
		f.visit(loop.Result(), decides)
		return
	}
	f.visit(loop.IterRange(), false)
	f.visit(loop.LoopStep(), false)
	if decides {
		f.add(x, false)
	}
}

// add makes a fork of an expression, unless it is a constant or nobody wrote it: names that only macros
// use begin with an @. A macro may have copied it: what is written once is one fork.
func (f *forking) add(x ast.Expr, optional bool) {
	text, err := cel.ExprToString(x, f.program.checked.SourceInfo())
	if err != nil || x.Kind() == ast.LiteralKind || strings.HasPrefix(text, "@") {
		return
	}
	made := &fork{place: f.program.begin(x), expression: strings.Join(strings.Fields(text), " "), optional: optional}
	for _, known := range f.program.forks {
		if known.place == made.place && known.expression == made.expression && known.optional == optional {
			f.byID[x.ID()] = known
			return
		}
	}
	f.byID[x.ID()] = made
	f.program.forks = append(f.program.forks, made)
}

// decorate sets what notes into the plan. Nothing is asked of a fork's attribute any more, so that it
// need not stay one.
func (f *forking) decorate(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if fork := f.byID[node.ID()]; fork != nil {
		return &forkNode{node, fork}, nil
	}
	return node, nil
}

type forkNode struct {
	interpreter.InterpretableV2
	fork *fork
}

// Exec implements interpreter.InterpretableV2.
func (n *forkNode) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value := n.InterpretableV2.Exec(frame)
	n.fork.note(value)
	return value
}

// Eval implements interpreter.Interpretable.
func (n *forkNode) Eval(vars interpreter.Activation) ref.Val {
	value := n.InterpretableV2.Eval(vars)
	n.fork.note(value)
	return value
}
