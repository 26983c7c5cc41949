package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"reflect"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) violationsExport() *cobra.Command {
	command := &cobra.Command{
		Use: "export", Short: "Write violations as a stream", Args: args(cobra.NoArgs),
		Example: "  cloudaudit violations export --format ndjson > violations.ndjson",
	}
	filter := violationFlags(command)
	format := command.Flags().String("format", "json", "json, ndjson or csv")
	command.RunE = func(command *cobra.Command, _ []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		writer, known := exporters[*format]
		if !known {
			return usage(fmt.Errorf("--format %s: use json, ndjson or csv", *format))
		}
		return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
			return writer(p.stdout, func(do func(store.Violation) error) error { return s.EachViolation(ctx, everything, f, do) })
		})
	}
	return command
}

// each hands out violations one by one.
type each func(do func(store.Violation) error) error

// exporters write a stream of violations in a format, never holding more than one.
var exporters = map[string]func(io.Writer, each) error{
	"json":   exportJSON,
	"ndjson": exportNDJSON,
	"csv":    exportCSV,
}

func exportJSON(w io.Writer, violations each) error {
	before := "["
	err := violations(func(v store.Violation) error {
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		before = ","
		return writeJSON(w, v, "")
	})
	if err != nil {
		return err
	}
	if before == "[" {
		_, err = io.WriteString(w, "[]\n")
	} else {
		_, err = io.WriteString(w, "]\n")
	}
	return err
}

func exportNDJSON(w io.Writer, violations each) error {
	return violations(func(v store.Violation) error { return writeJSON(w, v, "") })
}

func exportCSV(w io.Writer, violations each) error {
	out := csv.NewWriter(w)
	var names []string
	fields(reflect.ValueOf(store.Violation{}), func(name string, _ any) { names = append(names, name) })
	if err := out.Write(names); err != nil {
		return err
	}
	err := violations(func(v store.Violation) error {
		var cells []string
		fields(reflect.ValueOf(v), func(_ string, value any) { cells = append(cells, harmless(cell(value))) })
		return out.Write(cells)
	})
	out.Flush()
	if err != nil {
		return err
	}
	return out.Error()
}
