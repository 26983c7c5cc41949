package snapshot

import (
	"errors"
	"io"
	"slices"
)

// outcome is how the reading of a value ended.
type outcome int

const (
	// whole is a value with balanced brackets; it may still be malformed inside.
	whole outcome = iota
	// cutOff is a value that the stream ends in.
	cutOff
	// broken is an object that is still open where a line begins the next one.
	broken
	// holdsRecords is an object up to the "[" of the records that it holds.
	holdsRecords
)

// brackets follows the structure of a value byte by byte.
type brackets struct {
	depth     int
	inString  bool
	escaped   bool
	lineStart bool
	// last is the last byte that is no space outside of strings.
	last byte
	// top tells that the value is an object outside of lists, whose own keys matter: key is where
	// in the record the last string at its level begins, isKey that it is a key, holder the last key
	// if it may hold records, described that a key is one that only records have.
	top       bool
	key       int
	isKey     bool
	holder    string
	described bool
}

// value reads one value, from its first byte, into the record. Of an object outside of lists (top)
// it stops early where the object turns out to hold records, or to be broken.
func (s *splitter) value(top bool) (outcome, error) {
	s.record, s.large = s.record[:0], false
	b := brackets{top: top}
	for {
		if _, err := s.in.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				return s.scalarEnd(b), nil
			}
			return whole, err
		}
		chunk, _ := s.in.Peek(s.in.Buffered())
		used, result, ended := s.scan(chunk, &b)
		s.keep(chunk[used.kept:used.read])
		if err := s.skip(used.read); err != nil {
			return whole, err
		}
		if ended {
			return result, nil
		}
	}
}

// scalarEnd judges the end of a stream: a number or word ends there, anything else is cut off.
func (s *splitter) scalarEnd(b brackets) outcome {
	if b.depth == 0 && !b.inString && len(s.record) > 0 {
		return whole
	}
	return cutOff
}

// span says how far a chunk was read, and how much of it the record holds already.
type span struct{ kept, read int }

// scan follows a value through a chunk.
func (s *splitter) scan(chunk []byte, b *brackets) (span, outcome, bool) {
	kept := 0
	for i, c := range chunk {
		if b.lineStart && c == '{' && b.top && b.depth > 0 {
			return span{kept, i}, broken, true
		}
		b.lineStart = c == '\n'
		if b.lineStart && (b.depth > 0 || b.inString) {
			s.line++
		}
		if b.inString {
			if b.text(c) {
				if b.depth == 0 {
					return span{kept, i + 1}, whole, true
				}
				if b.top && b.depth == 1 {
					s.keep(chunk[kept : i+1])
					kept = i + 1
					s.noteKey(b)
				}
			}
			continue
		}
		switch c {
		case '"':
			if b.top && b.depth == 1 {
				b.isKey = b.last == '{' || b.last == ','
				b.key = len(s.record) + i - kept
			}
			b.inString = true
		case '{', '[':
			if c == '[' && b.holder != "" && b.last == ':' && b.depth == 1 {
				s.list = b.holder
				return span{kept, i + 1}, holdsRecords, true
			}
			b.depth++
		case '}', ']':
			if b.depth == 0 {
				return span{kept, i}, whole, true
			}
			if b.depth--; b.depth == 0 {
				return span{kept, i + 1}, whole, true
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if b.depth == 0 {
				return span{kept, i}, whole, true
			}
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			b.last = c
		}
	}
	return span{kept, len(chunk)}, whole, false
}

// text takes a byte of a string and tells whether it is the closing quote.
func (b *brackets) text(c byte) bool {
	switch {
	case b.escaped:
		b.escaped = false
	case c == '\\':
		b.escaped = true
	case c == '"':
		b.inString = false
		b.last = c
		return true
	}
	return false
}

// noteKey looks at a key of the outermost object: one that describes a resource rules out that the
// object is an answer.
func (s *splitter) noteKey(b *brackets) {
	if !b.isKey {
		return
	}
	name := ""
	if !s.large && b.key+1 < len(s.record) {
		name = string(s.record[b.key+1 : len(s.record)-1])
	}
	b.described = b.described || slices.Contains(s.layout.records, name)
	b.holder = ""
	if !b.described && s.layout.holds(name) {
		b.holder = name
	}
}
