package policy

import (
	"fmt"
	"regexp"
	"slices"
)

// Runtimes of packs, as PulumiPolicy.yaml names them.
const (
	RuntimeCEL = "cel"
	RuntimeOPA = "opa"
)

// Pack is a versioned set of policies in one runtime.
type Pack struct {
	Name        string
	DisplayName string
	Description string
	Readme      string
	// Version grows with every publication; 0 until the store gives one.
	Version int
	// VersionTag is the pack's own semantic version, which never names two contents; may be empty.
	VersionTag string
	Runtime    string
	// Digest identifies the pack's files: "sha256:" and 64 hexadecimal digits.
	Digest   string
	Policies []Policy
	// Initial is the pack's own config, applied before a group's.
	Initial Config
	// Builtin tells that the pack came with the binary.
	Builtin bool
	// Archive is the pack's files as a .tar.gz, from which an engine can load it again.
	Archive []byte
}

// Policy gives the policy of that name.
func (p *Pack) Policy(name string) (Policy, bool) {
	for _, policy := range p.Policies {
		if policy.Name == name {
			return policy, true
		}
	}
	return Policy{}, false
}

// SeesAccounts tells whether the pack has account policies.
func (p *Pack) SeesAccounts() bool {
	return slices.ContainsFunc(p.Policies, func(policy Policy) bool { return policy.Kind == OnAccount })
}

var packName = regexp.MustCompile(`^[a-zA-Z0-9-_.]{1,100}$`)

// CheckName refuses names that the compatible API cannot carry. What says which noun it is.
func CheckName(what, name string) error {
	if !packName.MatchString(name) {
		return fmt.Errorf("%s name %q: use 1 to 100 letters, digits, hyphens, underscores or dots", what, name)
	}
	return nil
}
