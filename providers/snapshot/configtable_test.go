package snapshot

import (
	"slices"
	"strings"
	"testing"

	"cloudaudit/providers/shape"
)

func TestParseConfigTypes_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		"  A a", "type", "type X\n  A", "type X\n  A a frobnicate", "type X\n  A a each:", "type X\n    A a", "# fine\n\ntype X\nA a", "type X\n  A a\n      B b",
	} {
		if _, err := parseConfigTypes(list); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v", list, err)
		}
	}
}

// TestConfigTypes_AreWellFormed holds the list against CloudFormation's names.
func TestConfigTypes_AreWellFormed(t *testing.T) {
	t.Parallel()
	if len(configTypes) < 30 {
		t.Errorf("the list has %d types", len(configTypes))
	}
	for name, fields := range configTypes {
		known, ok := shape.CFN(name)
		if !ok && name != "AWS::S3::AccountPublicAccessBlock" {
			t.Errorf("%s is no type of CloudFormation", name)
		}
		for _, field := range fields {
			if ok && !slices.Contains(known.Properties, field.property) {
				t.Errorf("%s has no property %s", name, field.property)
			}
			if field.property == known.Tags {
				t.Errorf("%s: tags come from the item", name)
			}
		}
		checkFields(t, name, fields)
	}
}

func checkFields(t *testing.T, at string, fields []*configField) {
	t.Helper()
	names := make([]string, 0, len(fields))
	for _, field := range fields {
		names = append(names, field.property)
		if len(field.fields) > 0 && field.as+field.each+field.first != "" {
			t.Errorf("%s/%s has both properties and a word for its value", at, field.property)
		}
		checkFields(t, at+"/"+field.property, field.fields)
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(fields) {
		t.Errorf("the properties of %s are not in order, each once", at)
	}
}
