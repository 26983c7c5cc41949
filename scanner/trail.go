package scanner

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"cloudaudit/providers"
)

// trail is what a scope's listing held when the account was scanned last, in the order of then. Most
// records come again as they were and about where they were, so that one can be known for unchanged
// by its fingerprint alone, without a question to the store. Only a window of the trail is in memory:
// a listing in quite another order costs the questions, and nothing else.
//
// A trail tells the truth only as long as nothing but scans that end writes what it is about: the
// store forgets it whenever one begins, and keeps the one that replaces it when that ends.
type trail struct {
	store Store
	scan  *Scan
	scope string
	size  int // of a chunk
	reach int // how many chunks lie in the window before and after the last match

	known   map[fingerprint]spot
	window  []chunk
	next    int // chunk to read, -1 when there are no more
	at      int // chunk of the last match
	noted   []step
	written int // chunks
}

// fingerprint identifies a record by everything of it that is stored, at 128 bits: whoever wants one
// record to pass for another has to find a collision of SHA-256's first half.
type fingerprint [16]byte

type step struct {
	mark fingerprint
	key  int64
}

// spot is where the window has a fingerprint.
type spot struct {
	key   int64
	chunk int
}

type chunk struct {
	n     int
	steps []step
}

func (r *run) newTrail(scope string) *trail {
	t := &trail{store: r.Store, scan: r.scan, scope: scope, size: 4096, reach: 4, known: map[fingerprint]spot{}}
	if r.scan.Last == nil || r.Full {
		t.next = -1
	}
	return t
}

// fingerprintOf covers what decides whether a record changes what is stored.
func fingerprintOf(r *providers.Resource) (mark fingerprint) {
	data := make([]byte, 0, 512)
	text := func(s string) {
		data = binary.AppendUvarint(data, uint64(len(s)))
		data = append(data, s...)
	}
	text(r.Type)
	text(r.Identity)
	text(r.UID)
	data = binary.AppendVarint(data, r.Rank.Updated.UnixNano())
	names := make([]string, 0, 8)
	for name := range r.Parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		part := r.Parts[name]
		text(name)
		data = append(data, part.Hash[:]...)
		text(EncodeUnread(part.Unread))
	}
	sum := sha256.Sum256(data)
	copy(mark[:], sum[:])
	return mark
}

// find gives the key of the resource whose record has the fingerprint, if the last scan met it near.
func (t *trail) find(ctx context.Context, mark fingerprint) (int64, bool, error) {
	if err := t.advance(ctx); err != nil {
		return 0, false, err
	}
	spot, known := t.known[mark]
	if !known || t.scan.Last.Contested.Has(spot.key) {
		return 0, false, nil
	}
	t.at = max(t.at, spot.chunk)
	return spot.key, true, nil
}

// advance moves the window to where the last match was.
func (t *trail) advance(ctx context.Context) error {
	for t.next >= 0 && t.next <= t.at+t.reach {
		if err := t.read(ctx); err != nil {
			return err
		}
	}
	for len(t.window) > 0 && t.window[0].n < t.at-t.reach {
		t.leave()
	}
	return nil
}

// read takes the next chunk into the window.
func (t *trail) read(ctx context.Context) error {
	data, err := t.store.Trail(ctx, t.scan, t.scope, t.next)
	if err != nil {
		return fmt.Errorf("read what scope %s listed before: %w", t.scope, err)
	}
	steps := decodeSteps(data)
	if len(steps) == 0 {
		t.next = -1
		return nil
	}
	for _, s := range steps {
		t.known[s.mark] = spot{s.key, t.next}
	}
	t.window = append(t.window, chunk{t.next, steps})
	t.next++
	return nil
}

// leave drops the oldest chunk of the window.
func (t *trail) leave() {
	for _, s := range t.window[0].steps {
		if t.known[s.mark].chunk == t.window[0].n {
			delete(t.known, s.mark)
		}
	}
	t.window = t.window[1:]
}

// add notes a record for the next scan.
func (t *trail) add(ctx context.Context, mark fingerprint, key int64) error {
	t.noted = append(t.noted, step{mark, key})
	if len(t.noted) < t.size {
		return nil
	}
	return t.flush(ctx)
}

// flush writes a chunk over the one of the last scan, which is read first if it was not yet. The
// window grows by it, though not without end.
func (t *trail) flush(ctx context.Context) error {
	if t.written == t.next {
		if err := t.read(ctx); err != nil {
			return err
		}
		if len(t.window) > 4*t.reach {
			t.leave()
		}
	}
	err := t.save(ctx, encodeSteps(t.noted))
	t.written++
	t.noted = t.noted[:0]
	return err
}

// end writes what is left and where the trail ends.
func (t *trail) end(ctx context.Context) error {
	if len(t.noted) > 0 {
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	return t.save(ctx, nil)
}

func (t *trail) save(ctx context.Context, data []byte) error {
	if err := t.store.SaveTrail(ctx, t.scan, t.scope, t.written, data); err != nil {
		return fmt.Errorf("store what scope %s lists: %w", t.scope, err)
	}
	return nil
}

// encodeSteps writes a checksum, and for each step the fingerprint and the distance of its key to the
// one before.
func encodeSteps(steps []step) []byte {
	data := make([]byte, 4, 4+len(steps)*(len(fingerprint{})+2))
	last := int64(0)
	for _, s := range steps {
		data = append(data, s.mark[:]...)
		data = binary.AppendVarint(data, s.key-last)
		last = s.key
	}
	binary.BigEndian.PutUint32(data, crc32.ChecksumIEEE(data[4:]))
	return data
}

// decodeSteps reads what encodeSteps wrote. What is damaged is as good as nothing: a wrong key would
// have one resource pass for another.
func decodeSteps(data []byte) (steps []step) {
	if len(data) < 4 || binary.BigEndian.Uint32(data) != crc32.ChecksumIEEE(data[4:]) {
		return nil
	}
	data = data[4:]
	for last := int64(0); len(data) > 0; {
		var s step
		rest := data[copy(s.mark[:], data):]
		distance, n := binary.Varint(rest)
		if n <= 0 {
			return steps
		}
		last += distance
		s.key = last
		steps = append(steps, s)
		data = rest[n:]
	}
	return steps
}
