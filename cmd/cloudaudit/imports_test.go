package main_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
)

// module is the path of the program's module, and what all its packages begin with.
const module = "cloudaudit"

// arrow is one import, with the file that holds it.
type arrow struct {
	file string
	// from is the importing package below the module, "scanner".
	from string
	// to is what is imported, as the file writes it.
	to string
}

// mayImport says which of our packages each of our packages may import. A package without a row
// has no place in the design yet: it gets its row here when it gets its place there. A row that
// ends in "/*" holds for all packages below.
var mayImport = map[string][]string{
	"providers":              {},
	"providers/shape":        {"providers"},
	"providers/providertest": {"providers"},
	"providers/aws":          {"providers", "providers/shape"},
	"providers/aws/awstest":  {},
	"providers/gcp":          {"providers", "providers/shape"},
	"providers/gcp/gcptest":  {"providers", "providers/providertest"},
	"providers/azure":        {"providers", "providers/shape"},
	"providers/snapshot":     {"providers", "providers/shape"},

	"providers/azure/azuretest": {"providers", "providers/providertest"},

	"policy":         {"providers"},
	"policy/view":    {"policy", "policy/view", "providers", "providers/shape"},
	"policy/library": {"providers"},
	"policy/cel":     {"policy", "policy/library", "policy/view", "providers", "providers/shape"},
	"policy/rego":    {"policy", "policy/library", "policy/view", "providers", "providers/shape"},
	"policy/pulumi":  {"policy", "policy/view", "providers", "providers/shape"},
	"policy/packs":   {"policy", "policy/view", "providers", "providers/shape"},
	"policy/packs/*": {"policy", "policy/view", "providers", "providers/shape"},

	"scanner": {"providers", "policy"},
	"store":   {"providers", "policy", "scanner"},

	"cmd/cloudaudit/internal/config": {},
	"cmd/cloudaudit/internal/export": {"providers", "policy", "scanner"},
	"cmd/cloudaudit/internal/web": {
		"providers", "policy", "scanner", "store", "cmd/cloudaudit/internal/export",
	},
	"cmd/cloudaudit": {"*"},
}

// knowledge is what only some packages know of the world outside.
type knowledge struct {
	// rule is told to whoever breaks it.
	rule string
	// paths are imports; one that ends in a slash stands for all below it.
	paths []string
	// only are the packages that know them; a row that ends in "/*" stands for all below it.
	only []string
}

var knowledges = []knowledge{
	{
		rule:  "only store knows database/sql",
		paths: []string{"database/sql", "database/sql/", "github.com/mattn/go-sqlite3", "github.com/pressly/goose/"},
		only:  []string{"store"},
	},
	{
		rule:  "only providers/aws knows the AWS SDK",
		paths: []string{"github.com/aws/"},
		only:  []string{"providers/aws", "providers/aws/awstest"},
	},
	{
		rule:  "only providers/gcp knows the Google Cloud SDK",
		paths: []string{"cloud.google.com/", "google.golang.org/api/"},
		only:  []string{"providers/gcp", "providers/gcp/gcptest"},
	},
	{
		rule:  "only providers/azure knows the Azure SDK",
		paths: []string{"github.com/Azure/", "github.com/AzureAD/"},
		only:  []string{"providers/azure"},
	},
	{
		rule:  "only cmd parses flags",
		paths: []string{"flag", "github.com/spf13/"},
		only:  []string{"cmd/*"},
	},
	{
		rule:  "only cmd serves HTTP, and only the providers of clouds are clients of it beside its sinks",
		paths: []string{"net/http", "net/http/"},
		only:  []string{"cmd/*", "providers/aws", "providers/aws/awstest", "providers/gcp", "providers/azure", "providers/azure/azuretest"},
	},
	{
		rule:  "only pack hosts and the emulator of AWS start processes",
		paths: []string{"os/exec"},
		only:  []string{"policy/pulumi", "cmd/*", "providers/aws/awstest"},
	},
}

// TestImports reads every Go file of the module, whatever platform or build tag it is for, but the
// external tests, which may import what they like.
func TestImports(t *testing.T) {
	t.Parallel()
	arrows, err := readArrows(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	if len(arrows) == 0 {
		t.Fatal("found no import at all")
	}
	told := map[string]bool{"": true}
	for _, a := range arrows {
		if fault := a.fault(); !told[fault] {
			told[fault] = true
			t.Error(fault)
		}
	}
}

// fault says what is wrong with the arrow, nothing if it is right.
func (a arrow) fault() string {
	allowed, found := row(a.from)
	if !found {
		return a.from + " has no row in the table of who may import whom"
	}
	if to, ours := strings.CutPrefix(a.to, module+"/"); ours {
		if slices.Contains(allowed, to) || slices.Contains(allowed, "*") {
			return ""
		}
		list := cmp.Or(strings.Join(allowed, ", "), "nothing")
		return fmt.Sprintf("%s: %s imports %s, but of our packages it may import %s", a.file, a.from, to, list)
	}
	for _, k := range knowledges {
		if k.covers(a.to) && !slices.ContainsFunc(k.only, func(row string) bool { return holds(row, a.from) }) {
			return fmt.Sprintf("%s: %s imports %s, but %s", a.file, a.from, a.to, k.rule)
		}
	}
	return ""
}

// row gives what the package may import of ours.
func row(pkg string) (allowed []string, found bool) {
	for row, allowed := range mayImport {
		if holds(row, pkg) {
			return allowed, true
		}
	}
	return nil, false
}

func (k knowledge) covers(imported string) bool {
	return slices.ContainsFunc(k.paths, func(p string) bool {
		return p == imported || strings.HasSuffix(p, "/") && strings.HasPrefix(imported, p)
	})
}

// holds tells whether the row of a table stands for the package.
func holds(row, pkg string) bool {
	if below, all := strings.CutSuffix(row, "*"); all {
		return strings.HasPrefix(pkg, below)
	}
	return row == pkg
}

// readArrows gives the imports of all Go files that the go command would build from the root of a
// module, those of external test packages aside.
func readArrows(root fs.FS) ([]arrow, error) {
	var arrows []arrow
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); base == "testdata" || base != "." && strings.ContainsAny(base[:1], "._") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		found, err := readFile(root, name)
		arrows = append(arrows, found...)
		return err
	})
	return arrows, err
}

func readFile(root fs.FS, name string) ([]arrow, error) {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(file.Name.Name, "_test") {
		return nil, nil
	}
	arrows := make([]arrow, 0, len(file.Imports))
	for _, spec := range file.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		arrows = append(arrows, arrow{file: name, from: path.Dir(name), to: to})
	}
	return arrows, nil
}

func TestArrow_Fault(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to string
		want     string
	}{
		"store may know the scanner":    {from: "store", to: "cloudaudit/scanner"},
		"the program may know all":      {from: "cmd/cloudaudit", to: "cloudaudit/cmd/cloudaudit/internal/web"},
		"a pack may know the views":     {from: "policy/packs/gcp-baseline", to: "cloudaudit/policy/view"},
		"store may know SQL":            {from: "store", to: "database/sql/driver"},
		"config may know YAML":          {from: "cmd/cloudaudit/internal/config", to: "github.com/goccy/go-yaml"},
		"aws may know its SDK":          {from: "providers/aws", to: "github.com/aws/aws-sdk-go-v2/service/s3"},
		"a name may begin like another": {from: "scanner", to: "github.com/awsome/thing"},
		"the scanner must not know the store": {
			from: "scanner", to: "cloudaudit/store",
			want: "x.go: scanner imports store, but of our packages it may import providers, policy",
		},
		"providers must not know policies": {
			from: "providers", to: "cloudaudit/policy",
			want: "x.go: providers imports policy, but of our packages it may import nothing",
		},
		"engines must not know each other": {
			from: "policy/rego", to: "cloudaudit/policy/cel",
			want: "x.go: policy/rego imports policy/cel, but of our packages it may import " +
				"policy, policy/library, policy/view, providers, providers/shape",
		},
		"exports must not know the store": {
			from: "cmd/cloudaudit/internal/export", to: "cloudaudit/store",
			want: "x.go: cmd/cloudaudit/internal/export imports store, but of our packages it may import " +
				"providers, policy, scanner",
		},
		"a package needs a row": {
			from: "scanner/util", to: "strings",
			want: "scanner/util has no row in the table of who may import whom",
		},
		"the scanner must not know SQL": {
			from: "scanner", to: "database/sql",
			want: "x.go: scanner imports database/sql, but only store knows database/sql",
		},
		"the program must not know SQL": {
			from: "cmd/cloudaudit", to: "github.com/mattn/go-sqlite3",
			want: "x.go: cmd/cloudaudit imports github.com/mattn/go-sqlite3, but only store knows database/sql",
		},
		"gcp must not know the AWS SDK": {
			from: "providers/gcp", to: "github.com/aws/aws-sdk-go-v2/config",
			want: "x.go: providers/gcp imports github.com/aws/aws-sdk-go-v2/config, but only providers/aws knows the AWS SDK",
		},
		"the store must not parse flags": {
			from: "store", to: "github.com/spf13/cobra",
			want: "x.go: store imports github.com/spf13/cobra, but only cmd parses flags",
		},
		"engines must not know HTTP": {
			from: "policy/cel", to: "net/http",
			want: "x.go: policy/cel imports net/http, but only cmd serves HTTP, " +
				"and only the providers of clouds are clients of it beside its sinks",
		},
	}
	for name, tt := range tests {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			got := arrow{file: "x.go", from: tt.from, to: tt.to}.fault()
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("fault (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadArrows(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	got, err := readArrows(fstest.MapFS{
		"store/store.go":           file("package store\nimport (\n\"fmt\"\n_ \"cloudaudit/scanner\"\n)\n"),
		"store/lock_plan9.go":      file("//go:build plan9\n\npackage store\nimport \"net\"\n"),
		"store/store_test.go":      file("package store\nimport \"testing\"\n"),
		"store/outside_test.go":    file("package store_test\nimport \"cloudaudit/providers/snapshot\"\n"),
		"store/testdata/x.go":      file("package x\nimport \"os\"\n"),
		".tools/lint/tool.go":      file("package tool\nimport \"os\"\n"),
		"store/migrations/001.sql": file("CREATE TABLE t (id INTEGER);"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []arrow{
		{"store/lock_plan9.go", "store", "net"},
		{"store/store.go", "store", "fmt"},
		{"store/store.go", "store", "cloudaudit/scanner"},
		{"store/store_test.go", "store", "testing"},
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(arrow{})); diff != "" {
		t.Errorf("arrows (-want +got):\n%s", diff)
	}
}
