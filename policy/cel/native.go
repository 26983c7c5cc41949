package cel

import (
	"encoding/json"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// native gives a value as decoded JSON, as functions of the library take it. What comes from a
// resource is handed over as it is, without a copy.
func native(value ref.Val) any {
	switch value := value.(type) {
	case types.String:
		return string(value)
	case types.Bool:
		return bool(value)
	case types.Int:
		return int64(value)
	case types.Uint:
		return uint64(value)
	case types.Double:
		return json.Number(strconv.FormatFloat(float64(value), 'g', -1, 64))
	case types.Null:
		return nil
	case traits.Mapper:
		return nativeMap(value)
	case traits.Lister:
		return nativeList(value)
	}
	return value.Value()
}

// evaluated tells whether an element is a value of CEL, as in lists put together of others.
func evaluated(element any) bool {
	_, ok := element.(ref.Val)
	return ok
}

func nativeMap(m traits.Mapper) any {
	switch known := m.Value().(type) {
	case map[string]any:
		return known
	case map[string]string:
		return known
	}
	object := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		if name, ok := key.(types.String); ok {
			object[string(name)] = native(m.Get(key))
		}
	}
	return object
}

func nativeList(l traits.Lister) any {
	if known, ok := l.Value().([]any); ok && !slices.ContainsFunc(known, evaluated) {
		return known
	}
	list := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		list = append(list, native(it.Next()))
	}
	return list
}
