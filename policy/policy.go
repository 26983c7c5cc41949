// Package policy holds the nouns of judgement: policies and packs, groups and their config, what a
// policy said of a resource, and the lasting record of a violation. What is the same for every
// engine (config, levels, identity) is done here, once.
package policy

import (
	"fmt"
	"slices"
)

// Level is an enforcement level. In audit groups it is a label, except that Disabled keeps a
// policy from running.
type Level string

// The levels, in the wire names of the compatible API.
const (
	Advisory  Level = "advisory"
	Mandatory Level = "mandatory"
	Remediate Level = "remediate"
	Disabled  Level = "disabled"
)

// Levels lists the levels from the most lenient to the strictest.
var Levels = []Level{Disabled, Advisory, Mandatory, Remediate}

// Stricter tells whether l outranks o. Remediate counts as the strictest.
func (l Level) Stricter(o Level) bool {
	return slices.Index(Levels, l) > slices.Index(Levels, o)
}

// Valid tells whether l is one of the Levels.
func (l Level) Valid() bool { return slices.Contains(Levels, l) }

// Severity is how much a violation matters.
type Severity string

// The severities, in the wire names of the compatible API.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities lists the severities from low to critical.
var Severities = []Severity{Low, Medium, High, Critical}

// AtLeast tells whether s is o or worse. An unknown severity is never at least anything.
func (s Severity) AtLeast(o Severity) bool {
	i := slices.Index(Severities, s)
	return i >= 0 && i >= slices.Index(Severities, o)
}

// Valid tells whether s is one of the Severities.
func (s Severity) Valid() bool { return slices.Contains(Severities, s) }

// Kind tells what a policy sees.
type Kind string

// A resource policy sees one resource, an account policy the account's inventory.
const (
	OnResource Kind = "resource"
	OnAccount  Kind = "account"
)

// Policy is one rule of a pack and everything that is said about it.
type Policy struct {
	Name        string
	DisplayName string
	Description string
	// Message is what a violation says when the policy gives no message of its own.
	Message          string
	Level            Level
	Severity         Severity
	Kind             Kind
	Controls         []Control
	Tags             []string
	RemediationSteps string
	URL              string
	// Schema describes the policy's own properties in a group's config; nil if it has none.
	Schema *Schema
	// Types are the resource types that the policy matches; none means any type. Of an account policy
	// they are the types that it reads.
	Types []string
	// Reads are the paths that the policy reads of a resource, as JSON Pointers from its root with
	// "*" for any element or key. Static analysis may name too many, never too few.
	Reads []string
	// Place is where the policy stands in its pack: "rules.yaml:3".
	Place string
	// TypeReads are the Reads of an account policy, type by type; nil for a resource policy.
	TypeReads map[string][]string
	// Clock tells that the policy reads the time, so that its verdicts age.
	Clock bool
}

// Matches tells whether the policy is about resources of the type.
func (p Policy) Matches(resourceType string) bool {
	return len(p.Types) == 0 || slices.Contains(p.Types, resourceType)
}

// ReadsOf gives the paths that the policy reads of resources of a type that it matches.
func (p Policy) ReadsOf(resourceType string) []string {
	if p.TypeReads != nil {
		return p.TypeReads[resourceType]
	}
	return p.Reads
}

// Control names a control of a framework: CIS 5.0 2.1.
type Control struct {
	Framework string `json:"framework" yaml:"framework"`
	Version   string `json:"version,omitempty" yaml:"version"`
	ID        string `json:"id" yaml:"id"`
}

// String gives framework, version and id, separated by spaces.
func (c Control) String() string {
	if c.Version == "" {
		return c.Framework + " " + c.ID
	}
	return fmt.Sprintf("%s %s %s", c.Framework, c.Version, c.ID)
}

// Schema is the JSON Schema of a policy's properties: an object with these properties.
type Schema struct {
	Properties map[string]any `json:"properties,omitempty"`
	Required   []string       `json:"required,omitempty"`
}
