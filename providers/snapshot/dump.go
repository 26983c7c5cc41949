package snapshot

import (
	"encoding/json"
	"slices"
	"time"

	"cloudaudit/providers"
)

// DumpVersion is the version of the dump format that this program writes, and the newest that it
// reads.
const DumpVersion = 1

// The words of a dump's lines: what a line is, and the name of the format.
const (
	lineHeader   = "header"
	lineCoverage = "coverage"
	lineResource = "resource"
	lineTrailer  = "trailer"
)

// How listings and scans end, in the words of the scanner.
const (
	listedWhole   = "complete"
	listedPartly  = "incomplete"
	listedNot     = "failed"
	scanSucceeded = "succeeded"
	scanPartial   = "partial"
)

// DumpHeader is the first line of a dump. It names no organization, so that another one may read it.
type DumpHeader struct {
	// Account is the account's name when the dump was written.
	Account string `json:"account"`
	// Cloud is the cloud whose resources the account holds: providers.AWS, GCP or Azure.
	Cloud string `json:"cloud"`
	// CloudID is the cloud's own id of the account, empty if it is not known.
	CloudID string `json:"cloudId,omitempty"`
	// TakenAt is when the scan that is dumped started, in UTC.
	TakenAt time.Time `json:"takenAt"`
	// Status is how that scan ended: succeeded, partial or failed. Of one that ended otherwise nothing
	// counts as listed.
	Status string `json:"status"`
}

// DumpCoverage is a line about how completely one type in one region, or one facet of it, was read.
type DumpCoverage struct {
	// Region may be providers.Anywhere, Type providers.AnyType, Facet empty for the type itself.
	Region string `json:"region"`
	Type   string `json:"type"`
	Facet  string `json:"facet,omitempty"`
	// Listing is complete, incomplete or failed; the rest says why it is not complete.
	Listing    string          `json:"listing"`
	Class      providers.Class `json:"class,omitempty"`
	Permission string          `json:"permission,omitempty"`
	Place      string          `json:"place,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	// Gaps is how many things could not be read.
	Gaps int `json:"gaps,omitempty"`
}

// DumpResource is a line about one resource, with everything that is known of it.
type DumpResource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	// Identity is left out where it is the ID.
	Identity  string            `json:"identity,omitempty"`
	Name      string            `json:"name,omitempty"`
	Region    string            `json:"region"`
	UID       string            `json:"uid,omitempty"`
	Ancestors []string          `json:"ancestors,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	// Updated is when the resource last changed, as the provider told; zero if it did not. Of several
	// records of a resource the latest counts.
	Updated time.Time `json:"updated,omitzero"`
	// Missing says why the scan did not see the resource although it may be there: its listing was not
	// complete. Everything about it is then unread.
	Missing providers.Class `json:"missing,omitempty"`
	// Parts are what was read, by name: providers.Properties and facets.
	Parts map[string]DumpPart `json:"parts"`
}

// DumpPart is a part of a resource.
type DumpPart struct {
	// Body is the value as JSON, with providers.RedactedText where secrets stood.
	Body json.RawMessage `json:"body"`
	// Unread are the paths in the part that no policy may trust; those of the class redacted put the
	// secrets' places back.
	Unread []providers.Unread `json:"unread,omitempty"`
	// Stale says why the body is of an earlier scan than the dumped one, empty if it is not.
	Stale providers.Class `json:"stale,omitempty"`
}

// dumpTrailer is the last line of a dump: how many lines came before it. A dump without one was cut
// off.
type dumpTrailer struct {
	Coverage  int `json:"coverage"`
	Resources int `json:"resources"`
}

// DumpOf gives the line of a resource as a provider emitted it: sealed, and read just now.
func DumpOf(resource *providers.Resource) (DumpResource, error) {
	line := DumpResource{
		Type: resource.Type, ID: resource.ID, Identity: resource.Identity, Name: resource.Name, Region: resource.Region, UID: resource.UID,
		Ancestors: resource.Ancestors, Tags: resource.Tags, Updated: resource.Rank.Updated, Parts: map[string]DumpPart{},
	}
	for name, part := range resource.Parts {
		body, err := providers.FormatValue(part.Value)
		if err != nil {
			return DumpResource{}, err
		}
		line.Parts[name] = DumpPart{Body: body, Unread: part.Unread}
	}
	return line, nil
}

// promises tells whether the row says of its facet that a listing reads it for all resources.
func (c DumpCoverage) promises() bool {
	return c.Facet != "" && (c.Listing != listedNot || c.Class != providers.NotRead)
}

// unpromised tells whether the row only sums up that no listing promises its facet.
func (c DumpCoverage) unpromised() bool { return c.Facet != "" && !c.promises() && c.Gaps == 0 }

// listed is what a file holds: the listing that a scope stands for.
type listed struct {
	region string
	types  []string // none for any
	whole  []string
}

// scopeOf sums up coverage. A facet is whole only if it was promised for every type, because a scope
// promises a facet for all its types.
func scopeOf(coverage []DumpCoverage) listed {
	regions, types, promised := map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}
	for _, row := range coverage {
		if row.Facet == "" {
			regions[row.Region], types[row.Type] = true, true
		}
		if row.promises() {
			if promised[row.Facet] == nil {
				promised[row.Facet] = map[string]bool{}
			}
			promised[row.Facet][row.Type] = true
		}
	}
	scope := listed{region: providers.Anywhere}
	if len(regions) == 1 {
		scope.region = keys(regions)[0]
	}
	if !types[providers.AnyType] {
		scope.types = keys(types)
	} else {
		types = map[string]bool{providers.AnyType: true}
	}
	for _, facet := range keys(promised) {
		if !slices.ContainsFunc(keys(types), func(t string) bool { return !promised[facet][t] }) {
			scope.whole = append(scope.whole, facet)
		}
	}
	return scope
}

// holds tells whether resources of a type may be in the dump.
func (s listed) holds(resourceType string) bool {
	return len(s.types) == 0 || slices.Contains(s.types, resourceType)
}
