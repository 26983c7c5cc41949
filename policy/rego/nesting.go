package rego

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A rule that puts a value into a list twice, and that list into another twice, and so on, makes a
// value that doubles with every line. The evaluator copies it whole, without looking at its deadline.
// So the size of every value is worked out before a pack is taken: in places that the rules write
// down, and in how often a value that comes from elsewhere is repeated.
const (
	maxPlaces  = 100_000
	maxRepeats = 10_000
)

// extent is how large a value gets.
type extent struct {
	// places are written down, outer are repeats of what the rule reads from elsewhere.
	places, outer float64
	// params are repeats of a function's arguments.
	params []float64
}

func (e extent) plus(o extent) extent {
	sum := extent{places: e.places + o.places, outer: e.outer + o.outer, params: slices.Clone(e.params)}
	for i, repeats := range o.params {
		if i == len(sum.params) {
			sum.params = append(sum.params, 0)
		}
		sum.params[i] += repeats
	}
	return sum
}

// wider gives the larger of two extents: of several rules of a name one gives the value.
func (e extent) wider(o extent) extent {
	wide := extent{places: max(e.places, o.places), outer: max(e.outer, o.outer), params: slices.Clone(e.params)}
	for i, repeats := range o.params {
		if i == len(wide.params) {
			wide.params = append(wide.params, 0)
		}
		wide.params[i] = max(wide.params[i], repeats)
	}
	return wide
}

func (e extent) tooLarge() bool {
	return e.places > maxPlaces || e.outer > maxRepeats || slices.ContainsFunc(e.params, func(n float64) bool { return n > maxRepeats })
}

// of gives the extent of a function's result for the extents of its arguments.
func (e extent) of(args []extent) extent {
	result := extent{places: e.places, outer: e.outer}
	for i, repeats := range e.params {
		if i < len(args) && repeats > 0 {
			scaled := extent{places: args[i].places * repeats, outer: args[i].outer * repeats, params: slices.Clone(args[i].params)}
			for p := range scaled.params {
				scaled.params[p] *= repeats
			}
			result = result.plus(scaled)
		}
	}
	return result
}

// nesting works out extents. Rego has no recursion, so that every rule's can be.
type nesting struct {
	compiler *ast.Compiler
	known    map[*ast.Rule]extent
	faults   []error
}

// checkNesting refuses rules that make values too large.
func checkNesting(compiler *ast.Compiler) error {
	n := &nesting{compiler: compiler, known: map[*ast.Rule]extent{}}
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		for _, rule := range compiler.Modules[name].Rules {
			n.rule(rule)
		}
	}
	return errors.Join(n.faults...)
}

// sizes are the extents of a body's variables.
type sizes map[ast.Var]extent

func (n *nesting) rule(rule *ast.Rule) extent {
	if known, ok := n.known[rule]; ok {
		return known
	}
	n.known[rule] = extent{outer: 1}
	vars := sizes{}
	for i, arg := range rule.Head.Args {
		param := extent{params: make([]float64, i+1)}
		param.params[i] = 1
		vars.bind(arg, param)
	}
	faults := len(n.faults)
	n.body(rule.Body, vars)
	result := extent{}
	for _, term := range []*ast.Term{rule.Head.Key, rule.Head.Value} {
		if term != nil {
			result = result.plus(n.term(term, vars))
		}
	}
	if rule.Else != nil {
		result = result.plus(n.rule(rule.Else))
	}
	if result.tooLarge() && len(n.faults) == faults {
		n.fault(rule.Location)
	}
	n.known[rule] = result.bounded()
	return n.known[rule]
}

// bounded keeps a fault from being told again by every rule that uses the value.
func (e extent) bounded() extent {
	if e.tooLarge() {
		return extent{outer: 1}
	}
	return e
}

func (n *nesting) fault(at *ast.Location) {
	n.faults = append(n.faults, fault(at, "puts a value into itself until it has more than %d places; say it without repeating it", maxPlaces))
}

// bind gives the unbound variables of a pattern an extent.
func (s sizes) bind(pattern *ast.Term, e extent) {
	ast.WalkVars(pattern, func(v ast.Var) bool {
		if _, bound := s[v]; !bound {
			s[v] = e
		}
		return false
	})
}

func (n *nesting) body(body ast.Body, vars sizes) {
	for _, expression := range body {
		n.expression(expression, vars)
	}
}

func (n *nesting) expression(expression *ast.Expr, vars sizes) {
	if every, ok := expression.Terms.(*ast.Every); ok {
		inner := maps.Clone(vars)
		n.body(every.Body, inner)
		return
	}
	if !expression.IsCall() {
		return
	}
	operands := expression.Operands()
	if expression.IsEquality() && len(operands) == 2 {
		left, right := n.term(operands[0], vars), n.term(operands[1], vars)
		n.hold(vars, operands[0], right, expression.Location)
		n.hold(vars, operands[1], left, expression.Location)
		return
	}
	args := make([]extent, len(operands))
	for i, operand := range operands {
		args[i] = n.term(operand, vars)
	}
	if len(operands) > 0 { // the last one takes the result
		n.hold(vars, operands[len(operands)-1], n.call(expression.Operator(), args), expression.Location)
	}
}

// hold binds the variables of a pattern, unless the value is too large.
func (n *nesting) hold(vars sizes, pattern *ast.Term, e extent, at *ast.Location) {
	if e.tooLarge() {
		n.fault(at)
	}
	vars.bind(pattern, e.bounded())
}

// call gives the extent of a call's result. What the evaluator's own functions give is bounded by
// guards.
func (n *nesting) call(operator ast.Ref, args []extent) extent {
	rules := n.compiler.GetRulesExact(operator)
	if len(rules) == 0 {
		return extent{outer: 1}
	}
	var widest extent
	for _, rule := range rules {
		widest = widest.wider(n.rule(rule).of(args))
	}
	return widest
}

func (n *nesting) term(term *ast.Term, vars sizes) extent {
	switch value := term.Value.(type) {
	case ast.Var:
		if e, bound := vars[value]; bound {
			return e
		}
		return extent{}
	case ast.Ref:
		return n.ref(value)
	case *ast.Array:
		return n.sum(value.Foreach, vars)
	case ast.Set:
		return n.sum(value.Foreach, vars)
	case ast.Object:
		return n.sum(func(each func(*ast.Term)) { value.Foreach(func(k, v *ast.Term) { each(k); each(v) }) }, vars)
	case *ast.ArrayComprehension:
		return n.comprehension(value.Body, vars, value.Term)
	case *ast.SetComprehension:
		return n.comprehension(value.Body, vars, value.Term)
	case *ast.ObjectComprehension:
		return n.comprehension(value.Body, vars, value.Key, value.Value)
	case ast.Call:
		args := make([]extent, len(value)-1)
		for i, arg := range value[1:] {
			args[i] = n.term(arg, vars)
		}
		operator, _ := value[0].Value.(ast.Ref)
		return n.call(operator, args)
	}
	return extent{places: 1}
}

// ref gives the extent of what a reference reads: a rule's value, or something from elsewhere.
func (n *nesting) ref(ref ast.Ref) extent {
	widest := extent{}
	for _, rule := range n.compiler.GetRules(ref.ConstantPrefix()) {
		if len(rule.Head.Args) == 0 {
			widest = widest.wider(n.rule(rule))
		}
	}
	return extent{places: widest.places, outer: cmp.Or(widest.outer, 1), params: widest.params}
}

func (n *nesting) sum(foreach func(func(*ast.Term)), vars sizes) extent {
	total := extent{places: 1}
	foreach(func(element *ast.Term) { total = total.plus(n.term(element, vars)) })
	return total
}

func (n *nesting) comprehension(body ast.Body, vars sizes, heads ...*ast.Term) extent {
	inner := maps.Clone(vars)
	n.body(body, inner)
	total := extent{places: 1}
	for _, head := range heads {
		total = total.plus(n.term(head, inner))
	}
	return total
}
