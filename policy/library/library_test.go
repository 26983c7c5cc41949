package library_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy/library"
	"cloudaudit/providers"
)

// What Object gives is what ParseStatement takes, and what is public of a document is one of its
// statements, whatever the document.
func FuzzStatements(f *testing.F) {
	for _, seed := range []string{
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":["*","1"],"Service":"s"},"Action":"A:*","NotResource":["x"]}}`,
		`{"Statement":[{"Effect":"Deny","NotPrincipal":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`,
		`%7B%7D`, `[]`, `{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"ForAllValues:StringLike":{"aws:SourceArn":["arn:a:b:c:d:e"]}}}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		all, err := library.Statements(document)
		if err != nil {
			return
		}
		for _, object := range library.Objects(all) {
			statement, err := library.ParseStatement(object.(map[string]any))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object, any(statement.Object())); diff != "" {
				t.Error(diff)
			}
		}
		for _, found := range [][]library.Statement{library.Public(all), library.Admins(all)} {
			for _, s := range found {
				if s.Effect != "Allow" || s.Index >= len(all) {
					t.Errorf("%+v", s)
				}
			}
		}
		library.Accounts(all)
		library.RequiresTLS(all, "s3", []string{"*"})
	})
}

func FuzzCompareVersions(f *testing.F) {
	for _, seed := range [][2]string{{"1.2", "1.10"}, {"v1", "2.x"}, {"1.2-beta", "1.2-rc.1"}, {"", "a"}, {"1..2", "1.0.2"}, {"1-2beta", "1_2"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		order, err := library.CompareVersions(a, b)
		back, otherErr := library.CompareVersions(b, a)
		if (err == nil) != (otherErr == nil) || err == nil && order != -back {
			t.Errorf("%q and %q: %d %v, the other way %d %v", a, b, order, err, back, otherErr)
		}
		if same, err := library.CompareVersions(a, a); err == nil && same != 0 {
			t.Errorf("%q differs from itself", a)
		}
	})
}

// A secret that is known to be empty is an empty text; any other is none.
func TestTags_EmptySecret(t *testing.T) {
	t.Parallel()
	tags, err := library.Tags(map[string]any{"a": providers.Redacted{Empty: true}, "b": "x"})
	if diff := cmp.Diff(map[string]string{"a": "", "b": "x"}, tags); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := library.Tags(map[string]any{"a": providers.Redacted{}}); err == nil {
		t.Error("a secret was taken for a value")
	}
}

// Numbers come in several Go types.
func TestPorts_Numbers(t *testing.T) {
	t.Parallel()
	for _, port := range []any{22, int64(22), uint64(22), 22.0, json.Number("22"), "22"} {
		if overlap, err := library.PortsOverlap(port, "20-25"); err != nil || !overlap {
			t.Errorf("%T: %t, %v", port, overlap, err)
		}
	}
}
