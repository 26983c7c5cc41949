package snapshot

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"

	"cloudaudit/providers"
)

// piece is a record of a file, or a place where none could be made out.
type piece struct {
	// data is valid until the next piece is asked for.
	data []byte
	line int
	// fault says what is wrong, empty for a record.
	fault string
	// around is the answer that holds the record, in its member list; nil for a record by itself.
	around *answer
	list   string
}

// errUTF16 is met in files that a Windows shell wrote.
var errUTF16 = errors.New("the file is in UTF-16: write it in UTF-8")

// place is where between records a splitter stands.
type place int

const (
	outside   place = iota
	inArray         // in an array of records
	inAnswer        // in an object that holds an array of records, between its members
	inMembers       // in such an array
)

// splitter finds the records of a stream without decoding them: lines of NDJSON, elements of
// arrays, and elements of the arrays that API answers hold. It never holds more than one record,
// and of a record never more than the limit.
type splitter struct {
	in     *bufio.Reader
	layout layout
	limit  int
	line   int
	at     place
	// around is the answer that is being read, list the member that holds the records.
	around *answer
	list   string
	// lines tells that every line outside of arrays that begins an object is a record by itself.
	lines bool
	// first tells that no object was read yet, and so nothing is known of the lines.
	first bool
	// more tells that the last answer names a page which should follow.
	more   bool
	record []byte
	large  bool
	empty  bool
}

func newSplitter(in *bufio.Reader, layout layout, limit int) *splitter {
	return &splitter{in: in, layout: layout, limit: limit, line: 1, first: true, empty: true}
}

// start passes over a byte order mark.
func (s *splitter) start() error {
	head, err := s.in.Peek(3)
	if len(head) >= 2 && (head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff) {
		return errUTF16
	}
	if bytes.Equal(head, []byte{0xef, 0xbb, 0xbf}) {
		_, err = s.in.Discard(3)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next gives the next piece, io.EOF after the last one. Other errors are the stream's.
func (s *splitter) next() (piece, error) {
	for {
		c, err := s.space()
		if err != nil {
			return s.end(err)
		}
		s.empty = false
		var found piece
		switch {
		case s.at == outside:
			found, err = s.top(c)
		case s.at == inAnswer:
			found, err = s.answer(c)
		default:
			found, err = s.element(c)
		}
		if err != nil || found.data != nil || found.fault != "" {
			return found, err
		}
	}
}

// end tells the end of a stream from one in the middle of something.
func (s *splitter) end(err error) (piece, error) {
	if !errors.Is(err, io.EOF) {
		return piece{}, err
	}
	switch {
	case s.at != outside:
		s.leave()
		return piece{line: s.line, fault: "the file ends inside of a list: it is cut off"}, nil
	case s.more:
		s.more = false
		return piece{line: s.line, fault: "the answer names a next page that is not in the file: append the remaining pages"}, nil
	}
	return piece{}, io.EOF
}

// leave gives up the list or answer that is being read.
func (s *splitter) leave() {
	s.at, s.more = outside, false
	s.endAnswer()
}

func (s *splitter) endAnswer() {
	if s.around != nil {
		s.around.ended = true
		s.around = nil
	}
}

// top takes what begins outside of lists.
func (s *splitter) top(c byte) (piece, error) {
	switch {
	case c == '[':
		s.at = inArray
		return piece{}, s.skip(1)
	case c == '{' && s.lines:
		return s.wholeLine()
	case c == '{':
		return s.object()
	}
	return s.garbage("the line begins neither an object nor a list")
}

// element takes what begins inside of a list.
func (s *splitter) element(c byte) (piece, error) {
	switch c {
	case ',':
		return piece{}, s.skip(1)
	case ']':
		s.at = map[place]place{inArray: outside, inMembers: inAnswer}[s.at]
		return piece{}, s.skip(1)
	case '}', ':':
		return piece{line: s.line, fault: "the list holds a stray character"}, s.skip(1)
	}
	found := piece{line: s.line, around: s.around}
	if s.at == inMembers {
		found.list = s.list
	}
	outcome, err := s.value(false)
	if err != nil {
		return found, err
	}
	switch {
	case outcome == cutOff:
		s.leave()
		found.fault = "the file ends inside of a record: it is cut off"
	case s.large:
		found.fault = tooLarge
	case c != '{' && (c != '"' || found.list == "" || found.list != s.layout.texts):
		found.fault = "the list holds a value that is not an object"
	default:
		found.data = s.record
	}
	return found, nil
}

const tooLarge = "the record is larger than snapshot.maxRecordBytes"

// object takes an object outside of lists: a record, or an answer that holds records.
func (s *splitter) object() (piece, error) {
	found := piece{line: s.line}
	first := s.first
	s.first = false
	outcome, err := s.value(true)
	if err != nil {
		return found, err
	}
	switch {
	case outcome == holdsRecords:
		s.at = inMembers
		s.around = &answer{members: head(s.record)}
		s.more = s.layout.nextPage(s.around.members)
		return piece{}, nil
	case outcome == cutOff:
		found.fault = "the file ends inside of a record: it is cut off"
	case outcome == broken:
		s.lines = true
		found.fault = "the record is not closed where the next one begins"
	case s.large:
		found.fault = tooLarge
	default:
		found.data = s.record
	}
	if first && outcome == whole && s.line == found.line && s.atLineEnd() {
		s.lines = true
	}
	return found, nil
}

// atLineEnd tells whether only the end of the line follows.
func (s *splitter) atLineEnd() bool {
	for n := 1; ; n++ {
		head, err := s.in.Peek(n)
		if err != nil {
			return false
		}
		switch head[n-1] {
		case '\n':
			return true
		case ' ', '\t', '\r':
		default:
			return false
		}
		if n == 64 {
			return false
		}
	}
}

// wholeLine takes a line as a record.
func (s *splitter) wholeLine() (piece, error) {
	found := piece{line: s.line}
	s.record, s.large = s.record[:0], false
	for {
		chunk, err := s.in.ReadSlice('\n')
		if err == nil || errors.Is(err, io.EOF) {
			if err == nil {
				s.line++
			}
			if len(s.record) == 0 && len(chunk) <= s.limit && !s.large {
				found.data = chunk
				return found, nil
			}
			s.keep(chunk)
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return found, err
		}
		s.keep(chunk)
	}
	if s.large {
		found.fault = tooLarge
		return found, nil
	}
	found.data = s.record
	return found, nil
}

// answer takes what stands between the members of an object that holds records.
func (s *splitter) answer(c byte) (piece, error) {
	switch c {
	case ',':
		return piece{}, s.skip(1)
	case '}':
		s.at = outside
		s.endAnswer()
		return piece{}, s.skip(1)
	case '"':
		return s.member()
	}
	return s.malformed()
}

func (s *splitter) malformed() (piece, error) {
	s.at = outside
	s.endAnswer()
	return s.garbage("the answer around the records is malformed")
}

// member takes a member of an answer: more records, the name of a next page, or anything else.
func (s *splitter) member() (piece, error) {
	found := piece{line: s.line}
	fault := func(outcome outcome, err error) (piece, error) {
		if err != nil && !errors.Is(err, io.EOF) || outcome == whole && err == nil {
			return piece{}, err
		}
		s.leave()
		found.fault = "the file ends inside of an answer: it is cut off"
		return found, nil
	}
	if outcome, err := s.value(false); err != nil || outcome != whole {
		return fault(outcome, err)
	}
	name := string(bytes.Trim(s.record, `"`))
	if c, err := s.space(); err != nil || c != ':' {
		if err == nil {
			return s.malformed()
		}
		return fault(whole, err)
	}
	if err := s.skip(1); err != nil {
		return piece{}, err
	}
	c, err := s.space()
	if err != nil {
		return fault(whole, err)
	}
	if c == '[' && s.layout.holds(name) {
		s.at, s.list = inMembers, name
		return piece{}, s.skip(1)
	}
	if c == ',' || c == '}' || c == ']' || c == ':' {
		return s.malformed()
	}
	outcome, err := s.value(false)
	if err == nil && outcome == whole {
		s.note(name)
	}
	return fault(outcome, err)
}

// note keeps what the records of an answer need of the member that was just read.
func (s *splitter) note(name string) {
	if slices.Contains(s.layout.pages, name) && len(s.record) > 2 && s.record[0] == '"' {
		s.more = true
	}
	if s.around == nil || s.large || !slices.Contains(s.layout.notes, name) {
		return
	}
	if value, err := providers.ParseValue(s.record); err == nil && s.around.members != nil {
		s.around.members[name] = value
	}
}

// head gives the members of an answer up to the list that begins.
func head(record []byte) map[string]any {
	value, err := providers.ParseValue(append(record, ']', '}'))
	if members, ok := value.(map[string]any); ok && err == nil {
		return members
	}
	return map[string]any{}
}

// garbage passes over lines up to one that begins an object or a list.
func (s *splitter) garbage(fault string) (piece, error) {
	found := piece{line: s.line, fault: fault}
	for {
		_, err := s.in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = s.in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		s.line++
		if head, err := s.in.Peek(1); err == nil && (head[0] == '{' || head[0] == '[') {
			return found, nil
		}
	}
}

// space passes over white space and gives the byte after it, unread.
func (s *splitter) space() (byte, error) {
	for {
		head, err := s.in.Peek(1)
		if err != nil {
			return 0, err
		}
		switch head[0] {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return head[0], nil
		}
		if err := s.skip(1); err != nil {
			return 0, err
		}
	}
}

func (s *splitter) skip(n int) error {
	_, err := s.in.Discard(n)
	return err
}

// keep adds to the record, up to the limit.
func (s *splitter) keep(chunk []byte) {
	if s.large || len(s.record)+len(chunk) > s.limit {
		s.large = true
		return
	}
	s.record = append(s.record, chunk...)
}
