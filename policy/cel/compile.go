package cel

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"cloudaudit/policy"
)

// program is a compiled expression. It is immutable and safe for concurrent use.
type program struct {
	source  text
	run     cel.Program
	checked *ast.AST
	result  *cel.Type
	counted bool
	limit   int     // of the cost, if that is counted
	forks   []*fork // if branches are noted
}

// compiled is a policy ready to run.
type compiled struct {
	name        string
	message     string
	types       []string
	account     *accountReads // nil of a resource policy
	condition   *program
	variables   []*program
	slots       map[string]int // "variables.NAME" to the place in variables
	validations []check
}

// check is one validation.
type check struct {
	forEach, expression, key, messageExpression *program
	message                                     string
}

// compiler compiles the policies of a pack.
type compiler struct {
	adapter  *adapter
	env      *cel.Env        // of resource policies
	accounts *cel.Env        // of account policies
	names    map[string]bool // of the policies so far
	mode     mode
}

func newCompiler() (*compiler, error) {
	adapter, err := newAdapter()
	if err != nil {
		return nil, err
	}
	common, err := cel.NewEnv(append(functions(adapter),
		cel.CustomTypeProvider(adapter.registry), cel.CustomTypeAdapter(adapter),
		cel.Variable("account", object), cel.Variable("params", object), cel.Variable("now", cel.TimestampType),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.EnableMacroCallTracking(), // a trace shows expressions as they were written
		cel.RegexProgramSizeLimit(maxRegex),
		ext.Strings(), ext.Lists(ext.ListsMaxRangeSize(maxRange)), ext.Sets(), ext.Math(), ext.Encoders(),
		ext.Regex(), ext.Bindings(), ext.TwoVarComprehensions(),
	)...)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	resources, err := common.Extend(forResources()...)
	if err != nil {
		return nil, fmt.Errorf("set up CEL for resources: %w", err)
	}
	accounts, err := common.Extend(forAccounts()...)
	if err != nil {
		return nil, fmt.Errorf("set up CEL for accounts: %w", err)
	}
	return &compiler{adapter: adapter, env: resources, accounts: accounts, names: map[string]bool{}}, nil
}

// policy compiles one document. All faults are returned together.
func (c *compiler) policy(d *document) (policy.Policy, *compiled, error) {
	p, err := d.metadata()
	faults := []error{err}
	if c.names[d.Name] {
		faults = append(faults, d.place.Errorf("policy name %q stands twice in the pack", d.Name))
	}
	c.names[d.Name] = true
	s := &scope{compiler: c, env: c.env, reads: newReads(d.Schema), compiled: &compiled{
		name: d.Name, message: d.Message, types: d.Match.Types, slots: map[string]int{},
	}}
	if p.Kind == policy.OnAccount {
		s.env, s.compiled.account = c.accounts, &accountReads{}
	}
	if s.compiled.message == "" {
		s.compiled.message = p.DisplayName
	}
	for _, v := range d.Variables {
		s.variable(d, v)
	}
	s.compiled.condition = s.compile(s.env, d.Match.Condition, cel.BoolType)
	if account := s.compiled.account; account != nil {
		account.condition = s.reads.inventory()
	}
	for i, v := range d.Validations {
		s.validation(d, i, v)
	}
	p.Reads, p.Clock = s.reads.result()
	if err = errors.Join(append(faults, s.faults...)...); err == nil && s.compiled.account != nil {
		if err = s.compiled.account.finish(&p, s.reads); err != nil {
			err = d.place.Errorf("policy %s: %w", d.Name, err)
		}
	}
	return p, s.compiled, err
}

// scope is the state of compiling one policy.
type scope struct {
	*compiler
	env      *cel.Env // with the variables so far
	reads    *reads
	compiled *compiled
	element  bool // the name item stands for an element of a list of the resource
	faults   []error
}

func (s *scope) variable(d *document, v variable) {
	if !v.Name.given() || !v.Expression.given() {
		s.faults = append(s.faults, d.place.Errorf("policy %s: a variable needs a name and an expression", d.Name))
		return
	}
	name := "variables." + v.Name.string
	if _, double := s.compiled.slots[name]; double || !variableName.MatchString(v.Name.string) {
		s.faults = append(s.faults, v.Name.place.Errorf("variable name %q: use letters, digits and underscores, and each name once", v.Name.string))
		return
	}
	compiled := s.compile(s.env, v.Expression, nil)
	resultType := cel.DynType
	if compiled != nil {
		resultType = compiled.result
		s.reads.variable(name, compiled.checked)
	}
	s.compiled.slots[name] = len(s.compiled.variables)
	s.compiled.variables = append(s.compiled.variables, compiled)
	extended, err := s.env.Extend(cel.Variable(name, resultType))
	if err != nil {
		s.faults = append(s.faults, v.Name.place.Errorf("variable %s: %w", v.Name.string, err))
		return
	}
	s.env = extended
}

func (s *scope) validation(d *document, index int, v validation) {
	if !v.Expression.given() {
		s.faults = append(s.faults, d.place.Errorf("policy %s: validation %d has no expression", d.Name, index+1))
		return
	}
	env, list := s.env, []string(nil)
	result := check{message: v.Message, forEach: s.compile(s.env, v.ForEach, cel.ListType(cel.DynType))}
	if v.ForEach.given() {
		var err error
		if env, err = s.env.Extend(cel.Variable("item", cel.DynType)); err != nil {
			s.faults = append(s.faults, v.ForEach.place.Errorf("forEach: %w", err))
			return
		}
		if result.forEach != nil {
			list = s.reads.follow(result.forEach.checked)
			s.element = elementwise(result.forEach.checked, s.reads.variables)
		}
	}
	s.reads.bind("item", below(list, "*"))
	result.expression = s.compile(env, v.Expression, cel.BoolType)
	result.key = s.compile(env, v.Key, cel.StringType)
	result.messageExpression = s.compile(env, v.MessageExpression, cel.StringType)
	s.reads.bind("item", nil)
	s.element = false
	s.reads.noteRange(list)
	s.compiled.validations = append(s.compiled.validations, result)
}

// compile compiles an expression of the wanted type, any type if that is nil. A fault is noted and
// gives nil, as does an absent expression.
func (s *scope) compile(env *cel.Env, source text, want *cel.Type) *program {
	if !source.given() {
		return nil
	}
	tree, issues := env.Compile(source.string)
	if issues.Err() != nil {
		for _, issue := range issues.Errors() {
			message, _, _ := strings.Cut(issue.Message, " (in container '')")
			s.faults = append(s.faults, source.fault(issue.Location.Line(), issue.Location.Column(), message))
		}
		return nil
	}
	p := &program{source: source, checked: tree.NativeRep(), result: tree.OutputType()}
	if !accepts(want, p.result) {
		s.faults = append(s.faults, source.fault(1, 0, fmt.Sprintf("the expression gives %s, want %s", p.result, wantName(want))))
		return nil
	}
	if fault := s.reads.check(p.checked, source); fault != nil {
		s.faults = append(s.faults, fault)
		return nil
	}
	if want != nil && want.Kind() != types.ListKind { // variables and lists are read where they are used
		s.reads.expression(p.checked)
	}
	p.counted, p.limit = counted(env, tree, s.reads.variables, s.element), costLimit
	if s.compiled.account != nil {
		p.counted, p.limit = true, accountCostLimit
	}
	var err error
	if p.run, err = env.Program(tree, s.options(env, p, want)...); err != nil {
		s.faults = append(s.faults, source.fault(1, 0, err.Error()))
		return nil
	}
	return p
}

func (s *scope) options(env *cel.Env, p *program, want *cel.Type) []cel.ProgramOption {
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if s.mode == watched {
		options = []cel.ProgramOption{cel.EvalOptions(cel.OptTrackState)}
	}
	if s.mode == counting { // what is folded away would never be asked
		forks := findForks(p, want == cel.BoolType)
		options = []cel.ProgramOption{cel.CustomDecoratorV2(forks.decorate)}
	}
	if places := guards(p.checked, env.Functions()); len(places) > 0 {
		options = append(options, cel.CustomDecoratorV2(s.adapter.decorate(places)))
	}
	if p.counted {
		options = append(options, cel.CostLimit(uint64(p.limit)), cel.CostTracking(meter{}), cel.InterruptCheckFrequency(interruptEvery))
	}
	return options
}

func accepts(want, have *cel.Type) bool {
	if want == nil || have.Kind() == types.DynKind {
		return true
	}
	if want.Kind() == types.ListKind {
		return have.Kind() == types.ListKind
	}
	return want.IsExactType(have)
}

func wantName(want *cel.Type) string {
	if want.Kind() == types.ListKind {
		return "a list"
	}
	return want.String()
}

// fault makes an error at a place of the expression. Where the text in the file is folded or
// escaped, only the expression's first line is certain.
func (t text) fault(line, column int, message string) error {
	place := *t.place
	switch {
	case place.Block:
		place.Line, place.Column = place.Line+line-1, place.Column+column
	case line == 1 && !strings.Contains(t.string, "\n"):
		place.Column += column
	}
	return place.Errorf("%s", message)
}
