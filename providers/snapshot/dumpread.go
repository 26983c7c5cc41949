package snapshot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// Bounds of what a dump may make us hold or tell.
const (
	maxCoverage   = 100_000 // rows of coverage
	maxRepeats    = 200     // gaps that one row stands for
	longestReason = 1000
)

// clouds are the clouds that a dump may be of.
var clouds = []string{providers.AWS, providers.GCP, providers.Azure}

// dumpReader reads a dump. It takes its lines in their order: the header, the coverage, the resources
// and the trailer.
type dumpReader struct {
	reader
	cloud string // that the account is known to be of, empty if it is not known
	// planned is the scope that the scan expects.
	planned listed

	header   *dumpHead
	coverage []DumpCoverage
	scope    listed
	begun    bool // the coverage was read to its end
	count    dumpTrailer
	trailer  *dumpTrailer
	// failure is why the dumped scan could list nothing.
	failure error
}

// planDump reads the beginning of a dump, to know what its listing holds.
func planDump(ctx context.Context, f file, settings Settings, cloud string) (listed, error) {
	d := dumpReader{reader: reader{file: f, settings: settings}, cloud: cloud}
	err := eachPiece(ctx, f, settings, d.head)
	if err != nil && !errors.Is(err, errBegun) {
		return listed{}, err
	}
	if d.header == nil {
		return listed{}, errNoHeader(f)
	}
	return d.narrowed(), nil
}

// errBegun ends the reading of a dump's beginning.
var errBegun = errors.New("the resources begin")

func errNoHeader(f file) error {
	return failed("inventory %q does not begin with the header of a dump: is snapshot.format right?", f.path)
}

// head takes the lines before the first resource.
func (d *dumpReader) head(found piece) error {
	kind := lineKind(found)
	switch {
	case d.header == nil:
		return d.readHeader(kind, found)
	case kind != lineCoverage:
		return errBegun
	}
	d.count.Coverage++
	var row DumpCoverage
	if err := json.Unmarshal(found.data, &row); err != nil || !row.valid() {
		// What the row said was not listed is not known.
		row = DumpCoverage{
			Region: providers.Anywhere, Type: providers.AnyType, Listing: listedPartly, Class: providers.Decode, Gaps: 1,
			Place: d.place(found.line), Reason: "the line is no row of coverage",
		}
	}
	if len(d.coverage) >= maxCoverage {
		return failed("inventory %q has more than %d rows of coverage", d.file.path, maxCoverage)
	}
	row.Place = cmp.Or(row.Place, d.place(found.line))
	d.coverage = append(d.coverage, row)
	return nil
}

func (c DumpCoverage) valid() bool {
	return c.Region != "" && c.Type != "" && c.Gaps >= 0 && slices.Contains([]string{listedWhole, listedPartly, listedNot}, c.Listing)
}

// lineKind tells what a line is, empty if that cannot be told.
func lineKind(found piece) string {
	if found.fault != "" {
		return ""
	}
	// Nearly all lines begin so, and are decoded only once.
	if bytes.HasPrefix(found.data, []byte(`{"record":"resource",`)) {
		return lineResource
	}
	var line struct {
		Record string `json:"record"`
	}
	if json.Unmarshal(found.data, &line) != nil {
		return ""
	}
	return line.Record
}

// readHeader takes the first line. Without a header nothing of a file can be trusted.
func (d *dumpReader) readHeader(kind string, found piece) error {
	var head dumpHead
	if kind != lineHeader || json.Unmarshal(found.data, &head) != nil || head.Format != Dump || head.Version < 1 {
		return errNoHeader(d.file)
	}
	if head.Version > DumpVersion {
		return failed("dump %q has version %d, this program reads up to %d: use a newer one", d.file.path, head.Version, DumpVersion)
	}
	if !slices.Contains(clouds, head.Cloud) {
		return failed("dump %q is of a cloud that this program does not know", d.file.path)
	}
	if d.cloud != "" && d.cloud != head.Cloud {
		return failed("dump %q is of %s, the account's other files are of %s: give each cloud an account of its own", d.file.path, head.Cloud, d.cloud)
	}
	if id := d.settings.AccountID; id != "" && head.CloudID != "" && id != head.CloudID {
		return failed("dump %q is of another cloud account than snapshot.accountId says", d.file.path)
	}
	d.header = &head
	return nil
}

// narrowed is the scope of the coverage, without the types that the settings leave out.
func (d *dumpReader) narrowed() listed {
	scope := scopeOf(d.coverage)
	wanted := d.wanted()
	switch {
	case len(wanted) == 0:
	case len(scope.types) == 0:
		scope.types = wanted
	default:
		covered := scope.types
		scope.types = slices.DeleteFunc(slices.Clone(wanted), func(t string) bool { return !slices.Contains(covered, t) })
		if len(scope.types) == 0 {
			scope.types = wanted // of which nothing was listed, as a gap says
		}
	}
	return scope
}

// wanted are the types of the settings as the dump's cloud spells them.
func (d *dumpReader) wanted() []string {
	types := slices.Clone(d.settings.Types)
	if d.header.Cloud == providers.Azure {
		for i := range types {
			types[i] = shape.ARMType(types[i])
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// collectDump reads a dump to its end.
func collectDump(ctx context.Context, f file, settings Settings, cloud string, planned listed, emit providers.Emitter) error {
	d := dumpReader{reader: reader{file: f, settings: settings, emit: emit}, cloud: cloud, planned: planned}
	if err := eachPiece(ctx, f, settings, d.take); err != nil {
		return err
	}
	return d.finish()
}

func (d *dumpReader) take(found piece) error {
	if !d.begun {
		if err := d.head(found); !errors.Is(err, errBegun) {
			return err
		}
		if err := d.begin(); err != nil {
			return err
		}
	}
	return d.line(found)
}

// begin tells what the dumped scan could not read.
func (d *dumpReader) begin() error {
	d.begun = true
	d.scope = d.narrowed()
	if !slices.Equal(d.scope.types, d.planned.types) || !slices.Equal(d.scope.whole, d.planned.whole) || d.scope.region != d.planned.region {
		return failed("dump %q was replaced while the scan was planned: scan again", d.file.path)
	}
	return d.gapsOfCoverage()
}

// line takes a line behind the coverage.
func (d *dumpReader) line(found piece) error {
	if found.fault != "" {
		return d.gap(found.line, "", decoding(found.fault))
	}
	switch kind := lineKind(found); {
	case d.trailer != nil:
		return d.gap(found.line, "", decoding("the line comes after the end of the dump: give each dump a file of its own"))
	case kind == lineResource:
		return d.resourceLine(found)
	case kind == lineTrailer:
		d.trailer = &dumpTrailer{}
		if json.Unmarshal(found.data, d.trailer) != nil {
			return d.gap(found.line, "", decoding("the trailer of the dump is malformed"))
		}
		return nil
	case kind == lineCoverage || kind == lineHeader:
		return d.gap(found.line, "", decoding("the line belongs before the resources"))
	}
	return d.gap(found.line, "", decoding("the line is no record of a dump"))
}

// resourceLine hands on the resource of a line.
func (d *dumpReader) resourceLine(found piece) error {
	d.count.Resources++
	var line DumpResource
	if err := json.Unmarshal(found.data, &line); err != nil {
		return d.gap(found.line, "", decoding("the line is no resource of a dump"))
	}
	if wanted := d.wanted(); len(wanted) > 0 && !slices.Contains(wanted, line.Type) {
		return nil
	}
	resource, fault := line.resource(d.header.Cloud)
	if fault == "" && !d.scope.holds(line.Type) {
		fault = "the resource is of a type that the dump's coverage does not name"
	}
	if fault != "" {
		return d.gap(found.line, line.Type, decoding(fault))
	}
	resource.Rank.Scope, resource.Rank.Line = d.file.name, found.line
	shape.Seal(resource)
	return d.emit.Resource(resource)
}

// finish judges a dump that was read to its end.
func (d *dumpReader) finish() error {
	if d.header == nil {
		return errNoHeader(d.file)
	}
	if !d.begun {
		if err := d.begin(); err != nil {
			return err
		}
	}
	if err := d.complete(); err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	if d.failure == nil && d.header.Status != scanSucceeded && d.header.Status != scanPartial {
		return failed("dump %q is of a scan that neither succeeded nor was partial", d.file.path)
	}
	return d.failure
}

// complete tells whether lines are missing.
func (d *dumpReader) complete() error {
	var reason string
	switch {
	case d.trailer == nil:
		reason = "the dump has no trailer: it is cut off, write it again"
	case *d.trailer != d.count:
		reason = fmt.Sprintf("the dump should hold %d resources and %d rows of coverage and holds %d and %d: write it again",
			d.trailer.Resources, d.trailer.Coverage, d.count.Resources, d.count.Coverage)
	default:
		return nil
	}
	return d.emit.Gap(providers.Gap{Region: providers.Anywhere, Class: providers.Decode, Place: d.file.name, Reason: reason})
}

func (d *dumpReader) place(line int) string { return fmt.Sprintf("%s:%d", d.file.name, line) }

// resource gives the resource of a line as a provider would have emitted it. What is stale or missing
// is unread.
func (r DumpResource) resource(cloud string) (*providers.Resource, string) {
	if r.Type == "" || r.ID == "" || r.Region == "" || r.Parts == nil {
		return nil, "the resource has no type, id, region or parts"
	}
	identity := r.ID
	if cloud == providers.Azure {
		identity = shape.ARMIdentity(r.ID)
	}
	resource := &providers.Resource{
		Type: r.Type, ID: r.ID, Identity: cmp.Or(r.Identity, identity, r.ID), Name: r.Name, Region: r.Region, UID: r.UID,
		Ancestors: r.Ancestors, Tags: r.Tags, Rank: providers.Rank{Updated: r.Updated.UTC()}, Parts: map[string]providers.Part{},
	}
	for name, part := range r.Parts {
		restored, fault := part.part(name)
		if fault != "" {
			return nil, fault
		}
		resource.Parts[name] = restored
	}
	if r.Missing != "" {
		miss(resource, r.Missing)
	}
	return resource, ""
}

// miss marks the whole resource as unread. A facet that it lacks is then not taken for an empty one.
func miss(resource *providers.Resource, class providers.Class) {
	if len(resource.Parts) == 0 {
		resource.Parts[providers.Properties] = providers.Part{}
	}
	for name, part := range resource.Parts {
		part.Unread = append(part.Unread, providers.Unread{Path: "", Class: class})
		resource.Parts[name] = part
	}
}

func (p DumpPart) part(name string) (providers.Part, string) {
	if name == "" || strings.ContainsAny(name, "/~") {
		return providers.Part{}, "a part of the resource has no proper name"
	}
	value, err := providers.ParseValue(p.Body)
	if err != nil {
		return providers.Part{}, "the body of a part " + err.Error()
	}
	root := providers.PartPath(name)
	for _, u := range p.Unread {
		if u.Class == "" || u.Path != "" && !within(u.Path, root) && (name != providers.Properties || !within(u.Path, "/tags")) {
			return providers.Part{}, "an unread path lies outside of its part or has no class"
		}
	}
	part := providers.Part{Value: providers.Restore(name, value, p.Unread), Unread: slices.Clone(p.Unread)}
	if p.Stale != "" && !providers.IsPiece(name) { // of a stale piece the main part tells
		part.Unread = append(part.Unread, providers.Unread{Path: root, Class: p.Stale})
	}
	return part, ""
}

// within tells whether a pointer is a root or lies below it.
func within(pointer, root string) bool {
	rest, ok := strings.CutPrefix(pointer, root)
	return ok && (rest == "" || rest[0] == '/')
}
