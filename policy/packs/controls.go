package packs

import (
	_ "embed"
	"fmt"
	"strings"

	"cloudaudit/policy"
)

//go:embed controls.tsv
var controlLines string

// ControlTable holds the controls of the frameworks that policies may name: their ids, which are
// facts, without their titles. A policy that names another control names one that nobody can look up.
type ControlTable struct {
	sources map[cloudControl]string
	clouds  map[policy.Control]bool
}

// cloudControl is a control of a framework's edition for one cloud. Benchmarks number the same
// control differently in each.
type cloudControl struct {
	cloud   string
	control policy.Control
}

// Controls reads the table that comes with the program.
func Controls() (*ControlTable, error) {
	table := &ControlTable{sources: map[cloudControl]string{}, clouds: map[policy.Control]bool{}}
	number := 0
	for line := range strings.Lines(controlLines) {
		if number++; number == 1 {
			continue // the names of the columns
		}
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(fields) != 5 {
			return nil, fmt.Errorf("controls.tsv:%d: want 5 columns, have %d", number, len(fields))
		}
		control := policy.Control{Framework: fields[0], Version: fields[1], ID: fields[3]}
		table.sources[cloudControl{fields[2], control}] = fields[4]
		table.clouds[control] = true
	}
	return table, nil
}

// Known tells whether a framework has the control for any cloud.
func (t *ControlTable) Known(control policy.Control) bool { return t.clouds[control] }

// KnownFor tells whether a framework has the control for the cloud, as providers.Account.Cloud
// names it.
func (t *ControlTable) KnownFor(cloud string, control policy.Control) bool {
	return t.Source(cloud, control) != ""
}

// Source gives the public address where the framework's ids are found, empty for an unknown
// control.
func (t *ControlTable) Source(cloud string, control policy.Control) string {
	return t.sources[cloudControl{cloud, control}]
}
