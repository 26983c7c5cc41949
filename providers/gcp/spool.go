package gcp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// errSpool says that what was put aside is not, or not wholly, there.
var errSpool = errors.New("what was put aside is gone")

// mostBuffered is how much of a spool is held in memory. What does not exceed it never sees a disk.
const mostBuffered = 8 << 20

// spool keeps records by project until each project's are taken. What memory does not hold goes to a file
// without a name, compressed and encrypted by a key that only this process has: the records hold secrets
// that were not redacted yet. It is safe for concurrent use.
type spool struct {
	temp string
	most int // of bytes in memory

	mu       sync.Mutex
	shelves  map[string]*shelf
	buffered int
	file     *os.File
	size     int64
	chunks   uint64
	seal     cipher.AEAD
	encoder  *zstd.Encoder
	decoder  *zstd.Decoder
	closed   bool
}

// shelf holds the records of a project: the latest in memory, those before in chunks of the file.
type shelf struct {
	buffer []byte
	chunks []chunk
}

// chunk is a piece of the file. Its number was used for no other.
type chunk struct {
	at     int64
	size   int
	number uint64
}

func newSpool(temp string, projects map[string]bool) *spool {
	s := &spool{temp: temp, most: mostBuffered, shelves: map[string]*shelf{}}
	for project := range projects {
		s.shelves[project] = &shelf{}
	}
	return s
}

// holds tells whether records of a project are wanted.
func (s *spool) holds(project string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shelves[project] != nil
}

// put keeps a record of a project.
func (s *spool) put(project string, record []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.shelves[project]
	if s.closed || at == nil {
		return errSpool
	}
	before := len(at.buffer)
	at.buffer = append(binary.AppendUvarint(at.buffer, uint64(len(record))), record...)
	if s.buffered += len(at.buffer) - before; s.buffered <= s.most {
		return nil
	}
	return s.flush()
}

// flush writes what is in memory to the file.
func (s *spool) flush() error {
	if err := s.open(); err != nil {
		return err
	}
	for _, at := range s.shelves {
		if len(at.buffer) == 0 {
			continue
		}
		if err := s.write(at); err != nil {
			return err
		}
	}
	s.buffered = 0
	return nil
}

// open makes the file, unless it is there.
func (s *spool) open() (err error) {
	if s.file != nil {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if s.seal, err = cipher.NewGCM(block); err != nil {
		return err
	}
	if s.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return err
	}
	if s.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(s.temp, "cloudaudit-*"); err != nil {
		return err
	}
	return os.Remove(s.file.Name())
}

// write makes a chunk of what a shelf has in memory.
func (s *spool) write(at *shelf) error {
	s.chunks++
	sealed := s.seal.Seal(nil, nonce(s.chunks), s.encoder.EncodeAll(at.buffer, nil), nil)
	if _, err := s.file.WriteAt(sealed, s.size); err != nil {
		return err
	}
	at.chunks = append(at.chunks, chunk{s.size, len(sealed), s.chunks})
	s.size += int64(len(sealed))
	at.buffer = nil
	return nil
}

// nonce is a number that no other chunk has.
func nonce(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), number)
}

// take hands every record of a project on, in their order, and lets go of them when all were taken. It
// gives errSpool if they are not, or not all, there.
func (s *spool) take(project string, use func([]byte) error) error {
	s.mu.Lock()
	at := s.shelves[project]
	s.mu.Unlock()
	if at == nil {
		return errSpool
	}
	for _, c := range at.chunks {
		records, err := s.read(c)
		if err != nil {
			return err
		}
		if err := eachRecord(records, use); err != nil {
			return err
		}
	}
	if err := eachRecord(at.buffer, use); err != nil {
		return err
	}
	s.done(project)
	return nil
}

// read gives the records of a chunk.
func (s *spool) read(c chunk) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errSpool
	}
	sealed := make([]byte, c.size)
	if _, err := s.file.ReadAt(sealed, c.at); err != nil {
		return nil, errSpool
	}
	opened, err := s.seal.Open(nil, nonce(c.number), sealed, nil)
	if err != nil {
		return nil, errSpool
	}
	records, err := s.decoder.DecodeAll(opened, nil)
	if err != nil {
		return nil, errSpool
	}
	return records, nil
}

func eachRecord(records []byte, use func([]byte) error) error {
	for len(records) > 0 {
		size, n := binary.Uvarint(records)
		if n <= 0 || uint64(len(records)-n) < size {
			return errSpool
		}
		if err := use(records[n : n+int(size)]); err != nil {
			return err
		}
		records = records[n+int(size):]
	}
	return nil
}

// done lets go of a project's records, and of the file with the last.
func (s *spool) done(project string) {
	s.mu.Lock()
	delete(s.shelves, project)
	left := len(s.shelves)
	s.mu.Unlock()
	if left == 0 {
		s.close()
	}
}

// close lets go of everything. It may be called again.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.shelves = true, nil
	if s.file == nil {
		return
	}
	_ = s.encoder.Close() // it holds nothing that would be written
	s.decoder.Close()
	_ = s.file.Close() // what could not be written is wanted no more
	s.file = nil
}
