//go:build corpus

package packs_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudaudit/providers"
)

// The recorded inventories say whether the properties that policies read are really there. They are
// looked for in CLOUDAUDIT_TESTDATA.
func TestCorpus_RecordedPathsOccur(t *testing.T) {
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder of recorded inventories")
	}
	seen := occurrences{}
	seen.read(t, filepath.Join(root, "gcp", "cai-export.ndjson"), func(record map[string]any) (string, map[string]any) {
		tree := map[string]any{}
		if resource, ok := record["resource"].(map[string]any); ok && resource["data"] != nil {
			tree["properties"] = resource["data"]
		}
		if policy, ok := record["iamPolicy"]; ok {
			tree["facets"] = map[string]any{"iamPolicy": policy}
		}
		return text(record["assetType"]), tree
	})
	for _, name := range []string{"resources.ndjson", "resources-examples.ndjson"} {
		seen.read(t, filepath.Join(root, "azure", name), func(record map[string]any) (string, map[string]any) {
			return text(record["type"]), map[string]any{"properties": record}
		})
	}
	for _, p := range publishedPaths(t) {
		occurs := seen[strings.ToLower(p.resourceType)][p.path]
		if p.recorded && !occurs {
			t.Errorf("%s of %s does not occur in the recorded inventories", p.path, p.resourceType)
		}
		if !p.recorded && occurs {
			t.Errorf("%s of %s occurs in the recorded inventories: say so in published-paths.tsv", p.path, p.resourceType)
		}
	}
}

// occurrences holds the paths that occur by type in lower case, with "*" for any element.
type occurrences map[string]map[string]bool

func (o occurrences) read(t *testing.T, name string, shape func(map[string]any) (string, map[string]any)) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var record map[string]any
		if err := decoder.Decode(&record); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resourceType, tree := shape(record)
		resourceType = strings.ToLower(resourceType)
		if o[resourceType] == nil {
			o[resourceType] = map[string]bool{}
		}
		o.note(resourceType, "", tree)
	}
}

func (o occurrences) note(resourceType, path string, value any) {
	o[resourceType][path] = true
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			o.note(resourceType, providers.Pointer(path, key), child)
		}
	case []any:
		for _, child := range value {
			o.note(resourceType, path+"/*", child)
		}
	}
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
