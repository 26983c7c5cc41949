package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme_WalkThrough does what the README says to authors: the files that it shows, in packs as new
// makes them, pass their tests wholly and have nothing to mend, in both languages.
func TestReadme_WalkThrough(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "own")
	cloudaudit := func(args ...string) {
		t.Helper()
		var output bytes.Buffer
		if code := run(t.Context(), args, nil, &output, &output); code != exitDone {
			t.Fatalf("%q exits %d:\n%s", args, code, output.String())
		}
	}
	cloudaudit("policy", "new", dir)
	cloudaudit("policy", "new", dir, "--name", "bucket-versions")
	shown := regexp.MustCompile(`(?m)^# packs/own/(\S+)\n((?:[^#\x60].*\n)+)`).FindAllStringSubmatch(string(readme), -1)
	if len(shown) != 4 {
		t.Fatalf("the README shows %d files", len(shown))
	}
	for _, file := range shown {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(file[1])), []byte(file[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cloudaudit("policy", "test", dir, "--min-coverage", "100")
	rules := strings.TrimSuffix(dir, "own") + "rules"
	cloudaudit("policy", "new", rules, "--runtime", "opa")
	cloudaudit("policy", "test", rules, "--min-coverage", "100")
	for _, pack := range []string{dir, rules} {
		var output bytes.Buffer
		if code := run(t.Context(), []string{"policy", "lint", pack}, nil, &output, &output); code != exitDone || !strings.Contains(output.String(), "found nothing to mend") {
			t.Errorf("lint exits %d:\n%s", code, output.String())
		}
	}
}
