package cel

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// packedChunk is how many bytes packed values are allotted at a time.
const packedChunk = 1 << 16

// Kinds of packed values: the first byte. Texts and numbers follow with their length, objects and lists
// with the number of their elements and the length of these; the elements of objects begin with the
// number of their key.
const (
	packedNull byte = iota
	packedFalse
	packedTrue
	packedText
	packedNumber
	packedObject
	packedList
)

// packer holds many values in few bytes, about as many as their JSON has without the keys: as trees of
// Go they would take five times that, and the collector's time besides. Expressions look into packed
// values where they are.
type packer struct {
	adapter *adapter
	ids     map[string]uint64 // of keys
	keys    []string          // by id
	chunk   []byte
	scratch []byte
}

func newPacker(a *adapter) *packer { return &packer{adapter: a, ids: map[string]uint64{}} }

// pack gives an object as a packed value of CEL, or as it is if something in it is unknown.
func (p *packer) pack(object map[string]any) any {
	data, ok := p.append(p.scratch[:0], object)
	p.scratch = data
	if !ok {
		return object
	}
	if len(data) > cap(p.chunk)-len(p.chunk) {
		p.chunk = make([]byte, 0, max(packedChunk, len(data)))
	}
	at := len(p.chunk)
	p.chunk = append(p.chunk, data...)
	return p.value(p.chunk[at:len(p.chunk):len(p.chunk)])
}

// append packs a value behind others and tells whether all of it is known.
func (p *packer) append(data []byte, value any) ([]byte, bool) {
	switch value := value.(type) {
	case nil:
		return append(data, packedNull), true
	case bool:
		if value {
			return append(data, packedTrue), true
		}
		return append(data, packedFalse), true
	case string:
		return appendText(append(data, packedText), value), true
	case json.Number:
		return appendText(append(data, packedNumber), string(value)), !types.IsUnknown(p.adapter.number(value))
	case map[string]any:
		return p.appendObject(data, value)
	case map[string]string:
		return p.appendObject(data, fromStrings(value))
	case []any:
		return p.appendList(data, value)
	case []string:
		return p.appendList(data, fromTexts(value))
	}
	return data, false
}

func (p *packer) appendObject(data []byte, object map[string]any) ([]byte, bool) {
	return appendAll(append(data, packedObject), len(object), func(data []byte) (_ []byte, ok bool) {
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if data, ok = p.append(binary.AppendUvarint(data, p.id(key)), object[key]); !ok {
				return data, false
			}
		}
		return data, true
	})
}

func (p *packer) appendList(data []byte, list []any) ([]byte, bool) {
	return appendAll(append(data, packedList), len(list), func(data []byte) (_ []byte, ok bool) {
		for _, element := range list {
			if data, ok = p.append(data, element); !ok {
				return data, false
			}
		}
		return data, true
	})
}

// appendAll writes the number of elements, their length in four bytes, and the elements.
func appendAll(data []byte, count int, elements func([]byte) ([]byte, bool)) ([]byte, bool) {
	data = binary.AppendUvarint(data, uint64(count)) //nolint:gosec // a length is not negative
	at := len(data)
	data, ok := elements(append(data, 0, 0, 0, 0))
	binary.LittleEndian.PutUint32(data[at:], uint32(len(data)-at-4)) //nolint:gosec // no resource has 4 GiB
	return data, ok
}

func appendText(data []byte, text string) []byte {
	return append(binary.AppendUvarint(data, uint64(len(text))), text...)
}

// id numbers a key.
func (p *packer) id(key string) uint64 {
	id, known := p.ids[key]
	if !known {
		id = uint64(len(p.keys))
		p.ids[key], p.keys = id, append(p.keys, key)
	}
	return id
}

// value shows a packed value to CEL.
func (p *packer) value(data []byte) ref.Val {
	body, _ := packedBody(data)
	switch data[0] {
	case packedFalse, packedTrue:
		return types.Bool(data[0] == packedTrue)
	case packedText:
		return types.String(body.elements)
	case packedNumber:
		return p.adapter.number(json.Number(body.elements))
	case packedObject:
		return &packedMapper{p, body}
	case packedList:
		return &packedLister{p, body}
	}
	return types.NullValue
}

// native unpacks a value.
func (p *packer) native(data []byte) any {
	body, _ := packedBody(data)
	switch data[0] {
	case packedFalse, packedTrue:
		return data[0] == packedTrue
	case packedText:
		return string(body.elements)
	case packedNumber:
		return json.Number(body.elements)
	case packedObject:
		return (&packedMapper{p, body}).object()
	case packedList:
		return (&packedLister{p, body}).list()
	}
	return nil
}

// packed is what follows the kind of a value: of an object or list the elements and their number, of a
// text or number its bytes.
type packed struct {
	count    int
	elements []byte
}

// packedBody gives the body of the first of the packed values, and what comes after it.
func packedBody(data []byte) (body packed, rest []byte) {
	kind, data := data[0], data[1:]
	if kind < packedText {
		return packed{}, data
	}
	n, width := binary.Uvarint(data)
	data = data[width:]
	length := int(n) //nolint:gosec // it was a length
	if kind > packedNumber {
		body.count, length = length, int(binary.LittleEndian.Uint32(data))
		data = data[4:]
	}
	body.elements = data[:length:length]
	return body, data[length:]
}

// packedMapper is a packed object.
type packedMapper struct {
	of *packer
	packed
}

var _ traits.Mapper = (*packedMapper)(nil)

// each gives the elements until one is not wanted any more.
func (m *packedMapper) each(yield func(key uint64, value []byte) bool) {
	for data := m.elements; len(data) > 0; {
		key, width := binary.Uvarint(data)
		value := data[width:]
		if _, data = packedBody(value); !yield(key, value) {
			return
		}
	}
}

// object unpacks it.
func (m *packedMapper) object() map[string]any {
	object := make(map[string]any, m.count)
	for key, value := range m.each {
		object[m.of.keys[key]] = m.of.native(value)
	}
	return object
}

// whole is the same object as the library has it.
func (m *packedMapper) whole() traits.Mapper {
	return types.NewStringInterfaceMap(m.of.adapter, m.object())
}

// FindStringKey finds an element for the interpreter.
func (m *packedMapper) FindStringKey(key string) (any, bool) {
	id, known := m.of.ids[key]
	if !known {
		return nil, false
	}
	for at, value := range m.each {
		if at == id {
			return m.of.value(value), true
		}
	}
	return nil, false
}

// Find implements traits.Mapper.
func (m *packedMapper) Find(key ref.Val) (ref.Val, bool) {
	text, ok := key.(types.String)
	if !ok {
		return m.whole().Find(key)
	}
	value, found := m.FindStringKey(string(text))
	if !found {
		return nil, false
	}
	return value.(ref.Val), true //nolint:errcheck // it finds nothing else
}

// Get implements traits.Indexer.
func (m *packedMapper) Get(key ref.Val) ref.Val {
	if value, found := m.Find(key); found {
		return value
	}
	return m.whole().Get(key)
}

// Contains implements traits.Container.
func (m *packedMapper) Contains(key ref.Val) ref.Val {
	if text, ok := key.(types.String); ok {
		_, found := m.FindStringKey(string(text))
		return types.Bool(found)
	}
	return m.whole().Contains(key)
}

// Size implements traits.Sizer.
func (m *packedMapper) Size() ref.Val { return types.Int(m.count) }

// IsZeroValue implements traits.Zeroer.
func (m *packedMapper) IsZeroValue() bool { return m.count == 0 }

// Iterator implements traits.Iterable: it gives the keys, in their order.
func (m *packedMapper) Iterator() traits.Iterator {
	names := make([]string, 0, m.count)
	for key := range m.each {
		names = append(names, m.of.keys[key])
	}
	return types.NewStringList(m.of.adapter, names).Iterator()
}

// ConvertToNative implements ref.Val.
func (m *packedMapper) ConvertToNative(to reflect.Type) (any, error) {
	return m.whole().ConvertToNative(to)
}

// ConvertToType implements ref.Val.
func (m *packedMapper) ConvertToType(to ref.Type) ref.Val { return m.whole().ConvertToType(to) }

// Equal implements ref.Val.
func (m *packedMapper) Equal(other ref.Val) ref.Val { return m.whole().Equal(other) }

// Type implements ref.Val.
func (m *packedMapper) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (m *packedMapper) Value() any { return m.object() }

// packedLister is a packed list. Resources have short lists: whoever looks into one has all of it
// unpacked, one level deep.
type packedLister struct {
	of *packer
	packed
}

var _ traits.Lister = (*packedLister)(nil)

// values are the elements, those that are objects and lists packed.
func (l *packedLister) values() []ref.Val {
	values := make([]ref.Val, 0, l.count)
	for data := l.elements; len(data) > 0; {
		values = append(values, l.of.value(data))
		_, data = packedBody(data)
	}
	return values
}

// list unpacks it.
func (l *packedLister) list() []any {
	list := make([]any, 0, l.count)
	for data := l.elements; len(data) > 0; {
		list = append(list, l.of.native(data))
		_, data = packedBody(data)
	}
	return list
}

// whole is the same list as the library has it.
func (l *packedLister) whole() traits.Lister { return types.NewRefValList(l.of.adapter, l.values()) }

// Add implements traits.Adder.
func (l *packedLister) Add(other ref.Val) ref.Val { return l.whole().Add(other) }

// Get implements traits.Indexer.
func (l *packedLister) Get(index ref.Val) ref.Val { return l.whole().Get(index) }

// Contains implements traits.Container.
func (l *packedLister) Contains(value ref.Val) ref.Val { return l.whole().Contains(value) }

// Size implements traits.Sizer.
func (l *packedLister) Size() ref.Val { return types.Int(l.count) }

// IsZeroValue implements traits.Zeroer.
func (l *packedLister) IsZeroValue() bool { return l.count == 0 }

// Iterator implements traits.Iterable.
func (l *packedLister) Iterator() traits.Iterator { return l.whole().Iterator() }

// ConvertToNative implements ref.Val.
func (l *packedLister) ConvertToNative(to reflect.Type) (any, error) {
	return l.whole().ConvertToNative(to)
}

// ConvertToType implements ref.Val.
func (l *packedLister) ConvertToType(to ref.Type) ref.Val { return l.whole().ConvertToType(to) }

// Equal implements ref.Val.
func (l *packedLister) Equal(other ref.Val) ref.Val { return l.whole().Equal(other) }

// Type implements ref.Val.
func (l *packedLister) Type() ref.Type { return types.ListType }

// Value implements ref.Val.
func (l *packedLister) Value() any { return l.list() }
