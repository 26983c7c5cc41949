package rego

import (
	"encoding/json"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// maxResult bounds the values in what a policy reports. One that refers to the same value over and
// over is small for the evaluator and huge when it is written out.
const maxResult = 100_000

// export gives a result as decoded JSON.
func export(term *ast.Term, _ *rego.EvalContext) (any, error) {
	return (&exporter{}).value(term.Value)
}

type exporter struct{ count int }

func (x *exporter) value(value ast.Value) (any, error) {
	if x.count++; x.count > maxResult {
		return nil, errTooLarge
	}
	switch value := value.(type) {
	case ast.String:
		return string(value), nil
	case ast.Boolean:
		return bool(value), nil
	case ast.Number:
		return json.Number(value), nil
	case *ast.Array:
		return x.list(value.Iter, value.Len())
	case ast.Set:
		return x.list(value.Iter, value.Len())
	case ast.Object:
		return x.object(value)
	}
	return nil, nil // null, and what no result holds
}

func (x *exporter) list(each func(func(*ast.Term) error) error, size int) (any, error) {
	list := make([]any, 0, min(size, maxResult))
	err := each(func(term *ast.Term) error {
		element, err := x.value(term.Value)
		list = append(list, element)
		return err
	})
	return list, err
}

func (x *exporter) object(object ast.Object) (any, error) {
	result := make(map[string]any, min(object.Len(), maxResult))
	err := object.Iter(func(key, value *ast.Term) error {
		name, err := x.name(key)
		if err != nil {
			return err
		}
		result[name], err = x.value(value.Value)
		return err
	})
	return result, err
}

// name gives a key as text. One that is no text is written as JSON.
func (x *exporter) name(key *ast.Term) (string, error) {
	value, err := x.value(key.Value)
	if text, ok := value.(string); ok || err != nil {
		return text, err
	}
	return asText(value), nil
}
