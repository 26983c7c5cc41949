package gcp_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"cloudaudit/providers"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/gcp/gcptest"
)

// small serves one bucket.
func small(t *testing.T) (*gcptest.Server, providers.Account) {
	t.Helper()
	server := gcptest.New(t, gcptest.Records(t, bucket("a", inProject)))
	server.Project("shop-1", "11")
	return server, account(t, server, gcp.Settings{Scope: "projects/shop-1"})
}

// TestFailures_HaveAClass is of what keeps every call from being answered: nothing was read, so that all
// scopes fail, and no text of Google Cloud's is repeated.
func TestFailures_HaveAClass(t *testing.T) {
	t.Parallel()
	named := map[string]string{"permission": "cloudasset.assets.listResource", "consumer": "projects/12345"}
	for name, c := range map[string]struct {
		code       codes.Code
		reason     string
		metadata   map[string]string
		class      providers.Class
		permission string
		calls      int // for resources
		says       string
	}{
		"disabled API":   {codes.PermissionDenied, "SERVICE_DISABLED", named, providers.NotEnabled, "", 1, "not enabled in the project that calls count against (projects/12345)"},
		"no billing":     {codes.PermissionDenied, "BILLING_DISABLED", named, providers.NotEnabled, "", 1, "billing is off"},
		"denied":         {codes.PermissionDenied, "IAM_PERMISSION_DENIED", named, providers.AccessDenied, "cloudasset.assets.listResource", 1, "roles do not allow it"},
		"denied plainly": {codes.PermissionDenied, "", nil, providers.AccessDenied, "cloudasset.assets.listResource", 1, "roles do not allow it"},
		"quota project":  {codes.PermissionDenied, "USER_PROJECT_DENIED", named, providers.AccessDenied, "serviceusage.services.use", 1, "may not use the quota"},
		"perimeter":      {codes.PermissionDenied, "SECURITY_POLICY_VIOLATED", nil, providers.DeniedByOrg, "cloudasset.assets.listResource", 1, "policy of the organization"},
		"no such scope":  {codes.NotFound, "", nil, providers.Failure, "", 1, "no such project, folder or organization"},
		"throttled":      {codes.ResourceExhausted, "RATE_LIMIT_EXCEEDED", nil, providers.Throttled, "", 8, "too many calls"},
		"expired":        {codes.Unauthenticated, "ACCESS_TOKEN_EXPIRED", nil, providers.AuthExpired, "", 2, "could not be renewed"},
		"unavailable":    {codes.Unavailable, "", nil, providers.Failure, "", 5, "(Unavailable)"},
		"too slow":       {codes.DeadlineExceeded, "", nil, providers.Timeout, "", 5, "in time"},
		"bad request":    {codes.InvalidArgument, "", nil, providers.Failure, "", 1, "(InvalidArgument)"},
		"a strange permission": {
			codes.PermissionDenied, "", map[string]string{"permission": "<script>"}, providers.AccessDenied, "cloudasset.assets.listResource", 1, "roles",
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			server, of := small(t)
			server.Refuse(every, -1, c.code, c.reason, c.metadata)
			collectors, err := gcp.New(gcp.Options{}).Collectors(t.Context(), of, providers.Want{})
			if err != nil {
				t.Fatal(err)
			}
			got := &result{}
			for i, collector := range collectors {
				err := collector.Collect(t.Context(), got)
				if err == nil {
					t.Fatalf("scope %s did not fail", collector.Scope.Name)
				}
				class, permission := classOf(err)
				if i == 0 && (class != c.class || permission != c.permission || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "ya29")) {
					t.Errorf("class %s, permission %q: %v", class, permission, err)
				}
				if made := calls(server, every); i == 0 && made != c.calls {
					t.Errorf("%d calls, want %d", made, c.calls)
				}
			}
			if len(got.gaps)+len(got.resources) > 0 {
				t.Errorf("gaps %v, resources %v", got.gaps, got.resources)
			}
		})
	}
}

// TestFailures_OfAFacetLeaveResourcesProven denies IAM policies: resources are listed to their end, and
// what is missing is a gap of the facet alone.
func TestFailures_OfAFacetLeaveResourcesProven(t *testing.T) {
	t.Parallel()
	server, of := small(t)
	server.Refuse(content(assetpb.ContentType_IAM_POLICY), -1, codes.PermissionDenied, "IAM_PERMISSION_DENIED", nil)
	got := read(t.Context(), t, gcp.New(gcp.Options{}), of)
	if diff := cmp.Diff([]string{"//storage.googleapis.com/a properties"}, got.ids()); diff != "" || len(got.errs) > 0 {
		t.Error(got.errs, diff)
	}
	want := []providers.Gap{{
		Region: providers.Anywhere, Facet: "iamPolicy", Class: providers.AccessDenied, Permission: "cloudasset.assets.listIamPolicy",
		Place: "cloudasset.ListAssets IAM_POLICY", Reason: "list assets (IAM_POLICY): the caller's roles do not allow it (PermissionDenied)", Paths: []string{"/facets/iamPolicy"},
	}}
	if diff := cmp.Diff(want, got.gaps); diff != "" {
		t.Error(diff)
	}
}

func TestFailures_ThatPass(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]codes.Code{
		"throttled": codes.ResourceExhausted, "unavailable": codes.Unavailable, "slow": codes.DeadlineExceeded, "internal": codes.Internal,
		"expired": codes.Unauthenticated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, of := small(t)
			times := 3
			if code == codes.Unauthenticated {
				times = 1
			}
			server.Refuse(content(assetpb.ContentType_RESOURCE), times, code, "", nil)
			whole(t, gcp.New(gcp.Options{}), of)
			if made := calls(server, content(assetpb.ContentType_RESOURCE)); made != times+1 {
				t.Errorf("%d calls", made)
			}
		})
	}
}

func TestFailures_OfUnknownTypes(t *testing.T) {
	t.Parallel()
	server, _ := small(t)
	types := []string{bucketType, "storage.googleapis.com/Bukket", networkType, "compute.googleapis.com/Networc", "pubsub.googleapis.com/Topic"}
	of := account(t, server, gcp.Settings{Scope: "projects/shop-1", AssetTypes: types, Content: []string{"RESOURCE"}})
	server.Unknown(types[1], types[3])
	got := read(t.Context(), t, gcp.New(gcp.Options{}), of)
	if diff := cmp.Diff([]string{"//storage.googleapis.com/a properties"}, got.ids()); diff != "" || len(got.errs) > 0 {
		t.Error(got.errs, diff)
	}
	unknown := map[string]bool{}
	for _, gap := range got.gaps {
		unknown[gap.Type] = gap.Class == providers.Failure && gap.Facet == "" && strings.Contains(gap.Reason, "gcp.assetTypes")
	}
	if diff := cmp.Diff(map[string]bool{types[1]: true, types[3]: true}, unknown); diff != "" {
		t.Error(diff)
	}
}

func TestFailures_OfATokenThatIsNotTakenAnyMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		times int
		fails bool
	}{"once": {1, false}, "again-and-again": {-1, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := gcptest.New(t, gcptest.Many(2500, "organizations/1"))
			server.Refuse(following, c.times, codes.InvalidArgument, "", nil)
			got := read(t.Context(), t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization, Content: []string{"RESOURCE"}}))
			if (got.errs["resource"] != nil) != c.fails {
				t.Error(got.errs)
			}
			if found := len(byPart(got.resources)); !c.fails && found != 2500 {
				t.Errorf("%d resources", found)
			}
		})
	}
}

func TestFailures_OfPagesThatGoInCircles(t *testing.T) {
	t.Parallel()
	server, of := small(t)
	server.Answer(content(assetpb.ContentType_RESOURCE), -1, func(_ context.Context, page func() (*assetpb.ListAssetsResponse, error)) (*assetpb.ListAssetsResponse, error) {
		return &assetpb.ListAssetsResponse{NextPageToken: "again"}, nil
	})
	got := read(t.Context(), t, gcp.New(gcp.Options{}), of)
	if err := got.errs["resource"]; err == nil || !strings.Contains(err.Error(), "come before") {
		t.Error(err)
	}
	if made := calls(server, content(assetpb.ContentType_RESOURCE)); made > 3 {
		t.Errorf("%d calls", made)
	}
}

func TestFailures_OfAnAssetThatIsNone(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Records(t, bucket("a", inOrganization),
		`{"name": "not a name", "assetType": "storage.googleapis.com/Bucket", `+inOrganization+`, "resource": {"data": {"password": "hunter2"}}}`,
		`{"name": "//storage.googleapis.com/deep", "assetType": "storage.googleapis.com/Bucket", `+inOrganization+`, "resource": {"data": {"a": `+strings.Repeat("[", 300)+strings.Repeat("]", 300)+`}}}`,
	))
	got := read(t.Context(), t, gcp.New(gcp.Options{}), account(t, server, gcp.Settings{Scope: organization}))
	if len(got.errs) > 0 || len(got.gaps) != 2 || len(got.resources) != 2 {
		t.Fatalf("errors %v, gaps %v, %d resources", got.errs, got.gaps, len(got.resources))
	}
	for _, gap := range got.gaps {
		if gap.Class != providers.Decode || gap.Type != bucketType || gap.Facet != "" || strings.Contains(gap.Reason, "hunter2") {
			t.Errorf("gap %+v", gap)
		}
	}
}

// TestCollect_EndsWithItsContext has a call hang until its caller goes.
func TestCollect_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	server, of := small(t)
	ctx, cancel := context.WithCancel(t.Context())
	server.Answer(every, -1, func(asked context.Context, _ func() (*assetpb.ListAssetsResponse, error)) (*assetpb.ListAssetsResponse, error) {
		cancel()
		<-asked.Done()
		return nil, asked.Err()
	})
	collectors, err := gcp.New(gcp.Options{}).Collectors(t.Context(), of, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range collectors {
		got := &result{}
		if err := c.Collect(ctx, got); err != context.Canceled || len(got.gaps) > 0 { //nolint:errorlint // nothing should be added to it
			t.Errorf("scope %s: %v %v", c.Scope.Name, err, got.gaps)
		}
	}
}

// TestRead_WaitsForSlowAnswers has every page come late.
func TestRead_WaitsForSlowAnswers(t *testing.T) {
	t.Parallel()
	server, of := small(t)
	server.Answer(every, -1, func(ctx context.Context, page func() (*assetpb.ListAssetsResponse, error)) (*assetpb.ListAssetsResponse, error) {
		timer := time.NewTimer(20 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
			return page()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	if got := whole(t, gcp.New(gcp.Options{}), of); len(got.resources) != 2 {
		t.Errorf("%d records", len(got.resources))
	}
}

func TestRead_SaysInTheScansLogWhatItWentThrough(t *testing.T) {
	t.Parallel()
	server := gcptest.New(t, gcptest.Many(1500, "organizations/1"))
	server.Refuse(following, 1, codes.FailedPrecondition, "", nil)
	var log bytes.Buffer
	want := providers.Want{Log: slog.New(slog.NewTextHandler(&log, nil))}
	collectors, err := gcp.New(gcp.Options{}).Collectors(t.Context(), account(t, server, gcp.Settings{Scope: organization, Members: gcp.MembersNone, Content: []string{"RESOURCE"}}), want)
	if err != nil {
		t.Fatal(err)
	}
	if err := collectors[0].Collect(t.Context(), &result{}); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"listing anew", "calls=4 refused=0"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log lacks %q:\n%s", says, log.String())
		}
	}
}
