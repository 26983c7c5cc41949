package cel

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// What an evaluation may cost. Expressions whose cost is bounded by a small multiple of the
// resource's size run without a count; the others are counted and may be interrupted.
const (
	// costLimit stops one counted expression: a few tenths of a second.
	costLimit = 2_000_000
	// accountCostLimit stops an expression of an account policy, which goes through many resources.
	accountCostLimit = 20_000_000
	// freeCost is the estimate up to which an expression is not counted.
	freeCost = 2_000_000_000
	// The estimate supposes lists, objects and strings of at most outerSize, and of at most
	// innerSize inside the elements of a list that is gone through, because the elements share the
	// list's size, and in the parameters of a policy.
	outerSize = 1 << 16
	innerSize = 1 << 10
	// tinySize and fixedCost find costs that do not come from the resource's size: an expression that
	// is costly over a tiny resource is counted.
	tinySize  = 16
	fixedCost = 10_000
	// interruptEvery is how many iterations go by between looks at the deadline.
	interruptEvery = 100
	// maxRange bounds lists.range, maxRegex the size of a compiled regular expression.
	maxRange = 10_000
	maxRegex = 10_000
)

// estimator supposes sizes for what is only known when a resource comes.
type estimator struct {
	sizes map[int64]uint64 // of expressions whose values are parts of the resource
	most  uint64           // the biggest size to suppose
}

// counted tells whether an expression is to be counted as it runs.
// Element tells that the name item stands for an element of a list of the resource.
func counted(env *cel.Env, tree *cel.Ast, variables map[string]*ast.AST, element bool) bool {
	sizes := newEstimator(tree.NativeRep(), variables, element).sizes
	big, err := env.EstimateCost(tree, estimator{sizes, outerSize})
	if err != nil {
		return true
	}
	tiny, err := env.EstimateCost(tree, estimator{sizes, tinySize})
	return err != nil || big.Max > freeCost || tiny.Max > fixedCost
}

func newEstimator(checked *ast.AST, variables map[string]*ast.AST, element bool) estimator {
	e := estimator{map[int64]uint64{}, outerSize}
	s := sizing{estimator: e, checked: checked, variables: variables, elements: map[string]bool{}}
	if element {
		s.elements["item"] = true
	}
	s.visit(checked.Expr())
	return e
}

// elementwise tells whether the elements of a list share the size of the resource.
func elementwise(list *ast.AST, variables map[string]*ast.AST) bool {
	data, _ := sizing{checked: list, variables: variables, elements: map[string]bool{}}.origin(list.Expr())
	return data
}

// EstimateSize implements cost.Estimator.
func (e estimator) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if node.ComputedSize() != nil || plainType(node.Type()) && node.Type().Kind() != types.StringKind {
		return nil
	}
	size := e.most
	if node.Expr() != nil {
		if known, ok := e.sizes[node.Expr().ID()]; ok {
			size = min(known, size)
		}
	}
	return &cost.SizeEstimate{Max: size}
}

// EstimateCallCost implements cost.Estimator. The library takes what orValue gives for unbounded, and
// knows nothing of our functions, which go through their arguments once.
func (e estimator) EstimateCallCost(function, _ string, target *cost.AstNode, arguments []cost.AstNode) *cost.CallEstimate {
	if ofLibrary(function) {
		return e.pass(arguments, rewriting[function])
	}
	if function != "orValue" || target == nil || len(arguments) != 1 {
		return nil
	}
	size, ok := e.sizes[(*target).Expr().ID()]
	if !ok {
		return nil
	}
	otherwise := uint64(1)
	if computed := arguments[0].ComputedSize(); computed != nil {
		otherwise = computed.Max
	} else if arguments[0].Expr().Kind() != ast.LiteralKind {
		return nil
	}
	return cost.NewCallEstimate(cost.Estimate{}, &cost.SizeEstimate{Max: max(min(size, e.most), otherwise)})
}

// pass is the cost of going through the arguments once. The result is a word or two, or may be as big
// as the first.
func (e estimator) pass(arguments []cost.AstNode, rewrites bool) *cost.CallEstimate {
	result := &cost.SizeEstimate{Max: tinySize}
	total := uint64(1)
	for i, argument := range arguments {
		size := uint64(1)
		if known := e.EstimateSize(argument); known != nil {
			size = known.Max
		} else if computed := argument.ComputedSize(); computed != nil {
			size = min(computed.Max, e.most)
		}
		total += size
		if i == 0 && rewrites {
			result = &cost.SizeEstimate{Max: size}
		}
	}
	return cost.NewCallEstimate(cost.Estimate{Max: total}, result)
}

// ofLibrary tells whether a function is one of ours.
func ofLibrary(function string) bool {
	namespace, _, ok := strings.Cut(function, ".")
	switch namespace {
	case "net", "iam", "gcp", "tags", "versions":
		return ok
	}
	return function == "sets.of"
}

// meter counts what calls of our functions cost while a counted expression runs.
type meter struct{}

// CallCost implements cost.ActualCostEstimator.
func (meter) CallCost(function, _ string, arguments []ref.Val, _ ref.Val) *uint64 {
	if !ofLibrary(function) {
		return nil
	}
	total := uint64(1)
	for _, argument := range arguments {
		total += weight(native(argument))
	}
	return &total
}

// weight is how many values a value holds.
func weight(value any) uint64 {
	total := uint64(1)
	switch value := value.(type) {
	case string:
		total += uint64(len(value)) / 10
	case []any:
		for _, element := range value {
			total += weight(element)
		}
	case map[string]any:
		for _, element := range value {
			total += weight(element)
		}
	}
	return total
}

// sizing finds the expressions that are inside elements of a list of the resource.
type sizing struct {
	estimator
	checked   *ast.AST
	variables map[string]*ast.AST
	elements  map[string]bool // names in scope: whether they are such elements
}

func (s sizing) visit(e ast.Expr) {
	if data, element := s.origin(e); element {
		s.sizes[e.ID()] = innerSize
	} else if data {
		s.sizes[e.ID()] = outerSize
	}
	switch e.Kind() {
	case ast.ComprehensionKind:
		s.visitComprehension(e.AsComprehension())
	case ast.SelectKind:
		s.visit(e.AsSelect().Operand())
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			s.visit(e.AsCall().Target())
		}
		s.visitAll(e.AsCall().Args())
	case ast.ListKind:
		s.visitAll(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			s.visitAll([]ast.Expr{entry.AsMapEntry().Key(), entry.AsMapEntry().Value()})
		}
	}
}

func (s sizing) visitAll(all []ast.Expr) {
	for _, e := range all {
		s.visit(e)
	}
}

func (s sizing) visitComprehension(c ast.ComprehensionExpr) {
	s.visitAll([]ast.Expr{c.IterRange(), c.AccuInit()})
	fromData, _ := s.origin(c.IterRange())
	for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
		before, bound := s.elements[name]
		defer func() { //nolint:gocritic // three names at most, restored when the comprehension is left
			delete(s.elements, name)
			if bound {
				s.elements[name] = before
			}
		}()
		s.elements[name] = fromData && name != c.AccuVar()
	}
	s.visitAll([]ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()})
}

// origin tells whether a value is a part of the resource as it is, so that its elements share its
// size, and whether it is inside an element.
func (s sizing) origin(e ast.Expr) (data, element bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return s.name(e, e.AsIdent())
	case ast.SelectKind:
		if _, named := s.checked.ReferenceMap()[e.ID()]; named {
			return s.name(e, "")
		}
		return s.origin(e.AsSelect().Operand())
	case ast.ComprehensionKind:
		if filters(e.AsComprehension()) {
			return s.origin(e.AsComprehension().IterRange())
		}
	case ast.CallKind:
		call := e.AsCall()
		switch name := call.FunctionName(); {
		case name == operators.Index || name == operators.OptIndex || name == operators.OptSelect:
			return s.origin(call.Args()[0])
		case name == "orValue" && call.IsMemberFunction() && empty(call.Args()[0]):
			return s.origin(call.Target())
		case rewriting[name]:
			return s.origin(call.Args()[0])
		case name == operators.Conditional && empty(call.Args()[1]):
			return s.origin(call.Args()[2])
		case name == operators.Conditional && empty(call.Args()[2]):
			return s.origin(call.Args()[1])
		}
	}
	return false, false
}

// rewriting are functions that give what their first argument holds in another form.
var rewriting = map[string]bool{
	"iam.statements": true, "iam.publicStatements": true, "iam.adminStatements": true, "iam.accounts": true,
	"gcp.bindings": true, "gcp.grants": true, "gcp.publicGrants": true, "gcp.members": true,
	"gcp.memberKind": true, "gcp.memberDomain": true, "versions.product": true, "tags.of": true, "tags.missing": true, "sets.of": true,
}

func (s sizing) name(e ast.Expr, name string) (data, element bool) {
	if reference, ok := s.checked.ReferenceMap()[e.ID()]; ok {
		name = reference.Name
	}
	if element, bound := s.elements[name]; bound {
		return element, element
	}
	if variable, ok := s.variables[name]; ok {
		inside := sizing{checked: variable, variables: s.variables, elements: map[string]bool{}}
		data, _ = inside.origin(variable.Expr())
		return data, false
	}
	return name == "resource" || name == "params", name == "params"
}

func empty(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind || e.Kind() == ast.ListKind && e.AsList().Size() == 0 ||
		e.Kind() == ast.MapKind && e.AsMap().Size() == 0
}

// filters tells whether a comprehension gives some of its elements as they are: its step adds the
// iteration variable to the list or leaves it.
func filters(c ast.ComprehensionExpr) bool {
	if c.LoopStep().Kind() != ast.CallKind || c.LoopStep().AsCall().FunctionName() != operators.Conditional {
		return false
	}
	add := c.LoopStep().AsCall().Args()[1]
	if add.Kind() != ast.CallKind || add.AsCall().FunctionName() != operators.Add || len(add.AsCall().Args()) != 2 {
		return false
	}
	added := add.AsCall().Args()[1]
	if added.Kind() != ast.ListKind || added.AsList().Size() != 1 {
		return false
	}
	element := added.AsList().Elements()[0]
	return element.Kind() == ast.IdentKind && element.AsIdent() == c.IterVar()
}
