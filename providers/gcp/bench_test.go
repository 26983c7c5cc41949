package gcp_test

import (
	"testing"

	"cloud.google.com/go/asset/apiv1/assetpb"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/gcp/gcptest"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/shape"
)

// BenchmarkResource measures what it takes to make a sealed resource of an asset that has come.
func BenchmarkResource(b *testing.B) {
	const size = 2000
	assets := make([]*assetpb.Asset, 0, size)
	for record := range (providertest.Inventory{Cloud: providers.GCP, Size: size, Seed: 1}).Resources() {
		asset, err := gcptest.Asset(record)
		if err != nil {
			b.Fatal(err)
		}
		assets = append(assets, asset)
	}
	b.ReportAllocs()
	meter := providertest.Start()
	for b.Loop() {
		for _, asset := range assets {
			resource, fault := gcp.ResourceOf(asset)
			if fault != "" {
				b.Fatal(fault)
			}
			shape.Seal(resource)
		}
	}
	meter.Report(b, size, "resource")
}
