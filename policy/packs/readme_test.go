package packs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
)

// policiesHead begins the part of a pack's README that lists its policies, to the end.
const policiesHead = "\n## Policies\n"

// TestReadme_ListsThePolicies holds the list of policies in each pack's README; -update writes it.
func TestReadme_ListsThePolicies(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		name := filepath.Join(b.Name, "README.md")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before, listed, _ := strings.Cut(string(data), policiesHead)
		want := policyList(b.pack.Policies)
		if *update {
			if err := os.WriteFile(name, []byte(before+policiesHead+want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, listed); diff != "" {
			t.Errorf("%s (-want +got), run with -update:\n%s", name, diff)
		}
	}
}

// policyList is a table of policies, and of what they can be told.
func policyList(policies []policy.Policy) string {
	var text strings.Builder
	text.WriteString("\n| policy | severity | what holds | controls | parameters |\n|---|---|---|---|---|\n")
	for _, p := range policies {
		name := p.Name
		if p.Kind == policy.OnAccount {
			name += " (account)"
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", name, p.Severity, p.DisplayName, controlList(p.Controls), strings.Join(parameters(p), ", "))
	}
	return text.String()
}

// controlList names each framework once.
func controlList(controls []policy.Control) string {
	var frameworks []string
	ids := map[string][]string{}
	for _, control := range controls {
		framework := strings.TrimSuffix(policy.Control{Framework: control.Framework, Version: control.Version}.String(), " ")
		if ids[framework] == nil {
			frameworks = append(frameworks, framework)
		}
		ids[framework] = append(ids[framework], control.ID)
	}
	slices.Sort(frameworks)
	for i, framework := range frameworks {
		frameworks[i] += " " + strings.Join(ids[framework], ", ")
	}
	return strings.Join(frameworks, "; ")
}

func parameters(p policy.Policy) (names []string) {
	for name := range schemaProperties(p) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
