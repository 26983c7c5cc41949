// Package packs holds the policy packs that come with the program, and the table of framework
// controls that policies may name. Both are data: files, embedded as they are.
package packs

import (
	"embed"
	"io/fs"

	"cloudaudit/providers"
)

//go:embed aws-foundations azure-foundations gcp-foundations
var files embed.FS

// Builtin is a pack that comes with the program.
type Builtin struct {
	// Name is the pack's name, which is also that of its folder.
	Name string
	// Cloud is the cloud whose resources the pack judges, as providers.Account.Cloud has it.
	Cloud string
	// Files is the pack's folder with its test cases.
	Files fs.FS
}

// All lists the built-in packs, sorted by name.
func All() ([]Builtin, error) {
	builtin := []Builtin{
		{Name: "aws-foundations", Cloud: providers.AWS},
		{Name: "azure-foundations", Cloud: providers.Azure},
		{Name: "gcp-foundations", Cloud: providers.GCP},
	}
	for i, pack := range builtin {
		folder, err := fs.Sub(files, pack.Name)
		if err != nil {
			return nil, err
		}
		builtin[i].Files = folder
	}
	return builtin, nil
}
