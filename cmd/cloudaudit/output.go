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
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/cmd/cloudaudit/internal/export"
)

func outputs() []string { return []string{"table", "json", "ndjson", "yaml", "csv"} }

// print writes a list in the form that -o names. List is a slice of structs with JSON names; shown
// are the table's columns, as "field" or "title=field", while the other forms have every field.
func (p *program) print(list any, shown ...string) error {
	values := reflect.ValueOf(list)
	known := export.Columns(values.Type().Elem())
	chosen, err := p.chosen(known)
	if err != nil {
		return err
	}
	switch p.output {
	case "table":
		if chosen != nil {
			shown = chosen
		}
		return p.table(values, shown)
	case "yaml":
		return writeYAML(p.stdout, list)
	}
	if chosen == nil {
		chosen = known
	}
	return export.Write(p.stdout, p.output, chosen, rowsOf(values))
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

// table prints for people: fitted to a terminal, never cut when piped.
func (p *program) table(values reflect.Value, shown []string) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Options = table.OptionsNoBordersAndSeparators
	writer.Style().Size.WidthMax = p.width()
	writer.SuppressTrailingSpaces()
	if !p.noHeaders {
		heading := table.Row{}
		for _, name := range shown {
			title, _ := split(name)
			heading = append(heading, headline(title))
		}
		writer.AppendHeader(heading)
	}
	colored := p.colored()
	for i := range values.Len() {
		cells := export.Fields(values.Index(i).Interface())
		row := table.Row{}
		for _, name := range shown {
			_, field := split(name)
			row = append(row, paint(printable(cells[field]), colored))
		}
		writer.AppendRow(row)
	}
	_, err := fmt.Fprintln(p.stdout, writer.Render())
	return err
}

// split gives the title and the field of a column: "policy=name" shows the field name as POLICY.
func split(column string) (title, field string) {
	title, field, titled := strings.Cut(column, "=")
	if !titled {
		return column, column
	}
	return title, field
}

// headline writes resourceId as RESOURCE ID.
func headline(name string) string {
	var text strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			text.WriteByte(' ')
		}
		text.WriteRune(unicode.ToUpper(r))
	}
	return text.String()
}

// printable is a cell of a table. Control characters, which names in a cloud may hold, would steer
// the terminal, so they are shown as what they are.
func printable(value any) string {
	if at, ok := value.(*time.Time); ok && at != nil {
		return at.UTC().Format(time.RFC3339)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(export.Cell(value), "\n", " "))
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
