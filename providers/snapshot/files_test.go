package snapshot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

const topic = `{"name":"//pubsub.googleapis.com/projects/p/topics/t","assetType":"pubsub.googleapis.com/Topic","resource":{"data":{}}}` + "\n"

// folder writes files, whose names may hold folders.
func folder(t testing.TB, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range files {
		write(t, filepath.Join(root, filepath.FromSlash(name)), topic)
	}
	return root
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(scopes []providers.Scope) []string {
	var all []string
	for _, scope := range scopes {
		all = append(all, scope.Name)
	}
	return all
}

func TestPath_GivesTheScopes(t *testing.T) {
	t.Parallel()
	root := folder(t, "b.ndjson", "a.json", "sub/c.jsonl", "sub/d.json.gz", "e.ndjson.zst", "notes.txt", "x.csv")
	for _, c := range []struct {
		name, path   string
		listed       []string
		scopes, errs []string
	}{
		{"file", "b.ndjson", nil, []string{"b.ndjson"}, nil},
		{"file_without_ending", "notes.txt", nil, []string{"notes.txt"}, nil},
		{"directory", "", nil, []string{"a.json", "b.ndjson", "e.ndjson.zst", "sub/c.jsonl", "sub/d.json.gz"}, nil},
		{"pattern", "*.json", nil, []string{"a.json"}, nil},
		{"pattern_of_folders", "*/c.*", nil, []string{"sub/c.jsonl"}, nil},
		{"missing_file", "no.ndjson", nil, []string{"no.ndjson"}, []string{"no.ndjson"}},
		{"missing_directory", "no", nil, []string{"no"}, []string{"no"}},
		{"nothing_matches", "*.xml", nil, []string{"*.xml"}, []string{"*.xml"}},
		{"bad_pattern", "[", nil, []string{"["}, []string{"["}},
		{"gone_from_directory", "", []string{"a.json", "gone.json", "other.txt"},
			[]string{"a.json", "b.ndjson", "e.ndjson.zst", "gone.json", "sub/c.jsonl", "sub/d.json.gz"}, []string{"gone.json"}},
		{"gone_from_pattern", "*.json", []string{"a.json", "gone.json", "b.ndjson", "*.json"}, []string{"a.json", "gone.json"}, []string{"gone.json"}},
		{"other_file_before", "b.ndjson", []string{"a.json"}, []string{"b.ndjson"}, nil},
		{"missing_file_again", "no.ndjson", []string{"no.ndjson"}, []string{"no.ndjson"}, []string{"no.ndjson"}},
		{"missing_directory_held_files", "no", []string{"a.json"}, []string{"a.json"}, []string{"a.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: filepath.Join(root, c.path)}, providers.Want{Listed: c.listed})
			if diff := cmp.Diff(c.scopes, names(got.scopes)); diff != "" {
				t.Error(diff)
			}
			for _, name := range c.errs {
				if got.errs[name] == nil {
					t.Errorf("scope %q did not fail", name)
				}
			}
			if len(got.errs) != len(c.errs) || len(got.resources) != len(c.scopes)-len(c.errs) {
				t.Errorf("%d resources, errors %v", len(got.resources), got.errs)
			}
		})
	}
}

func TestPath_ErrorsNameTheRemedy(t *testing.T) {
	t.Parallel()
	root := folder(t, "a.json")
	empty := t.TempDir()
	for _, c := range []struct{ path, listed, want string }{
		{filepath.Join(root, "no.ndjson"), "", "does not exist: restore it or correct snapshot.path"},
		{empty, "", "holds no inventory: put its files there"},
		{root, "gone.json", "was there at the last scan and is gone: restore it"},
		{filepath.Join(root, "[z"), "", "is not a valid pattern"},
	} {
		got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: c.path}, providers.Want{Listed: []string{c.listed}})
		found := false
		for _, err := range got.errs {
			found = found || strings.Contains(err.Error(), c.want)
		}
		if !found {
			t.Errorf("%s: errors %v, want %q", c.path, got.errs, c.want)
		}
	}
}

func TestRevision_ChangesWithTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t, "a.json"), "a.json")
	settings := snapshot.Settings{Format: snapshot.GCP, Path: path}
	before := run(t, settings, providers.Want{}).scopes[0].Revision
	if again := run(t, settings, providers.Want{}).scopes[0].Revision; before == "" || again != before {
		t.Errorf("revisions %q and %q of one file", before, again)
	}
	write(t, path, topic+topic)
	if after := run(t, settings, providers.Want{}).scopes[0].Revision; after == before {
		t.Error("another content has the same revision")
	}
}

func TestFile_ThatGrowsWhileItIsReadFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t, "a.json"), "a.json")
	collectors, err := snapshot.New().Collectors(t.Context(), account(t, snapshot.Settings{Format: snapshot.GCP, Path: path}), providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	err = collectors[0].Collect(t.Context(), &writer{t: t, path: path})
	if err == nil || !strings.Contains(err.Error(), "was written to while it was read") {
		t.Errorf("got %v", err)
	}
}

// writer is an emitter that writes to the file which is being read.
type writer struct {
	t    *testing.T
	path string
}

func (w *writer) Resource(*providers.Resource) error {
	write(w.t, w.path, topic+topic)
	return nil
}

func (w *writer) Gap(providers.Gap) error { return nil }

func TestDirectory_IsNoFileOfItself(t *testing.T) {
	t.Parallel()
	root := folder(t, "a.json")
	if err := os.Mkdir(filepath.Join(root, "dir.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "missing"), filepath.Join(root, "link.json")); err != nil {
		t.Fatal(err)
	}
	got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: root}, providers.Want{})
	if diff := cmp.Diff([]string{"a.json", "link.json"}, names(got.scopes)); diff != "" || got.errs["link.json"] == nil {
		t.Errorf("%s errors %v", diff, got.errs)
	}
}
