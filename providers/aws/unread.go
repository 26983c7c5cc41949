package aws

import (
	_ "embed"
	"slices"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// neverReadList is data/unread.txt, which explains itself at its top.
//
//go:embed data/unread.txt
var neverReadList string

// neverReadPaths are the paths of the list by type. It is never changed.
var neverReadPaths = parseNeverRead(neverReadList)

func parseNeverRead(text string) map[string][][]string {
	paths := map[string][][]string{}
	name := ""
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
		case strings.Contains(fields[0], "::"):
			name = fields[0]
		default:
			paths[name] = append(paths[name], strings.Split(fields[0], "/"))
		}
	}
	return paths
}

// neverRead marks the properties that CloudFormation has and no call tells, where the object that
// could hold them is there: that they are absent means nothing. A piece of the main part lacks the
// members that are the main part's own.
func neverRead(resourceType string, properties object, main bool) []providers.Unread {
	var unread []providers.Unread
	for _, path := range neverReadPaths[resourceType] {
		if !main && len(path) == 1 {
			continue
		}
		for _, at := range shape.Absent(properties, path, "/properties") {
			unread = append(unread, providers.Unread{Path: at, Class: providers.NotRead})
		}
	}
	return slices.Clip(unread)
}
