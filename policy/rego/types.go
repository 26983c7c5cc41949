package rego

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers/shape"
)

// maxPinDepth bounds how far helpers are followed in search of a type.
const maxPinDepth = 4

// pinned gives the types that the policy is about, if every definition of its rule compares the
// type with literals; else none, which means any.
func (f *facts) pinned() []string {
	if f.account {
		return f.pinnedResources()
	}
	p := &pins{facts: f}
	types, ok := p.rules(f.compiler.GetRulesExact(f.path), 0)
	if !ok {
		return nil
	}
	return sortedTypes(types)
}

func sortedTypes(types map[string]bool) []string {
	if len(types) == 0 {
		return nil
	}
	for name := range maps.Clone(types) {
		if strings.HasPrefix(strings.ToLower(name), "microsoft.") {
			types[shape.ARMType(name)] = true
		}
	}
	return slices.Sorted(maps.Keys(types))
}

// pins finds literals that the type must equal.
type pins struct {
	*facts
	// of is the variable that holds a resource; nil where the resource is the input.
	of *ast.Term
}

// rules gives the types of all definitions, if each pins one.
func (p *pins) rules(definitions []*ast.Rule, depth int) (map[string]bool, bool) {
	types := map[string]bool{}
	for _, definition := range definitions {
		for rule := definition; rule != nil; rule = rule.Else {
			found, ok := p.body(rule.Body, depth)
			if !ok {
				return nil, false
			}
			maps.Copy(types, found)
		}
	}
	return types, len(definitions) > 0
}

// body gives the types that the first pinning statement of a body allows.
func (p *pins) body(body ast.Body, depth int) (map[string]bool, bool) {
	assigned := assignmentsOf(body)
	for _, e := range body {
		if e.Negated || len(e.With) > 0 {
			continue
		}
		if types, ok := p.statement(e, assigned, depth); ok {
			return types, true
		}
	}
	return nil, false
}

func (p *pins) statement(e *ast.Expr, assigned assignments, depth int) (map[string]bool, bool) {
	switch terms := e.Terms.(type) {
	case []*ast.Term:
		switch {
		case e.IsEquality():
			if literal, ok := terms[2].Value.(ast.String); ok && p.isType(terms[1], assigned) {
				return map[string]bool{string(literal): true}, true
			}
			if literal, ok := terms[1].Value.(ast.String); ok && p.isType(terms[2], assigned) {
				return map[string]bool{string(literal): true}, true
			}
		case len(terms) == 3 && terms[0].Equal(memberOperator) && p.isType(terms[1], assigned):
			return p.literals(terms[2], assigned)
		}
	case *ast.Term:
		return p.reference(terms, assigned, depth)
	}
	return nil, false
}

// memberOperator is what `x in y` becomes.
var memberOperator = ast.NewTerm(ast.Member.Ref())

// reference takes a set that is asked for the type, and a helper that pins it.
func (p *pins) reference(term *ast.Term, assigned assignments, depth int) (map[string]bool, bool) {
	ref, ok := term.Value.(ast.Ref)
	if !ok {
		return nil, false
	}
	if last := len(ref) - 1; last > 0 && p.isType(ref[last], assigned) {
		set := ast.NewTerm(ref[:last])
		if last == 1 {
			set = ref[0]
		}
		return p.literals(set, assigned)
	}
	if p.of != nil || depth >= maxPinDepth || !ref.IsGround() || !ref[0].Equal(ast.DefaultRootDocument) {
		return nil, false
	}
	return p.rules(p.compiler.GetRulesExact(ref), depth+1)
}

// isType tells whether a term is the resource's type.
func (p *pins) isType(term *ast.Term, assigned assignments) bool {
	if v, ok := term.Value.(ast.Var); ok {
		return slices.ContainsFunc(assigned[v], func(t *ast.Term) bool { return p.isType(t, nil) })
	}
	ref, ok := term.Value.(ast.Ref)
	if !ok || len(ref) < 2 || !ref.IsGround() && p.of == nil {
		return false
	}
	head := ast.InputRootDocument
	if p.of != nil {
		head = p.of
	}
	return ref[0].Equal(head) && p.format.isType(keysOf(ref))
}

// literals gives the strings of a constant set or list.
func (p *pins) literals(term *ast.Term, assigned assignments) (map[string]bool, bool) {
	types := map[string]bool{}
	constant := true
	add := func(element *ast.Term) {
		text, ok := element.Value.(ast.String)
		types[string(text)], constant = true, constant && ok
	}
	switch value := p.constant(term, assigned).(type) {
	case ast.Set:
		value.Foreach(add)
	case *ast.Array:
		value.Foreach(add)
	default:
		return nil, false
	}
	return types, constant
}

// constant gives the value of a term that is written out, here or in a rule of its own.
func (p *pins) constant(term *ast.Term, assigned assignments) ast.Value {
	if v, ok := term.Value.(ast.Var); ok && len(assigned[v]) == 1 {
		term = assigned[v][0]
	}
	ref, ok := term.Value.(ast.Ref)
	if !ok || !ref.IsGround() {
		return term.Value
	}
	rules := p.compiler.GetRulesExact(ref)
	if len(rules) != 1 || rules[0].Head.RuleKind() != ast.SingleValue || rules[0].Else != nil || rules[0].Head.Value == nil {
		return nil
	}
	if value := rules[0].Head.Value; len(rules[0].Body) == 1 {
		return p.constantIn(value, rules[0].Body)
	}
	return nil
}

// constantIn gives a rule's value if its body says nothing but true, or what the value is.
func (p *pins) constantIn(value *ast.Term, body ast.Body) ast.Value {
	if body[0].Equal(ast.NewExpr(ast.BooleanTerm(true))) {
		return value.Value
	}
	if v, ok := value.Value.(ast.Var); ok && len(assignmentsOf(body)[v]) == 1 {
		return assignmentsOf(body)[v][0].Value
	}
	return nil
}

// assignments are the variables of a body, with what they equal: values written out and references.
type assignments map[ast.Var][]*ast.Term

func assignmentsOf(body ast.Body) assignments {
	assigned := assignments{}
	for _, e := range body {
		if !e.IsEquality() || e.Negated || len(e.With) > 0 {
			continue
		}
		a, b := e.Operand(0), e.Operand(1)
		for _, pair := range [][2]*ast.Term{{a, b}, {b, a}} {
			if v, ok := pair[0].Value.(ast.Var); ok {
				if _, other := pair[1].Value.(ast.Var); !other {
					assigned[v] = append(assigned[v], pair[1])
				}
			}
		}
	}
	return assigned
}

// pinnedResources gives the types of an account policy, if it takes every resource out of the
// input into a variable whose type it compares with literals.
func (f *facts) pinnedResources() []string {
	types, uses, pinned := map[string]bool{}, 0, 0
	for _, keys := range f.refs {
		if len(keys) == 0 || keys[0] == resourcesKey || keys[0] == anyKey {
			uses++
		}
	}
	for _, rule := range f.rules {
		ast.WalkBodies(rule, func(body ast.Body) bool {
			for _, e := range body {
				found, ok := f.pinnedResource(e, body)
				if ok {
					pinned++
					maps.Copy(types, found)
				}
			}
			return false
		})
	}
	if f.replaced || uses == 0 || pinned != uses {
		return nil
	}
	return sortedTypes(types)
}

// pinnedResource takes a statement v = input.resources[_] of a body that pins the type of v.
func (f *facts) pinnedResource(e *ast.Expr, body ast.Body) (map[string]bool, bool) {
	if !e.IsEquality() || e.Negated || len(e.With) > 0 {
		return nil, false
	}
	for i := range 2 {
		v, ref := e.Operand(i), e.Operand(1-i)
		source, ok := ref.Value.(ast.Ref)
		if _, isVar := v.Value.(ast.Var); !isVar || !ok || !source[0].Equal(ast.InputRootDocument) {
			continue
		}
		if keys := keysOf(source); len(keys) == 2 && keys[0] == resourcesKey {
			return (&pins{facts: f, of: v}).body(body, 0)
		}
	}
	return nil, false
}
