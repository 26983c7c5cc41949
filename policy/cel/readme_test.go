package cel_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"cloudaudit/policy"
)

// TestReadme_ExamplesWork holds the reference to its word: its policies load together, and its case is one.
func TestReadme_ExamplesWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := fstest.MapFS{}
	for i, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
		name := []string{"PulumiPolicy.yaml", "firewall.yaml", "contact.yaml", "testdata/firewall-ssh/fail.yaml"}[i]
		all[name] = &fstest.MapFile{Data: block[1]}
	}
	loader, e := engine()
	pack, err := loader.FS(t.Context(), "pack", all)
	if err != nil {
		t.Fatal(err)
	}
	results, err := policy.RunCases(t.Context(), e, pack, all)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for _, r := range results {
		if held[fmt.Sprint(r.File, r.OK)] = true; r.File != "" && !r.OK {
			t.Errorf("%s: %s", r.File, r.Problem)
		}
	}
	if !held["testdata/firewall-ssh/fail.yamltrue"] || len(pack.Policies) != 2 {
		t.Errorf("%d policies, cases %v", len(pack.Policies), held)
	}
}
