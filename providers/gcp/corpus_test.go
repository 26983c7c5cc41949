//go:build corpus

package gcp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/gcp/gcptest"
)

// TestCorpus_IsReadLiveAsFromAFile serves recorded assets and compares with the export that they are from.
func TestCorpus_IsReadLiveAsFromAFile(t *testing.T) {
	t.Parallel()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder with the recorded inventories")
	}
	served, exported := recorded(t, filepath.Join(root, "gcp", "cai-export.ndjson"))
	server := gcptest.New(t, gcptest.Assets(served...))
	live := read(t.Context(), t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization, Members: gcp.MembersNone}))
	files := &result{}
	for _, c := range snapshotOf(t, exported) {
		if err := c.Collect(t.Context(), files); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(parts(files.resources), parts(live.resources)); diff != "" || len(live.errs) > 0 || len(live.gaps) != len(files.gaps) {
		t.Errorf("errors %v, gaps %v and %v, (-exported +live):\n%s", live.errs, live.gaps, files.gaps, diff)
	}
	t.Logf("%d assets, %d records", len(served), len(live.resources))
}

// parts gives the hash of every part that was found. A line of an export holds several parts that a listing
// gives one by one.
func parts(resources []*providers.Resource) map[string]string {
	all := map[string]string{}
	for _, resource := range resources {
		for name, part := range resource.Parts {
			all[resource.Type+" "+resource.ID+" "+name] = fmt.Sprint(part.Hash, part.Unread)
		}
	}
	return all
}

// recorded reads the assets of an export that the API could have listed, below one organization, each name
// once, and writes them to an export of their own, in which numbers are written as gRPC has them.
func recorded(t *testing.T, path string) (assets []*assetpb.Asset, export string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	seen := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var record map[string]any
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		name, _ := record["name"].(string)
		if seen[name] {
			continue
		}
		seen[name] = true
		record["ancestors"] = []string{organization}
		delete(record, "v2_org_policies")
		if policy, _ := record["iamPolicy"].(map[string]any); policy["bindings"] == nil {
			delete(policy, "bindings") // the API writes none where there are none
		}
		line, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		asset, err := gcptest.Asset(line)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		assets = append(assets, asset)
		out.Write(append(line, '\n'))
	}
	export = filepath.Join(t.TempDir(), "export.ndjson")
	if err := os.WriteFile(export, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return assets, export
}
