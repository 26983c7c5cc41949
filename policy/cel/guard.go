package cel

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// The library knows unknown values, but not values with something unknown inside: to it a list
// with an unknown element is a list, which equals or does not equal another. A guard stands where
// such a value would be taken as a whole and gives the unknown instead, so that what is said about
// it errs towards unknown, never towards true or false.
type guard int

const (
	// wholeGuard wants the value known to its depths.
	wholeGuard guard = iota + 1
	// keysGuard wants to know which keys an object has, and has them in order.
	keysGuard
	// memberGuard makes "in" right for a list with unknown elements.
	memberGuard
)

// transparent are the functions that hand the inside of their arguments on without looking at it.
var transparent = map[string]bool{
	operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true,
	operators.Conditional: true, operators.NotStrictlyFalse: true, operators.Add: true,
	operators.Index: true, operators.OptIndex: true, operators.OptSelect: true,
	"dyn": true, "type": true, "or": true, "orValue": true, "value": true, "hasValue": true,
	"optional.of": true, "optional.none": true, "cel.@mapInsert": true, "first": true, "last": true,
}

// guards finds the places of a checked expression that need one, by expression id.
func guards(checked *ast.AST, functions map[string]*decls.FunctionDecl) map[int64]guard {
	places := map[int64]guard{}
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			place(places, checked, e.AsComprehension().IterRange(), keysGuard)
		case ast.CallKind:
			guardCall(places, checked, e, functions)
		}
	}))
	return places
}

func guardCall(places map[int64]guard, checked *ast.AST, e ast.Expr, functions map[string]*decls.FunctionDecl) {
	call := e.AsCall()
	arguments := call.Args()
	if call.IsMemberFunction() {
		arguments = append([]ast.Expr{call.Target()}, arguments...)
	}
	switch name := call.FunctionName(); name {
	case operators.Equals, operators.NotEquals:
		if plain(checked, arguments[0]) || plain(checked, arguments[1]) {
			return // a list or object never equals a plain value, whatever is inside
		}
	case operators.In:
		place(places, checked, arguments[0], wholeGuard)
		place(places, checked, arguments[1], memberGuard)
		return
	case "size", "optional.ofNonZeroValue":
		place(places, checked, arguments[0], keysGuard)
		return
	default:
		if transparent[name] && !(name == "hasValue" && len(arguments) > 1) {
			return
		}
	}
	for i, argument := range arguments {
		if takesContainers(functions[call.FunctionName()], checked.GetOverloadIDs(e.ID()), i) {
			place(places, checked, argument, wholeGuard)
		}
	}
}

// place sets a guard unless the expression can only be a plain value or is written out: a list or
// object literal with something unknown in it is unknown itself, but what is deeper inside it may
// still need the guard.
func place(places map[int64]guard, checked *ast.AST, e ast.Expr, g guard) {
	if plain(checked, e) || g == keysGuard && e.Kind() == ast.ListKind {
		return
	}
	if e.Kind() == ast.ListKind && allLiterals(e.AsList().Elements()) {
		return
	}
	places[e.ID()] = g
}

func allLiterals(elements []ast.Expr) bool {
	for _, e := range elements {
		if e.Kind() != ast.LiteralKind {
			return false
		}
	}
	return true
}

func plain(checked *ast.AST, e ast.Expr) bool { return plainType(checked.GetType(e.ID())) }

func plainType(t *types.Type) bool {
	switch t.Kind() {
	case types.BoolKind, types.BytesKind, types.DoubleKind, types.DurationKind, types.IntKind, types.NullTypeKind,
		types.StringKind, types.TimestampKind, types.TypeKind, types.UintKind:
		return true
	}
	return false
}

// takesContainers tells whether an argument of the call may be a list or an object.
func takesContainers(function *decls.FunctionDecl, overloads []string, argument int) bool {
	if function == nil || len(overloads) == 0 {
		return true
	}
	for _, overload := range function.OverloadDecls() {
		for _, id := range overloads {
			if overload.ID() == id && (argument >= len(overload.ArgTypes()) || !plainType(overload.ArgTypes()[argument])) {
				return true
			}
		}
	}
	return false
}

// decorate sets the guards into the plan.
func (a *adapter) decorate(places map[int64]guard) interpreter.InterpretableDecoratorV2 {
	return func(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		g, guarded := places[node.ID()]
		if !guarded {
			return node, nil
		}
		switch node := node.(type) {
		case interpreter.InterpretableConst:
			return interpreter.NewConstValue(node.ID(), inOrder(node.Value())), nil
		case interpreter.InterpretableAttribute:
			return &guardedAttribute{node, watch{a, g}}, nil
		}
		return &guardedNode{node, watch{a, g}}, nil
	}
}

// watch is what a guarded node does with its value.
type watch struct {
	adapter *adapter
	guard   guard
}

func (g watch) check(value ref.Val) ref.Val {
	switch value := value.(type) {
	case types.String, types.Bool, types.Int, *types.Unknown, *types.Err, *packedMapper, *packedLister:
		return value
	case *openMapper:
		if g.guard == keysGuard {
			return value.missing()
		}
	}
	if g.guard == keysGuard {
		return inOrder(value)
	}
	if _, object := value.(traits.Mapper); object && g.guard == memberGuard {
		return value
	}
	unknown := g.adapter.unknownWithin(value)
	if unknown == nil {
		return value
	}
	if l, ok := value.(traits.Lister); ok && g.guard == memberGuard {
		return &partList{l, g.adapter}
	}
	return unknown
}

type guardedNode struct {
	interpreter.InterpretableV2
	watch
}

// Exec implements interpreter.InterpretableV2.
func (n *guardedNode) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return n.check(n.InterpretableV2.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (n *guardedNode) Eval(vars interpreter.Activation) ref.Val {
	return n.check(n.InterpretableV2.Eval(vars))
}

// guardedAttribute stays an attribute for the planner.
type guardedAttribute struct {
	interpreter.InterpretableAttribute
	watch
}

// Exec implements interpreter.InterpretableV2.
func (n *guardedAttribute) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return n.check(n.InterpretableAttribute.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (n *guardedAttribute) Eval(vars interpreter.Activation) ref.Val {
	return n.check(n.InterpretableAttribute.Eval(vars))
}

// partList is a list with something unknown in it, on the right of "in".
type partList struct {
	traits.Lister
	adapter *adapter
}

// Contains is true if a known element is equal, else unknown if an unknown one might be.
func (l *partList) Contains(wanted ref.Val) ref.Val {
	var merged *types.Unknown
	for it := l.Iterator(); it.HasNext() == types.True; {
		element := it.Next()
		if unknown := l.adapter.unknownWithin(element); unknown != nil {
			merged = types.MergeUnknowns(unknown, merged)
		} else if types.Equal(wanted, element) == types.True {
			return types.True
		}
	}
	if merged != nil {
		return merged
	}
	return types.False
}
