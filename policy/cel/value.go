package cel

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"cloudaudit/providers"
)

// Ids of unknown values, by which an outcome finds back what it depended on. An unread path has its
// place in the input's list, from 1; the others stand for all values of their kind.
const (
	decodeID   int64 = -1 // a number that no type of CEL holds
	redactedID int64 = -2 // a secret whose path the input does not list
)

// adapter shows decoded JSON to CEL as it is, without a conversion beforehand.
type adapter struct {
	registry *types.Registry
	decode   *types.Unknown
	redacted *types.Unknown
	// documents are shared by the policies of all sessions.
	documents *documents
}

func newAdapter() (*adapter, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	return &adapter{registry, types.NewUnknown(decodeID, nil), types.NewUnknown(redactedID, nil), &documents{}}, nil
}

// secret stands at a redacted path that the input lists: it is present, its value is unknown.
type secret struct{ value *types.Unknown }

// openMap is a JSON object of which some keys, those with an unknown as their value, may or may
// not be there.
type openMap map[string]any

// FindStringKey finds for the interpreter what is certainly there; the rest it looks up in the map's
// CEL form.
func (m openMap) FindStringKey(key string) (any, bool) {
	value, found := m[key]
	if _, open := value.(*types.Unknown); open {
		return nil, false
	}
	return value, found
}

// NativeToValue implements types.Adapter.
func (a *adapter) NativeToValue(value any) ref.Val {
	switch value := value.(type) {
	case nil:
		return types.NullValue
	case ref.Val:
		return value
	case string:
		return types.String(value)
	case bool:
		return types.Bool(value)
	case json.Number:
		return a.number(value)
	case map[string]any:
		return &orderedMapper{types.NewStringInterfaceMap(a, value)}
	case []any:
		return types.NewList(a, value)
	case openMap:
		return &openMapper{&orderedMapper{types.NewStringInterfaceMap(a, value)}, value}
	case secret:
		return value.value
	case providers.Redacted:
		if value.Empty {
			return types.String("")
		}
		return a.redacted
	}
	return inOrder(a.registry.NativeToValue(value))
}

// inOrder gives a map whose keys have an order, and anything else as it is.
func inOrder(value ref.Val) ref.Val {
	switch value := value.(type) {
	case *orderedMapper, *openMapper, *packedMapper:
		return value
	case traits.Mapper:
		return &orderedMapper{value}
	}
	return value
}

// orderedMapper gives the keys of a map in their order. What expressions make of them, a message or a key,
// must be the same in every scan.
type orderedMapper struct{ traits.Mapper }

// Iterator implements traits.Iterable.
func (m *orderedMapper) Iterator() traits.Iterator {
	keys := make([]ref.Val, 0, int(m.Size().(types.Int))) //nolint:errcheck // a size is a number
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, compareKeys)
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

// compareKeys orders keys by type, and those of one type by value.
func compareKeys(a, b ref.Val) int {
	if order := strings.Compare(a.Type().TypeName(), b.Type().TypeName()); order != 0 {
		return order
	}
	if comparer, ok := a.(traits.Comparer); ok {
		if order, ok := comparer.Compare(b).(types.Int); ok {
			return int(order)
		}
	}
	return 0
}

// FindStringKey finds an element for the interpreter.
func (m *orderedMapper) FindStringKey(key string) (any, bool) {
	if inner, ok := m.Mapper.(interface{ FindStringKey(string) (any, bool) }); ok {
		return inner.FindStringKey(key)
	}
	return m.Find(types.String(key))
}

// IsZeroValue implements traits.Zeroer.
func (m *orderedMapper) IsZeroValue() bool { return m.Size() == types.IntZero }

// openMapper is an openMap in CEL. It hides the fast paths of the library's map, which would take
// a key that may be there for one that is.
type openMapper struct {
	traits.Mapper
	keys openMap
}

// FindStringKey finds for the interpreter what is as known here as in the map itself.
func (m *openMapper) FindStringKey(key string) (any, bool) { return m.keys.FindStringKey(key) }

// Contains is unknown for a key that may be there.
func (m *openMapper) Contains(key ref.Val) ref.Val {
	if name, ok := key.(types.String); ok {
		if unknown, open := m.keys[string(name)].(*types.Unknown); open {
			return unknown
		}
	}
	return m.Mapper.Contains(key)
}

// missing gives the unknown of all keys that may be there.
func (m *openMapper) missing() ref.Val {
	var merged *types.Unknown
	for _, value := range m.keys {
		if unknown, open := value.(*types.Unknown); open {
			merged = types.MergeUnknowns(unknown, merged)
		}
	}
	return merged
}

// number gives the type of CEL that holds the number: int, uint, else double. A number whose digits
// a double does not keep has no value, rather than a wrong one.
func (a *adapter) number(n json.Number) ref.Val {
	text := string(n)
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return types.Int(i)
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return types.Uint(u)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || !keepsDigits(text, f) {
		return a.decode
	}
	return types.Double(f)
}

// keepsDigits tells whether the double's shortest notation has the number's value. Numbers of up to
// 15 significant digits always do.
func keepsDigits(text string, f float64) bool {
	if f != 0 && math.Abs(f) >= 1e-300 && digits(text) <= 15 {
		return true
	}
	exact, ok := new(big.Rat).SetString(boundExponent(text))
	if !ok {
		return false
	}
	short, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return ok && exact.Cmp(short) == 0
}

// boundExponent keeps hostile exponents from building huge numbers: what lies beyond the range of
// doubles is not held anyway.
func boundExponent(text string) string {
	_, exponent, found := strings.Cut(strings.ToLower(text), "e")
	if value, err := strconv.Atoi(exponent); found && (err != nil || value < -1_000 || value > 1_000) {
		return ""
	}
	return text
}

func digits(text string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	count := 0
	for _, r := range strings.TrimLeft(mantissa, "-0.") {
		if r >= '0' && r <= '9' {
			count++
		}
	}
	return count
}

// unknownWithin gives the unknown of everything unknown inside a native or CEL value, nil if all is
// known.
func (a *adapter) unknownWithin(value any) *types.Unknown {
	var merged *types.Unknown
	switch value := value.(type) {
	case *types.Unknown:
		return value
	case secret:
		return value.value
	case providers.Redacted, json.Number:
		unknown, _ := a.NativeToValue(value).(*types.Unknown)
		return unknown
	case map[string]any:
		for _, element := range value {
			merged = types.MergeUnknowns(a.unknownWithin(element), merged)
		}
	case openMap:
		return a.unknownWithin(map[string]any(value))
	case []any:
		for _, element := range value {
			merged = types.MergeUnknowns(a.unknownWithin(element), merged)
		}
	case *types.Optional:
		if value.HasValue() {
			return a.unknownWithin(value.GetValue())
		}
	case *openMapper:
		return a.unknownWithin(value.keys)
	case *packedMapper, *packedLister: // all of them is known
	case traits.Mapper:
		return a.unknownInMap(value)
	case traits.Lister:
		return a.unknownInList(value)
	}
	return merged
}

func (a *adapter) unknownInMap(m traits.Mapper) (merged *types.Unknown) {
	if native, ok := m.Value().(map[string]any); ok {
		return a.unknownWithin(native)
	}
	for it := m.Iterator(); it.HasNext() == types.True; {
		merged = types.MergeUnknowns(a.unknownWithin(m.Get(it.Next())), merged)
	}
	return merged
}

func (a *adapter) unknownInList(l traits.Lister) (merged *types.Unknown) {
	if native, ok := l.Value().([]any); ok {
		return a.unknownWithin(native)
	}
	for it := l.Iterator(); it.HasNext() == types.True; {
		merged = types.MergeUnknowns(a.unknownWithin(it.Next()), merged)
	}
	return merged
}
