package providertest

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"cloudaudit/providers"
)

//go:embed inventory/*.txt
var inventories embed.FS

// Inventory is a made-up inventory of a cloud, in the form in which the cloud exports it: several
// dozen types, one to three kilobytes a resource, with faults that policies find. The same fields
// give the same bytes, and nothing of it is ever held whole.
type Inventory struct {
	// Cloud is providers.AWS (Cloud Control), providers.GCP (Cloud Asset Inventory) or providers.Azure
	// (Resource Graph).
	Cloud string
	// Size is the number of resources; records of IAM policies come beside them.
	Size int
	Seed uint64
	// Version counts how often the cloud changed: with each, Changed percent of the resources get
	// other content than they had in the version before, faults included.
	Version int
	Changed float64
}

// Faults is the share of places for a fault that have one.
const Faults = 0.1

// Resources gives the records of all resources in turn. A record is valid until the next one.
func (v Inventory) Resources() iter.Seq[[]byte] {
	return v.records(0, v.Size, func(w *writer, kind *kind) { w.resource(kind) })
}

// Policies gives the records of IAM policies, of those types that have them. AWS and Azure have none.
func (v Inventory) Policies() iter.Seq[[]byte] {
	return v.records(0, v.Size, func(w *writer, kind *kind) { w.policy(kind) })
}

func (v Inventory) records(from, to int, write func(*writer, *kind)) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		w, catalogue := newWriter(v), catalogues()[v.Cloud]
		for i := from; i < to; i++ {
			kind := w.begin(i, catalogue)
			write(w, kind)
			if len(w.out) > 0 && !yield(w.out) {
				return
			}
		}
	}
}

// Parts is how many files Write makes of the resources.
const Parts = 4

// Write writes the inventory into files of a folder, as exports do that are too large for one: for
// AWS and GCP lines in resource-N.ndjson, for GCP iam-policy.ndjson, too, for Azure lists in
// resources-N.json.
func (v Inventory) Write(folder string) error {
	var errs []error
	for part := range Parts {
		records := v.records(v.Size*part/Parts, v.Size*(part+1)/Parts, func(w *writer, kind *kind) { w.resource(kind) })
		name, form := fmt.Sprintf("resource-%d.ndjson", part), lines
		if v.Cloud == providers.Azure {
			name, form = fmt.Sprintf("resources-%d.json", part), array
		}
		errs = append(errs, writeFile(filepath.Join(folder, name), form, records))
	}
	if v.Cloud == providers.GCP {
		errs = append(errs, writeFile(filepath.Join(folder, "iam-policy.ndjson"), lines, v.Policies()))
	}
	return errors.Join(errs...)
}

// form is what stands before, between and after the records of a file.
type form struct{ before, between, after string }

var (
	lines = form{between: "\n", after: "\n"}
	array = form{before: "[\n", between: ",\n", after: "\n]\n"}
)

func writeFile(path string, f form, records iter.Seq[[]byte]) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	err = f.write(out, records)
	return errors.Join(err, out.Flush(), file.Close())
}

func (f form) write(out io.Writer, records iter.Seq[[]byte]) error {
	gap := f.before
	for record := range records {
		if _, err := io.WriteString(out, gap); err != nil {
			return err
		}
		if _, err := out.Write(record); err != nil {
			return err
		}
		gap = f.between
	}
	_, err := io.WriteString(out, f.after)
	return err
}

// Name gives a short name for the size of an inventory: 10k, 1M.
func (v Inventory) Name() string {
	switch {
	case v.Size >= 1_000_000 && v.Size%1_000_000 == 0:
		return strconv.Itoa(v.Size/1_000_000) + "M"
	case v.Size >= 1_000 && v.Size%1_000 == 0:
		return strconv.Itoa(v.Size/1_000) + "k"
	}
	return strconv.Itoa(v.Size)
}
