// Package providers holds the nouns of discovery: what a cloud account is, what is found in it,
// and what could not be read. It knows no cloud and no storage; every other package talks about
// these types.
package providers

import "encoding/json"

// Names of the clouds as violations, exports and the compatible API show them. An account whose
// inventory comes from files has the provider Snapshot and shows the cloud of its format.
const (
	AWS      = "aws"
	GCP      = "gcp"
	Azure    = "azure-native"
	Snapshot = "snapshot"
)

// Account is a connected cloud account.
type Account struct {
	// Name is unique in the organization and may change; Key never does. Identities of violations
	// are derived from Key, so that a renamed account keeps them.
	Name string
	Key  string
	// Provider says which Provider reads the account: AWS, GCP, Azure or Snapshot.
	Provider string
	// Cloud is the cloud whose resources the account holds: AWS, GCP or Azure. It differs from
	// Provider only for snapshots.
	Cloud string
	// CloudID is the cloud's own id of the account (twelve digits, a project id, a subscription
	// id), empty while unknown.
	CloudID string
	Tags    map[string]string
	// Settings is the provider's own section of the configuration, as JSON with absolute paths.
	// Only the provider decodes it. It holds references to secrets, never secrets.
	Settings json.RawMessage
}
