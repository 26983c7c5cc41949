package policy

// Manifest is PulumiPolicy.yaml, the one file that names every pack.
type Manifest struct {
	// Name is the pack's name; the folder's name where it is absent.
	Name        string
	DisplayName string
	Description string
	Runtime     string
	Options     map[string]any
	// Version is the pack's semantic version, its versionTag.
	Version string
	// Main is the subdirectory of the policies, "." if empty.
	Main    string
	Author  string
	Website string
	License string
	// InputFormat concerns OPA packs only.
	InputFormat string
	Initial     Config
}
