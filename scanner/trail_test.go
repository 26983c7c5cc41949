package scanner

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// chunks is a Store that keeps trails alone.
type chunks struct {
	Store
	kept  map[int][]byte
	reads int
}

func (c *chunks) Trail(_ context.Context, _ *Scan, _ string, n int) ([]byte, error) {
	c.reads++
	return c.kept[n], nil
}

func (c *chunks) SaveTrail(_ context.Context, _ *Scan, _ string, n int, data []byte) error {
	if len(data) > 0 {
		c.kept[n] = data
		return nil
	}
	for at := range c.kept {
		if at >= n {
			delete(c.kept, at)
		}
	}
	return nil
}

func (c *chunks) trail(t *rapid.T) *trail {
	r := &run{Scanner: &Scanner{Options: Options{Store: c}}, scan: &Scan{Last: &Last{Contested: &KeySet{}}}}
	trail := r.newTrail("a")
	trail.size, trail.reach = rapid.IntRange(1, 5).Draw(t, "size"), rapid.IntRange(1, 3).Draw(t, "reach")
	return trail
}

func marked(key int64) (mark fingerprint) {
	binary.BigEndian.PutUint64(mark[:], uint64(key))
	return mark
}

// walk lists the keys as a scan does, and gives those that were known.
func walk(t *rapid.T, trail *trail, keys []int64) (known []int64) {
	for _, key := range keys {
		found, ok, err := trail.find(t.Context(), marked(key))
		if err != nil {
			t.Fatal(err)
		}
		if ok && found != key {
			t.Fatalf("the record of %d is taken for one of %d", key, found)
		}
		if ok {
			known = append(known, key)
		}
		if err := trail.add(t.Context(), marked(key), key); err != nil {
			t.Fatal(err)
		}
		if most := (4*trail.reach + 1) * trail.size; len(trail.known) > most {
			t.Fatalf("%d records are in memory, more than %d", len(trail.known), most)
		}
	}
	if err := trail.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	return known
}

// TestTrail_KnowsWhatCameInOrder also where other records came between, and never takes one record for
// another, in whatever order they come.
func TestTrail_KnowsWhatCameInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.Int64Range(1, 200), 0, 60, rapid.ID).Draw(t, "keys")
		store := &chunks{kept: map[int][]byte{}}
		trail := store.trail(t)
		walk(t, trail, keys)
		size, reach := trail.size, trail.reach
		var again []int64
		for _, key := range keys {
			if rapid.IntRange(0, 9).Draw(t, "new") == 0 {
				again = append(again, 1000+key)
			}
			again = append(again, key)
		}
		trail = store.trail(t)
		trail.size, trail.reach = size, reach
		between := len(again) - len(keys)
		if known := walk(t, trail, again); between <= reach*size && len(known) != len(keys) {
			t.Fatalf("known are %d of %d: %v", len(known), len(keys), known)
		}
		trail = store.trail(t)
		trail.size, trail.reach = size, reach
		for _, key := range walk(t, trail, rapid.Permutation(again).Draw(t, "other order")) {
			if !slices.Contains(again, key) {
				t.Fatalf("%d was never listed", key)
			}
		}
	})
}

// TestTrail_IgnoresDamage of any bit.
func TestTrail_IgnoresDamage(t *testing.T) {
	t.Parallel()
	data := encodeSteps([]step{{marked(1), 7}, {marked(2), 300}})
	for bit := range len(data) * 8 {
		damaged := slices.Clone(data)
		damaged[bit/8] ^= 1 << (bit % 8)
		if steps := decodeSteps(damaged); len(steps) > 0 {
			t.Errorf("bit %d: read %v", bit, steps)
		}
	}
}

// FuzzTrail reads damaged chunks: what is read is what would be written.
func FuzzTrail(f *testing.F) {
	f.Add(encodeSteps([]step{{marked(1), 7}, {marked(2), 3}}))
	f.Add([]byte("short"))
	f.Add(binary.BigEndian.AppendUint32(nil, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		steps := decodeSteps(data)
		if again := decodeSteps(encodeSteps(steps)); !slices.Equal(steps, again) {
			t.Fatalf("%v is read back as %v", steps, again)
		}
	})
}
