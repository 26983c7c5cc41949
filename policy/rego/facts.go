package rego

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers"
)

// anyKey stands in a path for any key or element.
const anyKey = "*"

// facts are what is found out about a policy without evaluating it: its rule and every rule that
// it may reach are searched for what they say of the input. A fact may say too much, never too
// little.
type facts struct {
	compiler *ast.Compiler
	format   format
	path     ast.Ref
	policy   string
	account  bool
	// refs are the references to the input, without its name.
	refs [][]string
	// iterated are those of them that go over keys or elements.
	iterated []ast.Ref
	// replaced tells that the policy evaluates a rule with another input.
	replaced bool
	clock    bool
	// foreign names what the policy reads of the input that only Pulumi knows; empty for nothing.
	foreign string
	// turning tells that the policy has negations that hold others, or the like.
	turning bool
	// readKeys are the paths of a resource that the policy reads, as keys.
	readKeys [][]string
	// properties are those that the rules read of the policy's config.
	properties map[string]bool
	seen       map[*ast.Rule]bool
	rules      []*ast.Rule
}

func newFacts(compiler *ast.Compiler, f format, name string, path ast.Ref, account bool) *facts {
	found := &facts{
		compiler: compiler, format: f, path: path, policy: name, account: account,
		properties: map[string]bool{}, seen: map[*ast.Rule]bool{},
	}
	found.follow(path)
	found.turning = found.nested()
	return found
}

// location is where the policy's rule begins.
func (f *facts) location() *ast.Location {
	if rules := f.compiler.GetRulesExact(f.path); len(rules) > 0 {
		return rules[0].Location
	}
	return nil
}

// follow visits all rules that a reference may stand for.
func (f *facts) follow(ref ast.Ref) {
	for _, rule := range f.rulesOf(ref) {
		if f.seen[rule] {
			continue
		}
		f.seen[rule] = true
		f.rules = append(f.rules, rule)
		for _, term := range rule.Head.Reference {
			f.visit(term)
		}
		f.visit(rule)
	}
}

// rulesOf gives the rules that a reference may stand for.
func (f *facts) rulesOf(ref ast.Ref) []*ast.Rule {
	return f.compiler.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true})
}

// visit searches a part of a rule.
func (f *facts) visit(node any) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.With:
			target, ok := x.Target.Value.(ast.Ref)
			f.replaced = f.replaced || !ok || target[0].Equal(ast.InputRootDocument)
			f.visit(x.Value)
			return true
		case ast.Ref:
			f.ref(x)
			for _, term := range x[1:] {
				f.visit(term)
			}
			if _, named := x[0].Value.(ast.Var); !named {
				f.visit(x[0])
			}
			return true
		case ast.Var:
			switch {
			case x.Equal(ast.InputRootDocument.Value):
				f.ref(ast.InputRootRef)
			case x.Equal(ast.DefaultRootDocument.Value):
				f.ref(ast.DefaultRootRef)
			}
		}
		return false
	}).Walk(node)
}

func (f *facts) ref(ref ast.Ref) {
	if f.foreign == "" {
		f.foreign = f.format.foreign(ref, f.account)
	}
	switch {
	case ref[0].Equal(ast.InputRootDocument):
		f.refs = append(f.refs, keysOf(ref))
		if !ref.IsGround() {
			f.iterated = append(f.iterated, ref)
		}
	case ref[0].Equal(ast.DefaultRootDocument):
		f.config(ref)
		f.follow(ref)
	default:
		f.clock = f.clock || slices.Contains(clocks, ref.String())
	}
}

// config notes a property of the policy's config.
func (f *facts) config(ref ast.Ref) {
	if len(ref) < 4 || !ref.HasPrefix(configRoot) {
		return
	}
	name, _ := ref[2].Value.(ast.String)
	property, ok := ref[3].Value.(ast.String)
	if ok && string(name) == f.policy {
		f.properties[string(property)] = true
	}
}

// configRoot is where policies find their config.
var configRoot = ast.Ref{ast.DefaultRootDocument, ast.InternedTerm("config")}

// keysOf gives the keys of a reference after its head.
func keysOf(ref ast.Ref) []string {
	keys := make([]string, 0, len(ref)-1)
	for _, term := range ref[1:] {
		switch value := term.Value.(type) {
		case ast.String:
			keys = append(keys, string(value))
		case ast.Number:
			keys = append(keys, string(value))
		default:
			keys = append(keys, anyKey)
		}
	}
	return keys
}

// reads gives the paths of a resource that the policy reads, without those below another.
func (f *facts) reads() []string {
	found := map[string]bool{}
	if f.replaced {
		found[""] = true
	}
	for _, keys := range f.refs {
		if f.account {
			if keys = afterResource(keys); keys == nil {
				continue
			}
		}
		for _, path := range f.format.reads(keys) {
			found[pointer(path)] = true
		}
	}
	paths := widest(found)
	for _, path := range paths {
		f.readKeys = append(f.readKeys, providers.Segments(path))
	}
	return paths
}

// afterResource gives the keys below one of the resources of an account policy's input; nil if the
// reference leads elsewhere.
func afterResource(keys []string) []string {
	switch {
	case len(keys) > 0 && keys[0] != resourcesKey && keys[0] != anyKey:
		return nil
	case len(keys) < 2:
		return []string{}
	}
	return keys[2:]
}

// widest leaves out the paths below others, and sorts.
func widest(paths map[string]bool) []string {
	var result []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !slices.ContainsFunc(result, func(wider string) bool { return wider == "" || strings.HasPrefix(path, wider+"/") }) {
			result = append(result, path)
		}
	}
	return result
}

// overlaps tells whether one path lies on the other, where anyKey equals any key.
func overlaps(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && a[i] != anyKey && b[i] != anyKey {
			return false
		}
	}
	return true
}
