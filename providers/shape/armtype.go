package shape

import (
	_ "embed"
	"strings"
)

// armTypeNames lists the types of Azure Resource Manager in the spelling of its API, one a line.
//
//go:embed data/arm-types.txt
var armTypeNames string

// armTypes maps lower case to the canonical spelling, for types and for every prefix of one, down
// to the namespace. It is never changed.
var armTypes = indexARMTypes(armTypeNames)

func indexARMTypes(names string) map[string]string {
	types := map[string]string{}
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		for end := len(name); end > 0; end = strings.LastIndexByte(name[:end], '/') {
			lower := strings.ToLower(name[:end])
			if known, ok := types[lower]; !ok || end == len(name) && known != name {
				types[lower] = name[:end]
			}
		}
	}
	// Resource Graph and Resource Manager name the type of resource groups differently.
	types["microsoft.resources/subscriptions"] = "Microsoft.Resources/subscriptions"
	types["microsoft.resources/subscriptions/resourcegroups"] = "Microsoft.Resources/resourceGroups"
	return types
}

// ARMType gives a type in its canonical case, since Azure's answers disagree on it. Of a type
// that is not known, the longest known beginning is put right and the rest is kept as written.
func ARMType(name string) string {
	lower := strings.ToLower(strings.Trim(name, "/"))
	name = strings.Trim(name, "/")
	if len(lower) != len(name) {
		return name
	}
	for end := len(lower); end > 0; end = strings.LastIndexByte(lower[:end], '/') {
		if known, ok := armTypes[lower[:end]]; ok {
			return known + name[end:]
		}
	}
	return name
}

// ARMRegion gives a location as identifiers have it: "West Europe" is westeurope.
func ARMRegion(location string) string {
	return strings.ToLower(strings.ReplaceAll(location, " ", ""))
}
