package rego

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/providers"
)

// maxExponent and maxDigits bound numbers. Beyond them lies only hostile input, for which a
// comparison would need a huge integer.
const (
	maxExponent = 1000
	maxDigits   = 1000
)

// tree is the unread paths of a resource, key by key.
type tree struct {
	gap  *gap // of an unread path that ends here
	keys map[string]*tree
}

// newTree makes a tree of unread paths; nil if there are none.
func newTree(unread []providers.Unread) *tree {
	if len(unread) == 0 {
		return nil
	}
	root := &tree{}
	for _, u := range unread {
		node := root
		for _, key := range providers.Segments(u.Path) {
			if node.keys == nil {
				node.keys = map[string]*tree{}
			}
			if node.keys[key] == nil {
				node.keys[key] = &tree{}
			}
			node = node.keys[key]
		}
		if node.gap == nil {
			node.gap = &gap{u.Class, u.Path}
		}
	}
	return root
}

// first is the gap with the smallest path at or below the node.
func (t *tree) first() gap {
	if t.gap != nil {
		return *t.gap
	}
	return t.keys[slices.Min(slices.Collect(maps.Keys(t.keys)))].first()
}

func (t *tree) below(key string) *tree {
	if t == nil {
		return nil
	}
	return t.keys[key]
}

// converter makes values of the evaluator out of decoded JSON, once for all policies. Numbers keep
// their digits.
type converter struct {
	// hidden are the places without a known value, as keys from the root.
	hidden []hiddenPlace
	path   []*ast.Term
	// size counts values.
	size int
}

// hiddenPlace is a place without a known value.
type hiddenPlace struct {
	hiddenKey
	path []*ast.Term
}

// result is a converted value. A hidden one has a placeholder as its value.
type result struct {
	value  ast.Value
	hidden *hiddenKey
}

func known(value ast.Value) result { return result{value: value} }

func concealed(g gap, open bool) result {
	return result{value: placeholder, hidden: &hiddenKey{g, open}}
}

// placeholder stands for a secret, which is known to be a text.
var placeholder ast.Value = ast.String(providers.RedactedText)

// convert makes a value, of which some paths may be unread. Present tells that there is one at all.
func (c *converter) convert(value any, present bool, unread *tree) result {
	c.size++
	if unread != nil {
		if r, decided := c.unread(value, present, unread); decided {
			return r
		}
	}
	switch value := value.(type) {
	case nil:
		return known(ast.InternedNullValue)
	case bool:
		return known(ast.Boolean(value))
	case string:
		return known(ast.String(value))
	case json.Number:
		return c.number(value)
	case map[string]any:
		return c.object(value, unread)
	case []any:
		return c.list(value, unread)
	case map[string]string:
		return c.object(anyMap(value), unread)
	case []string:
		return c.list(anyList(value), unread)
	case providers.Redacted:
		if value.Empty {
			return known(ast.String(""))
		}
		return concealed(gap{providers.RedactedValue, c.pointer()}, false)
	}
	return c.foreign(value)
}

// unread decides what an unread path makes of the value, unless that lies deeper. Of a secret it is
// known that it is there, and an empty secret is known whole.
func (c *converter) unread(value any, present bool, t *tree) (result, bool) {
	switch {
	case t.gap != nil && t.gap.class != providers.RedactedValue, !present:
		return concealed(t.first(), true), true
	case t.gap != nil:
		switch value := value.(type) {
		case nil:
			return concealed(*t.gap, true), true
		case string:
			if value == "" {
				return known(ast.String("")), true
			}
		case providers.Redacted:
			if value.Empty {
				return known(ast.String("")), true
			}
		}
		return concealed(*t.gap, false), true
	}
	switch value := value.(type) {
	case map[string]any, map[string]string:
		return result{}, false
	case []any:
		return c.outside(t, len(value))
	case []string:
		return c.outside(t, len(value))
	}
	return concealed(t.first(), true), true // there is nothing in which the path could lie
}

// outside decides about a list with an unread path: beyond its end there may be more of it.
func (c *converter) outside(t *tree, length int) (result, bool) {
	for key, below := range t.keys {
		if i, err := strconv.Atoi(key); err != nil || i < 0 || i >= length {
			return concealed(below.first(), true), true
		}
	}
	return result{}, false
}

func (c *converter) object(value map[string]any, unread *tree) result {
	names := value
	if unread != nil {
		names = maps.Clone(value)
		for key := range unread.keys {
			if _, present := value[key]; !present {
				names[key] = nil
			}
		}
	}
	var hidden map[string]hiddenKey
	terms := make([]ast.Term, len(names))
	pairs := make([][2]*ast.Term, 0, len(names))
	for key, element := range names {
		keyTerm := ast.InternedTerm(key)
		c.path = append(c.path, keyTerm)
		_, present := value[key]
		r := c.convert(element, present, unread.below(key))
		if r.hidden != nil {
			if hidden == nil {
				hidden = map[string]hiddenKey{}
			}
			hidden[key] = *r.hidden
			c.hidden = append(c.hidden, hiddenPlace{*r.hidden, slices.Clone(c.path)})
		}
		c.path = c.path[:len(c.path)-1]
		if r.hidden == nil || !r.hidden.open {
			term := &terms[len(pairs)]
			term.Value = r.value
			pairs = append(pairs, [2]*ast.Term{keyTerm, term})
		}
	}
	object := ast.NewObject(pairs...)
	if hidden == nil {
		return known(object)
	}
	return known(newSpy(object, hidden, nil))
}

// list makes a list. One with a hidden element is hidden itself: only objects have keys that can be
// asked for apart.
func (c *converter) list(value []any, unread *tree) result {
	terms := make([]ast.Term, len(value))
	elements := make([]*ast.Term, len(value))
	var hidden *gap
	before := len(c.hidden)
	for i, element := range value {
		c.path = append(c.path, ast.InternedTerm(i))
		r := c.convert(element, true, unread.below(strconv.Itoa(i)))
		c.path = c.path[:len(c.path)-1]
		if r.hidden != nil && (hidden == nil || r.hidden.before(*hidden)) {
			hidden = &r.hidden.gap
		}
		terms[i].Value = r.value
		elements[i] = &terms[i]
	}
	if hidden != nil {
		c.hidden = c.hidden[:before] // they lie inside
		return result{value: ast.InternedEmptyArray.Value, hidden: &hiddenKey{*hidden, false}}
	}
	return known(ast.NewArray(elements...))
}

// number keeps the digits, unless there are absurdly many.
func (c *converter) number(n json.Number) result {
	text := string(n)
	_, exponent, found := strings.Cut(strings.ToLower(text), "e")
	e, err := strconv.Atoi(exponent)
	if len(text) > maxDigits || found && (err != nil || e < -maxExponent || e > maxExponent) {
		return concealed(gap{providers.Decode, c.pointer()}, false)
	}
	return known(ast.Number(n))
}

// foreign takes what providers do not emit, but tests and callers may.
func (c *converter) foreign(value any) result {
	converted, err := ast.InterfaceToValue(value)
	if err != nil {
		return concealed(gap{providers.Decode, c.pointer()}, false)
	}
	return known(converted)
}

// pointer is the path of the value at hand.
func (c *converter) pointer() string {
	keys := make([]string, len(c.path))
	for i, term := range c.path {
		switch value := term.Value.(type) {
		case ast.String:
			keys[i] = string(value)
		default:
			keys[i] = value.String()
		}
	}
	return pointer(keys)
}

func anyMap(from map[string]string) map[string]any {
	to := make(map[string]any, len(from))
	for key, value := range from {
		to[key] = value
	}
	return to
}

func anyList(from []string) []any {
	to := make([]any, len(from))
	for i, value := range from {
		to[i] = value
	}
	return to
}
