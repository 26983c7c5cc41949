package rego

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"cloudaudit/policy"
)

// maxQueries bounds how many residual queries are looked at. A policy that leaves more is unknown.
const maxQueries = 1000

// hides gives the hidden places that the policy may read.
func (s *subject) hides(f *facts) []int {
	var found []int
	for i, path := range s.paths {
		if slices.ContainsFunc(f.readKeys, func(read []string) bool { return overlaps(read, path) }) {
			found = append(found, i)
		}
	}
	return found
}

// rest is what an evaluation with unknowns left, on its way to a verdict.
type rest struct {
	*subject
	reads    []int
	gap      gap
	seen     []seenAt
	unknowns []*ast.Term
	whole    ast.Value
}

// seenAt is a reference of the input at which a hidden place is seen.
type seenAt struct {
	ref ast.Ref
	hiddenKey
}

// partly judges a policy that asked for something hidden. It is evaluated as far as it goes with
// the hidden places as unknowns: what is left to be said of them decides. Without a rest the policy
// does not depend on them; a rest that is true whatever they hold is a violation for sure.
func (e *evaluation) partly(p *enabled, s *subject, asked *gap, reads []int) policy.Outcome {
	r := &rest{subject: s, reads: reads, gap: e.gapOf(s, asked, reads)}
	outcome := policy.Outcome{Policy: p.name, Verdict: policy.Unknown, Reason: string(r.gap.class), Detail: r.gap.path}
	if len(reads) == 0 || !r.locate(p) {
		return outcome
	}
	seen := &witness{}
	queries, ok := e.residual(p.query, r, seen)
	if !ok || len(queries) > maxQueries || seen.complex && p.facts.turning {
		if e.cancel.Cancelled() {
			return e.failed(p, nil)
		}
		return outcome
	}
	f := findings{}
	open := r.decide(queries, &f, p.message)
	if open == nil && seen.finished > len(queries) {
		open = &r.gap
	}
	if open == nil {
		outcome = policy.Outcome{Policy: p.name, Verdict: policy.Compliant}
	} else {
		outcome.Reason, outcome.Detail = string(open.class), open.path
	}
	return f.outcome(outcome)
}

// decide takes the sure violations out of what is left, and gives what the rest depends on; nil if
// nothing does.
func (r *rest) decide(queries []ast.Body, f *findings, message string) (open *gap) {
	shared.RLock()
	defer shared.RUnlock()
	for _, query := range queries {
		switch element, verdict := r.weigh(query); verdict {
		case policy.Violates:
			f.take(element, message)
		case policy.Unknown:
			if g := r.dependsOn(query); open == nil || g.before(*open) {
				open = &g
			}
		}
	}
	return open
}

// gapOf names what an outcome depends on as long as nothing better is known.
func (e *evaluation) gapOf(s *subject, asked *gap, reads []int) gap {
	if asked != nil {
		return *asked
	}
	best := s.hidden[reads[0]].gap
	for _, i := range reads {
		if s.hidden[i].before(best) {
			best = s.hidden[i].gap
		}
	}
	return best
}

// shared guards the terms that all evaluations share. An evaluation with unknowns writes to terms of
// the pack and of the evaluator itself (what stood there, but written all the same), so that it runs
// alone, as soon as what runs has come to its end or its limit. Everything else only reads.
var shared sync.RWMutex

// residual evaluates the policy with unknowns and gives what is left of it.
func (e *evaluation) residual(q *query, r *rest, seen *witness) (left []ast.Body, ok bool) {
	shared.Lock()
	defer shared.Unlock()
	defer e.begin(e.session.limit)()
	defer func() {
		if recover() != nil {
			left, ok = nil, false
		}
	}()
	prepared, err := q.partial()
	if err != nil {
		return nil, false
	}
	result, err := prepared.Partial(e.ctx, rego.EvalParsedInput(r.whole), rego.EvalParsedUnknowns(r.unknowns),
		rego.EvalTime(e.session.now), rego.EvalSeed(fixed), rego.EvalExternalCancel(e.cancel), rego.EvalNondeterministicBuiltins(true),
		rego.EvalQueryTracer(seen))
	if err != nil {
		return nil, false
	}
	return result.Queries, true
}

// locate finds the references that are unknown. It fails where the evaluator would not notice all
// uses of a hidden place, or nothing would be known.
func (r *rest) locate(p *enabled) bool {
	if p.facts.replaced {
		return false
	}
	shared.RLock()
	defer shared.RUnlock()
	r.whole = r.revealed()
	if r.format == admission {
		r.whole = withParameters(r.whole, p.parameters)
	}
	for _, i := range r.reads {
		for _, ref := range r.aliases(r.hidden[i]) {
			r.seen = append(r.seen, seenAt{ref, r.hidden[i].hiddenKey})
			if ref = cut(ref, p.facts.iterated); len(ref) == 1 {
				return false
			}
			r.unknowns = append(r.unknowns, ast.NewTerm(ref))
		}
	}
	return true
}

// cut widens an unknown reference. A policy that goes over the elements of a list holds each of
// them in a variable, and the evaluator does not know that a part of what is in it is unknown: then
// the whole element has to be.
func cut(ref ast.Ref, iterated []ast.Ref) ast.Ref {
	for _, pattern := range iterated {
		if len(pattern) < len(ref) && standsFor(pattern, ref) {
			ref = ref[:len(pattern)]
		}
	}
	return ref
}

// standsFor tells whether a pattern may stand for a beginning of the reference.
func standsFor(pattern, ref ast.Ref) bool {
	for i := 1; i < len(pattern); i++ {
		if pattern[i].IsGround() && !pattern[i].Equal(ref[i]) {
			return false
		}
	}
	return true
}

// weigh tells what a residual query says: the element of a sure violation, or that it depends, or
// nothing (then it is compliant).
func (r *rest) weigh(query ast.Body) (element any, verdict policy.Verdict) {
	verdict = policy.Violates
	found := false
	for _, e := range query {
		if value, ok := elementOf(e); ok {
			var err error
			element, err = (&exporter{}).value(value)
			found = err == nil
			continue
		}
		if r.binds(e, query) {
			continue
		}
		switch r.truth(e) {
		case policy.Compliant:
			return nil, policy.Compliant
		case policy.Unknown:
			verdict = policy.Unknown
		}
	}
	if !found {
		verdict = policy.Unknown
	}
	return element, verdict
}

// binds tells whether a statement only binds a value that is there for sure to a variable that
// nothing else in the query speaks of.
func (r *rest) binds(e *ast.Expr, query ast.Body) bool {
	if !e.IsEquality() || e.Negated || len(e.With) > 0 {
		return false
	}
	for i := range 2 {
		v, isVar := e.Operand(i).Value.(ast.Var)
		ref, isRef := e.Operand(1 - i).Value.(ast.Ref)
		if isVar && isRef && v != elementName && r.present(ref) && mentions(query, v) == 1 {
			return true
		}
	}
	return false
}

// mentions counts how often a query speaks of a variable.
func mentions(query ast.Body, v ast.Var) int {
	count := 0
	ast.WalkVars(query, func(x ast.Var) bool {
		if x == v {
			count++
		}
		return false
	})
	return count
}

// elementOf gives the value that a statement binds to the element.
func elementOf(e *ast.Expr) (ast.Value, bool) {
	if !e.IsEquality() || e.Negated || len(e.With) > 0 {
		return nil, false
	}
	for i := range 2 {
		if name, ok := e.Operand(i).Value.(ast.Var); ok && name == elementName {
			value := e.Operand(1 - i).Value
			return value, ast.IsConstant(value)
		}
	}
	return nil, false
}

// truth tells whether a statement that is left holds (Violates), does not (Compliant), or depends.
func (r *rest) truth(e *ast.Expr) policy.Verdict {
	if len(e.With) > 0 {
		return policy.Unknown
	}
	holds, sure := false, false
	switch terms := e.Terms.(type) {
	case *ast.Not:
		if len(terms.Body) == 1 {
			inner := r.truth(terms.Body[0])
			holds, sure = inner == policy.Compliant, inner != policy.Unknown
		}
	case *ast.Term:
		if ref, ok := terms.Value.(ast.Ref); ok {
			holds, sure = true, r.present(ref)
		}
	case []*ast.Term:
		if e.IsEquality() {
			holds, sure = r.equality(e.Operand(0), e.Operand(1))
		}
	}
	switch {
	case !sure:
		return policy.Unknown
	case holds != e.Negated:
		return policy.Violates
	}
	return policy.Compliant
}

// present tells whether a reference leads to a value that is there and not false, whatever it is.
func (r *rest) present(ref ast.Ref) bool {
	return slices.ContainsFunc(r.seen, func(at seenAt) bool { return !at.open && at.ref.Equal(ref) })
}

// equality compares what a reference leads to with a constant, if no hidden place lies on the way.
func (r *rest) equality(a, b *ast.Term) (holds, sure bool) {
	ref, ok := a.Value.(ast.Ref)
	if !ok {
		ref, ok = b.Value.(ast.Ref)
		b = a
	}
	if !ok || !ref.IsGround() || !ref[0].Equal(ast.InputRootDocument) || !ast.IsConstant(b.Value) || r.hiding(ref) != nil {
		return false, false
	}
	value, err := r.whole.Find(ref[1:])
	return err == nil && ast.Compare(value, b.Value) == 0, true
}

// hiding gives the first hidden place that a reference may lead through or to.
func (r *rest) hiding(ref ast.Ref) *gap {
	var first *gap
	for _, at := range r.seen {
		if overlaps(keysOf(at.ref), keysOf(ref)) && (first == nil || at.before(*first)) {
			first = &at.gap
		}
	}
	return first
}

// dependsOn names what a residual query depends on.
func (r *rest) dependsOn(query ast.Body) gap {
	var first *gap
	ast.WalkRefs(query, func(ref ast.Ref) bool {
		if ref[0].Equal(ast.InputRootDocument) {
			if g := r.hiding(ref); g != nil && (first == nil || g.before(*first)) {
				first = g
			}
		}
		return false
	})
	if first == nil {
		return r.gap
	}
	return *first
}

// revealed is the input without spies: secrets have placeholders, and what may be there is not.
func (s *subject) revealed() ast.Value {
	if s.ground == nil {
		s.ground = reveal(s.root)
	}
	return s.ground
}

func reveal(value ast.Value) ast.Value {
	if value.IsGround() {
		return value
	}
	switch value := value.(type) {
	case *spy:
		return reveal(value.Object)
	case ast.Object:
		object, _ := value.Map(func(key, element *ast.Term) (*ast.Term, *ast.Term, error) {
			return key, ast.NewTerm(reveal(element.Value)), nil
		}) // which cannot fail
		return object
	case *ast.Array:
		elements := make([]*ast.Term, 0, value.Len())
		value.Foreach(func(element *ast.Term) { elements = append(elements, ast.NewTerm(reveal(element.Value))) })
		return ast.NewArray(elements...)
	}
	return value
}
