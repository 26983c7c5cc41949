package gcp_test

import (
	"context"
	"strings"
	"testing"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
)

func TestCheck_OfAnAccountThatCanBeRead(t *testing.T) {
	t.Parallel()
	server, of := small(t)
	got, err := gcp.New(gcp.Options{}).Check(t.Context(), of)
	want := providers.Check{
		Identity: "nobody: " + server.Endpoint + " is a test server", CloudID: "shop-1", Tried: 2,
		Grant: gcp.Role("RESOURCE", "IAM_POLICY"),
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, call := range server.Calls() {
		if call.GetPageSize() != 1 {
			t.Errorf("asked for %d assets", call.GetPageSize())
		}
	}
}

func TestCheck_NamesWhatIsMissingAndWhatGrantsIt(t *testing.T) {
	t.Parallel()
	server := company(t)
	server.Refuse(content(assetpb.ContentType_ORG_POLICY), -1, codes.PermissionDenied, "IAM_PERMISSION_DENIED", nil)
	server.Refuse(content(assetpb.ContentType_ACCESS_POLICY), -1, codes.PermissionDenied, "SECURITY_POLICY_VIOLATED", nil)
	got, err := gcp.New(gcp.Options{}).Check(t.Context(), account(t, server, gcp.Settings{Scope: organization}))
	if err != nil {
		t.Fatal(err)
	}
	want := []providers.MissingPermission{
		{Permission: "cloudasset.assets.listOrgPolicy", Class: providers.AccessDenied, Reason: "the caller's roles do not allow it"},
		{Permission: "cloudasset.assets.listAccessPolicy", Class: providers.DeniedByOrg, Reason: "a policy of the organization denies it"},
	}
	if diff := cmp.Diff(want, got.Missing); diff != "" || got.Tried != 4 {
		t.Error(got.Tried, diff)
	}
	if got.Grant != gcp.Role(gcp.Contents()...) || got.Remedy != gcp.Role("ORG_POLICY", "ACCESS_POLICY") {
		t.Errorf("grant %s remedy %s", got.Grant, got.Remedy)
	}
}

func TestCheck_OfAnAccountThatCannotBeEntered(t *testing.T) {
	t.Parallel()
	for reason, says := range map[string]string{"SERVICE_DISABLED": "not enabled", "USER_PROJECT_DENIED": "may not use the quota"} {
		server, of := small(t)
		server.Refuse(every, -1, codes.PermissionDenied, reason, nil)
		if _, err := gcp.New(gcp.Options{}).Check(t.Context(), of); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestCheck_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, of := small(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gcp.New(gcp.Options{}).Check(ctx, of); err == nil {
		t.Error("was checked after its context")
	}
}
