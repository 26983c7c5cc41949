package library

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"cloudaudit/providers"
)

// Statement is a statement of an IAM policy document in one form, without the spellings that AWS
// allows: a single value is a list of one, actions are in lower case, and a principal is "AWS:…",
// "Service:…", "Federated:…", "CanonicalUser:…" or "*" for anybody.
type Statement struct {
	// Index is the statement's place in the document, from 0.
	Index                     int
	Sid, Effect               string
	Actions, NotActions       []string
	Resources, NotResources   []string
	Principals, NotPrincipals []string
	Condition                 map[string]any
}

// maxStatements bounds documents far above what AWS takes.
const maxStatements = 10_000

// Statements reads a policy document: an object, or its JSON in a string, which may be percent-encoded
// as IAM's own API gives it. Null and an empty string are no document and have no statements.
func Statements(document any) ([]Statement, error) {
	object, err := decodeDocument(document)
	if err != nil {
		return nil, err
	}
	elements := list(object["Statement"])
	if len(elements) > maxStatements {
		return nil, fmt.Errorf("more than %d statements", maxStatements)
	}
	all := make([]Statement, len(elements))
	for i, element := range elements {
		if all[i], err = newStatement(i, element); err != nil {
			return nil, fmt.Errorf("statement %d: %w", i, err)
		}
	}
	return all, nil
}

var errNoDocument = errors.New("not a policy document")

func decodeDocument(document any) (map[string]any, error) {
	if document == nil {
		return map[string]any{}, nil
	}
	if written, ok := text(document); ok {
		written = strings.TrimSpace(written)
		if written == "" {
			return map[string]any{}, nil
		}
		if strings.HasPrefix(written, "%") {
			decoded, err := url.QueryUnescape(written)
			if err != nil {
				return nil, errNoDocument
			}
			written = decoded
		}
		value, err := providers.ParseValue([]byte(written))
		if err != nil {
			return nil, errNoDocument
		}
		document = value
	}
	if object, ok := document.(map[string]any); ok {
		return object, nil
	}
	return nil, errNoDocument
}

func newStatement(index int, value any) (Statement, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return Statement{}, errNoDocument
	}
	s := Statement{Index: index, Condition: map[string]any{}}
	s.Sid, _ = text(object["Sid"])
	s.Effect, _ = text(object["Effect"])
	if condition, ok := object["Condition"].(map[string]any); ok {
		s.Condition = condition
	} else if object["Condition"] != nil {
		return Statement{}, errNoDocument
	}
	var faults [6]error
	s.Actions, faults[0] = actions(object["Action"])
	s.NotActions, faults[1] = actions(object["NotAction"])
	s.Resources, faults[2] = Texts(object["Resource"])
	s.NotResources, faults[3] = Texts(object["NotResource"])
	s.Principals, faults[4] = principals(object["Principal"])
	s.NotPrincipals, faults[5] = principals(object["NotPrincipal"])
	return s, errors.Join(faults[:]...)
}

func actions(value any) ([]string, error) {
	all, err := Texts(value)
	for i, action := range all {
		all[i] = strings.ToLower(action)
	}
	return all, err
}

// principals reads a Principal. Anybody is written in several ways, and is "*" here.
func principals(value any) ([]string, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return Texts(value)
	}
	var found []string
	for kind, ids := range object {
		written, err := Texts(ids)
		if err != nil {
			return nil, err
		}
		for _, id := range written {
			if id == "*" && kind == "AWS" {
				found = append(found, "*")
			} else {
				found = append(found, kind+":"+id)
			}
		}
	}
	return sorted(found), nil
}

// Object is the statement as policies see it, with lists for everything that may be several.
func (s Statement) Object() map[string]any {
	return map[string]any{
		"index": int64(s.Index), "sid": s.Sid, "effect": s.Effect,
		"actions": values(s.Actions), "notActions": values(s.NotActions),
		"resources": values(s.Resources), "notResources": values(s.NotResources),
		"principals": values(s.Principals), "notPrincipals": values(s.NotPrincipals),
		"condition": s.Condition,
	}
}

// Objects are several statements as policies see them.
func Objects(all []Statement) []any {
	objects := make([]any, len(all))
	for i, s := range all {
		objects[i] = s.Object()
	}
	return objects
}

// ParseStatement reads back what Object gave.
func ParseStatement(object map[string]any) (Statement, error) {
	s := Statement{}
	index, _ := whole(object["index"])
	s.Index = int(index)
	s.Sid, _ = text(object["sid"])
	s.Effect, _ = text(object["effect"])
	s.Condition, _ = object["condition"].(map[string]any)
	for name, into := range map[string]*[]string{
		"actions": &s.Actions, "notActions": &s.NotActions, "resources": &s.Resources, "notResources": &s.NotResources,
		"principals": &s.Principals, "notPrincipals": &s.NotPrincipals,
	} {
		found, isList := object[name].([]any)
		if !isList {
			return Statement{}, errors.New("not a statement of iam.statements")
		}
		all, err := Texts(found)
		if err != nil {
			return Statement{}, err
		}
		*into = all
	}
	return s, nil
}

// Grants tells whether the statement is about the action: it fits one of its actions, or the statement
// has notActions and it fits none.
func (s Statement) Grants(action string) bool {
	action = strings.ToLower(action)
	return about(s.Actions, s.NotActions, action)
}

// Reaches tells the same of a resource.
func (s Statement) Reaches(resource string) bool { return about(s.Resources, s.NotResources, resource) }

func about(patterns, excluded []string, what string) bool {
	return anyMatches(patterns, what) || len(excluded) > 0 && !anyMatches(excluded, what)
}

func anyMatches(patterns []string, what string) bool {
	for _, pattern := range patterns {
		if Matches(pattern, what) {
			return true
		}
	}
	return false
}

// Admin tells whether the statement allows everything on everything, as far as its conditions go.
func (s Statement) Admin() bool {
	return s.Effect == "Allow" && anything(s.Resources) && (anything(s.Actions) || slices.Contains(s.Actions, "*:*"))
}

func anything(patterns []string) bool {
	for _, pattern := range patterns {
		if pattern != "" && strings.Trim(pattern, "*") == "" {
			return true
		}
	}
	return false
}

// Matches tells whether a text fits a pattern of IAM, in which "*" stands for any text and "?" for one
// character.
func Matches(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
