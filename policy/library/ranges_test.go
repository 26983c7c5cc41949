package library_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"cloudaudit/policy/library"
)

func parse(t rapid.TB, sources ...any) library.Range {
	t.Helper()
	found, err := library.ParseRanges(sources)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// prefix draws a prefix of IPv4, near to others so that they meet.
func prefix(t *rapid.T, name string) netip.Prefix {
	address := netip.AddrFrom4([4]byte{byte(rapid.IntRange(8, 11).Draw(t, name)), rapid.Byte().Draw(t, "second"), 0, rapid.Byte().Draw(t, "last")})
	return netip.PrefixFrom(address, rapid.IntRange(5, 32).Draw(t, "bits")).Masked()
}

// TestRange_AgreesWithPrefixes holds the spans against what the standard library says of prefixes.
func TestRange_AgreesWithPrefixes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := prefix(t, "a"), prefix(t, "b")
		left, right := parse(t, a.String()), parse(t, b.String())
		if got, want := left.Covers(right), a.Bits() <= b.Bits() && a.Contains(b.Addr()); got != want {
			t.Errorf("%s covers %s: %t", a, b, got)
		}
		if got, want := left.Overlaps(right), a.Overlaps(b); got != want {
			t.Errorf("%s overlaps %s: %t", a, b, got)
		}
		if got, want := left.Size(), int64(1)<<(32-a.Bits()); got != want {
			t.Errorf("%s holds %d addresses", a, got)
		}
	})
}

// TestRange_WorldInPieces cuts the world into pieces, in any order: together they are the world, and
// without one that the internet has, they are not.
func TestRange_WorldInPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := []netip.Prefix{netip.MustParsePrefix(rapid.SampledFrom([]string{"0.0.0.0/0", "2000::/3"}).Draw(t, "family"))}
		for range rapid.IntRange(1, 40).Draw(t, "cuts") {
			at := rapid.IntRange(0, len(pieces)-1).Draw(t, "cut")
			low, high := halves(pieces[at])
			pieces[at] = low
			pieces = append(pieces, high)
		}
		rand.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		all := make([]any, len(pieces))
		for i, piece := range pieces {
			all[i] = piece.String()
		}
		if !parse(t, all...).World() {
			t.Errorf("%v are the world", all)
		}
		if left := parse(t, all[0]); parse(t, all[1:]...).World() == left.Public() {
			t.Errorf("%v without %v", all[1:], all[0])
		}
	})
}

func halves(p netip.Prefix) (low, high netip.Prefix) {
	raw := p.Addr().AsSlice()
	if p.Bits() == len(raw)*8 {
		return p, p
	}
	raw[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	upper, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(upper, p.Bits()+1)
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "::/0", "*", "10.0.0.1-10.0.0.9", "::ffff:1.2.3.4/97", "1-", "-", "/", "fe80::1%a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		found, err := library.ParseRange(source)
		if err != nil {
			return
		}
		if len(found) == 0 || !found.Covers(found) || !found.Overlaps(found) || found.Size() < 1 {
			t.Errorf("%q gives %v", source, found)
		}
		if found.World() && !found.Public() {
			t.Errorf("%q is the world and not public", source)
		}
	})
}
