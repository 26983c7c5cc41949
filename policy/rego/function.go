package rego

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"

	"cloudaudit/policy/library"
)

// libraryRoot is where our library stands, for packs to import.
var libraryRoot = ast.Ref{ast.DefaultRootDocument, ast.InternedTerm("cloudaudit")}

//go:embed library/*.rego
var libraryFiles embed.FS

// libraryModules are what packs may import. They are never changed.
var libraryModules = parseLibrary()

func parseLibrary() map[string]*ast.Module {
	modules := map[string]*ast.Module{}
	names, err := fs.Glob(libraryFiles, "library/*.rego")
	for _, name := range names {
		var text []byte
		if text, err = libraryFiles.ReadFile(name); err != nil {
			break
		}
		options := ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: allowed}
		name = path.Join("cloudaudit", name)
		if modules[name], err = ast.ParseModuleWithOpts(name, string(text), options); err != nil {
			break
		}
	}
	if err != nil {
		panic("the embedded library does not parse: " + err.Error())
	}
	return modules
}

// function is a function of the library that is written in Go. It is pure, takes and gives decoded
// JSON, and an error leaves the call undefined.
type function struct {
	name  string
	arity int
	run   func(arguments []any) (any, error)
}

// functions are all of them: those of every language, and the ages, which are against the clock that the
// evaluator has.
var functions = append(sharedFunctions(), function{"cloudaudit.age.nanoseconds", 1, nanoseconds}, function{"cloudaudit.age.days", 2, days})

// sharedFunctions have the names of Rego: cloudaudit.network.is_world.
func sharedFunctions() []function {
	shared := library.Functions()
	found := make([]function, len(shared))
	for i, f := range shared {
		module, name, _ := strings.Cut(f.Lower(), ".")
		if module == "net" {
			module = "network" // Rego itself has a net
		}
		found[i] = function{"cloudaudit." + module + "." + name, f.Arity, f.Call}
	}
	return found
}

// nanoseconds gives a time as the evaluator's clock does.
func nanoseconds(arguments []any) (any, error) {
	at, err := timeOf(arguments[0])
	return at.UnixNano(), err
}

// days gives the whole days from a time to the clock's, rounded down.
func days(arguments []any) (any, error) {
	clock, _ := arguments[0].(json.Number)
	now, err := clock.Int64()
	if err != nil {
		return nil, errNoTime
	}
	since, err := timeOf(arguments[1])
	return library.AgeDays(time.Unix(0, now), since), err
}

var errNoTime = errors.New("not a time")

func timeOf(value any) (time.Time, error) {
	text, ok := value.(string)
	if !ok {
		return time.Time{}, errNoTime
	}
	return library.ParseTime(text)
}

func (f function) declaration() *types.Function {
	arguments := make([]types.Type, f.arity)
	for i := range arguments {
		arguments[i] = types.A
	}
	return types.NewFunction(types.Args(arguments...), types.A)
}

func (f function) builtin() *ast.Builtin {
	return &ast.Builtin{Name: f.name, Decl: f.declaration()}
}

// option lends the function to the evaluator.
func (f function) option() func(*rego.Rego) {
	return rego.FunctionDyn(&rego.Function{Name: f.name, Decl: f.declaration()}, f.call)
}

func (f function) call(_ rego.BuiltinContext, terms []*ast.Term) (*ast.Term, error) {
	arguments := make([]any, f.arity)
	for i, term := range terms[:f.arity] { // behind them stands the variable of the result
		if text, ok := term.Value.(ast.String); ok {
			arguments[i] = string(text)
			continue
		}
		value, err := ast.JSON(term.Value)
		if err != nil {
			return nil, err
		}
		arguments[i] = value
	}
	result, err := f.run(arguments)
	if err != nil {
		return nil, err
	}
	value, err := ast.InterfaceToValue(result)
	return ast.NewTerm(value), err
}
