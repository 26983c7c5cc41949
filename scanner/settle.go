package scanner

import (
	"cmp"

	"cloudaudit/providers"
)

// typeState is what discovery proved about a type, worked out once per type.
type typeState struct {
	listed ending
	facets map[string]ending
}

// state gives what discovery proved about a type.
func (j *judging) state(resourceType string) *typeState {
	known := j.types[resourceType]
	if known == nil {
		known = &typeState{listed: j.listed(resourceType), facets: map[string]ending{}}
		j.types[resourceType] = known
	}
	return known
}

func (j *judging) facet(resourceType, facet string) ending {
	state := j.state(resourceType)
	end, known := state.facets[facet]
	if !known {
		end = j.facetRead(resourceType, facet)
		state.facets[facet] = end
	}
	return end
}

// settle decides what the scan proved about a resource's existence and the freshness of its parts.
// It notes the changes in the judgement and applies them to held.
func (j *judging) settle(held *Held) Judgement {
	judgement := Judgement{Key: held.Key, Presence: Present}
	if !j.ingest.seen.Any(held.Key) {
		judgement.Presence, judgement.Missing = j.absence(held.Type, held.Region)
		held.Missing = judgement.Missing
		return judgement
	}
	held.Missing = ""
	parts := held.Parts[:0:0]
	for _, part := range held.Parts {
		if j.settlePart(&judgement, held, &part) {
			parts = append(parts, part)
		}
	}
	held.Parts = parts
	return judgement
}

// absence is what it means that no listing held a resource of the type that was in the region.
func (j *judging) absence(resourceType, region string) (Presence, providers.Class) {
	switch end := j.state(resourceType).listed; {
	case !end.planned, !j.reaches(resourceType, region):
		return Outside, ""
	case end.listing == Complete:
		return Gone, ""
	default:
		return Missing, cmp.Or(end.class, providers.Failure)
	}
}

// settlePart decides about one part of a resource that was seen, and tells whether the part is
// still there.
func (j *judging) settlePart(judgement *Judgement, held *Held, part *HeldPart) bool {
	if j.ingest.seen.Has(part.Name, held.Key) {
		if part.Stale != "" {
			judgement.Fresh = append(judgement.Fresh, part.Name)
			part.Stale = ""
		}
		return true
	}
	class := providers.NotRead
	if part.Name != providers.Properties {
		end := j.facet(held.Type, part.Name)
		if end.listing == Complete {
			judgement.Ended = append(judgement.Ended, part.Name)
			return false
		}
		class = cmp.Or(end.class, providers.NotRead)
	}
	if part.Stale == "" {
		if judgement.Stale == nil {
			judgement.Stale = map[string]providers.Class{}
		}
		judgement.Stale[part.Name] = class
		part.Stale = class
	}
	return true
}

// unread gives the paths of a resource that policies must not trust, beside those within its parts:
// stale parts, and facets that the policies read and nothing promised.
func (j *judging) unread(facts *typePlan, held *Held) []providers.Unread {
	if held.Missing != "" {
		return []providers.Unread{{Path: "", Class: held.Missing}}
	}
	var unread []providers.Unread
	have := map[string]bool{}
	for _, part := range held.Parts {
		have[part.Name] = true
		if part.Stale != "" && !providers.IsPiece(part.Name) { // of a piece the main part tells
			unread = append(unread, providers.Unread{Path: providers.PartPath(part.Name), Class: part.Stale})
		}
		if part.Stale != "" && part.Name == providers.Properties { // tags come with it
			unread = append(unread, providers.Unread{Path: "/tags", Class: part.Stale})
		}
	}
	if !have[providers.Properties] {
		unread = append(unread,
			providers.Unread{Path: providers.PartPath(providers.Properties), Class: providers.NotRead},
			providers.Unread{Path: "/tags", Class: providers.NotRead})
	}
	for _, facet := range facts.facets {
		if have[facet] {
			continue
		}
		if end := j.facet(held.Type, facet); end.listing != Complete {
			unread = append(unread, providers.Unread{Path: providers.PartPath(facet), Class: cmp.Or(end.class, providers.NotRead)})
		}
	}
	if facts.anyFacet {
		unread = append(unread, providers.Unread{Path: "/facets", Class: providers.NotRead})
	}
	return unread
}
