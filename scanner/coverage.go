package scanner

import (
	"cmp"
	"slices"

	"cloudaudit/providers"
)

// ending is how the listing of a type or facet ended, over all scopes that could hold it, with the
// class of what went wrong.
type ending struct {
	listing Listing
	class   providers.Class
	planned bool // some scope could hold it
}

func (e *ending) add(listing Listing, class providers.Class) {
	e.planned = true
	if e.listing == "" {
		e.listing = Complete
	}
	if worse := e.listing.Worse(listing); worse != e.listing {
		e.listing, e.class = worse, class
	}
}

// listed tells how the listing of a type ended.
func (r *run) listed(resourceType string) ending {
	var e ending
	for _, scope := range r.scopes {
		if !scope.Scope.Holds(resourceType) {
			continue
		}
		e.add(scope.typeListing(resourceType, ""))
	}
	return e
}

// reaches tells whether some scope could hold resources of the type in the region. What is in no region
// may stand in any scope, and a scope of no region may hold what is in one.
func (r *run) reaches(resourceType, region string) bool {
	return slices.ContainsFunc(r.scopes, func(s ScopeResult) bool {
		return s.Scope.Holds(resourceType) &&
			(region == providers.Global || s.Scope.Region == region || s.Scope.Region == providers.Anywhere || s.Scope.Region == providers.Global)
	})
}

// facetRead tells how a facet of a type was read where no resource has it. Only if every scope that
// holds the type promises the facet whole, and none has a gap in it, is it empty.
func (r *run) facetRead(resourceType, facet string) ending {
	var e ending
	for _, scope := range r.scopes {
		if !scope.Scope.Holds(resourceType) {
			continue
		}
		if !slices.Contains(scope.Scope.Whole, facet) {
			e.add(Unlisted, providers.NotRead)
			continue
		}
		e.add(scope.typeListing(resourceType, facet))
	}
	return e
}

// typeListing tells how the scope's listing of a type ended, or of a facet of it. A gap of an
// unknown type may hide any type; a gap of a facet concerns that facet alone.
func (s ScopeResult) typeListing(resourceType, facet string) (Listing, providers.Class) {
	if s.Listing == Unlisted {
		return Unlisted, s.Class
	}
	for _, gap := range s.Gaps {
		if (gap.Type == "" || gap.Type == resourceType) && (gap.Facet == "" || gap.Facet == facet) {
			return Incomplete, gap.Class
		}
	}
	return Complete, ""
}

type coverageKey struct{ region, resourceType, facet string }

// coverage sums up what was read: a row for each (region, type) of a scope, for each facet that a
// listing promises, for each kind of gap, and for each facet that policies read in vain.
func (r *run) coverage() []Coverage {
	rows := map[coverageKey]Coverage{}
	for _, scope := range r.scopes {
		scope.cover(rows)
	}
	if r.plan != nil {
		r.coverUnread(rows)
	}
	result := make([]Coverage, 0, len(rows))
	for _, row := range rows {
		result = append(result, row)
	}
	slices.SortFunc(result, func(a, b Coverage) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Facet, b.Facet))
	})
	return result
}

func (s ScopeResult) cover(rows map[coverageKey]Coverage) {
	types := s.Scope.Types
	if len(types) == 0 {
		types = []string{providers.AnyType}
	}
	for _, t := range types {
		for _, facet := range append([]string{""}, s.Scope.Whole...) {
			listing, class := s.typeListing(t, facet)
			merge(rows, Coverage{
				Region: s.Scope.Region, Type: t, Facet: facet, Listing: listing,
				Class: class, Permission: s.Permission, Place: s.place(listing), Reason: s.Error,
			})
		}
	}
	for _, gap := range s.Gaps {
		merge(rows, Coverage{
			Region: cmp.Or(gap.Region, s.Scope.Region), Type: cmp.Or(gap.Type, providers.AnyType), Facet: gap.Facet,
			Listing: Incomplete, Class: gap.Class, Permission: gap.Permission, Place: gap.Place, Reason: gap.Reason, Gaps: 1,
		})
	}
}

// place names the scope where its whole listing is the gap.
func (s ScopeResult) place(listing Listing) string {
	if listing == Unlisted {
		return s.Scope.Name
	}
	return ""
}

// merge keeps the worse of two rows, with the particulars of the first that was as bad.
func merge(rows map[coverageKey]Coverage, row Coverage) {
	key := coverageKey{row.Region, row.Type, row.Facet}
	known, exists := rows[key]
	gaps := known.Gaps + row.Gaps
	switch {
	case !exists, known.Listing.Worse(row.Listing) != known.Listing:
		known = row
	case known.Listing == row.Listing && known.Reason == "" && row.Reason != "":
		known = row
	}
	known.Gaps = gaps
	rows[key] = known
}

// coverUnread adds the facets that policies read and no listing promised.
func (r *run) coverUnread(rows map[coverageKey]Coverage) {
	for _, audit := range r.plan.audits {
		for _, t := range r.held {
			for _, facet := range audit.of(t).facets {
				if end := r.facetRead(t, facet); end.planned && end.listing == Unlisted && end.class == providers.NotRead {
					merge(rows, Coverage{
						Region: providers.Anywhere, Type: t, Facet: facet, Listing: Unlisted, Class: providers.NotRead,
						Reason: "policies read this facet and no listing promises it",
					})
				}
			}
		}
	}
}
