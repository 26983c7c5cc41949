package providers

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Projection is a part of values: what stands at some paths and below them. The nil projection is of
// whole values.
type Projection struct {
	whole bool
	keys  map[string]*Projection
	every *Projection // below all keys and elements
}

// NewProjection gives the part that stands at the paths: JSON Pointers, in which "*" is any key or
// element.
func NewProjection(paths ...string) *Projection {
	p := &Projection{}
	for _, path := range paths {
		p.keep(Segments(path))
	}
	return p
}

func (p *Projection) keep(keys []string) {
	if len(keys) == 0 {
		p.whole = true
		return
	}
	if keys[0] == "*" {
		if p.every == nil {
			p.every = &Projection{}
		}
		p.every.keep(keys[1:])
		return
	}
	p.key(keys[0]).keep(keys[1:])
}

// key gives what is kept below a key, and keeps the key.
func (p *Projection) key(key string) *Projection {
	if p.keys == nil {
		p.keys = map[string]*Projection{}
	}
	if p.keys[key] == nil {
		p.keys[key] = &Projection{}
	}
	return p.keys[key]
}

// Of gives the part of a value. Lists keep their length, and what is neither object nor list is kept.
// What is kept whole is shared with the value.
func (p *Projection) Of(value any) any {
	if p == nil || p.whole {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, element := range value {
			if below := p.below(key); below != nil {
				kept[key] = below.Of(element)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, element := range value {
			if below := p.below(strconv.Itoa(i)); below != nil {
				kept[i] = below.Of(element)
			}
		}
		return kept
	}
	return value
}

// ParseValue gives Of(value) of valid JSON, as the function ParseValue reads it, and spends little on
// what is not kept.
func (p *Projection) ParseValue(data []byte) (any, error) {
	data = bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(data) > 0 && data[0] == '"':
		return parseText(data)
	case p == nil || p.whole || len(data) == 0:
		return ParseValue(data)
	case data[0] == '[':
		return p.parseList(data)
	case data[0] != '{':
		return ParseValue(data)
	}
	var elements map[string]json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return nil, plain(err)
	}
	kept := map[string]any{}
	for key, element := range elements {
		if below := p.below(key); below != nil {
			value, err := below.ParseValue(element)
			if err != nil {
				return nil, err
			}
			kept[key] = value
		}
	}
	return kept, nil
}

// parseText reads a string, which most of what policies read is, without a decoder of its own.
func parseText(data []byte) (any, error) {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return nil, plain(err)
	}
	return text, nil
}

func (p *Projection) parseList(data []byte) (any, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return nil, plain(err)
	}
	kept := make([]any, len(elements))
	for i, element := range elements {
		if below := p.below(strconv.Itoa(i)); below != nil {
			value, err := below.ParseValue(element)
			if err != nil {
				return nil, err
			}
			kept[i] = value
		}
	}
	return kept, nil
}

// Below gives the part of what stands at the path, and false if nothing there is kept.
func (p *Projection) Below(path string) (*Projection, bool) {
	for _, key := range Segments(path) {
		if p == nil || p.whole {
			return nil, true
		}
		if p = p.below(key); p == nil {
			return nil, false
		}
	}
	return p, true
}

// below gives what is kept below a key or element, nil for nothing.
func (p *Projection) below(key string) *Projection {
	found := p.keys[key]
	if found == nil || p.every == nil {
		if found == nil {
			return p.every
		}
		return found
	}
	both := &Projection{}
	both.add(found)
	both.add(p.every)
	return both
}

// add keeps what another projection keeps, too.
func (p *Projection) add(other *Projection) {
	p.whole = p.whole || other.whole
	if other.every != nil {
		if p.every == nil {
			p.every = &Projection{}
		}
		p.every.add(other.every)
	}
	for key, below := range other.keys {
		p.key(key).add(below)
	}
}

// Touches tells whether something at or below the path, or around it, is kept.
func (p *Projection) Touches(path string) bool {
	_, touches := p.Below(path)
	return touches
}
