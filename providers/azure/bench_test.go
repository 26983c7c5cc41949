package azure_test

import (
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/azure/azuretest"
)

// nobody takes everything and keeps nothing.
type nobody struct{ resources int }

func (n *nobody) Resource(*providers.Resource) error {
	n.resources++
	return nil
}

func (*nobody) Gap(providers.Gap) error { return nil }

// BenchmarkDiscover lists 50,000 resources, and tells how many queries that takes.
func BenchmarkDiscover(b *testing.B) {
	c := azuretest.New(b)
	inventory(c, 50000, 20)
	var ids []string
	for i := range 20 {
		ids = append(ids, sub(i))
	}
	taken := account(c, "", ids...)
	b.ReportAllocs()
	before, rounds := c.Count(""), 0
	for b.Loop() {
		rounds++
		emit := &nobody{}
		collectors, err := newProvider().Collectors(b.Context(), taken, providers.Want{})
		if err != nil {
			b.Fatal(err)
		}
		for _, collector := range collectors {
			if err := collector.Collect(b.Context(), emit); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(emit.resources), "resources")
	}
	b.ReportMetric(float64(c.Count("")-before)/float64(rounds), "calls")
}
