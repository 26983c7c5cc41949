package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"golang.org/x/term"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/cmd/cloudaudit/internal/export"
)

func outputs() []string { return []string{"table", "json", "ndjson", "yaml", "csv"} }

// print writes a list in the form that -o names. List is a slice of structs with JSON names; shown
// are the table's columns, as "field" or "title=field", while the other forms have every field.
func (p *program) print(list any, shown ...string) error {
	values := reflect.ValueOf(list)
	return p.printRows(values.Type().Elem(), rowsOf(values), shown...)
}

// printRows is print for rows of the type that are handed out one by one: memory does not grow with
// their number.
func (p *program) printRows(of reflect.Type, rows export.Rows, shown ...string) error {
	known := export.Columns(of)
	chosen, err := p.chosen(known)
	if err != nil {
		return err
	}
	switch p.output {
	case "table":
		if chosen != nil {
			shown = chosen
		}
		return p.table(rows, shown)
	case "yaml":
		return p.yamlRows(rows)
	}
	if chosen == nil {
		chosen = known
	}
	return export.Write(p.stdout, p.output, chosen, rows)
}

// yamlRows writes a list in pieces, which together are one list.
func (p *program) yamlRows(rows export.Rows) error {
	empty := true
	for piece, err := range pieces(rows) {
		if err != nil {
			return err
		}
		empty = false
		if err := writeYAML(p.stdout, piece); err != nil {
			return err
		}
	}
	if empty {
		return writeYAML(p.stdout, []any{})
	}
	return nil
}

// pieceSize is how many rows tables and YAML hold at once.
const pieceSize = 1000

// pieces gives rows in slices of up to pieceSize.
func pieces(rows export.Rows) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		var piece []any
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if piece = append(piece, row); len(piece) == pieceSize {
				if !yield(piece, nil) {
					return
				}
				piece = nil
			}
		}
		if len(piece) > 0 {
			yield(piece, nil)
		}
	}
}

// chosen gives the columns that --columns names, nil without it.
func (p *program) chosen(known []string) ([]string, error) {
	for _, name := range p.columns {
		if !slices.Contains(known, name) {
			return nil, usage(fmt.Errorf("--columns %s: no such column%s", name, config.Suggest(name, known)))
		}
	}
	return p.columns, nil
}

// stream gives as rows what each hands out one by one.
func stream[T any](each func(do func(T) error) error) export.Rows {
	return func(yield func(any, error) bool) {
		err := each(func(row T) error {
			if !yield(row, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

var errStopped = errors.New("whoever reads the rows has stopped")

func rowsOf(values reflect.Value) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for i := range values.Len() {
			if !yield(values.Index(i).Interface(), nil) {
				return
			}
		}
	}
}

// show prints one thing: YAML for people, since its parts differ in shape.
func (p *program) show(value any) error {
	switch p.output {
	case "json":
		return writeJSON(p.stdout, value)
	case "ndjson":
		return json.NewEncoder(p.stdout).Encode(value)
	case "table", "yaml":
		return writeYAML(p.stdout, value)
	}
	return usage(fmt.Errorf("-o %s: one thing is shown as table, json, ndjson or yaml", p.output))
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// writeYAML goes through JSON, so that the names are the same.
func writeYAML(w io.Writer, value any) error {
	var buffer bytes.Buffer
	if err := writeJSON(&buffer, value); err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(buffer.Bytes())
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// terminal gives the standard stream behind a writer, if it is a terminal.
func terminal(w io.Writer) (*os.File, bool) {
	file, isFile := w.(*os.File)
	return file, isFile && term.IsTerminal(int(file.Fd()))
}

// width is the terminal's, 0 (no limit) where there is none.
func (p *program) width() int {
	file, ok := terminal(p.stdout)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
