//go:build corpus

package snapshot_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"cloudaudit/providers/snapshot"
)

// call is a recorded call of an AWS SDK.
type call struct {
	Recording string          `json:"recording"`
	Operation string          `json:"operation"`
	Status    int             `json:"status"`
	Data      json.RawMessage `json:"data"`
}

// calls gives the recorded calls of an operation that succeeded.
func calls(t *testing.T, service, operation string) []call {
	t.Helper()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder with the recorded inventories")
	}
	file, err := os.Open(filepath.Join(root, "aws", "sdk-json", service+".ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []call
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Operation == operation && c.Status == 200 {
			found = append(found, c)
		}
	}
	if lines.Err() != nil || len(found) == 0 {
		t.Fatalf("%d calls of %s, %v", len(found), operation, lines.Err())
	}
	return found
}

func TestCorpus_CloudControlAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range calls(t, "cloudcontrolapi", "ListResources") {
		ids, gaps, _ := read(t, snapshot.Settings{Format: snapshot.CloudControl}, string(c.Data))
		if len(ids) == 0 || len(gaps) > 0 {
			t.Errorf("%s: %v, gaps %v", c.Recording, ids, gaps)
		}
		for _, id := range ids {
			if id[:4] != "arn:" {
				t.Errorf("%s: id %s", c.Recording, id)
			}
		}
	}
}
