package policy

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Limits of a pack. They stop archives that are made to exhaust memory, far above what packs need.
const (
	maxPackFiles = 5_000
	maxFileSize  = 4 << 20
	maxPackSize  = 64 << 20
	maxPathSize  = 512
)

// bundle is a pack's files in memory, by slash-separated path. It holds what makes the pack: hidden
// files and everything below a folder named testdata are left out, so that a pack is the same with
// and without its test cases.
type bundle map[string][]byte

func (b bundle) add(name string, size int64, content io.Reader) error {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || len(name) > maxPathSize {
		return fmt.Errorf("file %.80q: paths must be relative, plain and at most %d bytes long", name, maxPathSize)
	}
	if size > maxFileSize {
		return fmt.Errorf("file %s: larger than %d MiB", name, maxFileSize>>20)
	}
	if _, double := b[name]; double {
		return fmt.Errorf("file %s: stands twice in the archive", name)
	}
	if len(b) == maxPackFiles {
		return fmt.Errorf("more than %d files", maxPackFiles)
	}
	data, err := io.ReadAll(io.LimitReader(content, maxFileSize+1))
	if err != nil {
		return fmt.Errorf("file %s: %w", name, err)
	}
	if len(data) > maxFileSize {
		return fmt.Errorf("file %s: larger than %d MiB", name, maxFileSize>>20)
	}
	b[name] = data
	return nil
}

// leftOut tells whether a path does not belong to the pack itself.
func leftOut(name string) bool {
	for element := range strings.SplitSeq(name, "/") {
		if element == "testdata" || strings.HasPrefix(element, ".") && element != "." && element != ".." {
			return true
		}
	}
	return false
}

// bundleFS reads a file system. Links and devices are refused: a pack is complete in itself.
func bundleFS(files fs.FS) (bundle, error) {
	b := bundle{}
	total := int64(0)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case leftOut(name) && entry.IsDir():
			return fs.SkipDir
		case leftOut(name) || entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			return fmt.Errorf("file %s: links and special files are not allowed in a pack", name)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if total += info.Size(); total > maxPackSize {
			return fmt.Errorf("more than %d MiB in all", maxPackSize>>20)
		}
		file, err := files.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(b.add(name, info.Size(), file), file.Close())
	})
	return b, err
}

// bundleArchive reads a .tar.gz. Nothing is written anywhere, yet paths that would leave the
// folder are refused, so that whoever unpacks the archive later is safe.
func bundleArchive(archive io.Reader) (bundle, string, error) {
	unzipped, err := gzip.NewReader(archive)
	if err != nil {
		return nil, "", fmt.Errorf("not a .tar.gz archive: %w", err)
	}
	bounded := &boundedReader{from: unzipped, left: 2 * maxPackSize}
	reader, b, total := tar.NewReader(bounded), bundle{}, int64(0)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, "", fmt.Errorf("read the archive: %w", err)
		}
		if err := b.addEntry(header, reader); err != nil {
			return nil, "", err
		}
		if total += header.Size; total > maxPackSize {
			return nil, "", fmt.Errorf("more than %d MiB in all", maxPackSize>>20)
		}
	}
	top := b.strip()
	return b.withoutLeftOut(), top, nil
}

func (b bundle) addEntry(header *tar.Header, content io.Reader) error {
	switch header.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg:
		return b.add(strings.TrimPrefix(header.Name, "./"), header.Size, content)
	}
	return fmt.Errorf("file %.80q: links and special files are not allowed in a pack", header.Name)
}

// strip takes away the one folder that holds everything, if there is one, and names it.
func (b bundle) strip() string {
	if _, ok := b[manifestFile]; ok {
		return ""
	}
	top := ""
	for name := range b {
		first, _, nested := strings.Cut(name, "/")
		if hidden := strings.HasPrefix(first, "."); hidden {
			continue
		}
		if !nested || top != "" && first != top {
			return ""
		}
		top = first
	}
	if top == "" {
		return ""
	}
	for name, data := range maps.Clone(b) {
		delete(b, name)
		if inner, ok := strings.CutPrefix(name, top+"/"); ok {
			b[inner] = data
		}
	}
	return top
}

func (b bundle) withoutLeftOut() bundle {
	maps.DeleteFunc(b, func(name string, _ []byte) bool { return leftOut(name) })
	return b
}

// boundedReader ends with an error, not with the end of file, when too much was read: a bomb is
// not to be mistaken for a short archive.
type boundedReader struct {
	from io.Reader
	left int
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, fmt.Errorf("unpacks to more than %d MiB", 2*maxPackSize>>20)
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// digest identifies the files: a hash over sorted paths and contents, each with its length.
func (b bundle) digest() string {
	hash := sha256.New()
	field := func(data []byte) {
		_ = binary.Write(hash, binary.BigEndian, uint64(len(data))) // a hash takes every write
		hash.Write(data)
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		field([]byte(name))
		field(b[name])
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// archive packs the files in a way that depends on nothing but them.
func (b bundle) archive() ([]byte, error) {
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	writer := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(b)) {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(b[name])), Format: tar.FormatPAX}
		if err := writer.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := writer.Write(b[name]); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := errors.Join(writer.Close(), zipped.Close()); err != nil {
		return nil, fmt.Errorf("pack the files: %w", err)
	}
	return buffer.Bytes(), nil
}

// fs gives the files as a file system. A stored zip in memory is the one that the standard library
// brings.
func (b bundle) fs() (fs.FS, error) {
	var buffer bytes.Buffer
	writer := zip.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(b)) {
		entry, err := writer.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, fmt.Errorf("keep %s: %w", name, err)
		}
		if _, err := entry.Write(b[name]); err != nil {
			return nil, fmt.Errorf("keep %s: %w", name, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("keep the files: %w", err)
	}
	return zip.NewReader(bytes.NewReader(buffer.Bytes()), int64(buffer.Len()))
}

// readme finds the README at the pack's root.
func (b bundle) readme() string {
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if path.Dir(name) == "." && strings.EqualFold(name, "README.md") {
			return string(b[name])
		}
	}
	return ""
}
