package rego

import (
	"fmt"
	"slices"
	"strings"

	"cloudaudit/providers"
)

// statements reads an IAM policy document, as an object or as JSON in a string, and gives its
// statements in one form: effect, sid, index, actions and notActions in lower case, resources,
// notResources, principals and notPrincipals as "kind:id" with kind AWS, Service, Federated,
// CanonicalUser, or "*" alone for anybody, and condition.
func statements(arguments []any) (any, error) {
	document := arguments[0]
	if text, ok := document.(string); ok {
		var err error
		if document, err = providers.ParseValue([]byte(text)); err != nil {
			return nil, err
		}
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not a policy document")
	}
	result := []any{}
	for i, element := range listOf(object["Statement"]) {
		statement, ok := element.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("statement %d is not an object", i)
		}
		normal, err := normalStatement(i, statement)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i, err)
		}
		result = append(result, normal)
	}
	return result, nil
}

// listOf gives a list's elements, or a single value as a list.
func listOf(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	}
	return []any{value}
}

func normalStatement(index int, statement map[string]any) (map[string]any, error) {
	effect, _ := statement["Effect"].(string)
	sid, _ := statement["Sid"].(string)
	condition, _ := statement["Condition"].(map[string]any)
	if condition == nil {
		condition = map[string]any{}
	}
	normal := map[string]any{"index": index, "sid": sid, "effect": effect, "condition": condition}
	for name, key := range map[string]string{
		"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource",
	} {
		texts, err := textsOf(statement[key])
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(key, "Action") {
			for i := range texts {
				texts[i] = strings.ToLower(texts[i])
			}
		}
		normal[name] = asList(texts)
	}
	for name, key := range map[string]string{"principals": "Principal", "notPrincipals": "NotPrincipal"} {
		found, err := principals(statement[key])
		if err != nil {
			return nil, err
		}
		normal[name] = asList(found)
	}
	return normal, nil
}

func textsOf(value any) ([]string, error) {
	var texts []string
	for _, element := range listOf(value) {
		text, ok := element.(string)
		if !ok {
			return nil, fmt.Errorf("not a string where one belongs")
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func asList(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// principals reads a Principal. Anybody is written in several ways, and is "*" here.
func principals(value any) ([]string, error) {
	var found []string
	if object, ok := value.(map[string]any); ok {
		for kind, ids := range object {
			texts, err := textsOf(ids)
			if err != nil {
				return nil, err
			}
			for _, id := range texts {
				if id == "*" && kind == "AWS" {
					found = append(found, "*")
				} else {
					found = append(found, kind+":"+id)
				}
			}
		}
		slices.Sort(found)
		return slices.Compact(found), nil
	}
	return textsOf(value)
}

// narrowing are the condition keys that say who calls or from where, in lower case. Of the ones that
// do not, such as aws:SecureTransport, everybody can meet the condition.
var narrowing = map[string]bool{
	"aws:principalaccount": true, "aws:principalarn": true, "aws:principalorgid": true, "aws:principalorgpaths": true,
	"aws:sourceaccount": true, "aws:sourcearn": true, "aws:sourceorgid": true, "aws:sourceorgpaths": true, "aws:sourceowner": true,
	"aws:sourcevpc": true, "aws:sourcevpce": true, "aws:sourceip": true, "aws:vpcsourceip": true, "aws:userid": true,
	"aws:username": true, "kms:calleraccount": true, "s3:dataaccesspointaccount": true,
	"lambda:eventsourcetoken": true,
}

// narrows tells whether a statement's condition keeps strangers out: one of its operators compares a
// narrowing key with values of which none stands for everybody. An operator that also holds where
// the key is missing (…IfExists, ForAllValues:, Null) or that only excludes (Not…) does not.
func narrows(arguments []any) (any, error) {
	condition, ok := arguments[0].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not a condition")
	}
	for operator, block := range condition {
		keys, ok := block.(map[string]any)
		if !ok || !comparing(operator) {
			continue
		}
		for key, values := range keys {
			if narrowing[strings.ToLower(key)] && specific(listOf(values)) {
				return true, nil
			}
		}
	}
	return false, nil
}

func comparing(operator string) bool {
	operator = strings.ToLower(operator)
	if strings.HasSuffix(operator, "ifexists") || strings.HasPrefix(operator, "forallvalues:") {
		return false
	}
	switch strings.TrimPrefix(operator, "foranyvalue:") {
	case "stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress":
		return true
	}
	return false
}

// specific tells whether every value stands for somebody in particular.
func specific(values []any) bool {
	for _, value := range values {
		text, ok := value.(string)
		if !ok || strings.Trim(text, "*?:/") == "" {
			return false
		}
		if world, err := isWorld([]string{text}); err == nil && world == true {
			return false
		}
		if strings.HasPrefix(text, "arn:") && anyAccount(text) {
			return false
		}
	}
	return len(values) > 0
}

// anyAccount tells whether an ARN leaves both the account and the thing open.
func anyAccount(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && strings.Trim(parts[4], "*?") == "" && strings.Trim(parts[5], "*?") == ""
}

// matches tells whether a text fits a pattern of IAM, in which * stands for any text and ? for one
// character.
func matches(texts []string) (any, error) {
	return wildcard(texts[0], texts[1]), nil
}

func wildcard(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t] && pattern[p] != '*'):
			p, t = p+1, t+1
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
