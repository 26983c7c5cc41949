package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// MaxDepth is how deeply JSON values may nest. Real resources stay far below it; beyond it lies
// only hostile input.
const MaxDepth = 256

// ParseValue reads one JSON value with the digits of its numbers kept (json.Number). Errors never
// quote the input.
func ParseValue(data []byte) (any, error) {
	if depth(data) > MaxDepth {
		return nil, errors.New("nests too deeply")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, plain(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one JSON value")
	}
	return value, nil
}

// plain replaces a decoding error, which may quote input, by one of ours.
func plain(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return errors.New("is not valid JSON at byte " + strconv.FormatInt(syntax.Offset, 10))
	}
	return errors.New("is not valid JSON: it ends too early")
}

// depth is the deepest nesting of brackets outside of strings.
func depth(data []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// FormatValue writes a value as JSON with sorted keys and the digits of its numbers kept. The same
// value gives the same bytes.
func FormatValue(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// Restore puts Redacted leaves back where stored JSON holds placeholders. Part is the part whose
// value it is, unread what is unread in it. The value is changed in place and given back.
func Restore(part string, value any, unread []Unread) any {
	root := PartPath(part)
	for _, u := range unread {
		rest, inside := strings.CutPrefix(u.Path, root)
		if u.Class == RedactedValue && inside {
			value = replace(value, Segments(rest), Redacted{})
		}
	}
	return value
}

func replace(value any, path []string, leaf any) any {
	if len(path) == 0 {
		if _, isText := value.(string); isText {
			return leaf
		}
		return value
	}
	switch parent := value.(type) {
	case map[string]any:
		if child, ok := parent[path[0]]; ok {
			parent[path[0]] = replace(child, path[1:], leaf)
		}
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(parent) {
			parent[i] = replace(parent[i], path[1:], leaf)
		}
	}
	return value
}

var (
	pointerEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// Pointer appends a key to a JSON Pointer.
func Pointer(pointer, key string) string { return pointer + "/" + pointerEscaper.Replace(key) }

// Segments splits a JSON Pointer into its unescaped keys; the root has none.
func Segments(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, part := range parts {
		parts[i] = pointerUnescaper.Replace(part)
	}
	return parts
}

// Overlap tells whether one of two pointers leads to, or through, the other.
func Overlap(a, b string) bool {
	left, right := Segments(a), Segments(b)
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] && left[i] != "*" && right[i] != "*" {
			return false
		}
	}
	return true
}
