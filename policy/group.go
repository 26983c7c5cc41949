package policy

// Entity is what a group's members are.
type Entity string

// Mode is when a group's packs run.
type Mode string

// The entities and modes of groups, in the wire names of the compatible API.
const (
	Accounts     Entity = "accounts"
	Stacks       Entity = "stacks"
	Audit        Mode   = "audit"
	Preventative Mode   = "preventative"
)

// Names of the two groups that always exist.
const (
	DefaultStacksGroup   = "default-policy-group"
	DefaultAccountsGroup = "default-accounts-policy-group"
)

// Group says which packs, with which config, audit which accounts.
type Group struct {
	Name     string
	Entity   Entity
	Mode     Mode
	Accounts []string // names; "account/region" is a filter on that account's reports
	Packs    []Applied
}

// Applied is a pack as a group uses it.
type Applied struct {
	Name string
	// VersionTag pins a version; empty means the latest.
	VersionTag string
	Config     Config
}
