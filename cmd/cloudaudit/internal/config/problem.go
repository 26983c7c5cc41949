package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the file.
type Problem struct {
	File         string `json:"file"`
	Line         int    `json:"line"`
	Column       int    `json:"column"`
	Key          string `json:"key"`
	Message      string `json:"message"`
	outsideOfAll bool
}

// String gives file:line:column, the key and what to do.
func (p Problem) String() string {
	place := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	if p.outsideOfAll {
		place = p.File
	}
	if p.Key == "" {
		return place + ": " + p.Message
	}
	return place + ": " + p.Key + ": " + p.Message
}

// Problems is everything that is wrong with a file, in the file's order.
type Problems []Problem //nolint:errname // it is a list of them

// Error gives a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// checker collects problems.
type checker struct {
	file     string
	folder   string
	options  Options
	problems Problems
}

func (c *checker) report(line, column int, key, message string) {
	c.problems = append(c.problems, Problem{File: c.file, Line: line, Column: column, Key: key, Message: message})
}

// at reports a problem at a value, wherever that comes from, unless one of it is known already. An
// object may have several: each key that it lacks.
func (c *checker) at(n *node, key, message string) {
	if n.faulty {
		return
	}
	_, several := n.objectValue()
	n.faulty = !several
	if n.source != "" {
		c.problems = append(c.problems, Problem{File: n.source, Key: key, Message: message, outsideOfAll: true})
		return
	}
	c.report(n.line, n.column, key, message)
}

func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.problems
}

const maxSuggested = 100

// Suggest ends a message: with the known name that is nearest to a wrong one, or with all of them.
func Suggest(wrong string, known []string) string {
	best, nearest := "", 2+len(wrong)/4
	if len(wrong) > maxSuggested {
		known = nil // no slip of the fingers, and dear to compare
	}
	for _, name := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(name)); d < nearest {
			best, nearest = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	if len(known) == 0 {
		return ""
	}
	sorted := slices.Sorted(slices.Values(known))
	return "; known are " + strings.Join(slices.Compact(sorted), ", ")
}

// distance counts the letters to insert, delete, replace or swap with their neighbour.
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
