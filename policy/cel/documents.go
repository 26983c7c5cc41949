package cel

import (
	"errors"
	"hash/maphash"
	"reflect"
	"sync/atomic"

	"cel.dev/cel-go/cel"

	"cloudaudit/policy/library"
)

// iamDocument is an IAM policy document taken apart, and what was asked of it.
type iamDocument struct {
	address    address
	source     any // kept alive, so that its address names nothing else
	statements []library.Statement
	objects    []any
	public     []library.Statement
	publics    []any
}

// documents remembers the last documents, so that all policies that look at one of a resource share
// the work. What a resource holds is never changed while it is judged, nor is a document here.
type documents struct {
	slots [64]atomic.Pointer[iamDocument]
}

// read takes a document apart, unless that was just done.
func (d *documents) read(source any) (*iamDocument, error) {
	address, ok := addressOf(source)
	if !ok {
		return newDocument(source)
	}
	slot := &d.slots[maphash.Comparable(seed, address)%uint64(len(d.slots))]
	if known := slot.Load(); known != nil && known.address == address {
		return known, nil
	}
	made, err := newDocument(source)
	if err == nil {
		made.address = address
		slot.Store(made)
	}
	return made, err
}

var seed = maphash.MakeSeed()

// address tells sources apart: a string by what it says, an object by where it is held.
type address struct {
	text string
	at   uintptr
}

func addressOf(source any) (address, bool) {
	switch source := source.(type) {
	case string:
		return address{text: source}, source != ""
	case map[string]any:
		return address{at: reflect.ValueOf(source).Pointer()}, source != nil
	}
	return address{}, false
}

func newDocument(source any) (*iamDocument, error) {
	statements, err := library.Statements(source)
	if err != nil {
		return nil, err
	}
	public := library.Public(statements)
	return &iamDocument{
		source: source, statements: statements, objects: library.Objects(statements), public: public, publics: library.Objects(public),
	}, nil
}

func (a *adapter) iamFunctions() []cel.EnvOption {
	of := func(do func(*iamDocument) any) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			document, err := a.documents.read(args[0])
			if err != nil {
				return nil, err
			}
			return do(document), nil
		}
	}
	statement := func(do func(s library.Statement, what string) any) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			object, ok := args[0].(map[string]any)
			if !ok {
				return nil, errors.New("not a statement")
			}
			s, err := library.ParseStatement(object)
			what, _ := args[len(args)-1].(string)
			return do(s, what), err
		}
	}
	return []cel.EnvOption{
		a.call("iam.statements", "iam_statements", any1, lists, of(func(d *iamDocument) any { return d.objects })),
		a.call("iam.publicStatements", "iam_public_statements", any1, lists, of(func(d *iamDocument) any { return d.publics })),
		a.call("iam.adminStatements", "iam_admin_statements", any1, lists, of(func(d *iamDocument) any {
			return library.Objects(library.Admins(d.statements))
		})),
		a.call("iam.isPublic", "iam_is_public", any1, cel.BoolType, of(func(d *iamDocument) any { return len(d.public) > 0 })),
		a.call("iam.accounts", "iam_accounts", any1, names, of(func(d *iamDocument) any { return library.Accounts(d.statements) })),
		a.call("iam.requiresTLS", "iam_requires_tls", []*cel.Type{cel.DynType, cel.StringType, lists}, cel.BoolType, a.requiresTLS),
		a.call("iam.narrows", "iam_narrows", any1, cel.BoolType, func(args []any) (any, error) {
			condition, ok := args[0].(map[string]any)
			if !ok {
				return nil, errors.New("not a condition")
			}
			return library.Narrows(condition), nil
		}),
		a.call("iam.grants", "iam_grants", anyKey, cel.BoolType, statement(func(s library.Statement, action string) any { return s.Grants(action) })),
		a.call("iam.reaches", "iam_reaches", anyKey, cel.BoolType, statement(func(s library.Statement, thing string) any { return s.Reaches(thing) })),
		a.call("iam.isAdmin", "iam_is_admin", any1, cel.BoolType, statement(func(s library.Statement, _ string) any { return s.Admin() })),
		a.call("iam.matches", "iam_matches", text2, cel.BoolType, func(args []any) (any, error) {
			pattern, _ := args[0].(string)
			source, _ := args[1].(string)
			return library.Matches(pattern, source), nil
		}),
	}
}

func (a *adapter) requiresTLS(args []any) (any, error) {
	document, err := a.documents.read(args[0])
	if err != nil {
		return nil, err
	}
	resources, err := library.Texts(args[2])
	service, _ := args[1].(string)
	return library.RequiresTLS(document.statements, service, resources), err
}
