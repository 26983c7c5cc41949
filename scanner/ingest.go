package scanner

import (
	"context"
	"fmt"
	"sync"

	"cloudaudit/providers"
)

// ingest compares what is read with what is stored and writes the difference. All scopes of a
// scan share one, so that records of one resource in several scopes are weighed in turn.
type ingest struct {
	run *run

	mu sync.Mutex
	// seen says of which parts the current version was read in this scan.
	seen Seen
	// weighed are the resources of which a record was compared with what is stored, and contested
	// those of which one part was read more than once.
	weighed, contested KeySet
	// aside says of which parts a record was put aside.
	aside Seen
}

// save stores a batch of records, notes in seen what they held, and on the trail those that count.
func (in *ingest) save(ctx context.Context, batch []*providers.Resource, seen Seen, trail *trail) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	fresh, marks, err := in.familiar(ctx, batch, seen, trail)
	if err != nil || len(fresh) == 0 {
		return err
	}
	var counted []int64
	err = in.run.Store.Ingest(ctx, in.run.scan, fresh, func(known []Known) (writes []PartWrite, err error) {
		writes, counted, err = in.weigh(fresh, known, seen)
		return writes, err
	})
	if err != nil {
		return fmt.Errorf("store a batch of %d records: %w", len(fresh), err)
	}
	for i, mark := range marks {
		if counted[i] == 0 {
			continue
		}
		if err := trail.add(ctx, mark, counted[i]); err != nil {
			return err
		}
	}
	return nil
}

// familiar takes the records out of a batch that the last scan read just so and stored: they change
// nothing, unless this scan read the same part of the resource already, in another record. It gives the
// others with their fingerprints.
func (in *ingest) familiar(ctx context.Context, batch []*providers.Resource, seen Seen, trail *trail) (
	fresh []*providers.Resource, marks []fingerprint, err error,
) {
	type identity struct{ kind, id string }
	waiting := map[identity]bool{}
	for _, record := range batch {
		at, mark := identity{record.Type, record.Identity}, fingerprintOf(record)
		key, known, err := trail.find(ctx, mark)
		if err != nil {
			return nil, nil, err
		}
		if !known || waiting[at] || in.read(record, key) {
			waiting[at] = true
			fresh, marks = append(fresh, record), append(marks, mark)
			continue
		}
		for name := range record.Parts {
			in.seen.Add(name, key)
			seen.Add(name, key)
		}
		if err := trail.add(ctx, mark, key); err != nil {
			return nil, nil, err
		}
	}
	return fresh, marks, nil
}

// read tells whether a part that the record has of the resource was read before.
func (in *ingest) read(record *providers.Resource, key int64) bool {
	for name := range record.Parts {
		if in.seen.Has(name, key) {
			return true
		}
	}
	return false
}

// weigh decides about every record of a batch. Counted has the key of the resource where all that
// the record held is the current version now, and 0 where it is not.
func (in *ingest) weigh(batch []*providers.Resource, known []Known, seen Seen) (writes []PartWrite, counted []int64, err error) {
	byKey := make(map[int64]*Known, len(known))
	counted = make([]int64, len(batch))
	for i, record := range batch {
		held, first := &known[i], known[i].New
		if earlier := byKey[held.Key]; earlier != nil {
			held, first = earlier, false // what this batch already decided about the resource counts
		}
		byKey[held.Key] = held
		in.weighed.Add(held.Key)
		if in.read(record, held.Key) {
			in.contested.Add(held.Key)
		}
		fresh, counts, err := in.weighOne(held, record, first, seen)
		if err != nil {
			return nil, nil, fmt.Errorf("encode a resource of type %s: %w", record.Type, err)
		}
		if counts {
			counted[i] = held.Key
		}
		writes = append(writes, fresh...)
	}
	return writes, counted, nil
}

// weighOne decides about every part of a record, and tells whether all of them count.
func (in *ingest) weighOne(held *Known, record *providers.Resource, first bool, seen Seen) (writes []PartWrite, counts bool, err error) {
	counts = true
	for name, part := range record.Parts {
		write := PartWrite{
			Key: held.Key, Part: name, Head: record,
			Hash: part.Hash, Unread: EncodeUnread(part.Unread), Rank: record.Rank, First: first,
		}
		in.decide(&write, held)
		in.contend(&write, held)
		if write.Defer || write.loses {
			counts = false
		} else {
			in.seen.Add(name, held.Key)
			seen.Add(name, held.Key)
		}
		if !write.Version && !write.Defer && !write.Reread && !write.Contends {
			continue
		}
		if write.Version || write.Defer {
			body, err := providers.FormatValue(part.Value)
			if err != nil {
				return nil, false, err
			}
			write.Body = body
		}
		writes = append(writes, write)
		if write.Version || write.Reread {
			in.remember(held, write)
		}
	}
	return writes, counts, nil
}

// contend notes whether another scope has, or may have, a record of the part in this scan.
func (in *ingest) contend(write *PartWrite, held *Known) {
	if current := held.part(write.Part); current != nil && in.seen.Has(write.Part, held.Key) {
		write.Contends = current.Rank.Scope == "" || current.Rank.Scope != write.Rank.Scope
	}
	if write.Defer {
		// What was put aside before an interruption is not known any more.
		write.Contends = write.Contends || in.aside.Has(write.Part, held.Key) || in.run.scan.Left != nil
		in.aside.Add(write.Part, held.Key)
	}
}

// decide says what is to be done with a part that was read. Of several records of a part in one
// scan the one of the highest rank counts (design §12.1), in whatever order they come: the rank of
// the winner so far is the current version's. A record that would change the content but ranks
// below the current version may be a loser whose winner is still to come, so it is put aside until
// the scan knows.
func (in *ingest) decide(write *PartWrite, held *Known) {
	current := held.part(write.Part)
	if current == nil {
		write.Version = true
		return
	}
	same := current.Hash == write.Hash && current.Unread == write.Unread && !recreated(write, held)
	switch {
	case in.seen.Has(write.Part, held.Key):
		wins := later(write.Rank, current.Rank)
		write.Version = wins && current.Hash != write.Hash
		write.Reread = wins && !write.Version && (!same || moved(write.Rank, current.Rank))
		write.loses = !wins
	case current.Hash == write.Hash:
		write.Reread = !same || current.Stale || moved(write.Rank, current.Rank)
	case write.Rank.Compare(current.Rank) < 0:
		write.Defer = true
	default:
		write.Version = true
	}
}

// recreated tells that the record is of another resource that has the identity of the one before.
func recreated(write *PartWrite, held *Known) bool {
	return write.Part == providers.Properties && write.Head.UID != held.UID
}

// later tells whether a record outranks the one read before it in this scan. Within a scope records
// come in order, so the stored line, which may be of an earlier scan, is not asked.
func later(rank, current providers.Rank) bool {
	if rank.Updated.Equal(current.Updated) && rank.Scope == current.Scope {
		return true
	}
	return rank.Compare(current) > 0
}

// moved tells whether the stored rank must follow. A line that moved alone is not worth a write.
func moved(rank, current providers.Rank) bool {
	return !rank.Updated.Equal(current.Updated) || rank.Scope != current.Scope
}

// remember carries a decision over to later records of the same batch.
func (in *ingest) remember(held *Known, write PartWrite) {
	if write.Part == providers.Properties {
		held.UID = write.Head.UID
	}
	now := KnownPart{Name: write.Part, Hash: write.Hash, Unread: write.Unread, Rank: write.Rank, From: in.run.scan.Seq}
	if current := held.part(write.Part); current != nil {
		*current = now
		return
	}
	held.Parts = append(held.Parts, now)
}

// restoreDeferred settles the records that were put aside: where what outranked them was not read
// again, or only with a lower rank, the best of them is the truth.
func (r *run) restoreDeferred(ctx context.Context) error {
	var after DeferredKey
	for {
		page, err := r.Store.Deferred(ctx, r.scan, after, batchSize)
		if err != nil {
			return fmt.Errorf("read deferred parts: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		last := page[len(page)-1].Write
		after = DeferredKey{Key: last.Key, Part: last.Part}
		if err := r.Store.SaveParts(ctx, r.scan, r.ingest.promote(page)); err != nil {
			return fmt.Errorf("store deferred parts: %w", err)
		}
	}
}

func (in *ingest) promote(page []DeferredPart) []PartWrite {
	var writes []PartWrite
	for _, deferred := range page {
		write := deferred.Write
		if in.seen.Has(write.Part, write.Key) {
			if write.Rank.Compare(deferred.Current) <= 0 {
				continue
			}
			in.contested.Add(write.Key)
		}
		write.Version, write.Defer = true, false
		in.seen.Add(write.Part, write.Key)
		writes = append(writes, write)
	}
	return writes
}
