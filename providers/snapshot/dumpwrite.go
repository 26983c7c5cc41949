package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"cloudaudit/providers"
)

// WriteDump writes an account in the format Dump: the header, the coverage of the dumped scan, the
// resources in the order in which they come, and the trailer. It holds one line at a time. Errors of
// the sequences end the dump, which is then without a trailer; so does a resource that the coverage
// does not cover, because a reader could not tell what its presence means. The same content gives
// the same bytes. The caller compresses and closes.
func WriteDump(w io.Writer, header DumpHeader, coverage iter.Seq2[DumpCoverage, error], resources iter.Seq2[DumpResource, error]) error {
	if err := header.check(); err != nil {
		return err
	}
	d := dumpWriter{encoder: json.NewEncoder(w)}
	d.encoder.SetEscapeHTML(false)
	header.TakenAt = header.TakenAt.UTC()
	if err := d.write(dumpHead{Record: lineHeader, Format: Dump, Version: DumpVersion, DumpHeader: header}); err != nil {
		return err
	}
	if err := d.coverage(coverage); err != nil {
		return err
	}
	if err := d.resources(resources); err != nil {
		return err
	}
	return d.write(struct {
		Record string `json:"record"`
		dumpTrailer
	}{lineTrailer, d.count})
}

// dumpHead is the header with what tells the format.
type dumpHead struct {
	Record  string `json:"record"`
	Format  string `json:"format"`
	Version int    `json:"version"`
	DumpHeader
}

func (h DumpHeader) check() error {
	var errs []error
	if !slices.Contains(clouds, h.Cloud) {
		errs = append(errs, fmt.Errorf("cloud %q is unknown", h.Cloud))
	}
	if h.TakenAt.IsZero() {
		errs = append(errs, errors.New("the time of the scan is missing"))
	}
	if h.Status == "" {
		errs = append(errs, errors.New("the status of the scan is missing"))
	}
	if len(errs) > 0 {
		return fmt.Errorf("write dump: %w", errors.Join(errs...))
	}
	return nil
}

// dumpWriter writes lines and counts them.
type dumpWriter struct {
	encoder *json.Encoder
	count   dumpTrailer
	types   map[string]bool
}

func (d *dumpWriter) write(line any) error {
	if err := d.encoder.Encode(line); err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	return nil
}

func (d *dumpWriter) coverage(rows iter.Seq2[DumpCoverage, error]) error {
	d.types = map[string]bool{}
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("write the coverage of a dump: %w", err)
		}
		d.count.Coverage++
		d.types[row.Type] = d.types[row.Type] || row.Facet == ""
		if err := d.write(struct {
			Record string `json:"record"`
			DumpCoverage
		}{lineCoverage, row}); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumpWriter) resources(all iter.Seq2[DumpResource, error]) error {
	for resource, err := range all {
		if err != nil {
			return fmt.Errorf("write the resources of a dump: %w", err)
		}
		if d.count.Coverage > 0 && !d.types[resource.Type] && !d.types[providers.AnyType] {
			return fmt.Errorf("write dump: the coverage of the scan has no row for type %s, of which there is a resource", resource.Type)
		}
		if resource.Identity == resource.ID {
			resource.Identity = ""
		}
		if resource.Parts == nil {
			resource.Parts = map[string]DumpPart{}
		}
		d.count.Resources++
		if err := d.write(struct {
			Record string `json:"record"`
			DumpResource
		}{lineResource, resource}); err != nil {
			return err
		}
	}
	return nil
}

// keys gives the keys of a map in order.
func keys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
