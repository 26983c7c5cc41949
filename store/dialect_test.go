package store_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ownWords are words of SQLite's dialect that PostgreSQL does not know. Users who outgrow one
// machine go there with the same statements.
var ownWords = regexp.MustCompile(`(?i:insert\s+or\b|rowid|datetime\(|strftime|json_extract|\bpragma\b)|\bGLOB\b`)

// TestDialect reads the statements of the package and its migrations. The one file that opens the
// database is exempt, for it is where SQLite is chosen and set up; so are tests, which look at it.
func TestDialect(t *testing.T) {
	t.Parallel()
	faults, err := dialectFaults(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

func TestDialectFaults(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(folder+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder+"/migrations", 0o700); err != nil {
		t.Fatal(err)
	}
	write("migrations/0001_first.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT;\n-- a rowid\nCREATE TABLE u (at TEXT DEFAULT (datetime('now')));\n")
	write("store.go", "package store\nvar db, _ = sql.Open(`sqlite3`, `x`)\nconst q = `PRAGMA integrity_check`\n")
	write("scans.go", "package store\n// rowid\nvar rowid = \"a glob\"\nconst q = `\nINSERT  OR IGNORE INTO t`\nconst p = \"SELECT last_insert_rowid()\"\n")
	write("store_test.go", "package store\nconst q = `PRAGMA journal_mode`\n")
	got, err := dialectFaults(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"migrations/0001_first.sql:2: rowid is SQLite's alone; say it in words that PostgreSQL knows too",
		"migrations/0001_first.sql:3: datetime( is SQLite's alone; say it in words that PostgreSQL knows too",
		"scans.go:5: INSERT  OR is SQLite's alone; say it in words that PostgreSQL knows too",
		"scans.go:6: rowid is SQLite's alone; say it in words that PostgreSQL knows too",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// dialectFaults names the place of every word that is SQLite's own.
func dialectFaults(root fs.FS) ([]string, error) {
	names, err := fs.Glob(root, "*.go")
	if err != nil {
		return nil, err
	}
	migrations, err := fs.Glob(root, "migrations/*")
	if err != nil {
		return nil, err
	}
	var faults []string
	for _, name := range slices.Concat(migrations, names) {
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return nil, err
		}
		for _, s := range statements(name, source) {
			for _, at := range ownWords.FindAllStringIndex(s.text, -1) {
				line := s.line + strings.Count(s.text[:at[0]], "\n")
				faults = append(faults, fmt.Sprintf("%s:%d: %s is SQLite's alone; say it in words that PostgreSQL knows too",
					name, line, s.text[at[0]:at[1]]))
			}
		}
	}
	return faults, nil
}

// statement is text that may be SQL, and the line on which it begins.
type statement struct {
	line int
	text string
}

// statements gives a migration as it is, and of a Go file its string literals.
func statements(name string, source []byte) []statement {
	if !strings.HasSuffix(name, ".go") {
		return []statement{{line: 1, text: string(source)}}
	}
	if strings.HasSuffix(name, "_test.go") || strings.Contains(string(source), "sql.Open") {
		return nil
	}
	files := token.NewFileSet()
	file := files.AddFile(name, -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	var found []statement
	for {
		position, kind, text := s.Scan()
		switch kind {
		case token.EOF:
			return found
		case token.STRING:
			found = append(found, statement{line: file.Line(position), text: text})
		}
	}
}
