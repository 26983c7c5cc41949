package scanner_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cloudaudit/scanner"
)

// TestKeySet_KeepsWhatWasAdded also through its stored form.
func TestKeySet_KeepsWhatWasAdded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		added := rapid.SliceOf(rapid.Int64Range(0, 1<<40)).Draw(t, "keys")
		var set scanner.KeySet
		for _, key := range added {
			set.Add(key)
		}
		data, err := set.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var stored scanner.KeySet
		if err := stored.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		slices.Sort(added)
		want := slices.Compact(added)
		if got := slices.Collect(stored.All()); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestKeySet_RefusesDamage(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{{0x80}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}} {
		var set scanner.KeySet
		if err := set.UnmarshalBinary(data); err == nil {
			t.Errorf("%x was taken", data)
		}
	}
}
