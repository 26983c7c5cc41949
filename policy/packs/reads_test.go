package packs_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudaudit/policy"
)

func TestReads_EveryPathIsPublished(t *testing.T) {
	t.Parallel()
	known, used := map[[2]string]bool{}, map[[2]string]bool{}
	for _, p := range publishedPaths(t) {
		if !strings.HasPrefix(p.source, "https://") {
			t.Errorf("%s %s has no source", p.resourceType, p.path)
		}
		known[[2]string{p.resourceType, p.path}] = true
	}
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			for _, read := range vendorReads(p) {
				if !known[read] {
					t.Errorf("policy %s reads %s of %s: add the vendor's documentation to published-paths.tsv", p.Name, read[1], read[0])
				}
				for row := range known {
					used[row] = used[row] || row[0] == read[0] && within(row[1], read[1])
				}
			}
		}
	}
	for row := range known {
		if !used[row] {
			t.Errorf("published-paths.tsv: no policy reads %s of %s", row[1], row[0])
		}
	}
}

// vendorReads lists what a policy reads of the properties and facets of its types: the rest of a
// resource (name, id, tags) is filled by us.
func vendorReads(p policy.Policy) [][2]string {
	var reads [][2]string
	for _, path := range p.Reads {
		if within(path, "/properties") || within(path, "/facets") {
			for _, name := range p.Types {
				reads = append(reads, [2]string{name, path})
			}
		}
	}
	return reads
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

var (
	texts      = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	mapKeys    = regexp.MustCompile(`"(\w+)":`)
	ours       = regexp.MustCompile(`\b(?:variables|params|resource|account)\.\w+`)
	selections = regexp.MustCompile(`\.\??([A-Za-z]\w*)(\(?)`)
)

// A policy that takes a list as a whole reads, by static analysis, just the list. What it selects
// of the elements must be published all the same.
func TestReads_EverySelectionIsPublished(t *testing.T) {
	t.Parallel()
	segments := map[string][]string{}
	for _, p := range publishedPaths(t) {
		segments[p.resourceType] = append(segments[p.resourceType], strings.Split(p.path, "/")...)
	}
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			data, err := fs.ReadFile(b.Files, "policies/"+p.Name+".yaml")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range selected(string(data)) {
				for _, resourceType := range p.Types {
					if !slices.Contains(segments[resourceType], name) {
						t.Errorf("policy %s selects %s, which published-paths.tsv does not have for %s", p.Name, name, resourceType)
					}
				}
			}
		}
	}
}

// selected lists the names that a policy's expressions select of the vendor's objects.
func selected(document string) []string {
	_, expressions, _ := strings.Cut(document, "\nmatch:\n")
	var own []string
	for _, key := range mapKeys.FindAllStringSubmatch(expressions, -1) {
		own = append(own, key[1])
	}
	bare := ours.ReplaceAllString(texts.ReplaceAllString(expressions, `""`), "")
	_, bare, _ = strings.Cut(bare, "\n") // the line with the types
	var names []string
	for _, selection := range selections.FindAllStringSubmatch(bare, -1) {
		if selection[2] == "" && !slices.Contains(own, selection[1]) && !strings.HasPrefix(selection[1], "googleapis") {
			names = append(names, selection[1])
		}
	}
	return names
}
