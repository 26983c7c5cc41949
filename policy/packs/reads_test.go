package packs_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudaudit/policy"
)

// publication is what is known of the properties of resource types, by type and path.
type publication map[string]map[string]bool

func (p publication) add(resourceType, path string) {
	if p[resourceType] == nil {
		p[resourceType] = map[string]bool{}
	}
	p[resourceType][path] = true
}

// has tells whether a path is published, in which a "*" may also stand for any name.
func (p publication) has(resourceType, path string) bool {
	if p[resourceType][path] || path == "/properties" && p[resourceType] != nil {
		return true
	}
	if !strings.Contains(path, "/*") {
		return false
	}
	wanted := strings.Split(path, "/")
	for known := range p[resourceType] {
		segments := strings.Split(known, "/")
		if len(segments) == len(wanted) && fits(wanted, segments) {
			return true
		}
	}
	return false
}

func fits(pattern, segments []string) bool {
	for i, segment := range segments {
		if pattern[i] != "*" && pattern[i] != segment {
			return false
		}
	}
	return true
}

// selects tells whether a name is part of a path of one of the types.
func (p publication) selects(types []string, name string) bool {
	for _, resourceType := range types {
		for path := range p[resourceType] {
			if slices.Contains(strings.Split(path, "/"), name) {
				return true
			}
		}
	}
	return false
}

// ofOneType are paths that a policy of several types reads of another of its types only, behind a
// look at resource.type or where their absence says what the policy wants to know.
var ofOneType = map[[2]string]bool{
	{"AWS::Lambda::Function", "/properties/AuthType"}:                                 true,
	{"Microsoft.KeyVault/vaults/keys", "/properties/properties/contentType"}:          true,
	{"AWS::Lambda::Url", "/properties/_aws/Url/AuthType"}:                             true,
	{"AWS::RDS::DBCluster", "/properties/SourceDBInstanceIdentifier"}:                 true,
	{"AWS::RDS::DBCluster", "/properties/_aws/ReadReplicaSourceDBInstanceIdentifier"}: true,
}

// TestReads_EveryPathIsPublished holds what policies read against what vendors publish:
// published-paths.tsv for Google Cloud and Azure, cfn-paths.txt for the names of CloudFormation, and
// aws-provider-paths.tsv for what CloudFormation does not name and our provider reads from an API.
func TestReads_EveryPathIsPublished(t *testing.T) {
	t.Parallel()
	known, rows := published(t)
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			for _, read := range vendorReads(p) {
				if !known.has(read[0], read[1]) && !ofOneType[read] {
					t.Errorf("policy %s reads %s of %s: add the vendor's documentation", p.Name, read[1], read[0])
				}
				for row := range rows {
					rows[row] = rows[row] || row[0] == read[0] && (within(row[1], read[1]) || strings.Contains(read[1], "*") && known.has(row[0], row[1]))
				}
			}
		}
	}
	for row, used := range rows {
		if !used {
			t.Errorf("no policy reads %s of %s: take it out of the table", row[1], row[0])
		}
	}
}

// published reads the tables, and gives the rows that are there for a policy only.
func published(t *testing.T) (publication, map[[2]string]bool) {
	t.Helper()
	known, rows := publication{}, map[[2]string]bool{}
	row := func(resourceType, path, source string) {
		if !strings.HasPrefix(source, "https://") {
			t.Errorf("%s %s has no source", resourceType, path)
		}
		known.add(resourceType, path)
		rows[[2]string{resourceType, path}] = false
	}
	for _, p := range publishedPaths(t) {
		row(p.resourceType, p.path, p.source)
	}
	for i, line := range lines(t, "testdata/aws-provider-paths.tsv") {
		if fields := strings.Split(line, "\t"); len(fields) != 4 {
			t.Fatalf("aws-provider-paths.tsv:%d: want 4 columns, have %d", i+1, len(fields))
		} else if i > 0 {
			row(fields[0], fields[1], fields[3])
		}
	}
	resourceType := ""
	for _, line := range lines(t, "testdata/cfn-paths.txt") {
		switch path, isPath := strings.CutPrefix(line, "  "); {
		case isPath:
			known.add(resourceType, "/properties"+path)
		case !strings.HasPrefix(line, "#"):
			resourceType = line
		}
	}
	return known, rows
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// vendorReads lists what a policy reads of the properties and facets of its types: the rest of a
// resource (name, id, tags) is filled by us.
func vendorReads(p policy.Policy) [][2]string {
	var reads [][2]string
	for _, name := range p.Types {
		for _, path := range p.ReadsOf(name) {
			if within(path, "/properties") || within(path, "/facets") {
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
	typeLine   = regexp.MustCompile(`(?m)^  types: .*$`)
	selections = regexp.MustCompile(`\.\??([A-Za-z_]\w*)(\(?)`)
)

// fieldsOfOurs are names that an expression may select without a vendor: the fields of resources, and
// what the functions of the library give.
var fieldsOfOurs = []string{
	"type", "id", "name", "region", "uid", "tags", "ancestors", "properties", "facets",
	"index", "sid", "effect", "actions", "notActions", "resources", "notResources", "principals", "notPrincipals", "condition",
	"role", "member", "members",
}

// A policy that takes a list as a whole reads, by static analysis, just the list. What it selects
// of the elements must be published all the same.
func TestReads_EverySelectionIsPublished(t *testing.T) {
	t.Parallel()
	known, _ := published(t)
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			data, err := fs.ReadFile(b.Files, "policies/"+p.Name+".yaml")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range selected(string(data)) {
				if !known.selects(p.Types, name) {
					t.Errorf("policy %s selects %s, which is published for none of %q", p.Name, name, p.Types)
				}
			}
		}
	}
}

// selected lists the names that a policy's expressions select of the vendor's objects.
func selected(document string) []string {
	_, expressions, _ := strings.Cut(document, "\nmatch:\n")
	expressions = typeLine.ReplaceAllString(expressions, "")
	own := slices.Clone(fieldsOfOurs)
	for _, key := range mapKeys.FindAllStringSubmatch(expressions, -1) {
		own = append(own, key[1])
	}
	bare := ours.ReplaceAllString(texts.ReplaceAllString(expressions, `""`), "")
	var names []string
	for _, selection := range selections.FindAllStringSubmatch(bare, -1) {
		if selection[2] == "" && !slices.Contains(own, selection[1]) {
			names = append(names, selection[1])
		}
	}
	return names
}
