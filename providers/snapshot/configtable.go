package snapshot

import (
	_ "embed"
	"fmt"
	"strings"
)

// configTypeList is data/config-types.txt, which explains itself at its top.
//
//go:embed data/config-types.txt
var configTypeList string

// configTypes are the fields of the list by type. It is never changed.
var configTypes = must(parseConfigTypes(configTypeList))

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// configField says where a property comes from.
type configField struct {
	property string
	// from is the path of the source, none for a property that Config does not record.
	from []string
	// extra tells that the path begins in supplementaryConfiguration; item, that it names a member of
	// the item.
	extra, item bool
	// old tells that a missing source is not set, set that an empty one is not.
	old, set bool
	// as says how the value is written, each and first which member of the objects of a list it is.
	as, each, first string
	// fields are those of the object, or of each object of the list.
	fields []*configField
}

// parseConfigTypes reads the list.
func parseConfigTypes(list string) (map[string][]*configField, error) {
	types := map[string][]*configField{}
	var open []*configField
	name, number := "", 0
	for line := range strings.Lines(list) {
		number++
		words := strings.Fields(line)
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
			continue
		case depth == 0 && words[0] == "type" && len(words) == 2:
			name, open = words[1], nil
			continue
		}
		field, ok := parseConfigField(words)
		if !ok || name == "" || depth < 1 || depth > len(open)+1 {
			return nil, fmt.Errorf("read the list of types of AWS Config: line %d is not understood", number)
		}
		if open = append(open[:depth-1], field); depth == 1 {
			types[name] = append(types[name], field)
		} else {
			open[depth-2].fields = append(open[depth-2].fields, field)
		}
	}
	return types, nil
}

func parseConfigField(words []string) (*configField, bool) {
	if len(words) < 2 {
		return nil, false
	}
	field := &configField{property: words[0]}
	field.source(words[1])
	for _, word := range words[2:] {
		if !field.word(word) {
			return nil, false
		}
	}
	return field, true
}

func (f *configField) source(source string) {
	switch {
	case source == "-":
	case source == "=":
		f.from = []string{f.property}
	case source[0] == '@':
		f.item, f.from = true, []string{source[1:]}
	case source[0] == '+':
		f.extra, f.from = true, strings.Split(source[1:], ".")
	default:
		f.from = strings.Split(source, ".")
	}
}

func (f *configField) word(word string) bool {
	if member, ok := strings.CutPrefix(word, "each:"); ok {
		f.each = member
		return member != ""
	}
	if member, ok := strings.CutPrefix(word, "first:"); ok {
		f.first = member
		return member != ""
	}
	switch word {
	case "?":
		f.old = true
	case "set":
		f.set = true
	default:
		f.as = word
		return configValues[word] != nil
	}
	return true
}
