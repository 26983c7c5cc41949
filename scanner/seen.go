package scanner

import (
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// Seen says which resources a listing held, part by part: for each part's name the set of keys of
// resources whose current version of it was read.
type Seen map[string]*KeySet

// Add notes that the part of the resource was read.
func (s Seen) Add(part string, key int64) {
	set := s[part]
	if set == nil {
		set = &KeySet{}
		s[part] = set
	}
	set.Add(key)
}

// merge adds what another listing held.
func (s Seen) merge(o Seen) {
	for part, keys := range o {
		if s[part] == nil {
			s[part] = &KeySet{}
		}
		s[part].merge(keys)
	}
}

// Has tells whether the part of the resource was read.
func (s Seen) Has(part string, key int64) bool { return s[part].Has(key) }

// Any tells whether any part of the resource was read.
func (s Seen) Any(key int64) bool {
	for _, set := range s {
		if set.Has(key) {
			return true
		}
	}
	return false
}

// others counts the resources of which any part was read and that are not among the keys.
func (s Seen) others(keys *KeySet) int {
	all := &KeySet{}
	for _, set := range s {
		all.merge(set)
	}
	n := all.Len()
	for key := range keys.All() {
		if all.Has(key) {
			n--
		}
	}
	return n
}

// ErrDamaged tells that a stored set of keys is not as it was written.
var ErrDamaged = errors.New("set of keys is damaged")

// KeySet is a set of integer keys: a bitmap in chunks, so that a million dense keys take 128 KiB
// and scattered ones little more.
type KeySet struct{ chunks map[int64]*[chunkWords]uint64 }

const (
	chunkBits  = 4096
	chunkWords = chunkBits / 64
)

// Add puts a key into the set.
func (k *KeySet) Add(key int64) { k.chunk(key / chunkBits)[key%chunkBits/64] |= 1 << (key % 64) }

func (k *KeySet) chunk(at int64) *[chunkWords]uint64 {
	if k.chunks == nil {
		k.chunks = map[int64]*[chunkWords]uint64{}
	}
	chunk := k.chunks[at]
	if chunk == nil {
		chunk = new([chunkWords]uint64)
		k.chunks[at] = chunk
	}
	return chunk
}

// Has tells whether a key is in the set. A nil set is empty.
func (k *KeySet) Has(key int64) bool {
	if k == nil || k.chunks == nil {
		return false
	}
	chunk := k.chunks[key/chunkBits]
	return chunk != nil && chunk[key%chunkBits/64]&(1<<(key%64)) != 0
}

// merge adds the keys of another set.
func (k *KeySet) merge(o *KeySet) {
	for at, words := range o.chunks {
		chunk := k.chunk(at)
		for i, word := range words {
			chunk[i] |= word
		}
	}
}

// Len is how many keys the set has.
func (k *KeySet) Len() (n int) {
	if k == nil {
		return 0
	}
	for _, words := range k.chunks {
		for _, word := range words {
			n += bits.OnesCount64(word)
		}
	}
	return n
}

// All gives the keys in rising order.
func (k *KeySet) All() func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		if k == nil {
			return
		}
		for _, at := range slices.Sorted(maps.Keys(k.chunks)) {
			for i, word := range k.chunks[at] {
				for ; word != 0; word &= word - 1 {
					if !yield(at*chunkBits + int64(i*64+bits.TrailingZeros64(word))) {
						return
					}
				}
			}
		}
	}
}

// pages gives the keys in rising order, at most size at once.
func (k *KeySet) pages(size int) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		page := make([]int64, 0, size)
		for key := range k.All() {
			if page = append(page, key); len(page) < size {
				continue
			}
			if !yield(page) {
				return
			}
			page = page[:0]
		}
		if len(page) > 0 {
			yield(page)
		}
	}
}

// MarshalBinary writes the set as the distances between its keys, as unsigned varints.
func (k *KeySet) MarshalBinary() ([]byte, error) {
	data := []byte{} // an empty one is no NULL
	last := int64(0)
	for key := range k.All() {
		data = binary.AppendUvarint(data, uint64(key-last))
		last = key
	}
	return data, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (k *KeySet) UnmarshalBinary(data []byte) error {
	last := int64(0)
	for len(data) > 0 {
		distance, n := binary.Uvarint(data)
		if n <= 0 || int64(distance) < 0 || last+int64(distance) < last {
			return ErrDamaged
		}
		last += int64(distance)
		k.Add(last)
		data = data[n:]
	}
	return nil
}
