package snapshot

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"cloudaudit/providers"
)

// gapsOfCoverage tells again what the dumped scan could not read, so that the listing of the dump is
// as complete as that scan's was.
func (d *dumpReader) gapsOfCoverage() error {
	wanted, told := d.wanted(), gapsTold(d.coverage)
	for _, row := range d.coverage {
		if len(wanted) > 0 && row.Type != providers.AnyType && !slices.Contains(wanted, row.Type) {
			continue
		}
		if d.listedNothing(row) {
			d.failure = cmp.Or(d.failure, row.failure())
			continue
		}
		if row.Listing == listedWhole || row.unpromised() || told.explain(row) {
			continue
		}
		if err := d.gapsOf(row); err != nil {
			return err
		}
	}
	return d.uncovered(wanted)
}

// listedNothing tells whether the row says that the listing of the whole account failed.
func (d *dumpReader) listedNothing(row DumpCoverage) bool {
	return row.Listing == listedNot && row.Type == providers.AnyType && row.Facet == "" && row.Region == d.scope.region
}

func (c DumpCoverage) failure() error {
	return &providers.Error{Class: c.class(), Permission: c.Permission, Err: errors.New(c.reason())}
}

func (c DumpCoverage) class() providers.Class { return cmp.Or(c.Class, providers.Failure) }

func (c DumpCoverage) reason() string {
	reason := cmp.Or(c.Reason, "the scan that was dumped could not read it")
	return strings.ToValidUTF8(reason[:min(len(reason), longestReason)], "")
}

// told are the types and facets of which rows count gaps.
type told map[[2]string]bool

func gapsTold(coverage []DumpCoverage) told {
	t := told{}
	for _, row := range coverage {
		if row.Gaps > 0 && row.Listing != listedWhole {
			t[[2]string{row.Type, row.Facet}] = true
		}
	}
	return t
}

// explain tells whether a row is incomplete only because of the gaps of another one. It comes back by
// itself when those are told.
func (t told) explain(row DumpCoverage) bool {
	if row.Listing != listedPartly || row.Gaps > 0 {
		return false
	}
	return t[[2]string{row.Type, row.Facet}] || t[[2]string{row.Type, ""}] ||
		t[[2]string{providers.AnyType, row.Facet}] || t[[2]string{providers.AnyType, ""}]
}

// gapsOf tells of a row that is not complete, as often as the row counts.
func (d *dumpReader) gapsOf(row DumpCoverage) error {
	gap := providers.Gap{
		Region: row.Region, Type: row.Type, Facet: row.Facet, Class: row.class(), Permission: row.Permission, Place: row.Place, Reason: row.reason(),
	}
	if gap.Type == providers.AnyType {
		gap.Type = ""
	}
	for range min(max(row.Gaps, 1), maxRepeats) {
		if err := d.emit.Gap(gap); err != nil {
			return err
		}
	}
	return nil
}

// uncovered tells of types that the settings ask for and the dumped scan did not list.
func (d *dumpReader) uncovered(wanted []string) error {
	scope := scopeOf(d.coverage)
	if len(d.coverage) == 0 {
		return d.emit.Gap(providers.Gap{
			Region: providers.Anywhere, Class: providers.Decode, Place: d.file.name, Reason: "the dump has no coverage: it does not tell what was listed",
		})
	}
	for _, t := range wanted {
		if scope.holds(t) {
			continue
		}
		if err := d.emit.Gap(providers.Gap{
			Region: providers.Anywhere, Type: t, Class: providers.NotEnabled, Place: d.file.name, Reason: "the scan that was dumped did not list this type",
		}); err != nil {
			return err
		}
	}
	return nil
}
