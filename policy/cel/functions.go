package cel

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"cloudaudit/policy/library"
)

// functions are those of our library that expressions may call; policy/library/README.md is their
// reference. All are strict: of an argument with something unknown in it the result is unknown.
func functions(a *adapter) []cel.EnvOption {
	options := a.ownFunctions()
	shared := a.documentFunctions()
	for _, f := range library.Functions() {
		do := f.Call
		if sharing, known := shared[f.Name]; known {
			do = sharing
		}
		s, overload := signatures[f.Name], strings.ReplaceAll(f.Lower(), ".", "_")
		overloads := []cel.FunctionOpt{a.overload(f.Name, overload, s.takes, s.gives, do)}
		if s.or != nil {
			overloads = append(overloads, a.overload(f.Name, overload+"_list", s.or, s.gives, do))
		}
		options = append(options, cel.Function(f.Name, overloads...))
	}
	return options
}

var (
	text1   = []*cel.Type{cel.StringType}
	text2   = []*cel.Type{cel.StringType, cel.StringType}
	any1    = []*cel.Type{cel.DynType}
	any2    = []*cel.Type{cel.DynType, cel.DynType}
	anyText = []*cel.Type{cel.DynType, cel.StringType}
	object  = cel.MapType(cel.StringType, cel.DynType)
	lists   = cel.ListType(cel.DynType)
	names   = cel.ListType(cel.StringType)
)

// signature is what a function takes and gives, in CEL's types.
type signature struct {
	takes []*cel.Type
	gives *cel.Type
	or    []*cel.Type // what it takes as well
}

var signatures = map[string]signature{
	"net.covers":           {takes: text2, gives: cel.BoolType},
	"net.overlaps":         {takes: text2, gives: cel.BoolType},
	"net.isWorld":          {takes: text1, gives: cel.BoolType, or: []*cel.Type{lists}},
	"net.isPublic":         {takes: text1, gives: cel.BoolType},
	"net.size":             {takes: text1, gives: cel.IntType},
	"net.isRange":          {takes: any1, gives: cel.BoolType},
	"net.ports":            {takes: any2, gives: cel.StringType},
	"net.portsOverlap":     {takes: any2, gives: cel.BoolType},
	"net.hasProtocol":      {takes: anyText, gives: cel.BoolType},
	"iam.statements":       {takes: any1, gives: lists},
	"iam.publicStatements": {takes: any1, gives: lists},
	"iam.isPublic":         {takes: any1, gives: cel.BoolType},
	"iam.adminStatements":  {takes: any1, gives: lists},
	"iam.accounts":         {takes: any1, gives: names},
	"iam.requiresTLS":      {takes: []*cel.Type{cel.DynType, cel.StringType, lists}, gives: cel.BoolType},
	"iam.narrows":          {takes: any1, gives: cel.BoolType},
	"iam.grants":           {takes: anyText, gives: cel.BoolType},
	"iam.reaches":          {takes: anyText, gives: cel.BoolType},
	"iam.isAdmin":          {takes: any1, gives: cel.BoolType},
	"iam.matches":          {takes: text2, gives: cel.BoolType},
	"gcp.bindings":         {takes: any1, gives: lists},
	"gcp.grants":           {takes: any1, gives: lists},
	"gcp.publicGrants":     {takes: any1, gives: lists},
	"gcp.isPublic":         {takes: any1, gives: cel.BoolType},
	"gcp.members":          {takes: anyText, gives: names},
	"gcp.memberKind":       {takes: text1, gives: cel.StringType},
	"gcp.memberDomain":     {takes: text1, gives: cel.StringType},
	"tags.of":              {takes: any1, gives: cel.MapType(cel.StringType, cel.StringType)},
	"tags.has":             {takes: anyText, gives: cel.BoolType},
	"tags.missing":         {takes: []*cel.Type{cel.DynType, lists}, gives: names},
	"versions.compare":     {takes: text2, gives: cel.IntType},
	"versions.atLeast":     {takes: text2, gives: cel.BoolType},
	"versions.below":       {takes: text2, gives: cel.BoolType},
	"versions.product":     {takes: text1, gives: cel.StringType},
}

func (a *adapter) overload(name, overload string, takes []*cel.Type, gives *cel.Type, do func(args []any) (any, error)) cel.FunctionOpt {
	return cel.Overload(overload, takes, gives, cel.FunctionBinding(func(values ...ref.Val) ref.Val {
		arguments := make([]any, len(values))
		for i, value := range values {
			arguments[i] = native(value)
		}
		result, err := do(arguments)
		if err != nil {
			return types.WrapErr(&refusal{name, err})
		}
		return a.NativeToValue(result)
	}))
}

// refusal is a malformed argument. Its text quotes no value.
type refusal struct {
	function string
	err      error
}

// Error implements error.
func (r *refusal) Error() string { return r.function + ": " + r.err.Error() }

// Unwrap gives the cause.
func (r *refusal) Unwrap() error { return r.err }

// ownFunctions are those that CEL needs and other languages have: ages, since the clock has to be seen,
// and sets.
func (a *adapter) ownFunctions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Macros(cel.GlobalMacro("ageDays", 1, againstNow)),
		cel.Function("@ageDays",
			cel.Overload("age_days_timestamp", []*cel.Type{cel.TimestampType, cel.TimestampType}, cel.IntType, cel.BinaryBinding(ageDays)),
			cel.Overload("age_days_string", []*cel.Type{cel.TimestampType, cel.StringType}, cel.IntType, cel.BinaryBinding(ageDays))),
		cel.Function("sets.of", a.overload("sets.of", "sets_of", []*cel.Type{lists}, cel.MapType(cel.StringType, cel.BoolType), setOf)),
	}
}

func setOf(args []any) (any, error) {
	keys, err := library.Texts(args[0])
	set := make(map[string]bool, len(keys))
	for _, key := range keys {
		set[key] = true
	}
	return set, err
}

// againstNow writes ageDays(t) as a call that reads the clock where everybody can see it, so that the
// policy is known to read the time.
func againstNow(helper parser.ExprHelper, _ ast.Expr, arguments []ast.Expr) (ast.Expr, *cel.Error) {
	return helper.NewCall("@ageDays", helper.NewIdent("now"), arguments[0]), nil
}

func ageDays(now, since ref.Val) ref.Val {
	at, isTime := now.(types.Timestamp)
	switch since := since.(type) {
	case types.Timestamp:
		if isTime {
			return types.Int(library.AgeDays(at.Time, since.Time))
		}
	case types.String:
		found, err := library.ParseTime(string(since))
		if err != nil {
			return types.WrapErr(&refusal{"ageDays", err})
		}
		return types.Int(library.AgeDays(at.Time, found))
	}
	return types.MaybeNoSuchOverloadErr(since)
}
