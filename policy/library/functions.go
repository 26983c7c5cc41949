package library

import (
	"errors"
	"strings"
	"unicode"
)

// Function is a function of the library as engines lend it to policies. It takes and gives decoded JSON,
// of which lists and objects may be of strings. README.md is the reference.
type Function struct {
	// Name is as CEL spells it: net.isWorld.
	Name  string
	Arity int
	// Call takes as many arguments as Arity says. An error is for what is malformed, and quotes nothing.
	Call func(arguments []any) (any, error)
}

// Lower is the name for languages whose names are in lower case: net.is_world.
func (f Function) Lower() string {
	var name strings.Builder
	small := false
	for _, letter := range f.Name {
		if small && unicode.IsUpper(letter) {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToLower(letter))
		small = unicode.IsLower(letter)
	}
	return name.String()
}

// Functions gives all functions but those that engines make themselves: ages, which need their clock, and
// sets, which a language may have.
func Functions() []Function {
	return []Function{
		{"net.covers", 2, onRanges(func(a, b Range) any { return a.Covers(b) })},
		{"net.overlaps", 2, onRanges(func(a, b Range) any { return a.Overlaps(b) })},
		{"net.isWorld", 1, isWorld},
		{"net.isPublic", 1, onRange(func(r Range) any { return r.Public() })},
		{"net.size", 1, onRange(func(r Range) any { return r.Size() })},
		{"net.isRange", 1, isRange},
		{"net.ports", 2, func(arguments []any) (any, error) { return Ports(arguments[0], arguments[1]) }},
		{"net.portsOverlap", 2, func(arguments []any) (any, error) { return PortsOverlap(arguments[0], arguments[1]) }},
		{"net.hasProtocol", 2, withText(func(rule any, name string) (any, error) { return HasProtocol(rule, name) })},
		{"iam.statements", 1, onDocument(func(all []Statement) any { return Objects(all) })},
		{"iam.publicStatements", 1, onDocument(func(all []Statement) any { return Objects(Public(all)) })},
		{"iam.isPublic", 1, onDocument(func(all []Statement) any { return len(Public(all)) > 0 })},
		{"iam.adminStatements", 1, onDocument(func(all []Statement) any { return Objects(Admins(all)) })},
		{"iam.accounts", 1, onDocument(func(all []Statement) any { return Accounts(all) })},
		{"iam.requiresTLS", 3, requiresTLS},
		{"iam.narrows", 1, narrows},
		{"iam.grants", 2, onStatement(func(s Statement, action string) any { return s.Grants(action) })},
		{"iam.reaches", 2, onStatement(func(s Statement, resource string) any { return s.Reaches(resource) })},
		{"iam.isAdmin", 1, isAdmin},
		{"iam.matches", 2, onTexts(func(texts []string) (any, error) { return Matches(texts[0], texts[1]), nil })},
		{"gcp.bindings", 1, onBindings(bindingObjects)},
		{"gcp.grants", 1, onBindings(func(all []Binding) any { return grantObjects(Grants(all)) })},
		{"gcp.publicGrants", 1, onBindings(func(all []Binding) any { return grantObjects(PublicGrants(all)) })},
		{"gcp.isPublic", 1, onBindings(func(all []Binding) any { return len(PublicGrants(all)) > 0 })},
		{"gcp.members", 2, members},
		{"gcp.memberKind", 1, onTexts(func(texts []string) (any, error) { return MemberKind(texts[0]), nil })},
		{"gcp.memberDomain", 1, onTexts(func(texts []string) (any, error) { return MemberDomain(texts[0]), nil })},
		{"tags.of", 1, func(arguments []any) (any, error) { return Tags(arguments[0]) }},
		{"tags.has", 2, hasTag},
		{"tags.missing", 2, missingTags},
		{"versions.compare", 2, onVersions(func(order int) any { return order })},
		{"versions.atLeast", 2, onVersions(func(order int) any { return order >= 0 })},
		{"versions.below", 2, onVersions(func(order int) any { return order < 0 })},
		{"versions.product", 1, onTexts(func(texts []string) (any, error) { return Product(texts[0]), nil })},
	}
}

// onTexts makes a function of one whose arguments are all strings.
func onTexts(do func(texts []string) (any, error)) func([]any) (any, error) {
	return func(arguments []any) (any, error) {
		texts := make([]string, len(arguments))
		for i, argument := range arguments {
			written, ok := text(argument)
			if !ok {
				return nil, errNoText
			}
			texts[i] = written
		}
		return do(texts)
	}
}

// withText makes a function of one whose second argument is a string.
func withText(do func(first any, second string) (any, error)) func([]any) (any, error) {
	return func(arguments []any) (any, error) {
		second, ok := text(arguments[1])
		if !ok {
			return nil, errNoText
		}
		return do(arguments[0], second)
	}
}

func onRange(do func(Range) any) func([]any) (any, error) {
	return onTexts(func(texts []string) (any, error) {
		found, err := ParseRange(texts[0])
		if err != nil {
			return nil, err
		}
		return do(found), nil
	})
}

func onRanges(do func(a, b Range) any) func([]any) (any, error) {
	return onTexts(func(texts []string) (any, error) {
		a, err := ParseRange(texts[0])
		if err != nil {
			return nil, err
		}
		b, err := ParseRange(texts[1])
		if err != nil {
			return nil, err
		}
		return do(a, b), nil
	})
}

// isWorld takes one range, or several that may do so together.
func isWorld(arguments []any) (any, error) {
	if arguments[0] == nil {
		return nil, errNoRange
	}
	found, err := ParseRanges(arguments[0])
	if err != nil {
		return nil, err
	}
	return found.World(), nil
}

func isRange(arguments []any) (any, error) {
	written, ok := text(arguments[0])
	_, err := ParseRange(written)
	return ok && err == nil, nil
}

func onDocument(do func([]Statement) any) func([]any) (any, error) {
	return func(arguments []any) (any, error) {
		all, err := Statements(arguments[0])
		if err != nil {
			return nil, err
		}
		return do(all), nil
	}
}

func requiresTLS(arguments []any) (any, error) {
	all, err := Statements(arguments[0])
	if err != nil {
		return nil, err
	}
	service, ok := text(arguments[1])
	if !ok {
		return nil, errNoText
	}
	resources, err := Texts(arguments[2])
	if err != nil {
		return nil, err
	}
	return RequiresTLS(all, service, resources), nil
}

func narrows(arguments []any) (any, error) {
	condition, ok := arguments[0].(map[string]any)
	if !ok {
		return nil, errors.New("not a condition")
	}
	return Narrows(condition), nil
}

func onStatement(do func(s Statement, what string) any) func([]any) (any, error) {
	return withText(func(first any, second string) (any, error) {
		s, err := parseStatement(first)
		if err != nil {
			return nil, err
		}
		return do(s, second), nil
	})
}

func isAdmin(arguments []any) (any, error) {
	s, err := parseStatement(arguments[0])
	if err != nil {
		return nil, err
	}
	return s.Admin(), nil
}

func parseStatement(value any) (Statement, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return Statement{}, errors.New("not a statement")
	}
	return ParseStatement(object)
}

func onBindings(do func([]Binding) any) func([]any) (any, error) {
	return func(arguments []any) (any, error) {
		all, err := Bindings(arguments[0])
		if err != nil {
			return nil, err
		}
		return do(all), nil
	}
}

func bindingObjects(all []Binding) any {
	objects := make([]any, len(all))
	for i, binding := range all {
		objects[i] = binding.Object()
	}
	return objects
}

func grantObjects(all []Grant) any {
	objects := make([]any, len(all))
	for i, grant := range all {
		objects[i] = grant.Object()
	}
	return objects
}

func members(arguments []any) (any, error) {
	return withText(func(first any, role string) (any, error) {
		all, err := Bindings(first)
		if err != nil {
			return nil, err
		}
		return Members(all, role), nil
	})(arguments)
}

func hasTag(arguments []any) (any, error) {
	return withText(func(first any, key string) (any, error) {
		tags, err := Tags(first)
		if err != nil {
			return nil, err
		}
		return HasTag(tags, key), nil
	})(arguments)
}

func missingTags(arguments []any) (any, error) {
	tags, err := Tags(arguments[0])
	if err != nil {
		return nil, err
	}
	keys, err := Texts(arguments[1])
	if err != nil {
		return nil, err
	}
	return MissingTags(tags, keys), nil
}

func onVersions(do func(order int) any) func([]any) (any, error) {
	return onTexts(func(texts []string) (any, error) {
		order, err := CompareVersions(texts[0], texts[1])
		if err != nil {
			return nil, err
		}
		return do(order), nil
	})
}
