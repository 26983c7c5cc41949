package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstandard stream may make us hold.
const maxWindow = 32 << 20

// stream is an inventory file that is being read, decompressed as its first bytes say.
type stream struct {
	io.Reader
	file  *os.File
	start os.FileInfo
	close func()
}

// openStream opens a file. Reading ends soon after ctx does.
func openStream(ctx context.Context, f file) (*stream, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return nil, unreadable(f.path, err)
	}
	s := &stream{file: in, close: func() {}}
	if err := s.begin(ctx, f); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return s, nil
}

func (s *stream) begin(ctx context.Context, f file) error {
	var err error
	if s.start, err = s.file.Stat(); err != nil {
		return unreadable(f.path, err)
	}
	raw := bufio.NewReaderSize(patient{ctx, s.file}, 128<<10)
	s.Reader, s.close, err = decompress(raw)
	if err != nil {
		return corrupt(f.path, err)
	}
	return nil
}

// Close closes the file.
func (s *stream) Close() error {
	s.close()
	return s.file.Close()
}

// changed tells whether the file was written to since it was opened.
func (s *stream) changed() bool {
	now, err := s.file.Stat()
	return err != nil || now.Size() != s.start.Size() || !now.ModTime().Equal(s.start.ModTime())
}

// decompress looks at the first bytes, because names lie.
func decompress(raw *bufio.Reader) (io.Reader, func(), error) {
	nothing := func() {}
	head, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nothing, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(raw)
		return unzipped, nothing, err
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(head) == 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:], []byte{0x2a, 0x4d, 0x18}):
		decoder, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, nothing, err
		}
		return decoder, decoder.Close, nil
	}
	return raw, nothing, nil
}

// corrupt says in our words why a file could not be read to its end.
func corrupt(at string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return failed("read inventory %q: it needs a window of more than %d MiB: compress it with a lower level, without --long and --ultra", at, maxWindow>>20)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failed("read inventory %q: the compressed file is cut off: export it again", at)
	case errors.Is(err, errUTF16):
		return failed("read inventory %q: %w", at, err)
	}
	return unreadable(at, fmt.Errorf("%w: export it again", err))
}

// patient is a reader that ends with its context.
type patient struct {
	ctx context.Context //nolint:containedctx // of the one reading that this value lives for
	in  io.Reader
}

func (p patient) Read(buffer []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.in.Read(buffer)
}
