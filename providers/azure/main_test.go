package azure_test

import (
	"flag"
	"testing"

	"cloudaudit/providers/azure"
)

func TestMain(m *testing.M) {
	flag.BoolVar(&azure.Update, "update", false, "write golden files anew")
	flag.Parse()
	m.Run() // whose result is the process's
}
