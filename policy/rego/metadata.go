package rego

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/policy"
)

// packageMetadata takes the pack's title and description from the annotation of its package.
func (p *packer) packageMetadata() {
	for _, file := range p.names {
		for _, a := range p.modules[file].Annotations {
			if a.Scope != "package" {
				continue
			}
			if p.pack.DisplayName == "" {
				p.pack.DisplayName = a.Title
			}
			if p.pack.Description == "" {
				p.pack.Description = strings.TrimSpace(a.Description)
			}
		}
	}
}

// metadata gives the policy without its static facts. Of several definitions the first that says
// something is heard.
func (r *rule) metadata() (policy.Policy, error) {
	m := &meta{rule: r, policy: policy.Policy{Name: r.name, Level: r.level(), Kind: r.kind(), Place: r.place()}}
	for _, d := range r.definitions {
		for _, a := range d.Annotations {
			m.take(a)
		}
	}
	if m.policy.DisplayName == "" {
		m.policy.DisplayName = strings.TrimSuffix(r.file, path.Ext(r.file))
	}
	if m.policy.Severity == "" {
		m.policy.Severity = r.severity()
	}
	return m.policy, errors.Join(m.faults...)
}

// meta is a policy's metadata while it is gathered.
type meta struct {
	rule   *rule
	policy policy.Policy
	faults []error
}

func (m *meta) take(a *ast.Annotations) {
	p := &m.policy
	if p.DisplayName == "" {
		p.DisplayName = a.Title
	}
	if p.Description == "" {
		p.Description = strings.TrimSpace(a.Description)
	}
	c := &custom{meta: m, at: a.Location, values: a.Custom}
	c.text("message", &p.Message)
	c.text("remediation", &p.RemediationSteps)
	c.text("url", &p.URL)
	c.severity()
	c.texts("tags", &p.Tags)
	c.texts("types", &p.Types)
	c.frameworks()
	if len(a.RelatedResources) > 0 && p.URL == "" {
		p.URL = a.RelatedResources[0].Ref.String()
	}
}

// custom is the custom part of an annotation. Keys that we do not know are somebody else's.
type custom struct {
	*meta
	at     *ast.Location
	values map[string]any
}

func (c *custom) fault(format string, arguments ...any) {
	c.faults = append(c.faults, fault(c.at, "policy %s: %w", c.rule.name, fmt.Errorf(format, arguments...)))
}

func (c *custom) text(key string, into *string) {
	value, given := c.values[key]
	if !given || *into != "" {
		return
	}
	text, ok := value.(string)
	if !ok {
		c.fault("custom.%s: want a string", key)
	}
	*into = strings.TrimSpace(text)
}

func (c *custom) texts(key string, into *[]string) {
	value, given := c.values[key]
	if !given || *into != nil {
		return
	}
	list, ok := value.([]any)
	for _, element := range list {
		text, isText := element.(string)
		ok = ok && isText && text != ""
		*into = append(*into, text)
	}
	if !ok || len(list) == 0 {
		c.fault("custom.%s: want a list of strings", key)
	}
}

func (c *custom) severity() {
	var text string
	c.text("severity", &text)
	if _, given := c.values["severity"]; given && !policy.Severity(text).Valid() {
		c.fault("custom.severity %q: use low, medium, high or critical", text)
	} else if given && c.policy.Severity == "" {
		c.policy.Severity = policy.Severity(text)
	}
}

// frameworks takes a list of controls, or one.
func (c *custom) frameworks() {
	value, given := c.values["frameworks"]
	if !given || c.policy.Controls != nil {
		return
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, element := range list {
		object, ok := element.(map[string]any)
		control := policy.Control{Framework: textOf(object["framework"]), Version: textOf(object["version"]), ID: textOf(object["id"])}
		if !ok || control.Framework == "" || control.ID == "" {
			c.fault("custom.frameworks: want objects with framework, version and id, as strings")
			continue
		}
		c.policy.Controls = append(c.policy.Controls, control)
	}
}

func textOf(value any) string {
	text, _ := value.(string)
	return text
}
