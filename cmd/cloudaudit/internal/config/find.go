package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Search lists where the file is looked for when neither a flag nor CLOUDAUDIT_CONFIG names it.
func Search(env func(string) (string, bool)) []string {
	places := []string{"cloudaudit.yaml"}
	home, ok := env("XDG_CONFIG_HOME")
	if user, found := env("HOME"); (!ok || home == "") && found && user != "" {
		home = filepath.Join(user, ".config")
	}
	if home != "" {
		places = append(places, filepath.Join(home, "cloudaudit", "cloudaudit.yaml"))
	}
	return append(places, "/etc/cloudaudit/cloudaudit.yaml")
}

// Find gives the path of the file: the flag's, else the variable's, else the first that exists.
func Find(flag string, env func(string) (string, bool)) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if path, ok := env("CLOUDAUDIT_CONFIG"); ok && path != "" {
		return path, nil
	}
	places := Search(env)
	for _, path := range places {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no configuration at %s: name one by --config or CLOUDAUDIT_CONFIG, or make one by `cloudaudit config init > cloudaudit.yaml`",
		strings.Join(places, ", "))
}
