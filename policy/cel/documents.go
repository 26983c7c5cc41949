package cel

import (
	"hash/maphash"
	"reflect"
	"sync/atomic"

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

// documentFunctions are the functions that take a document apart, by name, so that they share the work.
func (a *adapter) documentFunctions() map[string]func(args []any) (any, error) {
	of := func(do func(*iamDocument) any) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			document, err := a.documents.read(args[0])
			if err != nil {
				return nil, err
			}
			return do(document), nil
		}
	}
	return map[string]func(args []any) (any, error){
		"iam.statements":       of(func(d *iamDocument) any { return d.objects }),
		"iam.publicStatements": of(func(d *iamDocument) any { return d.publics }),
		"iam.adminStatements":  of(func(d *iamDocument) any { return library.Objects(library.Admins(d.statements)) }),
		"iam.isPublic":         of(func(d *iamDocument) any { return len(d.public) > 0 }),
		"iam.accounts":         of(func(d *iamDocument) any { return library.Accounts(d.statements) }),
		"iam.requiresTLS":      a.requiresTLS,
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
