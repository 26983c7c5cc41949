package scanner_test

import (
	"flag"
	"testing"
)

// TestMain draws fewer examples of the properties than is usual, since each of them is several scans
// over several files. More are asked for by -rapid.checks.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "30"); err != nil {
			panic(err)
		}
	}
	m.Run()
}
