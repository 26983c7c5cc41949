package azure

import (
	_ "embed"
	"fmt"
	"path"
	"strings"

	"cloudaudit/providers"
)

// readList is data/reads.txt, which explains itself at its top.
//
//go:embed data/reads.txt
var readList string

// reads are what Resource Manager is asked for, by the type of the parent. It is never changed.
var reads = parseReads(readList)

// read is something that Resource Manager is asked for about a resource.
type read struct {
	// parent is the type of the resource, path what is appended to its id.
	parent, path string
	version      string
	// list tells that the answer is a list, else it is one object.
	list bool
	// kind is the type of what comes back.
	kind string
	// facet is the name under which it stands at its parent; empty for resources of their own.
	facet string
}

func parseReads(text string) map[string][]read {
	all := map[string][]read{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 6 {
			panic(fmt.Sprintf("data/reads.txt: %q is no read", line))
		}
		r := read{parent: fields[1], path: fields[2], list: fields[3] == "list", version: fields[4], kind: fields[5]}
		if fields[0] == "facet" {
			r.facet = path.Base(r.kind)
			if name := path.Base(r.path); strings.HasPrefix(r.path, "config/") {
				r.facet = name // they share one type
			}
		}
		all[r.parent] = append(all[r.parent], r)
	}
	return all
}

// call is the permission that the read needs, which also names it.
func (r read) call() string { return r.kind + "/read" }

// extras holds the facets of a resource, apart from what Azure itself has there.
const extras = "_azure"

// pointer is where a facet stands.
func (r read) pointer() string { return "/properties/" + extras + "/" + r.facet }

// part is the name of a facet's part.
func (r read) part() string { return providers.Piece(r.facet) }
