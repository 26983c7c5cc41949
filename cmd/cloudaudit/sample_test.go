package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/store"
)

const sample = "../../deploy/sample"

// TestSample_ShowsWhatWasPlanted holds the sample organization against the full list of its faults,
// over two scans: the second opens, resolves and judges nothing anew.
func TestSample_ShowsWhatWasPlanted(t *testing.T) {
	t.Setenv("CLOUDAUDIT_STORE_PATH", filepath.Join(t.TempDir(), "sample.db"))
	ask := func(args ...string) []byte {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), append(args, "--config", sample+"/cloudaudit.yaml"), nil, &stdout, &stderr); code != exitDone {
			t.Fatalf("%v: exit %d\n%s%s", args, code, &stdout, &stderr)
		}
		return stdout.Bytes()
	}
	ask("scan")
	var again []summaryRow
	if err := json.Unmarshal(ask("scan", "-o", "json"), &again); err != nil {
		t.Fatal(err)
	}
	for _, row := range again {
		if row.Opened != 0 || row.Resolved != 0 || row.Status != "succeeded" {
			t.Errorf("the second scan of %s: %+v", row.Account, row)
		}
	}
	var found []store.Violation
	if err := json.Unmarshal(ask("violations", "list", "-o", "json"), &found); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range found {
		got = append(got, strings.Join([]string{v.Account, v.Policy, v.ResourceID, v.Key, v.Severity}, "\t"))
	}
	slices.Sort(got)
	if diff := cmp.Diff(expected(t), got); diff != "" {
		t.Errorf("violations (-planted +found):\n%s", diff)
	}
}

func expected(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(sample + "/expected.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")[1:]
	slices.Sort(lines)
	return lines
}
