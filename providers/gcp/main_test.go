package gcp_test

import (
	"flag"
	"testing"

	"cloudaudit/providers/gcp"
)

func TestMain(m *testing.M) {
	flag.BoolVar(&gcp.Update, "update", false, "write golden files anew")
	m.Run()
}
