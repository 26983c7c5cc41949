package providertest

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Meter measures the processor time that a benchmark takes, garbage collection included. Where the
// machine is shared it says more than the time that passes.
type Meter struct{ begun time.Duration }

// Start begins to measure.
func Start() Meter { return Meter{CPU()} }

// Spent gives the processor time since the start.
func (m Meter) Spent() time.Duration { return CPU() - m.begun }

// Report adds to a benchmark whose every round handled n things of a kind how many a second of
// processor time it handles, and the time that each takes.
func (m Meter) Report(b *testing.B, n int, kind string) {
	b.Helper()
	spent, handled := m.Spent(), float64(n)*float64(b.N)
	b.ReportMetric(float64(spent.Microseconds())/handled, "cpu-µs/"+kind)
	b.ReportMetric(handled/spent.Seconds(), kind+"s/cpu-s")
}

// Sizes are the numbers of resources that whole scans are measured with: those of the text, which is
// CLOUDAUDIT_BENCH_SIZES, or 10,000.
func Sizes(b *testing.B, text string) (sizes []int) {
	b.Helper()
	for field := range strings.FieldsSeq(text) {
		size, err := strconv.Atoi(field)
		if err != nil {
			b.Fatalf("CLOUDAUDIT_BENCH_SIZES: %v", err)
		}
		sizes = append(sizes, size)
	}
	if sizes == nil {
		return []int{10_000}
	}
	return sizes
}
