package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// node is a value of the file that knows where it stands.
type node struct {
	line, column int
	// source says where the value comes from when that is not the file: a flag, a variable, a default.
	source string
	// faulty tells that a problem of the value was reported; the rest would only follow from it.
	faulty bool
	// value is nil, bool, string, json.Number, []*node or *object.
	value any
}

// object keeps the order of the file.
type object struct{ fields []*field }

type field struct {
	name         string
	line, column int
	node         *node
}

// field gives a field's value, nil if there is none.
func (n *node) field(name string) *node {
	o, ok := n.objectValue()
	if !ok {
		return nil
	}
	for _, f := range o.fields {
		if f.name == name {
			return f.node
		}
	}
	return nil
}

func (n *node) objectValue() (*object, bool) {
	if n == nil {
		return nil, false
	}
	o, ok := n.value.(*object)
	return o, ok
}

// items gives the elements of a list, none if it is not one.
func (n *node) items() []*node {
	if n == nil {
		return nil
	}
	list, _ := n.value.([]*node)
	return list
}

// text gives a string's value, "" if it is none.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	s, _ := n.value.(string)
	return s
}

// set puts a field's value, replacing what was there.
func (n *node) set(name string, value *node) {
	o, ok := n.objectValue()
	if !ok {
		return
	}
	for _, f := range o.fields {
		if f.name == name {
			f.node = value
			return
		}
	}
	o.fields = append(o.fields, &field{name: name, line: value.line, column: value.column, node: value})
}

func (n *node) setDefault(name string, value any) {
	if n != nil && n.field(name) == nil {
		n.set(name, &node{value: value, source: sourceDefault})
	}
}

// plain gives the value as encoding/json wants it.
func (n *node) plain() any {
	switch value := n.value.(type) {
	case []*node:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = item.plain()
		}
		return list
	case *object:
		fields := make(map[string]any, len(value.fields))
		for _, f := range value.fields {
			fields[f.name] = f.node.plain()
		}
		return fields
	}
	return n.value
}

// kind names the type of the value for people.
func (n *node) kind() string {
	switch n.value.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []*node:
		return "a list"
	case *object:
		return "an object"
	}
	return "a string"
}

// maxDepth is how deeply the file may nest.
const maxDepth = 32

// parse reads the file's one document. It gives nil when there is nothing to check further.
func (c *checker) parse(data []byte) (root *node) {
	defer func() {
		if recover() != nil { // the YAML parser's fault; hostile input must not end the program
			c.report(1, 1, "", "the file is not readable as YAML")
			root = nil
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if line, deep := tooDeep(tokens); deep {
		c.report(line, 1, "", fmt.Sprintf("nests more than %d levels deep", maxDepth))
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		c.syntax(err)
		return nil
	}
	for _, document := range file.Docs {
		if document.Body == nil || document.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			place := document.Body.GetToken().Position
			c.report(place.Line, place.Column, "", "the file holds a second document; keep everything in one")
			break
		}
		root = c.node("", document.Body)
	}
	if root == nil || root.value == nil {
		return &node{line: 1, column: 1, value: &object{}}
	}
	return root
}

// tooDeep finds what would exhaust the parser's stack.
func tooDeep(tokens token.Tokens) (int, bool) {
	depth, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			inLine++
		}
		if depth > maxDepth || inLine > maxDepth || t.Position.IndentNum > 16*maxDepth || t.Position.IndentLevel > maxDepth {
			return t.Position.Line, true
		}
	}
	return 0, false
}

func (c *checker) syntax(err error) {
	var fault *yaml.SyntaxError
	if errors.As(err, &fault) && fault.Token != nil {
		c.report(fault.Token.Position.Line, fault.Token.Position.Column, "", "not valid YAML: "+strings.ReplaceAll(fault.Message, "\t", `\t`))
		return
	}
	c.report(1, 1, "", "not valid YAML")
}

func (c *checker) node(path string, from ast.Node) *node {
	place := start(from)
	n := &node{line: place.Line, column: place.Column}
	switch from := from.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		n.value = from.Value
	case *ast.StringNode:
		n.value = from.Value
	case *ast.LiteralNode:
		n.value = from.Value.Value
	case *ast.IntegerNode, *ast.FloatNode:
		n.value = c.number(path, n, from.GetToken().Value)
	case *ast.SequenceNode:
		list := make([]*node, 0, len(from.Values))
		for i, value := range from.Values {
			list = append(list, c.node(fmt.Sprintf("%s[%d]", path, i), value))
		}
		n.value = list
	case *ast.MappingNode:
		n.value = c.object(path, from.Values)
	case *ast.MappingValueNode:
		n.value = c.object(path, []*ast.MappingValueNode{from})
	default:
		c.at(n, path, "anchors, aliases, tags and merge keys are not supported; write the value out")
	}
	return n
}

// start is where a value begins. The parser places an object that is written in lines at its first
// colon.
func start(from ast.Node) *token.Position {
	switch from := from.(type) {
	case *ast.MappingNode:
		if !from.IsFlowStyle && len(from.Values) > 0 {
			return from.Values[0].Key.GetToken().Position
		}
	case *ast.MappingValueNode:
		return from.Key.GetToken().Position
	}
	return from.GetToken().Position
}

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// number keeps the digits as they are written, and refuses notations that versions of YAML read
// differently.
func (c *checker) number(path string, n *node, text string) any {
	if !decimal.MatchString(text) {
		c.at(n, path, fmt.Sprintf("the number %s is not in decimal; write it so, or put it in quotes", text))
		return json.Number("0")
	}
	return json.Number(text)
}

func (c *checker) object(path string, values []*ast.MappingValueNode) *object {
	o := &object{}
	seen := map[string]int{}
	for _, value := range values {
		name, ok := c.key(path, value.Key)
		if !ok {
			continue
		}
		place := value.Key.GetToken().Position
		if line, twice := seen[name]; twice {
			c.report(place.Line, place.Column, join(path, name), fmt.Sprintf("stands twice, first in line %d; keep one", line))
			continue
		}
		seen[name] = place.Line
		o.fields = append(o.fields, &field{name: name, line: place.Line, column: place.Column, node: c.node(join(path, name), value.Value)})
	}
	return o
}

func (c *checker) key(path string, key ast.MapKeyNode) (string, bool) {
	switch key := key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return key.GetToken().Value, true
	}
	place := key.GetToken().Position
	c.report(place.Line, place.Column, path, "a key must be plain text")
	return "", false
}

func join(path, name string) string {
	if strings.ContainsAny(name, ".[]") || name == "" {
		name = fmt.Sprintf("[%q]", name)
		return path + name
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
