package scanner

import (
	"encoding/binary"
	"errors"
	"maps"
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
		for key := range keys.All() {
			s.Add(part, key)
		}
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

// KeySet is a set of integer keys: a bitmap in chunks, so that a million dense keys take 128 KiB
// and scattered ones little more.
type KeySet struct{ chunks map[int64]*[chunkWords]uint64 }

const (
	chunkBits  = 4096
	chunkWords = chunkBits / 64
)

// Add puts a key into the set.
func (k *KeySet) Add(key int64) {
	if k.chunks == nil {
		k.chunks = map[int64]*[chunkWords]uint64{}
	}
	chunk := k.chunks[key/chunkBits]
	if chunk == nil {
		chunk = new([chunkWords]uint64)
		k.chunks[key/chunkBits] = chunk
	}
	chunk[key%chunkBits/64] |= 1 << (key % 64)
}

// Has tells whether a key is in the set. A nil set is empty.
func (k *KeySet) Has(key int64) bool {
	if k == nil || k.chunks == nil {
		return false
	}
	chunk := k.chunks[key/chunkBits]
	return chunk != nil && chunk[key%chunkBits/64]&(1<<(key%64)) != 0
}

// All gives the keys in rising order.
func (k *KeySet) All() func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		if k == nil {
			return
		}
		for _, at := range slices.Sorted(maps.Keys(k.chunks)) {
			for bit := range int64(chunkBits) {
				if key := at*chunkBits + bit; k.Has(key) && !yield(key) {
					return
				}
			}
		}
	}
}

// MarshalBinary writes the set as the distances between its keys, as unsigned varints.
func (k *KeySet) MarshalBinary() ([]byte, error) {
	var data []byte
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
		if n <= 0 || int64(distance) < 0 {
			return errors.New("set of keys is damaged")
		}
		last += int64(distance)
		k.Add(last)
		data = data[n:]
	}
	return nil
}
