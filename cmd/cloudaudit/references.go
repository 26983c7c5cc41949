package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// references finds the values that a configuration refers to, so that no secret stands in it.
type references struct {
	folder string // of the configuration, from which relative paths count
	env    func(string) (string, bool)
}

// resolve gives the value of env:NAME, file:/path or cred:name, a credential that systemd hands to the
// service. Any other text is the value itself. An error never quotes a value.
func (r references) resolve(text string) (string, error) {
	scheme, name, _ := strings.Cut(text, ":")
	switch scheme {
	case "env":
		value, ok := r.env(name)
		if !ok || value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return value, nil
	case "file":
		if !filepath.IsAbs(name) {
			name = filepath.Join(r.folder, filepath.FromSlash(name))
		}
		return readReference(name)
	case "cred":
		folder, ok := r.env("CREDENTIALS_DIRECTORY")
		if !ok || folder == "" {
			return "", fmt.Errorf("the credential %s is none of this process: CREDENTIALS_DIRECTORY is not set, as LoadCredential= of systemd does", name)
		}
		return readReference(filepath.Join(folder, name))
	}
	return text, nil
}

// readReference reads a file without the end of its last line.
func readReference(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read a value that the configuration refers to: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
