package snapshot

import "bytes"

// maxWaiting bounds the bytes of records that wait for what their answer says behind them.
const maxWaiting = 32 << 20

// waiting are records of an answer that cannot be understood before more of it was read: the members
// of an answer have no order, and some say what the list beside them holds.
type waiting struct {
	pieces []piece
	bytes  int
	// full is an answer of which no more records are kept.
	full *answer
}

// waits tells whether a record has to wait. One whose answer never tells waits until that ends.
func (r *reader) waits(found piece) bool {
	answer := found.around
	return answer != nil && !answer.ended && answer != r.waiting.full && found.fault == "" && !r.told(found)
}

// told tells whether the answer around a record has told what the record needs.
func (r *reader) told(found piece) bool {
	switch r.settings.Format {
	case CloudControl:
		return found.around.members["TypeName"] != nil
	case Config:
		return found.list != queryResults || found.around.members["QueryInfo"] != nil
	}
	return true
}

// hold keeps a record. When there are too many, none of the answer's waits any longer.
func (r *reader) hold(found piece) error {
	found.data = bytes.Clone(found.data)
	r.waiting.pieces = append(r.waiting.pieces, found)
	if r.waiting.bytes += len(found.data); r.waiting.bytes <= maxWaiting {
		return nil
	}
	r.waiting.full = found.around
	return r.release(nil)
}

// release maps the records that wait, unless they still wait with the answer that is being read.
func (r *reader) release(around *answer) error {
	pieces := r.waiting.pieces
	if len(pieces) == 0 || around == pieces[0].around && r.waits(pieces[0]) {
		return nil
	}
	r.waiting.pieces, r.waiting.bytes = nil, 0
	for _, found := range pieces {
		if err := r.record(found); err != nil {
			return err
		}
	}
	return nil
}
