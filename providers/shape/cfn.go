package shape

import (
	_ "embed"
	"fmt"
	"strings"
)

// cfnTypeList is data/cfn-types.txt, which explains itself at its top.
//
//go:embed data/cfn-types.txt
var cfnTypeList string

// cfnTypes are the types of the list by name. It is never changed.
var cfnTypes = must(parseCFNTypes(cfnTypeList))

// CFNType is what CloudFormation's registry says of a resource type.
type CFNType struct {
	// ARN is the property that holds the resource's own ARN, empty if none does.
	ARN string
	// Tags is the property that holds the tags, a list of Key and Value or, with TagMap, an object.
	Tags   string
	TagMap bool
	// Hidden are the paths of properties that are never read back, with "*" for any element.
	Hidden [][]string
	// Properties are all names of the outermost level.
	Properties []string
}

// CFN gives what is known of a CloudFormation type. It reports false for types that are not in the
// list, which are types all the same.
func CFN(name string) (CFNType, bool) {
	known, ok := cfnTypes[name]
	return known, ok
}

func parseCFNTypes(text string) (map[string]CFNType, error) {
	types := map[string]CFNType{}
	name, number := "", 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if fields[0] == "type" && len(fields) == 2 {
			name = fields[1]
			types[name] = CFNType{Tags: "Tags"}
			continue
		}
		known := types[name]
		if name == "" || !known.add(fields[0], fields[1:]) {
			return nil, fmt.Errorf("read the list of CloudFormation types: line %d is not understood", number)
		}
		types[name] = known
	}
	return types, nil
}

func (t *CFNType) add(word string, args []string) bool {
	switch {
	case word == "arn" && len(args) == 1:
		t.ARN = args[0]
	case word == "tags" && len(args) == 1:
		t.Tags = args[0]
	case word == "tags" && len(args) == 2 && args[1] == "map":
		t.Tags, t.TagMap = args[0], true
	case word == "hidden" && len(args) == 1:
		t.Hidden = append(t.Hidden, strings.Split(args[0], "/"))
	case word == "has" && len(args) > 0:
		t.Properties = append(t.Properties, args...)
	default:
		return false
	}
	return true
}
