package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyTest_Watch changes a pack while its cases are watched: each change is tested and told.
func TestPolicyTest_Watch(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "own")
	if code := run(t.Context(), []string{"policy", "new", dir}, nil, io.Discard, io.Discard); code != exitDone {
		t.Fatalf("policy new exits %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	output, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"policy", "test", dir, "--watch", "--coverage"}, nil, writer, writer)
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(output)
	awaitLine(t, lines, "resource-owner  3      4 of 4    100 %")
	awaitLine(t, lines, "3 cases are as they should be")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("testdata/resource-owner/fail.yaml", "resource: {type: any, id: a, tags: {owner: ''}}\n")
	awaitLine(t, lines, "resource-owner  3      3 of 4    75 %")
	awaitLine(t, lines, "resource.tags[?params.tag] is never absent")
	write("testdata/resource-owner/fail.yaml", "resource: {type: any, id: a, tags: {owner: ann}}\n")
	awaitLine(t, lines, "cloudaudit: 1 of 3 cases failed")
	cancel()
	_, _ = io.Copy(io.Discard, output)
	if code := <-ended; code != exitDone {
		t.Errorf("ended with %d", code)
	}
}

// awaitLine reads until a line holds the text.
func awaitLine(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	var read []string
	for lines.Scan() {
		if read = append(read, lines.Text()); strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no line holds %q (%v):\n%s", text, lines.Err(), strings.Join(read, "\n"))
}
