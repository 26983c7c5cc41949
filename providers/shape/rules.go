package shape

import (
	_ "embed"
	"fmt"
	"strings"
)

// RedactionRevision is the revision of data/redaction.txt and of the looks of secrets. It grows
// with every change of what is redacted or volatile: hashes are keyed by it, and stored bodies of
// an older revision are sealed again.
const RedactionRevision = 2

// RedactionList is the list of what is redacted, with its own explanation at the top.
//
//go:embed data/redaction.txt
var RedactionList string

// list is RedactionList in the form in which it is applied. It is never changed.
var list = must(parseRules(RedactionList))

// must gives a value that is part of the program and so cannot be wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// treat says how a value is redacted, as told by the name of the key that holds it.
type treat uint8

const (
	// secretText redacts text, directly and in lists, and "value" of objects.
	secretText treat = 1 << iota
	// secretValues redacts the texts of a map or list, and "value" of the objects in it.
	secretValues
	// secretElements redacts "value" of objects in a list.
	secretElements
	// secretElement redacts "value" of this object.
	secretElement
	// references switches the names of keys off.
	references
	// everything redacts all text below.
	everything
)

type rules struct {
	// endings and keeps hold names by their last byte, so that most keys are ruled out at once.
	endings, keeps [256][]string
	exact          map[string]treat
	types          []typeRule
	volatiles      []volatileRule
}

// typeRule redacts all text at a path of a type.
type typeRule struct {
	holder typePattern
	path   string
	id     string
}

// volatileRule names a key of a type that is no content.
type volatileRule struct {
	holder typePattern
	key    string
}

// typePattern is a type, or a beginning of types with a "*" at the end.
type typePattern string

func (p typePattern) matches(resourceType string) bool {
	beginning, open := strings.CutSuffix(string(p), "*")
	if open {
		return len(resourceType) >= len(beginning) && strings.EqualFold(resourceType[:len(beginning)], beginning)
	}
	return strings.EqualFold(resourceType, beginning)
}

func parseRules(text string) (*rules, error) {
	r := &rules{exact: map[string]treat{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if !r.add(fields[0], fields[1:]) {
			return nil, fmt.Errorf("read the redaction list: line %d is not understood", number)
		}
	}
	return r, nil
}

func (r *rules) add(word string, args []string) bool {
	named := map[string]treat{"values": secretValues, "elements": secretElements, "refs": references}
	switch {
	case word == "key" && len(args) == 1:
		last := args[0][len(args[0])-1]
		r.endings[last] = append(r.endings[last], args[0])
	case word == "keep" && len(args) == 1:
		last := args[0][len(args[0])-1]
		r.keeps[last] = append(r.keeps[last], args[0])
	case named[word] != 0 && len(args) == 1:
		r.exact[args[0]] |= named[word]
	case word == "type" && len(args) == 2:
		r.types = append(r.types, typeRule{holder: typePattern(args[0]), path: args[1]})
	case word == "type" && len(args) == 3:
		r.types = append(r.types, typeRule{holder: typePattern(args[0]), path: args[1], id: args[2]})
	case word == "volatile" && len(args) == 2:
		r.volatiles = append(r.volatiles, volatileRule{holder: typePattern(args[0]), key: args[1]})
	default:
		return false
	}
	return true
}

// named says how the value under a key is treated.
func (r *rules) named(key string) treat {
	var buffer [longestName]byte
	name := plainName(key, &buffer)
	if len(name) == 0 {
		return 0
	}
	how := r.exact[string(name)]
	last := name[len(name)-1]
	if endsWithAny(name, r.endings[last]) && !endsWithAny(name, r.keeps[last]) {
		how |= secretText
	}
	return how
}

// volatile gives the keys of a type that are no content.
func (r *rules) volatile(resourceType string) []string {
	var keys []string
	for _, rule := range r.volatiles {
		if rule.holder.matches(resourceType) {
			keys = append(keys, rule.key)
		}
	}
	return keys
}

const longestName = 64

// plainName writes the end of a key in lower case and without separators.
func plainName(key string, buffer *[longestName]byte) []byte {
	at := len(buffer)
	for i := len(key) - 1; i >= 0 && at > 0; i-- {
		switch c := key[i]; {
		case 'A' <= c && c <= 'Z':
			at--
			buffer[at] = c + 'a' - 'A'
		case c == '_' || c == '-' || c == '.' || c == ':' || c == ' ':
		default:
			at--
			buffer[at] = c
		}
	}
	return buffer[at:]
}

func endsWithAny(name []byte, endings []string) bool {
	for _, ending := range endings {
		if n := len(name) - len(ending); n >= 0 && string(name[n:]) == ending {
			return true
		}
	}
	return false
}
