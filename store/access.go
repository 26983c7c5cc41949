package store

import "strings"

// Access is what a caller may see: every read applies it, in SQL.
type Access struct {
	// Accounts are the names of the accounts that may be seen; nil for all.
	Accounts []string
}

// Page asks for a part of a list.
type Page struct {
	// After is the cursor that the page before gave; 0 for the first page.
	After int64
	// Limit bounds the page; DefaultLimit if 0.
	Limit int
}

// DefaultLimit is how long a page is unless told.
const DefaultLimit = 100

func (p Page) limit() int {
	if p.Limit <= 0 {
		return DefaultLimit
	}
	return p.Limit
}

// where collects conditions and their arguments. Conditions are literals; values only ever are
// arguments.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// equal adds a condition unless the value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// oneOf adds a condition unless the list is nil; an empty list matches nothing.
func (w *where) oneOf(column string, values []string) {
	if values == nil {
		return
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	w.add(column+" IN ("+marks+")", args...)
}

// contains adds a condition that the column holds the text, whatever its case.
func (w *where) contains(column, text string) {
	if text != "" {
		escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
		w.add(column+` LIKE ? ESCAPE '\'`, "%"+escaped+"%")
	}
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + w.and()
}

// and gives the conditions, of which there is at least one, to stand among others.
func (w *where) and() string { return strings.Join(w.conditions, " AND ") }

// scope starts the conditions of a list over accounts a.
func (s *Store) scope(access Access) *where {
	w := &where{}
	w.add("a.org_id = ?", s.org.id)
	w.oneOf("a.name", access.Accounts)
	return w
}
