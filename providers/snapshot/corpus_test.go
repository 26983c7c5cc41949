//go:build corpus

package snapshot_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

// secretLooks are the marks of secrets that must not be left in what is emitted.
var secretLooks = regexp.MustCompile(`PRIVATE KEY-----|AccountKey=[A-Za-z0-9+/]{20}|[?&]sig=[A-Za-z0-9%]{20}|gh[pousr]_[A-Za-z0-9]{30}|xox[abprs]-[A-Za-z0-9-]{20}|AIzaSy[A-Za-z0-9_-]{33}|eyJ[A-Za-z0-9_-]{16,}\.eyJ|FAKEFAKEFAKE`)

func TestCorpus_EveryLineIsAResourceOrAGap(t *testing.T) {
	t.Parallel()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder with the recorded inventories")
	}
	for _, c := range []struct {
		format, file string
		gaps         int
	}{
		{snapshot.GCP, "gcp/cai-export.ndjson", 0},
		{snapshot.GCP, "gcp/cai-gcs-snake.ndjson", 0},
		{snapshot.Azure, "azure/resources.ndjson", 0},
		{snapshot.Azure, "azure/resources-examples.ndjson", 0},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(root, filepath.FromSlash(c.file))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, snapshot.Settings{Format: c.format, Path: path}, providers.Want{})
			if want := bytes.Count(data, []byte("\n")); len(got.resources)+len(got.gaps) != want || len(got.gaps) != c.gaps {
				t.Errorf("%d resources and %d gaps of %d lines, want %d gaps: %v", len(got.resources), len(got.gaps), want, c.gaps, got.gaps)
			}
			for _, r := range got.resources {
				for name, part := range r.Parts {
					body, err := providers.FormatValue(part.Value)
					if err != nil {
						t.Fatal(err)
					}
					if found := secretLooks.Find(body); found != nil {
						t.Errorf("%s %s: %s holds something like a secret at %d", c.file, r.Type, name, bytes.Index(body, found))
					}
				}
			}
			t.Logf("%d resources, %d unread paths", len(got.resources), unreadPaths(got.resources))
		})
	}
}

func unreadPaths(resources []*providers.Resource) int {
	n := 0
	for _, r := range resources {
		for _, part := range r.Parts {
			n += len(part.Unread)
		}
	}
	return n
}

// TestCorpus_BothSpellingsGiveTheSamePolicies reads one inventory in the spelling of the API and of
// an export to a bucket.
func TestCorpus_BothSpellingsGiveTheSamePolicies(t *testing.T) {
	t.Parallel()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder with the recorded inventories")
	}
	rest := run(t, snapshot.Settings{Format: snapshot.GCP, Path: filepath.Join(root, "gcp", "cai-export.ndjson")}, providers.Want{})
	hashes := map[providers.Hash]bool{}
	for _, r := range rest.resources {
		for _, part := range r.Parts {
			hashes[part.Hash] = true
		}
	}
	snake := run(t, snapshot.Settings{Format: snapshot.GCP, Path: filepath.Join(root, "gcp", "cai-gcs-snake.ndjson")}, providers.Want{})
	missing := 0
	for _, r := range snake.resources {
		for name, part := range r.Parts {
			// Access levels and perimeters are in the second file only.
			if name != providers.Properties && name != "accessPolicy" && !hashes[part.Hash] {
				missing++
				t.Logf("%s %s differs", r.ID, name)
			}
		}
	}
	if missing > 0 {
		t.Errorf("%d policies differ between the spellings", missing)
	}
}

// TestCorpus_DumpsAreReadBack dumps recorded inventories and reads them back.
func TestCorpus_DumpsAreReadBack(t *testing.T) {
	t.Parallel()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	for file, settings := range map[string]snapshot.Settings{
		"gcp/cai-export.ndjson":  {Format: snapshot.GCP},
		"azure/resources.ndjson": {Format: snapshot.Azure},
	} {
		settings.Path = filepath.Join(root, filepath.FromSlash(file))
		before := run(t, settings, providers.Want{})
		lines := make([]snapshot.DumpResource, len(before.resources))
		for i, resource := range before.resources {
			var err error
			if lines[i], err = snapshot.DumpOf(resource); err != nil {
				t.Fatal(err)
			}
		}
		head := header()
		head.Cloud = snapshot.Cloud(settings.Format)
		after := readDump(t, snapshot.Settings{}, dump(t, head, []snapshot.DumpCoverage{everything}, lines...))
		if len(after.gaps) > 0 || len(after.errs) > 0 || len(after.resources) == 0 {
			t.Errorf("%s: %d resources, gaps %v, errors %v", file, len(after.resources), after.gaps, after.errs)
		}
		for i, r := range after.resources {
			r.Rank.Scope, r.Rank.Line = before.resources[i].Rank.Scope, before.resources[i].Rank.Line
			if diff := cmp.Diff(before.resources[i], r); diff != "" {
				t.Fatalf("%s: %s", file, diff)
			}
		}
	}
}

func TestCorpus_StopsWhenCancelled(t *testing.T) {
	t.Parallel()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	settings := snapshot.Settings{Format: snapshot.GCP, Path: filepath.Join(root, "gcp", "cai-export.ndjson")}
	if _, err := snapshot.New().Collectors(ctx, account(t, settings), providers.Want{}); err == nil {
		t.Error("a cancelled plan gave no error")
	}
}
