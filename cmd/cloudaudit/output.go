package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"
)

// column is a column of a table: a heading and the JSON name of the field that it shows.
type column struct{ heading, field string }

// columns makes columns of "HEADING=field" pairs.
func columns(pairs ...string) []column {
	list := make([]column, len(pairs))
	for i, pair := range pairs {
		heading, field, _ := strings.Cut(pair, "=")
		list[i] = column{heading, field}
	}
	return list
}

// print writes a list in the form that -o names. List is a slice of structs with JSON names;
// shown are the columns of the table, while the other forms have every field.
func (p *program) print(list any, shown []column) error {
	switch p.output {
	case "table":
		return p.table(list, shown)
	case "json":
		return writeJSON(p.stdout, list, "  ")
	case "ndjson":
		values := reflect.ValueOf(list)
		for i := range values.Len() {
			if err := writeJSON(p.stdout, values.Index(i).Interface(), ""); err != nil {
				return err
			}
		}
		return nil
	case "yaml":
		return writeYAML(p.stdout, list)
	case "csv":
		return writeCSV(p.stdout, list)
	}
	return usage(fmt.Errorf("-o %s: use table, json, ndjson, yaml or csv", p.output))
}

func writeJSON(w io.Writer, value any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(value)
}

// writeYAML goes through JSON, so that the names are the same.
func writeYAML(w io.Writer, value any) error {
	var buffer bytes.Buffer
	if err := writeJSON(&buffer, value, ""); err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(buffer.Bytes())
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// fields gives the exported fields of a struct in order, embedded ones in their places, by JSON
// name.
func fields(v reflect.Value, take func(name string, value any)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			fields(v.Field(i), take)
		case field.IsExported() && name != "" && name != "-":
			take(name, v.Field(i).Interface())
		}
	}
}

// cell is a value as tables and CSV show it: JSON, but texts plain and nothing empty.
func cell(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	var list []string
	switch {
	case string(data) == "null", string(data) == "{}", string(data) == "[]":
		return ""
	case json.Unmarshal(data, &list) == nil:
		return strings.Join(list, " ")
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		return text
	}
	return string(data)
}

func writeCSV(w io.Writer, list any) error {
	out := csv.NewWriter(w)
	values := reflect.ValueOf(list)
	header := true
	for i := range values.Len() {
		var names, cells []string
		fields(values.Index(i), func(name string, value any) {
			names, cells = append(names, name), append(cells, harmless(cell(value)))
		})
		if header {
			header = false
			if err := out.Write(names); err != nil {
				return err
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking a cell for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// table prints for people: fitted to a terminal, never cut when piped.
func (p *program) table(list any, shown []column) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Options = table.OptionsNoBordersAndSeparators
	heading := table.Row{}
	for _, c := range shown {
		heading = append(heading, c.heading)
	}
	writer.AppendHeader(heading)
	values := reflect.ValueOf(list)
	for i := range values.Len() {
		byName := map[string]string{}
		fields(values.Index(i), func(name string, value any) { byName[name] = cell(value) })
		row := table.Row{}
		for _, c := range shown {
			row = append(row, byName[c.field])
		}
		writer.AppendRow(row)
	}
	writer.Style().Size.WidthMax = p.width()
	_, err := fmt.Fprintln(p.stdout, writer.Render())
	return err
}

// width is the terminal's, 0 (no limit) where there is none.
func (p *program) width() int {
	file, isFile := p.stdout.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// show prints one thing: a list of its fields for people, the whole of it otherwise.
func (p *program) show(value any) error {
	if p.output != "table" {
		if p.output == "json" || p.output == "ndjson" {
			return writeJSON(p.stdout, value, "  ")
		}
		if p.output == "yaml" {
			return writeYAML(p.stdout, value)
		}
		return usage(fmt.Errorf("-o %s: one thing is shown as table, json, ndjson or yaml", p.output))
	}
	return writeYAML(p.stdout, value)
}
