package config

import _ "embed" // the starter file

//go:embed starter.yaml
var starter string

// Starter is a file to begin with: valid, small, and explained line by line.
func Starter() string { return starter }
