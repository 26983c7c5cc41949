package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxNesting is the deepest nesting of lists and objects that a YAML file may have.
const maxNesting = 64

// Node is a value of a YAML (or JSON) file that knows its place, so that every fault can name it.
// Anchors, aliases and tags are refused: a pack says what it means where it means it, and a small
// file never grows into a big value.
type Node struct {
	File string
	// Line and Column are where the value's text starts, from 1.
	Line, Column int
	// Value is nil, bool, string, json.Number (with its digits), []*Node or []Field.
	Value any
	// Block tells that a string is a literal block, whose lines are lines of the file.
	Block bool
}

// Field is one key of an object, in the file's order.
type Field struct {
	Key   *Node // its Value is a string
	Value *Node
}

// NodeUnmarshaler is a type that decodes itself from a Node.
type NodeUnmarshaler interface{ UnmarshalNode(*Node) error }

// ParseYAML reads the documents of a YAML file; JSON is YAML too. Empty documents are left out.
// Errors name the file, line and column.
func ParseYAML(file string, data []byte) (nodes []*Node, err error) {
	defer func() {
		if recover() != nil { // a fault of the parser, not ours to die of
			nodes, err = nil, fmt.Errorf("%s: not readable as YAML", file)
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if err := checkNesting(file, tokens); err != nil {
		return nil, err
	}
	var faults []error
	for _, segment := range segments(tokens) {
		parsed, err := parser.Parse(segment, 0)
		if err != nil {
			return nil, syntaxError(file, err)
		}
		for _, document := range parsed.Docs {
			if document.Body == nil {
				continue
			}
			node, err := newNode(file, document.Body)
			if err != nil {
				faults = append(faults, err)
			} else if node.Value != nil {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes, errors.Join(faults...)
}

// segments splits the tokens of several documents. The parser would do so, but loses what follows
// an empty document.
func segments(tokens token.Tokens) []token.Tokens {
	var all []token.Tokens
	var current token.Tokens
	content := false
	flush := func() {
		if content {
			all = append(all, current)
		}
		current, content = nil, false
	}
	for _, t := range tokens {
		if t.Type == token.DocumentHeaderType || t.Type == token.DocumentEndType {
			flush()
			continue
		}
		content = content || t.Type != token.CommentType
		current = append(current, t)
	}
	flush()
	return all
}

// checkNesting stops what would exhaust the parser's stack.
func checkNesting(file string, tokens token.Tokens) error {
	depth, line, entries := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			if t.Position.Line != line {
				line, entries = t.Position.Line, 0
			}
			entries++
		}
		if depth > maxNesting || entries > maxNesting || t.Position.IndentLevel > maxNesting {
			return fmt.Errorf("%s:%d: nested more than %d levels deep", file, t.Position.Line, maxNesting)
		}
	}
	return nil
}

func syntaxError(file string, err error) error {
	var fault *yaml.SyntaxError
	var double *yaml.DuplicateKeyError
	switch {
	case errors.As(err, &fault) && fault.Token != nil:
		return fmt.Errorf("%s:%d:%d: %s", file, fault.Token.Position.Line, fault.Token.Position.Column, fault.Message)
	case errors.As(err, &double) && double.Token != nil:
		return fmt.Errorf("%s:%d:%d: %s", file, double.Token.Position.Line, double.Token.Position.Column, double.Message)
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s: %s", file, message)
}

func newNode(file string, from ast.Node) (*Node, error) {
	place := from.GetToken().Position
	node := &Node{File: file, Line: place.Line, Column: place.Column}
	var err error
	switch from := from.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		node.Value = from.Value
	case *ast.StringNode:
		node.Value = from.Value
		if from.Token.Type == token.SingleQuoteType || from.Token.Type == token.DoubleQuoteType {
			node.Column++
		} else if jsonNumber.MatchString(from.Value) {
			node.Value = json.Number(from.Value) // too long or too short for the parser to see
		}
	case *ast.LiteralNode:
		node.Value, node.Block = from.Value.Value, strings.HasPrefix(from.Start.Value, "|")
		node.Line++
		node.Column = 1 + leadingSpaces(from.Value.GetToken().Origin)
	case *ast.IntegerNode:
		node.Value, err = node.number(from.Token.Value)
	case *ast.FloatNode:
		node.Value, err = node.number(from.Token.Value)
	case *ast.SequenceNode:
		node.Value, err = sequence(file, from)
	case *ast.MappingNode:
		node.Value, err = mapping(file, from.Values)
	case *ast.MappingValueNode:
		node.Value, err = mapping(file, []*ast.MappingValueNode{from})
	default:
		err = node.Errorf("anchors, aliases, tags, merge keys and infinite numbers are not supported here")
	}
	return node, err
}

func leadingSpaces(text string) int {
	text = strings.TrimLeft(text, "\n")
	return len(text) - len(strings.TrimLeft(text, " "))
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// number keeps a number as it is written. Notations that YAML's versions read differently (0123,
// 1_000, 0x1F) are refused, because the author may have meant a string.
func (n *Node) number(text string) (any, error) {
	if !jsonNumber.MatchString(text) {
		return nil, n.Errorf("write the number %s in decimal, or quote it if it is a string", text)
	}
	return json.Number(text), nil
}

func sequence(file string, from *ast.SequenceNode) (any, error) {
	nodes := make([]*Node, 0, len(from.Values))
	for _, value := range from.Values {
		node, err := newNode(file, value)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

func mapping(file string, values []*ast.MappingValueNode) (any, error) {
	fields := make([]Field, 0, len(values))
	seen := map[string]bool{}
	for _, value := range values {
		key, err := newKey(file, value.Key)
		if err != nil {
			return nil, err
		}
		if name := key.text(); seen[name] {
			return nil, key.Errorf("key %q stands twice", name)
		}
		seen[key.text()] = true
		node, err := newNode(file, value.Value)
		if err != nil {
			return nil, err
		}
		fields = append(fields, Field{key, node})
	}
	return fields, nil
}

func newKey(file string, from ast.MapKeyNode) (*Node, error) {
	key := &Node{File: file, Line: from.GetToken().Position.Line, Column: from.GetToken().Position.Column}
	switch from := from.(type) {
	case *ast.StringNode:
		key.Value = from.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		key.Value = from.GetToken().Value
	default:
		return nil, key.Errorf("use a plain string as key")
	}
	return key, nil
}

// Errorf makes an error that names the node's place.
func (n *Node) Errorf(format string, arguments ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", n.File, n.Line, n.Column, fmt.Errorf(format, arguments...))
}

// Plain gives the value as decoded JSON: nil, bool, string, json.Number, []any, map[string]any.
func (n *Node) Plain() any {
	switch value := n.Value.(type) {
	case []*Node:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = element.Plain()
		}
		return list
	case []Field:
		object := make(map[string]any, len(value))
		for _, field := range value {
			object[field.Key.text()] = field.Value.Plain()
		}
		return object
	}
	return n.Value
}

// Decode stores the node in what into points to: a string, bool, any, slice, map with string keys,
// struct (fields by their yaml tags) or NodeUnmarshaler. Unknown keys and wrong types are errors;
// all of them are returned together.
func (n *Node) Decode(into any) error {
	return errors.Join(n.decode(reflect.ValueOf(into).Elem())...)
}

func (n *Node) decode(into reflect.Value) []error {
	if custom, ok := into.Addr().Interface().(NodeUnmarshaler); ok {
		return list(custom.UnmarshalNode(n))
	}
	switch into.Kind() {
	case reflect.Interface:
		into.Set(reflect.ValueOf(&n.Value).Elem())
		if plain := n.Plain(); plain != nil {
			into.Set(reflect.ValueOf(plain))
		}
		return nil
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return n.decode(into.Elem())
	case reflect.Struct:
		return n.decodeStruct(into)
	case reflect.Slice:
		return n.decodeSlice(into)
	case reflect.Map:
		return n.decodeMap(into)
	}
	value := reflect.ValueOf(n.Value)
	if n.Value == nil || value.Kind() != into.Kind() || value.Type() == reflect.TypeFor[json.Number]() {
		return list(n.Errorf("want %s, have %s%s", kindName(into), n.kind(), n.quoteHint(into)))
	}
	into.Set(value.Convert(into.Type()))
	return nil
}

func list(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}

func (n *Node) decodeStruct(into reflect.Value) []error {
	fields, ok := n.Value.([]Field)
	if !ok {
		return list(n.Errorf("want an object, have %s", n.kind()))
	}
	known := map[string]reflect.Value{}
	var names []string
	for i := range into.NumField() {
		if name := into.Type().Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			known[name] = into.Field(i)
			names = append(names, name)
		}
	}
	var faults []error
	for _, field := range fields {
		name := field.Key.text()
		target, ok := known[name]
		if !ok {
			faults = append(faults, field.Key.Errorf("unknown key %q%s", name, hint(name, names)))
			continue
		}
		faults = append(faults, field.Value.decode(target)...)
	}
	return faults
}

func (n *Node) decodeSlice(into reflect.Value) []error {
	nodes, ok := n.Value.([]*Node)
	if !ok {
		return list(n.Errorf("want a list, have %s", n.kind()))
	}
	slice := reflect.MakeSlice(into.Type(), len(nodes), len(nodes))
	var faults []error
	for i, node := range nodes {
		faults = append(faults, node.decode(slice.Index(i))...)
	}
	into.Set(slice)
	return faults
}

func (n *Node) decodeMap(into reflect.Value) []error {
	fields, ok := n.Value.([]Field)
	if !ok {
		return list(n.Errorf("want an object, have %s", n.kind()))
	}
	result := reflect.MakeMapWithSize(into.Type(), len(fields))
	var faults []error
	for _, field := range fields {
		value := reflect.New(into.Type().Elem()).Elem()
		faults = append(faults, field.Value.decode(value)...)
		result.SetMapIndex(reflect.ValueOf(field.Key.Value), value)
	}
	into.Set(result)
	return faults
}

func (n *Node) kind() string {
	switch n.Value.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []*Node:
		return "a list"
	case []Field:
		return "an object"
	}
	return "a string"
}

func kindName(into reflect.Value) string {
	if into.Kind() == reflect.Bool {
		return "true or false"
	}
	return "a string"
}

func (n *Node) quoteHint(into reflect.Value) string {
	switch n.Value.(type) {
	case bool, json.Number:
		if into.Kind() == reflect.String {
			return "; put it in quotes"
		}
	}
	return ""
}

// hint names the known name that is nearest to a wrong one, or lists all if none is near.
func hint(wrong string, names []string) string {
	best, distance := "", 1+len(wrong)/3
	for _, name := range names {
		if d := editDistance(strings.ToLower(wrong), strings.ToLower(name)); d <= distance {
			best, distance = name, d-1
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	slices.Sort(names)
	return "; known are " + strings.Join(names, ", ")
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// ParseJSON reads a JSON file as one node. Numbers keep their digits; places within the file are
// not known.
func ParseJSON(file string, data []byte) (*Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: more than one JSON value", file)
	}
	return nodeOf(file, value), nil
}

func nodeOf(file string, value any) *Node {
	node := &Node{File: file, Line: 1, Column: 1, Value: value}
	switch value := value.(type) {
	case []any:
		nodes := make([]*Node, len(value))
		for i, element := range value {
			nodes[i] = nodeOf(file, element)
		}
		node.Value = nodes
	case map[string]any:
		fields := make([]Field, 0, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			fields = append(fields, Field{nodeOf(file, key), nodeOf(file, value[key])})
		}
		node.Value = fields
	}
	return node
}

// text is the node's value where it is a string, as keys are.
func (n *Node) text() string {
	text, _ := n.Value.(string)
	return text
}
