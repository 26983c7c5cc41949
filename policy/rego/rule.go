package rego

import (
	"fmt"
	"regexp"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/policy"
)

// ruleName is the name of a rule that is a policy. Any other rule is a helper.
var ruleName = regexp.MustCompile(`^(stack_)?(deny|violation|warn)(_[a-zA-Z0-9]+)*$`)

// rule is all definitions of one rule that is a policy, in the order of the files.
type rule struct {
	name        string
	definitions []*ast.Rule
	module      *ast.Module // of the first definition
	file        string
	set         bool
	account     bool
	warns       bool
}

// place is where the first definition stands.
func (r *rule) place() string {
	at := r.definitions[0].Location
	return fmt.Sprintf("%s:%d", at.File, at.Row)
}

// rules finds the policies of the pack.
func (p *packer) rules() []*rule {
	var found []*rule
	byName := map[string]*rule{}
	for _, file := range p.names {
		for _, definition := range p.modules[file].Rules {
			match := ruleName.FindStringSubmatch(nameOf(definition))
			if match == nil || len(definition.Head.Args) > 0 {
				continue
			}
			r := byName[match[0]]
			if r == nil {
				r = &rule{name: match[0], module: p.modules[file], file: file, account: match[1] != "", warns: match[2] == "warn"}
				byName[r.name] = r
				found = append(found, r)
			}
			r.set = r.set || definition.Head.RuleKind() == ast.MultiValue
			r.definitions = append(r.definitions, definition)
		}
	}
	return found
}

// nameOf is the first name of a rule's head, whatever follows it.
func nameOf(r *ast.Rule) string {
	if len(r.Head.Reference) > 0 {
		if name, ok := r.Head.Reference[0].Value.(ast.Var); ok {
			return string(name)
		}
	}
	return string(r.Head.Name)
}

// shape refuses rules that could never report: their value is no set and no list.
func (r *rule) shape() error {
	for _, d := range r.definitions {
		if d.Head.RuleKind() == ast.MultiValue && len(d.Head.Reference) == 1 {
			continue
		}
		if len(d.Head.Reference) > 1 || !listLike(d.Head.Value) {
			return fault(d.Location, "policy %s: the rule gives no set of messages; write it as %s contains msg if { … }", r.name, r.name)
		}
	}
	return nil
}

// listLike tells whether a complete rule's value may be a list or a set.
func listLike(value *ast.Term) bool {
	switch value.Value.(type) {
	case ast.Boolean, ast.Null, ast.Number, ast.String, ast.Object, *ast.ObjectComprehension, *ast.TemplateString:
		return false
	}
	return true
}

// level is the enforcement level that the name says.
func (r *rule) level() policy.Level {
	if r.warns {
		return policy.Advisory
	}
	return policy.Mandatory
}

// severity is what policies have that do not say theirs, as those made for Pulumi.
func (r *rule) severity() policy.Severity {
	if r.warns {
		return policy.Low
	}
	return policy.Medium
}

func (r *rule) kind() policy.Kind {
	if r.account {
		return policy.OnAccount
	}
	return policy.OnResource
}
