package rego

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// subject is a resource as the policies of a pack see it, converted once for all of them.
type subject struct {
	format format
	input  policy.Input
	root   ast.Value
	// hidden are the places of the resource without a known value.
	hidden []hiddenPlace
	// paths are those places in words, in the same order.
	paths [][]string
	parts map[string]result
	size  int
	// ground is the root without spies, once it is wanted.
	ground ast.Value
}

// newSubject converts a resource. A root that is unread is the caller's to notice.
func newSubject(f format, input policy.Input) *subject {
	shared.RLock()
	defer shared.RUnlock()
	c := &converter{}
	s := &subject{format: f, input: input, parts: c.parts(input)}
	switch f {
	case plain:
		s.root = s.plainRoot()
	case admission:
		s.root = s.review()
	default:
		s.root = s.overlaidRoot()
	}
	s.hidden, s.size = c.hidden, c.size
	for _, place := range s.hidden {
		s.paths = append(s.paths, keysOf(append(ast.Ref{ast.InputRootDocument}, place.path...)))
	}
	return s
}

// parts converts what stands at the root of a resource.
func (c *converter) parts(input policy.Input) map[string]result {
	r := input.Resource
	facets := make(map[string]any, len(r.Parts))
	for name, part := range r.Parts {
		if name != providers.Properties {
			facets[name] = part.Value
		}
	}
	unread := newTree(input.Unread)
	parts := make(map[string]result, 9)
	add := func(key string, value any, present bool) {
		below := unread.below(key)
		if !present && below == nil {
			return
		}
		c.path = append(c.path, ast.InternedTerm(key))
		parts[key] = c.convert(value, present, below)
		if hidden := parts[key].hidden; hidden != nil {
			c.hidden = append(c.hidden, hiddenPlace{*hidden, append([]*ast.Term{}, c.path...)})
		}
		c.path = c.path[:0]
	}
	add("type", r.Type, true)
	add("id", r.ID, true)
	add("name", r.Name, true)
	add("region", r.Region, true)
	add("uid", r.UID, true)
	add("tags", r.Tags, true)
	add("ancestors", r.Ancestors, true)
	add("facets", facets, true)
	properties, present := r.Parts[providers.Properties]
	add(providers.Properties, properties.Value, present)
	return parts
}

// builder gathers the keys of an object.
type builder struct {
	pairs  [][2]*ast.Term
	at     map[string]int // of a name in pairs
	hidden map[string]hiddenKey
	rest   *gap
}

func newBuilder(capacity int) *builder {
	return &builder{pairs: make([][2]*ast.Term, 0, capacity), at: make(map[string]int, capacity)}
}

// set puts a known value, in the place of one that was there.
func (b *builder) set(key *ast.Term, name string, value *ast.Term) {
	delete(b.hidden, name)
	if i, there := b.at[name]; there {
		b.pairs[i][1] = value
		return
	}
	b.at[name] = len(b.pairs)
	b.pairs = append(b.pairs, [2]*ast.Term{key, value})
}

// hide puts a value that is not known. Where a key was there before, only the value is open.
func (b *builder) hide(name string, hidden hiddenKey) {
	if b.hidden == nil {
		b.hidden = map[string]hiddenKey{}
	}
	if _, there := b.at[name]; there {
		hidden.open = false
	} else if !hidden.open {
		b.set(ast.InternedTerm(name), name, ast.NewTerm(placeholder))
	}
	b.hidden[name] = hidden
}

func (b *builder) put(name string, r result) {
	if r.hidden != nil {
		b.hide(name, *r.hidden)
		return
	}
	b.set(ast.InternedTerm(name), name, ast.NewTerm(r.value))
}

// overlay puts the keys of an object over what is there.
func (b *builder) overlay(value ast.Value, skip func(name string, value *ast.Term) bool) {
	object, ok := value.(ast.Object)
	if !ok {
		return
	}
	spied, _ := value.(*spy)
	if spied != nil {
		object = spied.Object
	}
	object.Foreach(func(key, value *ast.Term) {
		if name, ok := key.Value.(ast.String); ok && !skip(string(name), value) {
			b.set(key, string(name), value)
		}
	})
	if spied == nil {
		return
	}
	for name, hidden := range spied.hidden {
		b.hide(name, hidden)
	}
}

func (b *builder) value() ast.Value {
	object := ast.NewObject(b.pairs...)
	if len(b.hidden) == 0 && b.rest == nil {
		return object
	}
	return newSpy(object, b.hidden, b.rest)
}

// plainRoot is the resource as it is, beside its account.
func (s *subject) plainRoot() ast.Value {
	b := newBuilder(10)
	for _, field := range fields {
		if r, present := s.parts[field.key]; present && field.name == field.key {
			b.put(field.name, r)
		}
	}
	b.set(accountKey, "account", s.account())
	return b.value()
}

var accountKey = ast.InternedTerm("account")

func (s *subject) account() *ast.Term {
	account := s.input.Account
	if account == nil {
		account = &providers.Account{}
	}
	c := &converter{}
	return ast.ObjectTerm(
		ast.Item(ast.InternedTerm("name"), ast.StringTerm(account.Name)),
		ast.Item(ast.InternedTerm("provider"), ast.StringTerm(account.Cloud)),
		ast.Item(ast.InternedTerm("cloudId"), ast.StringTerm(account.CloudID)),
		ast.Item(ast.InternedTerm("tags"), ast.NewTerm(c.convert(account.Tags, true, nil).value)),
	)
}

// overlaidRoot lays the properties over everything else, and puts that back under reserved names.
func (s *subject) overlaidRoot() ast.Value {
	properties, present := s.parts[providers.Properties]
	if !present {
		properties = known(ast.NewObject())
		s.parts[providers.Properties] = properties
	}
	b := newBuilder(64)
	if properties.hidden == nil {
		for _, field := range fields {
			b.put(field.name, s.parts[field.key])
		}
		s.extras(b, "")
		b.overlay(properties.value, s.sameType)
	} else {
		b.rest = &properties.hidden.gap // any property may be there, and hide anything
	}
	for _, field := range fields {
		b.put(reserved+field.name, s.parts[field.key])
	}
	s.extras(b, reserved)
	return b.value()
}

// sameType tells that a property only repeats the resource's type, which may be in another case
// there than a policy expects.
func (s *subject) sameType(name string, value *ast.Term) bool {
	text, ok := value.Value.(ast.String)
	return ok && name == "type" && strings.EqualFold(string(text), s.input.Resource.Type)
}

// extras are what Pulumi knows of its resources beside ours. Of a discovered resource there are no
// options and no provider; a policy that reads options is not evaluated at all.
func (s *subject) extras(b *builder, prefix string) {
	b.set(ast.InternedTerm(prefix+"urn"), prefix+"urn", ast.StringTerm(s.urn()))
	b.set(ast.InternedTerm(prefix+"account"), prefix+"account", s.account())
	b.set(ast.InternedTerm(prefix+"options"), prefix+"options", emptyObject)
	b.set(ast.InternedTerm(prefix+"provider"), prefix+"provider", emptyObject)
}

var emptyObject = ast.ObjectTerm()

// urn names the resource in Pulumi's manner.
func (s *subject) urn() string {
	project := ""
	if s.input.Account != nil {
		project = s.input.Account.Name
	}
	return "urn:pulumi:cloudaudit::" + project + "::" + s.input.Resource.Type + "::" + s.input.Resource.Name
}

// property gives a text among the properties.
func (s *subject) property(names ...string) (string, bool) {
	value := s.input.Resource.Parts[providers.Properties].Value
	for _, name := range names {
		object, ok := value.(map[string]any)
		if !ok {
			return "", false
		}
		value = object[name]
	}
	text, ok := value.(string)
	return text, ok
}
