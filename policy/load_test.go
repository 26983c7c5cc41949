package policy_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

// fake is an engine whose packs have one policy, and which can refuse them.
type fake struct {
	refuse error
	seen   *policy.Manifest
}

func (f fake) Load(_ context.Context, m policy.Manifest, files fs.FS) (*policy.Pack, error) {
	if f.seen != nil {
		*f.seen = m
	}
	if _, err := fs.ReadFile(files, "PulumiPolicy.yaml"); err != nil {
		return nil, err
	}
	return &policy.Pack{Policies: []policy.Policy{{Name: "days", Level: policy.Advisory}}}, f.refuse
}

func (fake) Open(context.Context, *policy.Pack, policy.SessionOptions) (policy.Session, error) {
	return nil, errors.ErrUnsupported
}

func (fake) Revision() string { return "fake" }

func loader() policy.Loader {
	return policy.Loader{Engines: map[string]policy.Engine{"fake": fake{}, "other": fake{}}}
}

const manifest = "runtime: fake\nname: mine\n"

// entry is a file of an archive; its type is that of a regular one unless it says otherwise.
type entry struct {
	name, content string
	kind          byte
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	writer := tar.NewWriter(zipped)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: 0o600, ModTime: time.Unix(1, 0)}
		switch e.kind {
		case 0, tar.TypeReg:
			header.Typeflag, header.Size = tar.TypeReg, int64(len(e.content))
		case tar.TypeSymlink, tar.TypeLink:
			header.Linkname = e.content
		}
		if err := writer.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(writer, e.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(writer.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestLoader_SameFromEverywhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	want := map[string]string{"PulumiPolicy.yaml": manifest, "README.md": "# Mine", "policies/a.yaml": "a"}
	files := fstest.MapFS{
		"testdata/a/pass.yaml":          {Data: []byte("left out")},
		"policies/testdata/a/pass.yaml": {Data: []byte("left out")},
		".git/config":                   {Data: []byte("left out")},
	}
	dir := t.TempDir()
	var flat, nested []entry
	for name, content := range want {
		files[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o755}
		flat = append(flat, entry{name: "./" + name, content: content})
		nested = append(nested, entry{name: "package/" + name, content: content})
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	flat = append(flat, entry{name: "testdata/x", content: "left out"}, entry{name: "policies", kind: tar.TypeDir})
	nested = append(nested, entry{name: "package/testdata/x", content: "left out"})
	path := filepath.Join(t.TempDir(), "pack.tar.gz")
	if err := os.WriteFile(path, archive(t, flat...), 0o600); err != nil {
		t.Fatal(err)
	}

	fromFS, err1 := loader().FS(ctx, "fs", files)
	fromDir, err2 := loader().Path(ctx, dir)
	fromPath, err3 := loader().Path(ctx, path)
	fromNested, err4 := loader().Archive(ctx, "x", bytes.NewReader(archive(t, nested...)))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	again, err := loader().Archive(ctx, "x", bytes.NewReader(fromFS.Archive))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []*policy.Pack{fromDir, fromPath, fromNested, again} {
		if diff := cmp.Diff(fromFS, other); diff != "" {
			t.Error(diff)
		}
	}
	if fromFS.Readme != "# Mine" || fromFS.Name != "mine" || !strings.HasPrefix(fromFS.Digest, "sha256:") || len(fromFS.Digest) != 71 {
		t.Errorf("readme %q, name %q, digest %q", fromFS.Readme, fromFS.Name, fromFS.Digest)
	}

	unpacked, err := policy.Unpack(fromFS.Archive)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := policy.Digest(unpacked)
	if err != nil || digest != fromFS.Digest {
		t.Errorf("digest of the unpacked archive %q, %v", digest, err)
	}
	if err := fstest.TestFS(unpacked, "PulumiPolicy.yaml", "README.md", "policies/a.yaml"); err != nil {
		t.Error(err)
	}
	files["policies/b.yaml"] = files["policies/a.yaml"]
	changed, err := loader().FS(ctx, "fs", files)
	if err != nil || changed.Digest == fromFS.Digest {
		t.Errorf("the digest stays with another file; %v", err)
	}
}

func TestLoader_DefaultName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "folder")
	file := filepath.Join(dir, "PulumiPolicy.yaml")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(file, []byte("runtime: fake"), 0o600)); err != nil {
		t.Fatal(err)
	}
	tarball := filepath.Join(t.TempDir(), "mine.tar.gz")
	if err := os.WriteFile(tarball, archive(t, entry{name: "package/PulumiPolicy.yaml", content: "runtime: fake"}), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(p *policy.Pack, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p.Name
	}
	named := archive(t, entry{name: "top/PulumiPolicy.yaml", content: "runtime: fake"})
	got := []string{
		load(loader().Path(ctx, dir)), load(loader().Dir(ctx, dir)), load(loader().Path(ctx, tarball)),
		load(loader().Archive(ctx, "given", bytes.NewReader(named))),
	}
	if diff := cmp.Diff([]string{"folder", "folder", "mine", "top"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoader_Manifest(t *testing.T) {
	t.Parallel()
	var got policy.Manifest
	l := policy.Loader{Engines: map[string]policy.Engine{"fake": fake{seen: &got}}}
	pack, err := l.FS(context.Background(), "x", fstest.MapFS{"PulumiPolicy.yaml": {Data: []byte(`
name: mine
displayName: Mine
description: What it holds.
runtime: {name: fake, options: {deep: [1]}}
version: 1.2.3-beta.1
main: ./policies/
author: a
website: w
license: l
inputFormat: i
initialConfig:
  all: mandatory
  days: {enforcementLevel: disabled, days: 30}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	var numbers []any
	numbers = append(numbers, got.Options["deep"].([]any)...)
	if len(numbers) != 1 {
		t.Errorf("options %v", got.Options)
	}
	got.Options = nil
	initial := policy.Config{"all": {Level: policy.Mandatory}, "days": {Level: policy.Disabled, Properties: got.Initial["days"].Properties}}
	want := policy.Manifest{
		Name: "mine", DisplayName: "Mine", Description: "What it holds.", Runtime: "fake", Version: "1.2.3-beta.1",
		Main: "policies", Author: "a", Website: "w", License: "l", InputFormat: "i", Initial: initial,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if pack.VersionTag != "1.2.3-beta.1" || pack.DisplayName != "Mine" || pack.Description != "What it holds." || pack.Runtime != "fake" || pack.Initial == nil {
		t.Errorf("pack %+v", pack)
	}
}

func TestLoader_Refuses(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 5<<20)
	many := []entry{{name: "PulumiPolicy.yaml", content: manifest}}
	for range 5_001 {
		many = append(many, entry{name: "f" + string(rune('a'+len(many)%26)) + strings.Repeat("x", len(many)/26)})
	}
	bomb := make([]entry, 0, 20)
	for i := range 20 {
		bomb = append(bomb, entry{name: string(rune('a' + i)), content: strings.Repeat("\x00", 4<<20)})
	}
	for _, test := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"not_gzip", []byte("PK"), "policy pack x: not a .tar.gz archive: unexpected EOF"},
		{"empty", archive(t), "policy pack x: no PulumiPolicy.yaml at its root, so it is not a policy pack"},
		{"truncated", archive(t, entry{name: "a", content: "b"})[:40], "policy pack x: read the archive: unexpected EOF"},
		{"traversal", archive(t, entry{name: "../../etc/passwd"}), `policy pack x: file "../../etc/passwd": paths must be relative, plain`},
		{"traversal_inside", archive(t, entry{name: "a/../b"}), `file "a/../b": paths must be relative`},
		{"absolute", archive(t, entry{name: "/etc/passwd"}), `file "/etc/passwd": paths must be relative`},
		{"backslash", archive(t, entry{name: `a\b`}), `paths must be relative`},
		{"long_path", archive(t, entry{name: strings.Repeat("a/", 300) + "b"}), `at most 512 bytes long`},
		{"symlink", archive(t, entry{"link", "/etc/passwd", tar.TypeSymlink}), `file "link": links and special files are not allowed in a pack`},
		{"hard_link", archive(t, entry{"link", "a", tar.TypeLink}), `file "link": links and special files`},
		{"device", archive(t, entry{"null", "", tar.TypeChar}), `file "null": links and special files`},
		{"pipe", archive(t, entry{"pipe", "", tar.TypeFifo}), `file "pipe": links and special files`},
		{"big_file", archive(t, entry{name: "a", content: big}), "file a: larger than 4 MiB"},
		{"big_in_all", archive(t, bomb...), "more than 64 MiB in all"},
		{"many_files", archive(t, many...), "more than 5000 files"},
		{"twice", archive(t, entry{name: "a"}, entry{name: "./a"}), "file a: stands twice in the archive"},
		{"runtime_unknown", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: nodejs\nname: mine"}), `policy pack mine: PulumiPolicy.yaml: runtime "nodejs" is not supported; use fake or other`},
		{"runtime_missing", archive(t, entry{name: "PulumiPolicy.yaml", content: "name: mine"}), "PulumiPolicy.yaml: runtime is missing"},
		{"unknown_key", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\ndisplayname: x"}), `PulumiPolicy.yaml:2:1: unknown key "displayname"; did you mean "displayName"?`},
		{"unknown_option", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: {name: fake, option: {}}"}), `unknown key "option"; did you mean "options"?`},
		{"version", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\nversion: one"}), `version "one" is not a semantic version such as 1.2.3`},
		{"version_number", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\nversion: 1.0"}), "PulumiPolicy.yaml:2:10: want a string, have a number; put it in quotes"},
		{"main_outside", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\nmain: ../other"}), `main "../other": use a folder inside the pack`},
		{"name", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\nname: a b"}), `policy pack name "a b": use 1 to 100 letters`},
		{"two_documents", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\n---\nname: b"}), "PulumiPolicy.yaml: want one document, have 2"},
		{"initial_level", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\ninitialConfig: {all: high}"}), `PulumiPolicy.yaml:2:22: enforcementLevel "high": use advisory`},
		{"initial_list", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\ninitialConfig: [a]"}), `want an object of policies, have a list`},
		{"initial_kind", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\ninitialConfig: {a: [1]}"}), `want an enforcement level or an object, have a list`},
		{"initial_policy", archive(t, entry{name: "PulumiPolicy.yaml", content: "runtime: fake\ninitialConfig: {dayz: disabled}"}), `initialConfig: the pack has no policy "dayz"; did you mean "days"?`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := loader().Archive(context.Background(), "x", bytes.NewReader(test.archive))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestLoader_Paths(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	if _, err := loader().Path(ctx, filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "PulumiPolicy.yaml"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := loader().Path(ctx, dir)
	if err == nil || !strings.Contains(err.Error(), "file link.yaml: links and special files are not allowed in a pack") {
		t.Error(err)
	}
	refusing := policy.Loader{Engines: map[string]policy.Engine{"fake": fake{refuse: errors.ErrUnsupported}}}
	_, err = refusing.FS(ctx, "x", fstest.MapFS{"PulumiPolicy.yaml": {Data: []byte(manifest)}})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "policy pack mine: ") {
		t.Error(err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, entry{name: "PulumiPolicy.yaml", content: manifest}))
	f.Add(archive(f, entry{name: "a/PulumiPolicy.yaml", content: manifest}, entry{"a/b", "", tar.TypeDir}))
	f.Fuzz(func(t *testing.T, data []byte) {
		pack, err := loader().Archive(context.Background(), "x", bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := loader().Archive(context.Background(), "x", bytes.NewReader(pack.Archive))
		if err != nil || again.Digest != pack.Digest {
			t.Errorf("digest %s, then %s, %v", pack.Digest, again.Digest, err)
		}
	})
}
