package shape

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"slices"

	"cloudaudit/providers"
)

// hasher feeds the canonical form of values to a hash: every value begins with a byte for its
// kind, text has its length before it, keys are sorted and lists and objects are closed. So no two
// different values have the same form, and no JSON is written for it.
type hasher struct {
	sum    hash.Hash
	buffer []byte
	// keys is the stack of the sorted keys of the objects that are being written.
	keys []string
	// skip are the volatile keys.
	skip []string
}

// hashPart hashes a part of a resource; the main part's hash also covers what the resource tells
// about itself.
func hashPart(resource *providers.Resource, name string, value any) providers.Hash {
	h := hasher{sum: sha256.New(), buffer: make([]byte, 0, 512), skip: list.volatile(resource.Type)}
	h.number('V', RedactionRevision)
	if name == providers.Properties {
		h.text('s', resource.Name)
		h.text('s', resource.Region)
		h.number('T', len(resource.Tags))
		h.tags(resource.Tags)
		h.number('A', len(resource.Ancestors))
		for _, ancestor := range resource.Ancestors {
			h.text('s', ancestor)
		}
	}
	h.value(value)
	h.sum.Write(h.buffer)
	return providers.Hash(h.sum.Sum(nil)[:len(providers.Hash{})])
}

func (h *hasher) tags(tags map[string]string) {
	for key := range tags {
		h.keys = append(h.keys, key)
	}
	slices.Sort(h.keys)
	for _, key := range h.keys {
		h.text('s', key)
		h.text('s', tags[key])
	}
	h.keys = h.keys[:0]
}

func (h *hasher) value(value any) {
	switch v := value.(type) {
	case nil:
		h.mark('n')
	case bool:
		if v {
			h.mark('t')
		} else {
			h.mark('f')
		}
	case string:
		h.text('s', v)
	case json.Number:
		h.text('#', string(v))
	case providers.Redacted:
		if v.Empty {
			h.mark('e')
		} else {
			h.mark('r')
		}
	case []any:
		h.mark('[')
		for _, element := range v {
			h.value(element)
		}
		h.mark(']')
	case map[string]any:
		h.object(v)
	default:
		h.mark('?')
	}
}

func (h *hasher) object(object map[string]any) {
	base := len(h.keys)
	for key := range object {
		if !h.skipped(key) {
			h.keys = append(h.keys, key)
		}
	}
	end := len(h.keys)
	slices.Sort(h.keys[base:])
	h.mark('{')
	for i := base; i < end; i++ {
		key := h.keys[i]
		h.text('s', key)
		h.value(object[key])
	}
	h.mark('}')
	h.keys = h.keys[:base]
}

func (h *hasher) skipped(key string) bool {
	for _, volatile := range h.skip {
		if key == volatile {
			return true
		}
	}
	return false
}

func (h *hasher) mark(kind byte) { h.buffer = append(h.room(1), kind) }

func (h *hasher) number(kind byte, n int) {
	h.buffer = binary.AppendUvarint(append(h.room(1+binary.MaxVarintLen64), kind), uint64(n))
}

func (h *hasher) text(kind byte, text string) {
	h.number(kind, len(text))
	h.buffer = append(h.room(len(text)), text...)
}

// room gives the buffer with space for n more bytes, or emptied into the hash.
func (h *hasher) room(n int) []byte {
	if len(h.buffer)+n > cap(h.buffer) && len(h.buffer) > 0 {
		h.sum.Write(h.buffer)
		h.buffer = h.buffer[:0]
	}
	return h.buffer
}
