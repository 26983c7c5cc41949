package snapshot_test

import (
	"os"
	"path/filepath"
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
	for name, content := range map[string]string{
		"lines": strings.Repeat(string(sample), 500),
		"array": "[" + strings.TrimSuffix(strings.Repeat(strings.ReplaceAll(string(sample), "\n", ",\n"), 500), ",\n") + "]",
		"gzip":  zipped(b, strings.Repeat(string(sample), 500)),
	} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "in.json")
			write(b, path, content)
			collectors, err := snapshot.New().Collectors(b.Context(), account(b, snapshot.Settings{Format: snapshot.GCP, Path: path}), providers.Want{})
			if err != nil {
				b.Fatal(err)
			}
			emit := &nothing{}
			b.SetBytes(int64(len(sample)) * 500)
			b.ReportAllocs()
			for b.Loop() {
				if err := collectors[0].Collect(b.Context(), emit); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(emit.resources)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
