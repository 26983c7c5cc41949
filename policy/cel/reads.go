package cel

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// reads finds out which paths of a resource the expressions of a policy read. It follows values
// from the resource through selections, indexes, variables and comprehensions; where a value goes
// into anything else, all of it counts as read.
type reads struct {
	paths     map[string]bool
	types     map[string]bool // whose resources are gone through, whatever is read of them
	clock     bool
	variables map[string]*ast.AST
	aliases   map[string][]string // names in scope to the paths that they may stand for
	params    map[string]any      // nil if the policy has no schema
}

func newReads(s *schema) *reads {
	r := &reads{paths: map[string]bool{}, types: map[string]bool{}, variables: map[string]*ast.AST{}, aliases: map[string][]string{}}
	if s != nil {
		r.params = s.Properties
	}
	return r
}

// variable makes a variable known; what it reads counts where it is used.
func (r *reads) variable(name string, checked *ast.AST) { r.variables[name] = checked }

// expression notes what an expression reads.
func (r *reads) expression(checked *ast.AST) {
	r.consume(r.follow(checked))
}

// follow gives the paths that an expression's value may be at.
func (r *reads) follow(checked *ast.AST) []string {
	return walker{r, checked}.follow(checked.Expr())
}

// bind lets a name stand for paths.
func (r *reads) bind(name string, paths []string) { r.aliases[name] = paths }

// result gives the paths, without those below another, and whether the time is read.
func (r *reads) result() ([]string, bool) {
	return outermost(slices.Sorted(maps.Keys(r.paths))), r.clock
}

// outermost leaves out paths, which are sorted, that lie below another.
func outermost(paths []string) []string {
	var result []string
	for _, path := range paths {
		covered := false
		for _, wider := range result {
			covered = covered || wider == "" || strings.HasPrefix(path, wider+"/")
		}
		if !covered {
			result = append(result, path)
		}
	}
	return result
}

// walker follows values through one expression.
type walker struct {
	*reads
	checked *ast.AST
}

// follow gives the paths that the expression's value may be at, and notes what is read on the way.
func (w walker) follow(e ast.Expr) []string {
	switch e.Kind() {
	case ast.IdentKind:
		return w.name(e, e.AsIdent())
	case ast.SelectKind:
		return w.selection(e)
	case ast.CallKind:
		return w.call(e.AsCall())
	case ast.ListKind:
		return w.list(e.AsList())
	case ast.ComprehensionKind:
		return w.comprehension(e.AsComprehension())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			w.consume(w.follow(entry.AsMapEntry().Key()))
			w.consume(w.follow(entry.AsMapEntry().Value()))
		}
	}
	return nil
}

func (w walker) name(e ast.Expr, name string) []string {
	if reference, ok := w.checked.ReferenceMap()[e.ID()]; ok {
		name = reference.Name
	}
	if paths, bound := w.aliases[name]; bound {
		return paths
	}
	if variable, ok := w.variables[name]; ok {
		inner := *w.reads // which knows none of the names in scope here
		inner.aliases = map[string][]string{}
		paths := inner.follow(variable)
		w.clock = inner.clock
		return paths
	}
	switch name {
	case "resource":
		return []string{""}
	case inventoryName:
		return []string{inventoryRoot}
	case "now":
		w.clock = true
	}
	return nil
}

func (w walker) selection(e ast.Expr) []string {
	if _, named := w.checked.ReferenceMap()[e.ID()]; named {
		return w.name(e, "")
	}
	selection := e.AsSelect()
	paths := below(w.follow(selection.Operand()), escape(selection.FieldName()))
	if selection.IsTestOnly() {
		w.consume(paths)
		return nil
	}
	return paths
}

func (w walker) call(call ast.CallExpr) []string {
	arguments := call.Args()
	switch name := call.FunctionName(); {
	case name == operators.Index || name == operators.OptIndex || name == operators.OptSelect:
		return w.index(arguments[0], arguments[1])
	case name == operators.Conditional:
		w.consume(w.follow(arguments[0]))
		return append(w.follow(arguments[1]), w.follow(arguments[2])...)
	case name == operators.Add:
		return append(w.follow(arguments[0]), w.follow(arguments[1])...)
	case call.IsMemberFunction() && (name == "orValue" || name == "or"):
		return append(w.follow(call.Target()), w.follow(arguments[0])...)
	case call.IsMemberFunction() && name == "value":
		return w.follow(call.Target())
	case name == "dyn" || name == "optional.of":
		return w.follow(arguments[0])
	case name == "size" && call.IsMemberFunction():
		return w.size(call.Target())
	case name == "size":
		return w.size(arguments[0])
	}
	if call.IsMemberFunction() {
		w.consume(w.follow(call.Target()))
	}
	for _, argument := range arguments {
		w.consume(w.follow(argument))
	}
	return nil
}

// size reads how many elements there are, which of an inventory is nothing of any resource.
func (w walker) size(of ast.Expr) []string {
	for _, path := range w.follow(of) {
		if resourceType, ok := inventoryType(path); ok {
			w.types[resourceType] = true
		} else {
			w.consume([]string{path})
		}
	}
	return nil
}

func (w walker) index(operand, key ast.Expr) []string {
	paths := w.follow(operand)
	if key.Kind() == ast.LiteralKind {
		switch literal := key.AsLiteral().(type) {
		case types.String:
			return below(paths, escape(string(literal)))
		case types.Int:
			return below(paths, strconv.FormatInt(int64(literal), 10))
		}
	}
	w.consume(w.follow(key))
	return below(paths, "*")
}

// list follows the elements of a literal: a list of elements of another is, as far as reading goes,
// that other list.
func (w walker) list(l ast.ListExpr) []string {
	var paths []string
	for _, element := range l.Elements() {
		for _, path := range w.follow(element) {
			if whole, ok := strings.CutSuffix(path, "/*"); ok {
				paths = append(paths, whole)
			} else {
				w.consume([]string{path})
			}
		}
	}
	return paths
}

func (w walker) comprehension(c ast.ComprehensionExpr) []string {
	ranged := w.follow(c.IterRange())
	elements := below(ranged, "*")
	accumulated := w.follow(c.AccuInit())
	defer w.shadow(c.AccuVar())()
	restore := w.shadow(c.IterVar())
	w.aliases[c.IterVar()] = elements
	if c.HasIterVar2() {
		defer w.shadow(c.IterVar2())()
		w.aliases[c.IterVar2()] = elements
	}
	for range 3 { // the accumulator may stand for more after each step
		w.aliases[c.AccuVar()] = accumulated
		w.consume(w.follow(c.LoopCondition()))
		step := w.follow(c.LoopStep())
		before := len(accumulated)
		accumulated = unique(append(slices.Clone(accumulated), step...))
		if len(accumulated) == before {
			break
		}
	}
	restore()
	w.noteRange(ranged)
	w.aliases[c.AccuVar()] = accumulated
	return w.follow(c.Result())
}

// noteRange notes that a list was gone through, where no read of its elements says so.
func (r *reads) noteRange(ranged []string) {
	for _, path := range ranged {
		noted := false
		for read := range r.paths {
			noted = noted || strings.HasPrefix(read, path+"/*")
		}
		if resourceType, ok := inventoryType(path); ok {
			r.types[resourceType] = true
		} else if !noted {
			r.consume([]string{path})
		}
	}
}

// shadow hides a name and gives the function that shows it again.
func (w walker) shadow(name string) func() {
	before, bound := w.aliases[name]
	return func() {
		if bound {
			w.aliases[name] = before
		} else {
			delete(w.aliases, name)
		}
	}
}

func (r *reads) consume(paths []string) {
	for _, path := range paths {
		r.paths[path] = true
	}
}

func below(paths []string, key string) []string {
	result := make([]string, len(paths))
	for i, path := range paths {
		result[i] = path + "/" + key
	}
	return result
}

func unique(paths []string) []string {
	slices.Sort(paths)
	return slices.Compact(paths)
}

// fields are what authors may select of the given objects.
var fields = map[string][]string{
	"resource": {"type", "id", "name", "region", "uid", "tags", "ancestors", "properties", "facets"},
	"account":  {"name", "provider", "cloudId", "tags"},
}

// check finds selections that can never be right: misspelt fields of resource and account,
// parameters that the policy does not have, and protocol buffer messages, which policies have no
// use for.
func (r *reads) check(checked *ast.AST, source text) error {
	var fault error
	note := func(e ast.Expr, format string, arguments ...any) {
		if fault == nil {
			place := checked.SourceInfo().GetStartLocation(e.ID())
			fault = source.fault(place.Line(), place.Column(), fmt.Sprintf(format, arguments...))
		}
	}
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		object, field := selected(e)
		known, ok := fields[object]
		switch {
		case e.Kind() == ast.StructKind:
			note(e, "protocol buffer messages are not available")
		case ok && !slices.Contains(known, field):
			note(e, "%s has no field %q; it has %s", object, field, strings.Join(known, ", "))
		case object == "params":
			if _, known := r.params[field]; !known {
				note(e, "configSchema has no property %q", field)
			}
		}
	}))
	return fault
}

// selected gives object and field of a selection from a name.
func selected(e ast.Expr) (object, field string) {
	switch e.Kind() {
	case ast.SelectKind:
		if operand := e.AsSelect().Operand(); operand.Kind() == ast.IdentKind {
			return operand.AsIdent(), e.AsSelect().FieldName()
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() == operators.OptSelect && call.Args()[0].Kind() == ast.IdentKind {
			literal, _ := call.Args()[1].AsLiteral().(types.String)
			return call.Args()[0].AsIdent(), string(literal)
		}
	}
	return "", ""
}
