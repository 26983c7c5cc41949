package cel

import (
	"strconv"

	"cloudaudit/providers"
)

// projection is what is kept of a value: all of it, or what stands below some keys.
type projection struct {
	whole bool
	keys  map[string]*projection
	every *projection // below all keys and elements
}

// newProjection keeps what stands at the paths, in which "*" is any key or element. An id is always
// kept, so that an outcome can name the resource.
func newProjection(paths []string) *projection {
	root := &projection{}
	root.keep([]string{"id"})
	for _, path := range paths {
		root.keep(pointer(path))
	}
	return root
}

func (p *projection) keep(keys []string) {
	if len(keys) == 0 {
		p.whole = true
		return
	}
	if keys[0] == "*" {
		if p.every == nil {
			p.every = &projection{}
		}
		p.every.keep(keys[1:])
		return
	}
	if p.keys == nil {
		p.keys = map[string]*projection{}
	}
	if p.keys[keys[0]] == nil {
		p.keys[keys[0]] = &projection{}
	}
	p.keys[keys[0]].keep(keys[1:])
}

// of gives the part of the value that is kept. Lists keep their length.
func (p *projection) of(value any) any {
	if p.whole {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, element := range value {
			if parts := p.at(key); len(parts) > 0 {
				kept[key] = both(parts, element)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, element := range value {
			if parts := p.at(strconv.Itoa(i)); len(parts) > 0 {
				kept[i] = both(parts, element)
			}
		}
		return kept
	}
	return value
}

// at gives what applies to a key or element.
func (p *projection) at(key string) (parts []*projection) {
	if found := p.keys[key]; found != nil {
		parts = append(parts, found)
	}
	if p.every != nil {
		parts = append(parts, p.every)
	}
	return parts
}

// both keeps what either of two projections keeps.
func both(parts []*projection, value any) any {
	if len(parts) == 1 {
		return parts[0].of(value)
	}
	merged := &projection{}
	for _, part := range parts {
		merged.add(part)
	}
	return merged.of(value)
}

func (p *projection) add(other *projection) {
	p.whole = p.whole || other.whole
	if other.every != nil {
		if p.every == nil {
			p.every = &projection{}
		}
		p.every.add(other.every)
	}
	for key, below := range other.keys {
		if p.keys == nil {
			p.keys = map[string]*projection{}
		}
		if p.keys[key] == nil {
			p.keys[key] = &projection{}
		}
		p.keys[key].add(below)
	}
}

// touches tells whether something at or below the path, or around it, is kept.
func (p *projection) touches(keys []string) bool {
	if p.whole || len(keys) == 0 {
		return true
	}
	for _, part := range p.at(keys[0]) {
		if part.touches(keys[1:]) {
			return true
		}
	}
	return false
}

// relevant gives the unread paths that matter to what is kept.
func (p *projection) relevant(unread []providers.Unread) (found []providers.Unread) {
	for _, gap := range unread {
		if p.touches(pointer(gap.Path)) {
			found = append(found, gap)
		}
	}
	return found
}

// count is how many values a value holds, itself included.
func count(value any) int {
	total := 1
	switch value := value.(type) {
	case map[string]any:
		for _, element := range value {
			total += count(element)
		}
	case openMap:
		total += count(map[string]any(value))
	case []any:
		for _, element := range value {
			total += count(element)
		}
	case map[string]string:
		total += len(value)
	case []string:
		total += len(value)
	}
	return total
}
