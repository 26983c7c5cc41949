package policy

import (
	"strings"

	"github.com/google/uuid"
)

// State is the machine's axis of a violation.
type State string

// The states of a violation.
const (
	Open     State = "open"
	Resolved State = "resolved"
)

// Resolution says by which proof a violation resolved.
type Resolution string

// The resolutions (design rule 3.1).
const (
	Fixed             Resolution = "fixed"
	ResourceDeleted   Resolution = "resource_deleted"
	PolicyChanged     Resolution = "policy_changed"
	PolicyRemoved     Resolution = "policy_removed"
	PolicyDisabled    Resolution = "policy_disabled"
	AccountUnassigned Resolution = "account_unassigned"
	AccountRemoved    Resolution = "account_removed"
	OutOfScope        Resolution = "out_of_scope"
)

// Triage is people's axis of a violation.
type Triage string

// The triage states of a violation.
const (
	TriageOpen       Triage = "open"
	TriageInProgress Triage = "in_progress"
	TriageByDesign   Triage = "by_design"
	TriageIgnored    Triage = "ignored"
)

// Triages lists the triage states.
var Triages = []Triage{TriageOpen, TriageInProgress, TriageByDesign, TriageIgnored}

// Priorities lists the priorities that people give, the most urgent first.
var Priorities = []string{"p0", "p1", "p2", "p3", "p4"}

// LowestPriority is what a violation has until somebody gives it another.
const LowestPriority = "p4"

// Identity is what a violation is identified by, and all of it: nothing of message, version,
// level, group, display name or time.
type Identity struct {
	Organization string // key
	Account      string // key
	Pack         string
	Policy       string
	ResourceType string
	ResourceID   string // as the provider compares ids
	Key          string
}

// namespace is the UUID namespace of everything that cloudaudit derives.
var namespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("cloudaudit"))

// ID is the violation's id: a name-based UUID, the same on every machine.
func (i Identity) ID() string {
	return DeriveID("violation", i.Organization, i.Account, i.Pack, i.Policy, i.ResourceType, i.ResourceID, i.Key)
}

// DeriveID is the UUIDv5 of a list of names. Names are joined by a separator that is escaped inside
// them, so that no two lists collide.
func DeriveID(names ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\x00", `\0`)
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = escape.Replace(name)
	}
	return uuid.NewSHA1(namespace, []byte(strings.Join(escaped, "\x00"))).String()
}
