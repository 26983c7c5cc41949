package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers"
)

// gap is why something has no value, and where.
type gap struct {
	class providers.Class
	path  string
}

// before orders gaps for people: the smallest path is named.
func (g gap) before(o gap) bool { return g.path < o.path }

// touched is what a spy panics with: the evaluation asked for something that is not known.
type touched struct{ gap }

// spy is an object of which some keys have no known value, or may not even be there. As long as an
// evaluation asks for none of them its result is the same whatever they hold; the moment it does,
// the spy ends the evaluation with a panic, which the one caller of the evaluator recovers.
//
// A spy is not ground, so that the evaluator refuses to hand it to a built-in function, which would
// look at all of it.
type spy struct {
	// Object is what is known. A secret's key holds a placeholder.
	ast.Object
	hidden map[string]hiddenKey
	// open tells that some keys may or may not be there.
	open bool
	// rest is why any key that is not in Object may be there; nil if none may.
	rest *gap
}

// hiddenKey is a key without a known value.
type hiddenKey struct {
	gap
	// open tells that the key may be absent.
	open bool
}

func newSpy(known ast.Object, hidden map[string]hiddenKey, rest *gap) *spy {
	s := &spy{Object: known, hidden: hidden, open: rest != nil, rest: rest}
	for _, key := range hidden {
		s.open = s.open || key.open
	}
	return s
}

// touch ends the evaluation. Of several gaps the first is named.
func (s *spy) touch() {
	if s.rest != nil {
		panic(touched{*s.rest})
	}
	var first *gap
	for _, key := range s.hidden {
		if first == nil || key.before(*first) {
			first = &key.gap
		}
	}
	panic(touched{*first})
}

// ask is told each key that an evaluation asks for.
func (s *spy) ask(key *ast.Term) {
	name, ok := key.Value.(ast.String)
	if !ok {
		return
	}
	if hidden, ok := s.hidden[string(name)]; ok {
		panic(touched{hidden.gap})
	}
	if s.rest != nil && s.Object.Get(key) == nil {
		panic(touched{*s.rest})
	}
}

// askAll is told that an evaluation asks for everything; askKeys, that it asks which keys there are.
func (s *spy) askAll() { s.touch() }

func (s *spy) askKeys() {
	if s.open {
		s.touch()
	}
}

// IsGround implements ast.Value.
func (s *spy) IsGround() bool { return false }

// Get implements ast.Object.
func (s *spy) Get(key *ast.Term) *ast.Term {
	s.ask(key)
	return s.Object.Get(key)
}

// Find implements ast.Value.
func (s *spy) Find(path ast.Ref) (ast.Value, error) {
	if len(path) == 0 {
		return s, nil
	}
	s.ask(path[0])
	return s.Object.Find(path)
}

// Until implements ast.Object. The evaluator looks up keys with it, since the object is not ground.
func (s *spy) Until(f func(key, value *ast.Term) bool) bool {
	found := s.Object.Until(func(key, value *ast.Term) bool {
		if !f(key, value) {
			return false
		}
		s.ask(key)
		return true
	})
	if found {
		return true
	}
	for name, hidden := range s.hidden {
		if key := ast.InternedTerm(name); hidden.open && f(key, ast.InternedNullTerm) {
			panic(touched{hidden.gap})
		}
	}
	if s.rest != nil {
		s.touch()
	}
	return false
}

// Compare implements ast.Value. A spy equals itself, and nothing of another kind.
func (s *spy) Compare(other ast.Value) int {
	if other == s {
		return 0
	}
	if _, object := other.(ast.Object); object {
		s.touch()
	}
	return s.Object.Compare(other)
}

// Map implements ast.Object. The evaluator replaces variables with it, and there are none.
func (s *spy) Map(func(*ast.Term, *ast.Term) (*ast.Term, *ast.Term, error)) (ast.Object, error) {
	return s, nil
}

// Copy implements ast.Object.
func (s *spy) Copy() ast.Object { return s }

// Len implements ast.Object.
func (s *spy) Len() int {
	s.askKeys()
	return s.Object.Len()
}

// Keys implements ast.Object.
func (s *spy) Keys() []*ast.Term {
	s.askKeys()
	return s.Object.Keys()
}

// KeysIterator implements ast.Object.
func (s *spy) KeysIterator() ast.ObjectKeysIterator {
	s.askKeys()
	return s.Object.KeysIterator()
}

// Iter implements ast.Object.
func (s *spy) Iter(f func(*ast.Term, *ast.Term) error) error {
	s.askAll()
	return s.Object.Iter(f)
}

// Foreach implements ast.Object.
func (s *spy) Foreach(f func(*ast.Term, *ast.Term)) {
	s.askAll()
	s.Object.Foreach(f)
}

// Insert implements ast.Object.
func (s *spy) Insert(key, value *ast.Term) {
	s.askAll()
	s.Object.Insert(key, value)
}

// Diff implements ast.Object.
func (s *spy) Diff(other ast.Object) ast.Object {
	s.askAll()
	return s.Object.Diff(other)
}

// Intersect implements ast.Object.
func (s *spy) Intersect(other ast.Object) [][3]*ast.Term {
	s.askAll()
	return s.Object.Intersect(other)
}

// Merge implements ast.Object.
func (s *spy) Merge(other ast.Object) (ast.Object, bool) {
	s.askAll()
	return s.Object.Merge(other)
}

// MergeWith implements ast.Object.
func (s *spy) MergeWith(other ast.Object, resolve func(a, b *ast.Term) (*ast.Term, bool)) (ast.Object, bool) {
	s.askAll()
	return s.Object.MergeWith(other, resolve)
}

// Filter implements ast.Object.
func (s *spy) Filter(filter ast.Object) (ast.Object, error) {
	s.askAll()
	return s.Object.Filter(filter)
}

// String implements ast.Value.
func (s *spy) String() string {
	s.askAll()
	return s.Object.String()
}
