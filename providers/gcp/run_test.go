package gcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"cloud.google.com/go/asset/apiv1/assetpb"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/gcp/gcptest"
)

const organization = "organizations/1"

// The ancestors of what tests serve.
const (
	inProject      = `"ancestors": ["projects/11", "folders/7", "organizations/1"]`
	inOtherProject = `"ancestors": ["projects/22", "folders/8", "organizations/1"]`
	inOrganization = `"ancestors": ["organizations/1"]`
)

const (
	bucketType  = "storage.googleapis.com/Bucket"
	networkType = "compute.googleapis.com/Network"
)

// bucket is the record of a bucket.
func bucket(name, ancestors string) string {
	return fmt.Sprintf(`{"name": "//storage.googleapis.com/%[1]s", "assetType": "storage.googleapis.com/Bucket", "updateTime": "2026-11-01T10:00:00.5Z", %[2]s,
		"resource": {"version": "v1", "location": "EU", "data": {"id": "%[1]s", "labels": {"team": "shop"}, "timeCreated": "2026-01-02T03:04:05Z",
			"retentionPolicy": {"retentionPeriod": "86400"}, "size": 12.5, "versioning": {"enabled": true}, "lifecycle": {"rule": [null]}}},
		"iamPolicy": {"version": 1, "etag": "CAE=", "bindings": [{"role": "roles/storage.admin", "members": ["user:ann@example.com"]}]}}`, name, ancestors)
}

// network is the record of a network, which has no IAM policy.
func network(name, ancestors string) string {
	return fmt.Sprintf(`{"name": "//compute.googleapis.com/projects/shop-1/global/networks/%s", "assetType": "compute.googleapis.com/Network",
		"updateTime": "2026-11-01T10:00:00Z", %s, "resource": {"location": "global", "data": {"id": "417", "name": %[1]q, "autoCreateSubnetworks": true}}}`, name, ancestors)
}

// account makes an account of a server.
func account(tb testing.TB, server *gcptest.Server, settings gcp.Settings) providers.Account {
	tb.Helper()
	settings.Endpoint = server.Endpoint
	data, err := json.Marshal(settings)
	if err != nil {
		tb.Fatal(err)
	}
	return providers.Account{Name: "acme", Key: "k", Provider: providers.GCP, Cloud: providers.GCP, Settings: data}
}

// result is what the collectors of an account gave.
type result struct {
	mu        sync.Mutex
	scopes    map[string]providers.Scope
	resources []*providers.Resource
	gaps      []providers.Gap
	errs      map[string]error
}

func (r *result) Resource(resource *providers.Resource) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resources = append(r.resources, resource)
	return nil
}

func (r *result) Gap(gap providers.Gap) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, gap)
	return nil
}

// read reads an account wholly, one scope after the other.
func read(ctx context.Context, tb testing.TB, provider *gcp.Provider, of providers.Account) *result {
	tb.Helper()
	collectors, err := provider.Collectors(ctx, of, providers.Want{})
	if err != nil {
		tb.Fatal(err)
	}
	got := &result{scopes: map[string]providers.Scope{}, errs: map[string]error{}}
	for _, c := range collectors {
		got.scopes[c.Scope.Name] = c.Scope
		if err := c.Collect(ctx, got); err != nil {
			got.errs[c.Scope.Name] = err
		}
	}
	return got
}

// whole reads an account in which nothing may be missing.
func whole(tb testing.TB, provider *gcp.Provider, of providers.Account) *result {
	tb.Helper()
	got := read(tb.Context(), tb, provider, of)
	if len(got.gaps) > 0 || len(got.errs) > 0 {
		tb.Fatalf("gaps %v, errors %v", got.gaps, got.errs)
	}
	return got
}

// ids lists what was found, with the parts.
func (r *result) ids() []string {
	ids := []string{}
	for _, resource := range r.resources {
		for part := range resource.Parts {
			ids = append(ids, resource.ID+" "+part)
		}
	}
	slices.Sort(ids)
	return ids
}

// classOf gives class and permission of an error.
func classOf(err error) (providers.Class, string) {
	var known *providers.Error
	if !errors.As(err, &known) {
		return "", ""
	}
	return known.Class, known.Permission
}

// calls counts the calls that match.
func calls(server *gcptest.Server, match func(*assetpb.ListAssetsRequest) bool) int {
	n := 0
	for _, call := range server.Calls() {
		if match(call) {
			n++
		}
	}
	return n
}

func every(*assetpb.ListAssetsRequest) bool { return true }

// content matches calls with a content type.
func content(of assetpb.ContentType) func(*assetpb.ListAssetsRequest) bool {
	return func(call *assetpb.ListAssetsRequest) bool { return call.GetContentType() == of }
}

// following matches calls for pages after the first.
func following(call *assetpb.ListAssetsRequest) bool { return call.GetPageToken() != "" }
