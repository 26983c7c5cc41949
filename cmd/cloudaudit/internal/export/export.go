// Package export writes rows in the forms that other programs read. Rows are streamed: nothing
// holds more than one. The names of columns are the JSON names of the rows' fields, in all forms.
package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
)

// Formats lists what Write knows.
func Formats() []string { return []string{"json", "ndjson", "csv"} }

// Rows hands out structs with JSON names, or the error that ended it.
type Rows = iter.Seq2[any, error]

// Write writes the rows in one of Formats. Columns are those of CSV; the others have every field.
func Write(w io.Writer, format string, columns []string, rows Rows) error {
	out := bufio.NewWriter(w)
	var err error
	switch format {
	case "json":
		err = writeJSON(out, rows)
	case "ndjson":
		err = writeNDJSON(out, rows)
	case "csv":
		err = writeCSV(out, columns, rows)
	default:
		return fmt.Errorf("format %q is unknown: use %s", format, strings.Join(Formats(), ", "))
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// writeJSON writes one array, a row on each line.
func writeJSON(w io.Writer, rows Rows) error {
	before := "[\n"
	for row, err := range rows {
		if err != nil {
			return err
		}
		data, err := marshal(row)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", before, data); err != nil {
			return err
		}
		before = ",\n"
	}
	end := "\n]\n"
	if before == "[\n" {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}

func writeNDJSON(w io.Writer, rows Rows) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		data, err := marshal(row)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", data); err != nil {
			return err
		}
	}
	return nil
}

func marshal(row any) ([]byte, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(row); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(text.String(), "\n")), nil
}

func writeCSV(w io.Writer, columns []string, rows Rows) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		values := Fields(row)
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = harmless(Cell(values[column]))
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps spreadsheets from taking a text for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// Columns gives the JSON names of a struct's fields in order, those of embedded structs in their
// place.
func Columns(example reflect.Type) []string {
	var names []string
	walk(example, func(name string, _ []int) { names = append(names, name) })
	return names
}

// Fields gives the fields of a struct by their JSON names.
func Fields(row any) map[string]any {
	value := reflect.Indirect(reflect.ValueOf(row))
	values := map[string]any{}
	walk(value.Type(), func(name string, index []int) { values[name] = value.FieldByIndex(index).Interface() })
	return values
}

func walk(of reflect.Type, take func(name string, index []int)) {
	for _, field := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.IsExported() && !field.Anonymous && name != "" && name != "-" {
			take(name, field.Index)
		}
	}
}

// Cell is a value as one text: plain texts as they are, lists joined by spaces, objects as
// name=value, nothing where there is nothing, and JSON for all else.
func Cell(value any) string {
	data, err := marshal(value)
	if err != nil {
		return ""
	}
	var text string
	var list []string
	var object map[string]json.RawMessage
	switch {
	case string(data) == "null", string(data) == "{}", string(data) == "[]":
		return ""
	case json.Unmarshal(data, &text) == nil:
		return text
	case json.Unmarshal(data, &list) == nil:
		return strings.Join(list, " ")
	case reflect.ValueOf(value).Kind() == reflect.Map && json.Unmarshal(data, &object) == nil:
		return pairs(object)
	}
	return string(data)
}

func pairs(object map[string]json.RawMessage) string {
	list := make([]string, 0, len(object))
	for name, value := range object {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		list = append(list, name+"="+text)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
