//go:build unix

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
)

const memoryConfig = `organization: test
accounts:
  - {name: shop, provider: snapshot, snapshot: {format: gcp-cai, path: inventory, content: [RESOURCE, IAM_POLICY]}}
policyGroups:
  - {name: all, accounts: [shop], policyPacks: [{name: gcp-foundations}]}
`

// BenchmarkMemory scans made-up accounts of several sizes by the program itself and reports its peak
// of resident memory, as the system counts it: of the first scan, and of one where a hundredth changed.
// Goals: 150 MB at 10,000 resources, and at a million at most 512 MiB and 1.25 times the 100,000's.
func BenchmarkMemory(b *testing.B) {
	for _, size := range providertest.Sizes(b, os.Getenv("CLOUDAUDIT_BENCH_SIZES")) {
		inventory := providertest.Inventory{Cloud: providers.GCP, Size: size, Seed: 1, Changed: 1}
		b.Run(inventory.Name(), func(b *testing.B) {
			for b.Loop() {
				folder := b.TempDir()
				e := estate{folder}
				e.write(b, "cloudaudit.yaml", []byte(memoryConfig))
				e.write(b, "inventory/iam-policy.ndjson", nil)
				for version, name := range []string{"first", "changed"} {
					inventory.Version = version
					if err := inventory.Write(filepath.Join(folder, "inventory")); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(peak(b, folder)/(1<<20), name+"-MiB")
				}
			}
		})
	}
}

// peak scans in a process of its own and gives its peak of resident memory in bytes.
func peak(b *testing.B, folder string) float64 {
	b.Helper()
	command := exec.CommandContext(b.Context(), os.Args[0], "scan")
	command.Dir, command.Env = folder, append(os.Environ(), asProgram+"=1")
	if out, err := command.CombinedOutput(); err != nil {
		b.Fatalf("scan: %v\n%s", err, out)
	}
	used, ok := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal(fmt.Errorf("%s does not tell what a process used", runtime.GOOS))
	}
	unit := int64(1024) // but on Darwin
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return float64(used.Maxrss * unit)
}
