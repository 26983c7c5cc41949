package snapshot

import (
	"fmt"
	"testing"

	"cloudaudit/providers"
)

// counter counts what is emitted.
type counter struct{ resources, gaps int }

func (c *counter) Resource(*providers.Resource) error { c.resources++; return nil }

func (c *counter) Gap(providers.Gap) error { c.gaps++; return nil }

// TestWaiting_IsBounded reads an answer whose type stands behind its list, with room for so many
// bytes of records to wait: what does not fit in becomes a gap, and so does what waited.
func TestWaiting_IsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		room, resources, gaps int
	}{
		{100, 3, 0},
		{60, 3, 0},
		{59, 0, 3},
		{10, 0, 3},
	} {
		got := &counter{}
		r := reader{file: file{name: "in.json"}, settings: Settings{Format: CloudControl}, emit: got}
		r.waiting.bytes = maxWaiting - c.room
		around := &answer{members: map[string]any{}}
		for i := range 3 {
			data := fmt.Appendf(nil, "%-20s", fmt.Sprintf(`{"Identifier":"%d"}`, i))
			if err := r.take(piece{data: data, line: 1, around: around, list: descriptions}); err != nil {
				t.Fatal(err)
			}
		}
		around.members["TypeName"], around.ended = "AWS::New::Thing", true
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		if got.resources != c.resources || got.gaps != c.gaps {
			t.Errorf("room for %d: %d resources and %d gaps, want %d and %d", c.room, got.resources, got.gaps, c.resources, c.gaps)
		}
	}
}
