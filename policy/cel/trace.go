package cel

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"cloudaudit/policy"
)

var _ policy.Tracer = (*Engine)(nil)

// Trace implements policy.Tracer. The pack is compiled anew, so that every part of its expressions is
// watched; what runs in scans is not.
func (e *Engine) Trace(ctx context.Context, pack *policy.Pack, options policy.SessionOptions, name string, input policy.Input) (policy.Trace, error) {
	u, err := recompile(ctx, pack, watched)
	if err != nil {
		return policy.Trace{}, err
	}
	s, err := newSession(u, options)
	if err != nil {
		return policy.Trace{}, err
	}
	return s.trace(ctx, name, input)
}

func (s *session) trace(ctx context.Context, name string, input policy.Input) (policy.Trace, error) {
	policies, ok := s.byType[input.Resource.Type]
	if !ok {
		policies = s.any
	}
	for _, p := range policies {
		if p.name != name {
			continue
		}
		e := newEvaluation(s)
		e.observer = &observer{states: map[*program]interpreter.EvalState{}, values: map[*program]ref.Val{}}
		if err := e.begin(ctx, input); err != nil {
			return policy.Trace{}, err
		}
		outcome := e.judge(p)
		trace := policy.Trace{Outcome: outcome, Steps: e.steps(p.compiled)}
		e.end()
		return trace, nil
	}
	return policy.Trace{Outcome: policy.Outcome{Policy: name, Verdict: policy.NotApplicable}}, nil
}

// observer keeps what every part of the expressions of one policy gave. Of an expression that runs for
// several items it is the last that counts.
type observer struct {
	states map[*program]interpreter.EvalState
	values map[*program]ref.Val
}

// note keeps what an expression gave. Nobody watches in scans.
func (w *observer) note(p *program, value ref.Val, details *cel.EvalDetails) {
	if w == nil {
		return
	}
	if details != nil {
		w.states[p] = details.State()
	}
	if value != nil {
		w.values[p] = value
	}
}

// steps gives what was watched, expression by expression.
func (e *evaluation) steps(p *compiled) (steps []policy.Step) {
	p.each(func(of string, p *program) { steps = append(steps, e.parts(of, p)...) })
	return steps
}

// each hands out the expressions of a policy with what they are to it, in the order in which they run.
func (p *compiled) each(do func(of string, p *program)) {
	add := func(of string, p *program) {
		if p != nil {
			do(of, p)
		}
	}
	add("match", p.condition)
	for _, v := range p.variables {
		for name, slot := range p.slots {
			if p.variables[slot] == v {
				add("variable "+strings.TrimPrefix(name, "variables."), v)
			}
		}
	}
	for i, c := range p.validations {
		of := fmt.Sprintf("validation %d", i+1)
		add(of+" for each", c.forEach)
		add(of, c.expression)
		add(of+" key", c.key)
		add(of+" message", c.messageExpression)
	}
}

// parts gives an expression and its parts.
func (e *evaluation) parts(of string, p *program) []policy.Step {
	t := tracing{evaluation: e, program: p, of: of, state: e.observer.states[p]}
	t.visit(p.checked.Expr(), 0)
	if value, ran := e.observer.values[p]; ran && len(t.steps) > 0 {
		t.steps[len(t.steps)-1].Value = e.show(p, value)
	}
	return t.steps
}

// tracing walks one expression.
type tracing struct {
	*evaluation
	program *program
	of      string
	state   interpreter.EvalState
	steps   []policy.Step
}

// visit notes the parts of an expression and then the expression. Literals and names say nothing that
// their expression does not, and what runs for every element of a list has no one value.
func (t *tracing) visit(x ast.Expr, depth int) {
	switch x.Kind() {
	case ast.LiteralKind, ast.IdentKind:
		if depth > 0 {
			return
		}
	case ast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			t.visit(call.Target(), depth+1)
		}
		for _, argument := range call.Args() {
			t.visit(argument, depth+1)
		}
	case ast.ListKind:
		for _, element := range x.AsList().Elements() {
			t.visit(element, depth+1)
		}
	case ast.ComprehensionKind:
		t.visit(x.AsComprehension().IterRange(), depth+1)
	}
	t.note(x, depth)
}

func (t *tracing) note(x ast.Expr, depth int) {
	info := t.program.checked.SourceInfo()
	text, err := cel.ExprToString(x, info)
	if err != nil {
		return // a part that macros made, which nobody wrote
	}
	step := policy.Step{Place: t.program.begin(x), Of: t.of, Depth: depth, Expression: text}
	if t.state != nil {
		if value, asked := t.state.Value(x.ID()); asked {
			step.Value = t.show(t.program, value)
		}
	}
	t.steps = append(t.steps, step)
}

// begin names the place where the text of a part begins. What the library names is its operator.
func (p *program) begin(x ast.Expr) string {
	info := p.checked.SourceInfo()
	line, column := info.GetStartLocation(x.ID()).Line(), info.GetStartLocation(x.ID()).Column()
	ast.PreOrderVisit(x, ast.NewExprVisitor(func(part ast.Expr) {
		at := info.GetStartLocation(part.ID())
		if at.Line() > 0 && (at.Line() < line || at.Line() == line && at.Column() < column) {
			line, column = at.Line(), at.Column()
		}
	}))
	return p.at(line, column)
}

// show writes a value for people. An unknown one is told by what it depends on.
func (e *evaluation) show(p *program, value ref.Val) string {
	switch value := value.(type) {
	case *types.Unknown:
		g := e.unread(value)
		return "unknown: " + strings.TrimSpace(g.detail+" "+g.reason)
	case types.Null:
		return "null"
	case *types.Err:
		return "error: " + e.fault(p, value).detail
	}
	native, err := value.ConvertToNative(reflect.TypeFor[any]())
	if err != nil {
		native = value.Value()
	}
	if e.session.adapter.unknownWithin(native) != nil {
		return "something with unread parts"
	}
	data, err := json.Marshal(native)
	if err != nil {
		data, err = json.Marshal(value.Value())
	}
	if err != nil {
		data = fmt.Append(nil, native)
	}
	return policy.Shorten(string(data))
}
