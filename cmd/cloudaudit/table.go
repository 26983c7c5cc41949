package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"cloudaudit/cmd/cloudaudit/internal/export"
)

// table prints for people: fitted to a terminal, never cut when piped. A long table is printed in
// pieces, of which each is at least as wide as those before it.
func (p *program) table(rows export.Rows, shown []string) error {
	widths := make([]int, len(shown))
	heading := !p.noHeaders
	for piece, err := range pieces(rows) {
		if err != nil {
			return err
		}
		if err := p.tablePiece(piece, shown, widths, heading); err != nil {
			return err
		}
		heading = false
	}
	if heading {
		return p.tablePiece(nil, shown, widths, heading)
	}
	return nil
}

func (p *program) tablePiece(rows []any, shown []string, widths []int, heading bool) error {
	var lines [][]string
	if heading {
		lines = append(lines, headings(shown))
	}
	for _, row := range rows {
		cells := export.Fields(row)
		line := make([]string, len(shown))
		for i, name := range shown {
			_, field := split(name)
			line[i] = printable(cells[field])
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], text.StringWidth(cell))
		}
	}
	_, err := fmt.Fprintln(p.stdout, p.render(lines, fit(shown, widths, p.width()), heading))
	return err
}

// render draws lines in columns of these widths; what does not fit ends in an ellipsis.
func (p *program) render(lines [][]string, widths []int, heading bool) string {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Options = table.OptionsNoBordersAndSeparators
	writer.SuppressTrailingSpaces()
	configs := make([]table.ColumnConfig, len(widths))
	for i, width := range widths {
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMin: width}
	}
	writer.SetColumnConfigs(configs)
	colored := p.colored()
	for n, line := range lines {
		row := make(table.Row, len(line))
		for i, cell := range line {
			row[i] = paint(text.Snip(cell, widths[i], "…"), colored)
		}
		if n == 0 && heading {
			writer.AppendHeader(row)
		} else {
			writer.AppendRow(row)
		}
	}
	return writer.Render()
}

// narrowest is how narrow a column may get on a terminal that is too small for the table, and shortID
// how short an id, of which the beginning is enough to name it by.
const (
	narrowest = 7
	shortID   = 9
)

// fit makes columns narrower until the table fits the terminal, ids first and then the widest; 0 is no
// limit. Each column has a space before and behind it.
func fit(shown []string, widths []int, terminal int) []int {
	fitted := slices.Clone(widths)
	for i, name := range shown {
		if name == "id" && terminal > 0 && total(fitted) > terminal {
			fitted[i] = min(fitted[i], shortID)
		}
	}
	for terminal > 0 && total(fitted) > terminal {
		widest := slices.Index(fitted, slices.Max(fitted))
		if fitted[widest] <= narrowest {
			break
		}
		fitted[widest]--
	}
	return fitted
}

func total(widths []int) (sum int) {
	for _, width := range widths {
		sum += width + 2
	}
	return sum
}

func headings(shown []string) []string {
	titles := make([]string, len(shown))
	for i, name := range shown {
		title, _ := split(name)
		titles[i] = headline(title)
	}
	return titles
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
	var title strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			title.WriteByte(' ')
		}
		title.WriteRune(unicode.ToUpper(r))
	}
	return title.String()
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
