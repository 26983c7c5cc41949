package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// AllPolicies is the reserved name under which a config sets the level of every policy.
const AllPolicies = "all"

// levelKey is the reserved property that holds the level.
const levelKey = "enforcementLevel"

// Config is what a group (or a pack's initialConfig) says of a pack's policies, by policy name or
// AllPolicies. Its JSON is {"all": "advisory", "p": {"enforcementLevel": "mandatory", "days": 30}}.
type Config map[string]Setting

// Setting is the level and the properties of one policy. An empty Level leaves the level as it is.
type Setting struct {
	Level      Level
	Properties map[string]any
}

// UnmarshalJSON takes a level alone or an object with enforcementLevel and properties.
func (s *Setting) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' {
		return s.unmarshalLevel(data)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&s.Properties); err != nil {
		return fmt.Errorf("want an enforcement level or an object: %w", err)
	}
	level, ok := s.Properties[levelKey]
	if !ok {
		return nil
	}
	delete(s.Properties, levelKey)
	text, _ := level.(string)
	s.Level = Level(text)
	return s.checkLevel()
}

func (s *Setting) unmarshalLevel(data []byte) error {
	if err := json.Unmarshal(data, &s.Level); err != nil {
		return err
	}
	return s.checkLevel()
}

func (s *Setting) checkLevel() error {
	if !s.Level.Valid() {
		return fmt.Errorf("enforcementLevel %q: use advisory, mandatory, remediate or disabled", s.Level)
	}
	return nil
}

// MarshalJSON writes the object form.
func (s Setting) MarshalJSON() ([]byte, error) {
	object := maps.Clone(s.Properties)
	if object == nil {
		object = map[string]any{}
	}
	if s.Level != "" {
		object[levelKey] = s.Level
	}
	return json.Marshal(object)
}

// Reconciled is the config that a pack runs with: a setting with a level for every policy.
type Reconciled map[string]Setting

// Reconcile works out what a pack runs with under a group's config. Per policy it starts from the
// pack's level and the schema's defaults, then applies the pack's initial config and then the
// group's: in each, first "all", then the policy's own level and its properties, one by one. All
// faults are returned together.
func Reconcile(pack *Pack, group Config) (Reconciled, error) {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(group)) {
		if _, known := pack.Policy(name); !known && name != AllPolicies {
			faults = append(faults, fmt.Errorf("pack %s has no policy %q", pack.Name, name))
		}
	}
	if all := group[AllPolicies]; len(all.Properties) > 0 {
		faults = append(faults, errors.New(`"all" sets levels only; give properties per policy`))
	}
	reconciled := Reconciled{}
	for _, p := range pack.Policies {
		setting := start(p)
		setting.apply(pack.Initial, p.Name)
		setting.apply(group, p.Name)
		if err := checkProperties(p, setting.Properties); err != nil {
			faults = append(faults, fmt.Errorf("policy %s of pack %s: %w", p.Name, pack.Name, err))
		}
		reconciled[p.Name] = setting
	}
	return reconciled, errors.Join(faults...)
}

func start(p Policy) Setting {
	setting := Setting{Level: p.Level, Properties: map[string]any{}}
	if p.Schema == nil {
		return setting
	}
	for name, property := range p.Schema.Properties {
		object, _ := property.(map[string]any)
		if value, ok := object["default"]; ok {
			setting.Properties[name] = value
		}
	}
	return setting
}

func (s *Setting) apply(config Config, name string) {
	for _, key := range []string{AllPolicies, name} {
		given, ok := config[key]
		if !ok {
			continue
		}
		if given.Level != "" {
			s.Level = given.Level
		}
		if key == name {
			maps.Copy(s.Properties, given.Properties)
		}
	}
}

// checkProperties holds the properties against the policy's schema. A policy without a schema
// takes no properties, so that a misspelt policy or property is noticed.
func checkProperties(p Policy, properties map[string]any) error {
	if p.Schema == nil {
		if len(properties) > 0 {
			return fmt.Errorf("takes no properties, but config gives %s", slices.Sorted(maps.Keys(properties))[0])
		}
		return nil
	}
	schema, err := p.Schema.compile()
	if err != nil {
		return err
	}
	plain, err := roundTrip(properties)
	if err != nil {
		return err
	}
	return schema.Validate(plain)
}

// schemaURL names the schema in the validator's messages. A relative one would show the folder that
// the program runs in.
const schemaURL = "config:schema"

// compile makes a validator of the schema: an object with these properties and no others.
func (s *Schema) compile() (*jsonschema.Schema, error) {
	properties := s.Properties
	if properties == nil {
		properties = map[string]any{}
	}
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(s.Required) > 0 {
		object["required"] = s.Required
	}
	plain, err := roundTrip(object)
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaURL, plain); err != nil {
		return nil, fmt.Errorf("configSchema: %w", err)
	}
	return compiler.Compile(schemaURL)
}

// Check tells what is wrong with the schema itself.
func (s *Schema) Check() error {
	_, err := s.compile()
	return err
}

// roundTrip gives a value in the types of decoded JSON, as the validator wants it.
func roundTrip(value any) (any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// Enabled tells whether the policy runs.
func (r Reconciled) Enabled(name string) bool {
	setting, ok := r[name]
	return ok && setting.Level != Disabled
}

// UnusableDigest stands for the digest of what a pack would run with under a config that it refuses. It
// is nobody's Reconciled.Digest.
func (c Config) UnusableDigest() string {
	return "unusable:" + digest(c)
}

// Digest identifies what matters to evaluation: which policies run and with which properties.
// Levels other than disabled do not count, so that groups which differ only in them share their
// verdicts.
func (r Reconciled) Digest() string {
	enabled := map[string]map[string]any{}
	for name, setting := range r {
		if setting.Level != Disabled {
			enabled[name] = setting.Properties
		}
	}
	return "sha256:" + digest(enabled)
}

// digest is that of a value's JSON, in which keys are sorted.
func digest(config any) string {
	data, err := json.Marshal(config)
	if err != nil {
		panic("config that came from JSON does not go back: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
