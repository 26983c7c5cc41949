package snapshot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

type nothing struct{ resources int }

func (n *nothing) Resource(*providers.Resource) error { n.resources++; return nil }

func (n *nothing) Gap(providers.Gap) error { return nil }

// BenchmarkCollect reads a file to its end: splitting, decoding, mapping, redaction and hashes.
func BenchmarkCollect(b *testing.B) {
	sample, err := os.ReadFile(testdata(b, "gcp.ndjson"))
	if err != nil {
		b.Fatal(err)
	}
	aws, err := os.ReadFile(testdata(b, "config-snapshot.json"))
	if err != nil {
		b.Fatal(err)
	}
	lines, err := os.ReadFile(testdata(b, "cloudcontrol.ndjson"))
	if err != nil {
		b.Fatal(err)
	}
	dumped := dump(b, header(), []snapshot.DumpCoverage{everything}, slices.Repeat([]snapshot.DumpResource{thing("a/B", "x")}, 5000)...)
	for name, inventory := range map[string]struct {
		format, content string
		bytes           int // of the content, uncompressed
	}{
		"lines":        {snapshot.GCP, strings.Repeat(string(sample), 500), 500 * len(sample)},
		"array":        {snapshot.GCP, "[" + strings.TrimSuffix(strings.Repeat(strings.ReplaceAll(string(sample), "\n", ",\n"), 500), ",\n") + "]", 500 * len(sample)},
		"gzip":         {snapshot.GCP, zipped(b, strings.Repeat(string(sample), 500)), 500 * len(sample)},
		"config":       {snapshot.Config, strings.Repeat(string(aws), 500), 500 * len(aws)},
		"cloudcontrol": {snapshot.CloudControl, strings.Repeat(string(lines), 500), 500 * len(lines)},
		"dump":         {snapshot.Dump, dumped, len(dumped)},
	} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "in.json")
			write(b, path, inventory.content)
			emit := &nothing{}
			b.SetBytes(int64(inventory.bytes))
			b.ReportAllocs()
			for b.Loop() {
				collectors, err := snapshot.New().Collectors(b.Context(), account(b, snapshot.Settings{Format: inventory.format, Path: path}), providers.Want{})
				if err != nil {
					b.Fatal(err)
				}
				if err := collectors[0].Collect(b.Context(), emit); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(emit.resources)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
