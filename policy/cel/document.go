package cel

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"cloudaudit/policy"
)

// document is one policy as its author writes it.
type document struct {
	Name             string           `yaml:"name"`
	Kind             policy.Kind      `yaml:"kind"`
	DisplayName      string           `yaml:"displayName"`
	Description      string           `yaml:"description"`
	Message          string           `yaml:"message"`
	Level            policy.Level     `yaml:"enforcementLevel"`
	Severity         policy.Severity  `yaml:"severity"`
	Controls         []policy.Control `yaml:"controls"`
	Tags             []string         `yaml:"tags"`
	RemediationSteps string           `yaml:"remediationSteps"`
	URL              string           `yaml:"url"`
	Schema           *schema          `yaml:"configSchema"`
	Match            match            `yaml:"match"`
	Variables        []variable       `yaml:"variables"`
	Validations      []validation     `yaml:"validations"`

	place *policy.Node
}

type schema struct {
	Properties map[string]any `yaml:"properties"`
	Required   []string       `yaml:"required"`
}

type match struct {
	Types     []string `yaml:"types"`
	Condition text     `yaml:"condition"`
}

type variable struct {
	Name       text `yaml:"name"`
	Expression text `yaml:"expression"`
}

type validation struct {
	ForEach           text   `yaml:"forEach"`
	Expression        text   `yaml:"expression"`
	Message           string `yaml:"message"`
	MessageExpression text   `yaml:"messageExpression"`
	Key               text   `yaml:"key"`
}

// text is a string that knows its place in the file.
type text struct {
	string
	place *policy.Node
}

// UnmarshalNode takes a string.
func (t *text) UnmarshalNode(n *policy.Node) error {
	t.place = n
	return n.Decode(&t.string)
}

func (t text) given() bool { return t.place != nil }

// readDocuments reads all policies of a pack, in the order of file names and of documents in a
// file.
func readDocuments(files fs.FS, root string) ([]*document, error) {
	var documents []*document
	var faults []error
	err := fs.WalkDir(files, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if extension := path.Ext(name); extension != ".yaml" && extension != ".yml" || name == "PulumiPolicy.yaml" {
			return nil
		}
		found, err := readFile(files, name)
		documents = append(documents, found...)
		faults = append(faults, err)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("PulumiPolicy.yaml: main: the pack has no folder %q", root)
	}
	return documents, errors.Join(append(faults, err)...)
}

func readFile(files fs.FS, name string) ([]*document, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	nodes, err := policy.ParseYAML(name, data)
	faults := []error{err}
	var documents []*document
	for _, node := range nodes {
		d := &document{place: node}
		if err := node.Decode(d); err != nil {
			faults = append(faults, err)
			continue
		}
		documents = append(documents, d)
	}
	return documents, errors.Join(faults...)
}

var variableName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// metadata checks everything but the expressions and gives the policy without its static facts.
func (d *document) metadata() (policy.Policy, error) {
	p := policy.Policy{
		Name: d.Name, DisplayName: d.DisplayName, Description: strings.TrimSpace(d.Description),
		Message: d.Message, Level: d.Level, Severity: d.Severity, Kind: d.Kind, Controls: d.Controls,
		Tags: d.Tags, RemediationSteps: d.RemediationSteps, URL: d.URL, Types: d.Match.Types,
		Place: fmt.Sprintf("%s:%d", d.place.File, d.place.Line),
	}
	var faults []error
	fault := func(format string, arguments ...any) {
		faults = append(faults, d.place.Errorf(format, arguments...))
	}
	if err := policy.CheckName("policy", d.Name); err != nil {
		fault("%w", err)
	} else if d.Name == policy.AllPolicies {
		fault("policy name %q is reserved for configuration; choose another", d.Name)
	}
	if p.DisplayName == "" {
		p.DisplayName = d.Name
	}
	switch p.Kind {
	case "":
		p.Kind = policy.OnResource
	case policy.OnResource:
	case policy.OnAccount:
		if len(d.Match.Types) > 0 {
			fault("policy %s: an account policy has no match.types: it reads the types of its inventory(...) calls", d.Name)
		}
	default:
		fault("policy %s: kind %q: use resource or account", d.Name, d.Kind)
	}
	if p.Level == "" {
		p.Level = policy.Advisory
	} else if !p.Level.Valid() {
		fault("policy %s: enforcementLevel %q: use advisory, mandatory, remediate or disabled", d.Name, d.Level)
	}
	if !p.Severity.Valid() {
		fault("policy %s: severity %q: use low, medium, high or critical", d.Name, d.Severity)
	}
	if slices.Contains(d.Match.Types, "") {
		fault("policy %s: match.types holds an empty type", d.Name)
	}
	for _, control := range d.Controls {
		if control.Framework == "" || control.ID == "" {
			fault("policy %s: a control needs a framework and an id", d.Name)
		}
	}
	if len(d.Validations) == 0 {
		fault("policy %s: validations is missing; give at least one expression", d.Name)
	}
	if d.Schema != nil {
		p.Schema = &policy.Schema{Properties: d.Schema.Properties, Required: d.Schema.Required}
		if err := p.Schema.Check(); err != nil {
			fault("policy %s: configSchema: %w", d.Name, err)
		}
	}
	return p, errors.Join(faults...)
}
