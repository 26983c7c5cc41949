package shape

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRules_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"key", "key a b", "type X", "forbid x", "# fine\n\nvolatile x"} {
		if _, err := parseRules(text); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestRedactionList_IsWellFormed holds the names of the list in the form in which they are
// compared, so that none of its lines is without effect.
func TestRedactionList_IsWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for line := range strings.Lines(RedactionList) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if seen[line] {
			t.Errorf("%q stands twice", line)
		}
		seen[line] = true
		fields := strings.Fields(line)
		switch fields[0] {
		case "key", "keep", "values", "elements", "refs":
			var buffer [longestName]byte
			if got := string(plainName(fields[1], &buffer)); got != fields[1] {
				t.Errorf("%q is compared as %q", line, got)
			}
		case "type":
			if !strings.HasPrefix(fields[2], "/properties/") && !strings.HasPrefix(fields[2], "/facets/") {
				t.Errorf("%q has no path from the root", line)
			}
		}
	}
}

func TestParseCFNTypes_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"arn Arn", "type X\narn", "type X\ntags A list", "type X\nhas", "type", "# fine\n\ntype X\nforbid x"} {
		if _, err := parseCFNTypes(text); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestCFNTypes_AreWellFormed holds what the list says of a type against the type's own properties.
func TestCFNTypes_AreWellFormed(t *testing.T) {
	t.Parallel()
	for name, known := range cfnTypes {
		if strings.Count(name, "::") != 2 || len(known.Properties) == 0 || !slices.IsSorted(known.Properties) {
			t.Errorf("%s has no name of a type or no properties in order", name)
		}
		if known.ARN != "" && !slices.Contains(known.Properties, known.ARN) {
			t.Errorf("%s has no property %s", name, known.ARN)
		}
		if known.Tags != "Tags" && !slices.Contains(known.Properties, known.Tags) {
			t.Errorf("%s has no property %s", name, known.Tags)
		}
	}
}
