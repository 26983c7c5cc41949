package providertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
)

func bucket(name string) *providers.Resource {
	return &providers.Resource{
		Type: "storage.googleapis.com/Bucket", ID: "//storage.googleapis.com/" + name, Name: name,
		Tags: map[string]string{"team": "shop"},
		Parts: map[string]providers.Part{providers.Properties: {
			Value:  map[string]any{"size": json.Number("12"), "key": providers.Redacted{}, "list": []any{"a", nil, true}},
			Unread: []providers.Unread{{Path: "/properties/key", Class: providers.RedactedValue}},
		}},
	}
}

func TestFake_PassesTheContract(t *testing.T) {
	t.Parallel()
	gap := providers.Gap{Class: providers.AccessDenied, Place: "storage:list", Reason: "the role may not list"}
	untagged := bucket("c")
	untagged.Tags = nil
	untagged.Parts["extra"] = providers.Part{Unread: []providers.Unread{{Path: "", Class: providers.Timeout}, {Path: "/facets/extra", Class: providers.NotRead}}}
	main := untagged.Parts[providers.Properties]
	main.Unread = append(main.Unread, providers.Unread{Path: "/tags", Class: providers.NotRead})
	untagged.Parts[providers.Properties] = main
	providertest.Exercise(t, providertest.New(
		providertest.Listing{
			Scope:  providers.Scope{Name: "one", Region: providers.Anywhere},
			Events: append(providertest.Resources(bucket("a"), bucket("b"), untagged), providertest.Event{Gap: &gap}),
		},
		providertest.Listing{Scope: providers.Scope{Name: "two", Region: "eu"}, Err: errors.New("denied")},
	), providers.Account{})
}

type sink struct{ resources []*providers.Resource }

func (s *sink) Resource(r *providers.Resource) error {
	s.resources = append(s.resources, r)
	return nil
}

func (s *sink) Gap(providers.Gap) error { return nil }

func TestFake_WaitsUntilReleasedOrCancelled(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	fake := providertest.New(providertest.Listing{
		Scope:  providers.Scope{Name: "one", Region: providers.Anywhere},
		Events: []providertest.Event{{Started: started, Wait: release, Resource: bucket("a")}},
	})
	collectors, err := fake.Collectors(t.Context(), providers.Account{}, providers.Want{Listed: []string{"x"}})
	if err != nil || len(fake.Wants()) != 1 || fake.Wants()[0].Listed[0] != "x" {
		t.Fatalf("planned %v, %v", fake.Wants(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- collectors[0].Collect(ctx, &sink{}) }()
	<-started
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled listing gave %v", err)
	}
	close(release)
	got := &sink{}
	if err := collectors[0].Collect(t.Context(), got); err != nil || len(got.resources) != 1 {
		t.Errorf("a released listing gave %v, %v", got.resources, err)
	}
}

func TestFake_GivesACopyEachTime(t *testing.T) {
	t.Parallel()
	given := bucket("a")
	got := providertest.Clone(given)
	got.Parts[providers.Properties].Value.(map[string]any)["size"] = "changed"
	got.Tags["team"] = "changed"
	if given.Tags["team"] != "shop" || given.Parts[providers.Properties].Value.(map[string]any)["size"] != json.Number("12") {
		t.Error("changing a copy changed the original")
	}
	if got.Identity != got.ID || got.Region != providers.Global || got.Parts[providers.Properties].Hash == (providers.Hash{}) {
		t.Errorf("the copy was not filled in: %+v", got)
	}
}

func TestFake_FailsToPlanUntilSet(t *testing.T) {
	t.Parallel()
	fake := providertest.New()
	fake.Fail(errors.New("no credentials"))
	if _, err := fake.Collectors(t.Context(), providers.Account{}, providers.Want{}); err == nil {
		t.Error("a failing provider planned")
	}
	fake.Set(providertest.Listing{Scope: providers.Scope{Name: "one"}})
	if got, err := fake.Collectors(t.Context(), providers.Account{}, providers.Want{}); err != nil || len(got) != 1 {
		t.Errorf("after Set: %v, %v", got, err)
	}
}
