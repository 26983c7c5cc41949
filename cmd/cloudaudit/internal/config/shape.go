package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shape says what a value of the file may be. One tree of shapes checks files, fills in defaults
// and gives the JSON Schema, so that the three never differ.
type shape struct {
	kind  kind
	about string
	// keys are the fields of an object; values is the shape of a dictionary's or list's elements.
	keys   []key
	values *shape
	// oneOf are the allowed texts, format is what a text must look like.
	oneOf  []string
	format *format
	// least bounds a number from below.
	least int64
	// fallback stands in for a missing value.
	fallback any
	// path tells that the text is a path that counts from the file's folder.
	path bool
	// empty tells that the list must have no elements in this version; remedy says why.
	empty  bool
	remedy string
	// either are keys of which an object has exactly one.
	either []string
	// someOf tells that an object needs at least one of its keys.
	someOf bool
}

type kind int

const (
	text kind = iota
	number
	list
	structure
	dictionary
	anything
	// setting is a level alone or an object with one, in a group's config.
	setting
)

// key is a field of an object.
type key struct {
	name     string
	shape    *shape
	required bool
	// of is the provider whose section the key is: only its objects may need it, and those of other
	// providers must not have it.
	of string
}

// needed tells whether the object must have the key.
func (k key) needed(n *node) bool {
	return k.required && (k.of == "" || n.field("provider").text() == k.of)
}

// foreign tells whether the key is a section of another provider than the object's. A wrong provider
// is told alone.
func (k key) foreign(n *node) bool {
	provider := n.field("provider").text()
	return k.of != "" && k.of != provider && slices.Contains(providerNames, provider)
}

// format is what a text must look like: a pattern that the JSON Schema shows, and what a pattern
// cannot say.
type format struct {
	pattern *regexp.Regexp
	want    string
	check   func(string) error
	// secret tells that what looks otherwise may be a secret, which is not repeated.
	secret bool
}

func (k kind) String() string {
	return [...]string{"a string", "a number", "a list", "an object", "an object", "a value", "a level or an object"}[k]
}

// check holds a value against its shape and goes on behind each problem.
func (c *checker) check(path string, n *node, s *shape) {
	switch s.kind {
	case text:
		c.checkText(path, n, s)
	case number:
		c.checkNumber(path, n, s)
	case list:
		c.checkList(path, n, s)
	case structure, dictionary:
		c.checkObject(path, n, s)
	case setting:
		c.checkSetting(path, n)
	}
}

func (c *checker) wrongKind(path string, n *node, want string) {
	message := fmt.Sprintf("want %s, have %s", want, n.kind())
	switch n.value.(type) {
	case bool, json.Number:
		if want == text.String() {
			message += "; put it in quotes"
		}
	case nil:
		message += "; give a value or remove the key"
	}
	c.at(n, path, message)
}

func (c *checker) checkText(path string, n *node, s *shape) {
	value, ok := n.value.(string)
	if !ok {
		c.wrongKind(path, n, s.kind.String())
		return
	}
	if len(s.oneOf) > 0 && !slices.Contains(s.oneOf, value) {
		c.at(n, path, fmt.Sprintf("%q is unknown%s", value, Suggest(value, s.oneOf)))
		return
	}
	if s.format == nil {
		return
	}
	if value == "" {
		c.at(n, path, "is empty; give "+s.about)
		return
	}
	if err := s.format.fault(value); err != nil {
		c.at(n, path, err.Error())
	}
}

// fault says why a text does not look as it must.
func (f *format) fault(value string) error {
	switch matches := f.pattern.MatchString(value); {
	case !matches && f.secret:
		return errSecret
	case !matches:
		return fmt.Errorf("%q is not %s", value, f.want)
	case f.check == nil:
		return nil
	}
	if err := f.check(value); err != nil {
		return fmt.Errorf("%q is not %s: %w", value, f.want, err)
	}
	return nil
}

func (c *checker) checkNumber(path string, n *node, s *shape) {
	digits, ok := n.value.(json.Number)
	if !ok {
		c.wrongKind(path, n, s.kind.String())
		return
	}
	value, err := strconv.ParseInt(digits.String(), 10, 64)
	if err != nil || value < s.least {
		c.at(n, path, fmt.Sprintf("%s is not a whole number of at least %d", digits, s.least))
	}
}

func (c *checker) checkList(path string, n *node, s *shape) {
	items, ok := n.value.([]*node)
	if !ok {
		c.wrongKind(path, n, s.kind.String())
		return
	}
	if s.empty && len(items) > 0 {
		c.at(n, path, s.remedy)
		return
	}
	for i, item := range items {
		if s.values != nil {
			c.check(fmt.Sprintf("%s[%d]", path, i), item, s.values)
		}
	}
}

func (c *checker) checkObject(path string, n *node, s *shape) {
	o, ok := n.objectValue()
	if !ok {
		c.wrongKind(path, n, s.kind.String())
		return
	}
	for _, f := range o.fields {
		if s.kind == dictionary {
			c.check(join(path, f.name), f.node, s.values)
			continue
		}
		c.checkField(path, n, f, s)
	}
	for _, k := range s.keys {
		if k.needed(n) && n.field(k.name) == nil {
			c.at(n, path, fmt.Sprintf("%s is missing; give %s", k.name, k.shape.about))
		}
	}
	if s.someOf && len(o.fields) == 0 {
		c.at(n, path, "is empty; give at least one of "+strings.Join(s.names(), ", "))
	}
	c.checkEither(path, n, s)
}

// names lists the keys of an object.
func (s *shape) names() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}

func (c *checker) checkField(path string, n *node, f *field, s *shape) {
	for _, k := range s.keys {
		if k.name == f.name {
			if k.foreign(n) {
				c.report(f.line, f.column, join(path, f.name), fmt.Sprintf("the section belongs to accounts of the provider %s; remove it", k.of))
				return
			}
			c.check(join(path, f.name), f.node, k.shape)
			return
		}
	}
	c.report(f.line, f.column, join(path, f.name), "unknown key"+Suggest(f.name, s.names()))
}

func (c *checker) checkEither(path string, n *node, s *shape) {
	if len(s.either) == 0 {
		return
	}
	given := 0
	for _, name := range s.either {
		if n.field(name) != nil {
			given++
		}
	}
	if given != 1 {
		c.at(n, path, "give exactly one of "+enumerate(s.either, "and"))
	}
}

// levelKey is the property that holds a level.
const levelKey = "enforcementLevel"

func levels() []string { return []string{"advisory", "disabled", "mandatory", "remediate"} }

func (c *checker) checkSetting(path string, n *node) {
	switch n.value.(type) {
	case string:
		c.checkText(path, n, &shape{oneOf: levels()})
	case *object:
		if level := n.field(levelKey); level != nil {
			c.checkText(join(path, levelKey), level, &shape{oneOf: levels()})
		}
	default:
		c.wrongKind(path, n, setting.String())
	}
}

// complete fills in defaults and makes paths absolute.
func (c *checker) complete(n *node, s *shape) {
	switch s.kind {
	case text:
		if value := n.text(); s.path && value != "" && !filepath.IsAbs(value) {
			n.value = filepath.Join(c.folder, filepath.FromSlash(value))
		}
	case list:
		for _, item := range n.items() {
			if s.values != nil {
				c.complete(item, s.values)
			}
		}
	case structure:
		for _, k := range s.keys {
			if k.shape.fallback != nil {
				n.setDefault(k.name, k.shape.fallbackValue())
			}
			if child := n.field(k.name); child != nil {
				c.complete(child, k.shape)
			}
		}
	}
}

// fallbackValue makes the default anew, since values are changed in place.
func (s *shape) fallbackValue() any {
	switch s.kind {
	case structure, dictionary:
		return &object{}
	case list:
		return []*node{}
	}
	return s.fallback
}
