package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"
)

// maxDeletions bounds how many deleted resources are remembered.
const maxDeletions = 1_000_000

// deletions are the resources that AWS Config saw go, with the time of the last such item. A file of
// history may hold the item of a resource and another file its deletion, so that all files are looked
// through before the first resource is told. Nil stands for none.
type deletions struct {
	files    []file
	settings Settings

	mu     sync.Mutex
	looked bool
	times  map[configKey]time.Time
	err    error
}

// configKey identifies a resource among items of AWS Config.
type configKey [16]byte

func keyOf(item configItem) configKey {
	sum := sha256.Sum256([]byte(strings.Join([]string{item.resourceType, item.account, item.region, item.id}, "\x00")))
	return configKey(sum[:16])
}

// errManyDeletions ends the search.
var errManyDeletions = failed("the files tell of more than %d deleted resources: leave out old history, or export a snapshot", maxDeletions)

// find looks through the files, once. It is safe for concurrent use. A file that cannot be read is
// left to its own listing, which fails.
func (d *deletions) find(ctx context.Context) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looked {
		return d.err
	}
	d.times = map[configKey]time.Time{}
	for _, f := range d.files {
		if f.err != nil {
			continue
		}
		err := eachPiece(ctx, f, d.settings, d.take)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errManyDeletions) {
			d.err = err
			break
		}
	}
	d.looked = true
	return d.err
}

// take notes a record that tells of a deletion; hardly any other is decoded.
func (d *deletions) take(found piece) error {
	if !bytes.Contains(found.data, []byte("Deleted")) && !bytes.Contains(found.data, []byte("NotRecorded")) {
		return nil
	}
	record, fault := decode(found.data)
	if fault != "" {
		return nil
	}
	item := itemOf(record, d.settings)
	if item.recorded() {
		return nil
	}
	key := keyOf(item)
	if last, known := d.times[key]; !known || item.captured.After(last) {
		d.times[key] = item.captured
	}
	if len(d.times) > maxDeletions {
		return errManyDeletions
	}
	return nil
}

// after tells whether a resource was deleted after, or when, the item was captured. Items without a
// time are of the present.
func (d *deletions) after(item configItem) bool {
	if d == nil || item.captured.IsZero() {
		return false
	}
	last, known := d.times[keyOf(item)]
	return known && !item.captured.After(last)
}
