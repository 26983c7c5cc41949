package aws

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// callList is data/calls.txt, which explains itself at its top.
//
//go:embed data/calls.txt
var callList string

// calls are all calls that this package makes, by name. It is never changed.
var calls = parseCalls(callList)

// calling is a call with what it needs.
type calling struct {
	// actions are the IAM actions that allow it; none if it is always allowed.
	actions []string
	// use is when the call is made.
	use string
}

// Uses of calls.
const (
	useRead         = "read"
	useControl      = "control"
	useOrganization = "organization"
	useCheck        = "check"
)

func parseCalls(text string) map[string]calling {
	all := map[string]calling{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		all[fields[1]] = calling{use: fields[0], actions: fields[2:]}
	}
	return all
}

// actionsOf gives the IAM actions that allow a call.
func actionsOf(call string) []string { return calls[call].actions }

// prefixOf is how IAM begins the actions of a service that is named as in calls.
func prefixOf(service string) string {
	for name, call := range calls {
		if owner, _, _ := strings.Cut(name, "."); owner == service && len(call.actions) > 0 {
			prefix, _, _ := strings.Cut(call.actions[0], ":")
			return prefix
		}
	}
	return service
}

// Actions lists the IAM actions that reading an account needs.
func Actions() []string { return actionsFor(useRead) }

func actionsFor(use string) []string {
	set := map[string]bool{}
	for _, call := range calls {
		if call.use == use {
			for _, action := range call.actions {
				set[action] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// statement is a statement of an IAM policy.
type statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource any
}

const gatewayAction = "apigateway:GET"

// gatewayPaths are what of API Gateway is read. Its one action for reading would allow the values of
// API keys too.
var gatewayPaths = []string{
	"arn:*:apigateway:*::/apis", "arn:*:apigateway:*::/apis/*/stages", "arn:*:apigateway:*::/restapis", "arn:*:apigateway:*::/restapis/*/stages",
}

// Policy is the IAM policy that allows what reading an account needs, and nothing else.
func Policy() string { return policyDocument(readStatements()...) }

func readStatements() []statement {
	return statementsFor("Read", append(Actions(), actionsFor(useCheck)...))
}

// statementsFor allows actions, that of API Gateway only for what of it is read.
func statementsFor(sid string, actions []string) []statement {
	var statements []statement
	rest := slices.DeleteFunc(slices.Clone(actions), func(action string) bool { return action == gatewayAction })
	slices.Sort(rest)
	if len(rest) > 0 {
		statements = append(statements, statement{Sid: sid, Effect: "Allow", Action: rest, Resource: "*"})
	}
	if len(rest) < len(actions) {
		statements = append(statements, statement{Sid: sid + "Apis", Effect: "Allow", Action: []string{gatewayAction}, Resource: gatewayPaths})
	}
	return statements
}

// ParentPolicy is the IAM policy that a parent of member accounts needs beside Policy, where every
// member has a role of the given name.
func ParentPolicy(roleName string) string { return policyDocument(parentStatements(roleName)...) }

func parentStatements(roleName string) []statement {
	return []statement{
		{Sid: "ListMembers", Effect: "Allow", Action: actionsFor(useOrganization), Resource: "*"},
		{Sid: "AssumeMembers", Effect: "Allow", Action: []string{"sts:AssumeRole"}, Resource: "arn:*:iam::*:role/" + roleName},
	}
}

func policyDocument(statements ...statement) string {
	document := struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements}
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic("a document of texts cannot fail to encode: " + err.Error())
	}
	return string(data) + "\n"
}
