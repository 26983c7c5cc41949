package cel_test

import (
	"context"
	"slices"
	"testing"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// Malformed values are refused by name, and never quoted.
func TestLibrary_RefusalsQuoteNothing(t *testing.T) {
	t.Parallel()
	session := open(t, one(`net.isWorld(resource.properties.secret)`), nil)
	got := evaluate(t, session, resource(t, `{"secret": "hush"}`))
	want := "policies.yaml:7:18: net.isWorld: not an address or a range of addresses"
	if got.Reason != policy.ReasonError || got.Detail != want {
		t.Errorf("got %+v, want %s", got, want)
	}
}

// The clock that a function reads is known without running it.
func TestLibrary_ClockIsFoundStatically(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		`ageDays(resource.properties.t) > 3`:               true,
		`[resource.properties.t].all(t, ageDays(t) > 3)`:   true,
		`versions.atLeast(resource.properties.t, "1.2")`:   false,
		`"ageDays(x)" == resource.properties.t`:            false,
		`ageDays(timestamp("2025-01-01T00:00:00Z")) > 300`: true,
	} {
		if pack, _ := load(t, one(expression)); pack.Policies[0].Clock != want {
			t.Errorf("%s reads the clock: %t", expression, !want)
		}
	}
}

// Calls read their arguments, all of what is in them.
func TestLibrary_ReadsItsArguments(t *testing.T) {
	t.Parallel()
	pack, _ := load(t, one(`iam.publicStatements(resource.properties.?doc.orValue(null)).all(s, s.sid != "") && ageDays(resource.properties.t) > 1`))
	if want := []string{"/properties/doc", "/properties/t"}; !slices.Equal(pack.Policies[0].Reads, want) {
		t.Errorf("reads %q", pack.Policies[0].Reads)
	}
}

// Documents that were taken apart once are not mixed up, whoever asks, however often.
func TestLibrary_DocumentsAreKeptApart(t *testing.T) {
	t.Parallel()
	session := open(t, one(`iam.isPublic(resource.properties.d) == resource.properties.public`), nil)
	public := map[string]any{"Statement": map[string]any{"Effect": "Allow", "Principal": "*", "Action": "*"}}
	for range 200 {
		for _, properties := range []map[string]any{
			{"d": public, "public": true},
			{"d": map[string]any{"Statement": map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "1"}}}, "public": false},
			{"d": `{"Statement":{"Effect":"Allow","Principal":"*"}}`, "public": true},
			{"d": `{"Statement":{"Effect":"Deny","Principal":"*"}}`, "public": false},
		} {
			r := &providers.Resource{Type: "T", Parts: map[string]providers.Part{providers.Properties: {Value: properties}}}
			outcomes, err := session.Evaluate(context.Background(), policy.Input{Resource: r})
			if err != nil || outcomes[0].Verdict != policy.Compliant {
				t.Fatal(properties, outcomes, err)
			}
		}
	}
}
