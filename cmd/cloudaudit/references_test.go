package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReferences_Resolve(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "external-id"), []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"AUDIT_ID": "from env", "EMPTY": "", "CREDENTIALS_DIRECTORY": folder}
	all := references{folder: folder, env: func(name string) (string, bool) { value, ok := env[name]; return value, ok }}
	none := references{env: func(string) (string, bool) { return "", false }}
	for text, want := range map[string]string{
		"env:AUDIT_ID": "from env", "file:external-id": "from a file", "file:" + folder + "/external-id": "from a file",
		"cred:external-id": "from a file", "plain-id": "plain-id", "": "",
	} {
		if got, err := all.resolve(text); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"env:ABSENT": "ABSENT is not set", "env:EMPTY": "EMPTY is not set", "file:absent": "absent", "cred:absent": "absent",
	} {
		if _, err := all.resolve(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := none.resolve("cred:x"); err == nil || !strings.Contains(err.Error(), "LoadCredential") {
		t.Errorf("a credential outside of a service: %v", err)
	}
}
