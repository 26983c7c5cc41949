package snapshot_test

import (
	"context"
	"encoding/json"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

// result is what the collectors of an account gave, in their order.
type result struct {
	scopes    []providers.Scope
	resources []*providers.Resource
	gaps      []providers.Gap
	errs      map[string]error
}

func (r *result) Resource(resource *providers.Resource) error {
	r.resources = append(r.resources, resource)
	return nil
}

func (r *result) Gap(gap providers.Gap) error {
	r.gaps = append(r.gaps, gap)
	return nil
}

func account(t testing.TB, settings snapshot.Settings) providers.Account {
	t.Helper()
	data, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	return providers.Account{Name: "shop", Key: "k", Provider: providers.Snapshot, Settings: data}
}

// run reads an account wholly.
func run(t testing.TB, settings snapshot.Settings, want providers.Want) *result {
	t.Helper()
	collectors, err := snapshot.New().Collectors(context.Background(), account(t, settings), want)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	got := &result{errs: map[string]error{}}
	for _, c := range collectors {
		got.scopes = append(got.scopes, c.Scope)
		if err := c.Collect(context.Background(), got); err != nil {
			got.errs[c.Scope.Name] = err
		}
	}
	return got
}
