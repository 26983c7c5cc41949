package rego

import (
	"embed"
	"fmt"
	"io/fs"
	"path"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

// libraryRoot is where our library stands, for packs to import.
var libraryRoot = ast.Ref{ast.DefaultRootDocument, ast.InternedTerm("cloudaudit")}

//go:embed library/*.rego
var libraryFiles embed.FS

// library is the modules that packs may import. It is never changed.
var library = parseLibrary()

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

// functions are all of them.
var functions = []function{
	{"cloudaudit.network.covers", 2, onTexts(covers)},
	{"cloudaudit.network.overlaps", 2, onTexts(rangesOverlap)},
	{"cloudaudit.network.is_world", 1, onTexts(isWorld)},
	{"cloudaudit.network.is_public", 1, onTexts(isPublic)},
	{"cloudaudit.network.ports_overlap", 2, portsOverlap},
	{"cloudaudit.iam.statements", 1, statements},
	{"cloudaudit.iam.narrows", 1, narrows},
	{"cloudaudit.iam.matches", 2, onTexts(matches)},
	{"cloudaudit.age.nanoseconds", 1, onTexts(nanoseconds)},
	{"cloudaudit.age.whole_days", 2, wholeDays},
	{"cloudaudit.versions.compare", 2, onTexts(compareVersions)},
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

// onTexts makes a function of one whose arguments are all strings.
func onTexts(run func(texts []string) (any, error)) func([]any) (any, error) {
	return func(arguments []any) (any, error) {
		texts := make([]string, len(arguments))
		for i, argument := range arguments {
			text, ok := argument.(string)
			if !ok {
				return nil, fmt.Errorf("argument %d is not a string", i+1)
			}
			texts[i] = text
		}
		return run(texts)
	}
}
