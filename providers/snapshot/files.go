package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cloudaudit/providers"
)

// file is a file of an inventory, or the lack of one.
type file struct {
	// name is the path below the root of the settings' path, with slashes.
	name     string
	path     string
	revision string
	// err says why the file cannot be read.
	err error
}

// source is what a path of the settings stands for.
type source struct {
	path string
	// root is the folder that names count from.
	root string
	// covers tells whether a name could be one of the source's files.
	covers func(name string) bool
	// nothing is the name that stands for the source when it has no files.
	nothing string
}

// find lists the files that a path stands for, in the order of their names, and those that the
// last scan listed and that are gone.
func find(settingsPath string, listed []string) []file {
	src, files := open(filepath.Clean(settingsPath))
	seen := map[string]bool{}
	for _, f := range files {
		seen[f.name] = true
	}
	for _, name := range listed {
		if !seen[name] && name != src.nothing && src.covers(name) {
			seen[name] = true
			files = append(files, gone(src, name))
		}
	}
	if len(files) == 0 {
		files = append(files, file{name: src.nothing, path: src.path, err: src.empty()})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files
}

// open tells what kind of path it is and lists its files.
func open(given string) (source, []file) {
	info, err := os.Stat(given)
	switch {
	case err == nil && info.IsDir():
		return directory(given)
	case err != nil && pattern(given):
		return glob(given)
	case err != nil && listable(given) == "":
		// A folder that is missing looks like a file without an ending.
		src, _ := directory(given)
		src.nothing = filepath.Base(given)
		return src, nil
	}
	name := filepath.Base(given)
	src := source{path: given, root: filepath.Dir(given), covers: func(n string) bool { return n == name }}
	if errors.Is(err, fs.ErrNotExist) {
		src.nothing = name
		return src, nil
	}
	return src, []file{stat(src.root, given)}
}

func directory(root string) (source, []file) {
	src := source{path: root, root: root, nothing: filepath.Base(root), covers: func(n string) bool { return listable(n) != "" }}
	var files []file
	visit := func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && at == root && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			files = append(files, file{name: src.name(at), path: at, err: unreadable(at, err)})
		case !entry.IsDir() && listable(at) != "":
			files = append(files, stat(root, at))
		}
		return nil
	}
	// The visitor takes every error as a file that cannot be read.
	_ = filepath.WalkDir(root, visit)
	return src, files
}

func glob(given string) (source, []file) {
	root := given
	for pattern(root) {
		root = filepath.Dir(root)
	}
	src := source{path: given, root: root}
	src.nothing = src.name(given)
	src.covers = func(name string) bool {
		match, err := path.Match(src.nothing, name)
		return err == nil && match
	}
	matches, err := filepath.Glob(given)
	if err != nil {
		return src, []file{{name: src.nothing, path: given, err: fmt.Errorf("snapshot path %q is not a valid pattern", given)}}
	}
	var files []file
	for _, match := range matches {
		if info, err := os.Stat(match); err != nil || !info.IsDir() {
			files = append(files, stat(root, match))
		}
	}
	return src, files
}

func (s source) name(at string) string {
	name, err := filepath.Rel(s.root, at)
	if err != nil {
		return filepath.ToSlash(at)
	}
	return filepath.ToSlash(name)
}

// empty says that a source has no files.
func (s source) empty() error {
	if _, err := os.Stat(s.path); err == nil || pattern(s.path) {
		return failed("snapshot path %q holds no inventory: put its files there, or [] into one if there really are no resources", s.path)
	}
	return failed("snapshot path %q does not exist: restore it or correct snapshot.path", s.path)
}

// gone says that a file which was there is not any more.
func gone(src source, name string) file {
	at := filepath.Join(src.root, filepath.FromSlash(name))
	return file{name: name, path: at, err: failed(
		"inventory file %q was there at the last scan and is gone: restore it, or write [] into it if its resources really are gone", at)}
}

func stat(root, at string) file {
	f := file{name: source{root: root}.name(at), path: at}
	info, err := os.Stat(at)
	switch {
	case err != nil:
		f.err = unreadable(at, err)
	case !info.Mode().IsRegular():
		f.err = failed("inventory %q is not a regular file: write the inventory to a file", at)
	default:
		f.revision = revision(info)
	}
	return f
}

// revision identifies the content of a file well enough to notice that it was replaced.
func revision(info fs.FileInfo) string {
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())
}

func unreadable(at string, err error) error {
	class := providers.Failure
	if errors.Is(err, fs.ErrPermission) {
		class = providers.AccessDenied
	}
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &providers.Error{Class: class, Err: fmt.Errorf("read inventory %q: %w", at, err)}
}

func failed(format string, args ...any) error {
	return &providers.Error{Class: providers.Failure, Err: fmt.Errorf(format, args...)}
}

func pattern(at string) bool { return strings.ContainsAny(at, `*?[`) }

// listable gives the ending that makes a name a file of a directory's inventory, empty for none.
func listable(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch ending := filepath.Ext(name); ending {
	case ".json", ".ndjson", ".jsonl":
		return ending
	}
	return ""
}
