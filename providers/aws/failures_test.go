package aws_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cloudaudit/providers"
	"cloudaudit/providers/aws/awstest"
)

// everywhere has a rule answer every call that it matches.
const everywhere = -1

// fails is an account with something in it, read through a front.
func fails(t *testing.T, fill func(awstest.Seed)) (*awstest.Front, awstest.Account) {
	t.Helper()
	c := awstest.New(t)
	if fill != nil {
		fill(c.Seed(t, "eu-west-1"))
	}
	return awstest.NewFront(t, c)
}

// gapsOf gives the gaps of a type without their words.
func (r *read) gapsOf(resourceType string) []providers.Gap {
	gaps := []providers.Gap{}
	for _, gap := range r.gaps {
		if gap.Type == resourceType {
			gap.Reason = ""
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// encryptionClass gives the class of a bucket's encryption if that is unread.
func encryptionClass(resource *providers.Resource) providers.Class {
	for _, u := range resource.Parts[providers.Properties].Unread {
		if u.Path == "/properties/BucketEncryption" {
			return u.Class
		}
	}
	return ""
}

var full = `"inventory": "full"`

func TestFailure_DeniedList(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message string
		want    providers.Gap
	}{
		"by_the_account": {
			"You are not authorized to perform this operation.",
			providers.Gap{Class: providers.AccessDenied, Permission: "ec2:DescribeVolumes"},
		},
		"by_the_organization": {
			"User: arn:aws:sts::1:assumed-role/audit/x is not authorized to perform: ec2:DescribeVolumes with an explicit deny in a service control policy",
			providers.Gap{Class: providers.DeniedByOrg, Permission: "ec2:DescribeVolumes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := fails(t, func(s awstest.Seed) { s.Machines(1) })
			f.Refuse(everywhere, awstest.Called("ec2 DescribeVolumes"), http.StatusForbidden, "UnauthorizedOperation", tt.message)
			r := scan(t, newProvider(), connected(c, "", "eu-west-1"), providers.Want{}, "/ec2")
			tt.want.Region, tt.want.Type, tt.want.Place = "eu-west-1", "AWS::EC2::Volume", "ec2:DescribeVolumes"
			if diff := cmp.Diff([]providers.Gap{tt.want}, r.gapsOf("AWS::EC2::Volume")); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if len(r.of("AWS::EC2::Instance")) != 1 || len(r.of("AWS::EC2::Volume")) != 0 || len(r.errs) > 0 {
				t.Errorf("read %d instances, errors %v", len(r.of("AWS::EC2::Instance")), r.errs)
			}
			if f.Count("ec2 DescribeVolumes") != 1 {
				t.Error("a denied call was tried again")
			}
		})
	}
}

func TestFailure_DeniedFacet(t *testing.T) {
	t.Parallel()
	f, c := fails(t, func(s awstest.Seed) { s.Buckets(2) })
	denied := c.Seed(t, "eu-west-1").Bucket(0)
	f.Refuse(everywhere, awstest.Called("s3 GET /"+denied+"?encryption"), http.StatusForbidden, "AccessDenied", "Access Denied")
	r := scan(t, newProvider(), connected(c, full, "eu-west-1"), providers.Want{}, "/s3")
	want := []providers.Gap{{
		Region: "eu-west-1", Type: "AWS::S3::Bucket", Facet: "properties:encryption", Class: providers.AccessDenied,
		Permission: "s3:GetEncryptionConfiguration", Place: "s3:GetBucketEncryption arn:aws:s3:::" + denied,
		Paths: []string{"/properties/BucketEncryption"},
	}}
	if diff := cmp.Diff(want, r.gapsOf("AWS::S3::Bucket")); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	buckets := r.of("AWS::S3::Bucket")
	if len(buckets) != 2 || encryptionClass(buckets[0]) != providers.AccessDenied || encryptionClass(buckets[1]) != "" {
		t.Errorf("buckets %+v", buckets)
	}
	if _, read := buckets[0].Parts["properties:encryption"]; read {
		t.Error("a denied facet has a part")
	}
	if _, read := buckets[0].Parts["properties:versioning"]; !read {
		t.Error("the other facets were not read")
	}
}

// TestFacets_AreReadByNeed holds that a facet is read for what a policy reads of it or around it, and
// that the other parts are the same whatever is read.
func TestFacets_AreReadByNeed(t *testing.T) {
	t.Parallel()
	c := awstest.New(t)
	c.Seed(t, "eu-west-1").Buckets(1)
	hashes := map[string]providers.Hash{}
	for _, tt := range []struct {
		settings string
		paths    map[string][]string
		want     []string
	}{
		{"", nil, nil},
		{"", map[string][]string{"AWS::S3::Bucket": {"/tags/team", "/properties/BucketName"}}, nil},
		{"", map[string][]string{"AWS::EC2::Volume": {"/properties/BucketEncryption"}}, nil},
		{"", map[string][]string{"AWS::S3::Bucket": {"/properties/BucketEncryption/ServerSideEncryptionConfiguration/*/x"}}, []string{"encryption"}},
		{"", map[string][]string{"*": {"/properties/_aws/Acl"}, "AWS::S3::Bucket": {"/properties/VersioningConfiguration"}}, []string{"acl", "versioning"}},
		{"", map[string][]string{"AWS::S3::BucketPolicy": {"/properties/PolicyDocument"}}, []string{"policy"}},
		{"", map[string][]string{"AWS::S3::Bucket": {"/properties/_aws"}}, []string{"acl", "payment", "policy", "policystatus", "versioning"}},
		{"", map[string][]string{"AWS::S3::Bucket": {""}}, allFacets},
		{full, nil, allFacets},
	} {
		r := scan(t, newProvider(), connected(c, tt.settings, "eu-west-1"), providers.Want{Paths: tt.paths}, "/s3")
		bucket := r.of("AWS::S3::Bucket")[0]
		var got []string
		for name, part := range bucket.Parts {
			if facet, isPiece := strings.CutPrefix(name, "properties:"); isPiece {
				got = append(got, facet)
			}
			if before, known := hashes[name]; known && before != part.Hash {
				t.Errorf("%v: part %s has another hash than when less was read", tt.paths, name)
			}
			hashes[name] = part.Hash
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v: facets (-want +got):\n%s", tt.paths, diff)
		}
		if wantClass := map[bool]providers.Class{true: "", false: providers.NotRead}[slices.Contains(got, "encryption")]; encryptionClass(bucket) != wantClass {
			t.Errorf("%v: encryption is unread as %q", tt.paths, encryptionClass(bucket))
		}
	}
}

var allFacets = []string{
	"acceleration", "acl", "cors", "encryption", "lifecycle", "logging", "notification", "objectlock", "ownership", "payment", "policy", "policystatus",
	"publicaccess", "replication", "versioning", "website",
}

func TestFailure_NotEnabledIsNoGap(t *testing.T) {
	t.Parallel()
	f, c := fails(t, nil)
	f.Refuse(everywhere, awstest.Called("elasticache"), http.StatusForbidden, "OptInRequired", "not subscribed")
	f.Refuse(everywhere, awstest.Called("guardduty"), http.StatusForbidden, "SubscriptionRequiredException", "not subscribed")
	r := scan(t, newProvider(), connected(c, "", "eu-west-1"), providers.Want{}, "/elasticache", "/guardduty", "/securityhub", "/config")
	if len(r.gaps) > 0 || len(r.errs) > 0 {
		t.Errorf("gaps %v, errors %v", r.gaps, r.errs)
	}
	for _, name := range []string{"AWS::GuardDuty::RegionStatus", "AWS::SecurityHub::RegionStatus", "AWS::Config::RegionStatus"} {
		status := r.of(name)
		if len(status) != 1 || status[0].Parts[providers.Properties].Value.(map[string]any)["Enabled"] != false {
			t.Errorf("%s: %+v", name, status)
		}
	}
}

func TestFailure_RegionOff(t *testing.T) {
	t.Parallel()
	f, c := fails(t, nil)
	f.Refuse(everywhere, awstest.InRegion("eu-west-2"), http.StatusUnauthorized, "AuthFailure", "AWS was not able to validate the provided access credentials")
	r := scan(t, newProvider(), connected(c, "", "eu-west-1", "eu-west-2"), providers.Want{}, "/ec2")
	off, classes := 0, map[providers.Class]bool{}
	for _, gap := range r.gaps {
		if gap.Region == "eu-west-2" {
			off++
			classes[gap.Class] = true
		}
	}
	if off < 15 || len(classes) != 1 || !classes[providers.RegionDisabled] || len(r.of("AWS::EC2::VPC")) != 1 || len(r.errs) > 0 {
		t.Errorf("%d gaps of %v, %d VPCs, errors %v", off, classes, len(r.of("AWS::EC2::VPC")), r.errs)
	}
}

func TestFailure_Throttled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		times, calls int
		want         []providers.Gap
	}{
		"then_well": {2, 3, []providers.Gap{}},
		"for_ever":  {everywhere, 8, []providers.Gap{{Region: "eu-west-1", Type: "AWS::Logs::LogGroup", Class: providers.Throttled, Place: "logs:DescribeLogGroups"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := fails(t, func(s awstest.Seed) { s.Observability(1) })
			f.Refuse(tt.times, awstest.Called("logs DescribeLogGroups"), http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
			r := scan(t, newProvider(), connected(c, "", "eu-west-1"), providers.Want{}, "/logs")
			if diff := cmp.Diff(tt.want, r.gapsOf("AWS::Logs::LogGroup")); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if f.Count("logs DescribeLogGroups") != tt.calls || len(r.of("AWS::Logs::MetricFilter")) != 1 || len(r.of("AWS::Logs::LogGroup"))+len(tt.want) != 1 {
				t.Errorf("%d calls, %d groups, %d filters", f.Count("logs DescribeLogGroups"), len(r.of("AWS::Logs::LogGroup")), len(r.of("AWS::Logs::MetricFilter")))
			}
		})
	}
}

func TestFailure_TokenExpired(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		times, roles int
		wantFailed   bool
	}{
		"once":     {1, 2, false},
		"for_good": {everywhere, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := fails(t, func(s awstest.Seed) { s.Messaging(1) })
			f.Refuse(tt.times, awstest.Called("sqs ListQueues"), http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired")
			r := scan(t, newProvider(), connected(c, "", "eu-west-1"), providers.Want{}, "/sqs")
			err := r.errs["eu-west-1/sqs"]
			var known *providers.Error
			if tt.wantFailed != (err != nil) || err != nil && (!errors.As(err, &known) || known.Class != providers.AuthExpired) {
				t.Errorf("the scope ended with %v", err)
			}
			if got := f.Count("sts AssumeRole"); got != tt.roles || len(r.gaps) > 0 {
				t.Errorf("%d sessions, gaps %v", got, r.gaps)
			}
			if !tt.wantFailed && len(r.of("AWS::SQS::Queue")) != 1 {
				t.Error("the queue was not read")
			}
		})
	}
}

func TestFailure_GoneWhileRead(t *testing.T) {
	t.Parallel()
	f, c := fails(t, func(s awstest.Seed) {
		s.Buckets(2)
		s.Messaging(2)
	})
	gone := c.Seed(t, "eu-west-1").Bucket(1)
	f.Refuse(everywhere, awstest.Called("s3 GET /"+gone+"?publicAccessBlock"), http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	f.Refuse(1, awstest.Called("sqs GetQueueAttributes"), http.StatusBadRequest, "QueueDoesNotExist", "gone")
	r := scan(t, newProvider(), connected(c, full, "eu-west-1"), providers.Want{}, "/s3", "/sqs")
	if len(r.of("AWS::S3::Bucket")) != 1 || len(r.of("AWS::SQS::Queue")) != 1 || len(r.gaps) > 0 || len(r.errs) > 0 {
		t.Errorf("%d buckets, %d queues, gaps %v, errors %v", len(r.of("AWS::S3::Bucket")), len(r.of("AWS::SQS::Queue")), r.gaps, r.errs)
	}
}

// TestFailure_NotFoundMayMeanASetting keeps a resource of which a call says no more than that something is
// not found: left out, it would be taken for deleted.
func TestFailure_NotFoundMayMeanASetting(t *testing.T) {
	t.Parallel()
	f, c := fails(t, func(s awstest.Seed) { s.Keys(2) })
	f.Refuse(everywhere, awstest.Called("kms GetKeyPolicy"), http.StatusBadRequest, "NotFoundException", "no such policy")
	r := scan(t, newProvider(), connected(c, full, "eu-west-1"), providers.Want{}, "/kms")
	if gaps := r.gapsOf("AWS::KMS::Key"); len(r.of("AWS::KMS::Key")) != 2 || len(gaps) != 2 || gaps[0].Class != providers.Failure || gaps[0].Facet != "properties:policy" {
		t.Errorf("%d keys, gaps %+v", len(r.of("AWS::KMS::Key")), gaps)
	}
	gone, c := fails(t, func(s awstest.Seed) { s.Keys(2) })
	gone.Refuse(1, awstest.Called("kms DescribeKey"), http.StatusBadRequest, "NotFoundException", "no such key")
	r = scan(t, newProvider(), connected(c, full, "eu-west-1"), providers.Want{}, "/kms")
	if len(r.of("AWS::KMS::Key")) != 1 || len(r.gaps) > 0 {
		t.Errorf("%d keys, gaps %+v", len(r.of("AWS::KMS::Key")), r.gaps)
	}
}

// logPage is a page of log groups over the wire.
func logPage(token string, names ...string) string {
	groups := make([]string, len(names))
	for i, name := range names {
		groups[i] = fmt.Sprintf(`{"logGroupName":%q,"arn":"arn:aws:logs:eu-west-1:1:log-group:%s:*"}`, name, name)
	}
	if token != "" {
		token = fmt.Sprintf(`,"nextToken":%q`, token)
	}
	return `{"logGroups":[` + strings.Join(groups, ",") + `]` + token + `}`
}

func TestPages(t *testing.T) {
	t.Parallel()
	failed := []providers.Gap{{Region: "eu-west-1", Type: "AWS::Logs::LogGroup", Class: providers.Failure, Place: "aws"}}
	for name, tt := range map[string]struct {
		answers []string
		stale   bool
		want    string
		gaps    []providers.Gap
	}{
		"one":              {[]string{logPage("", "a")}, false, "a", nil},
		"none":             {[]string{logPage("")}, false, "", nil},
		"three":            {[]string{logPage("1", "a"), logPage("2", "b", "c"), logPage("", "d")}, false, "a,b,c,d", nil},
		"an_empty_one":     {[]string{logPage("1"), logPage("", "a")}, false, "a", nil},
		"a_repeated_token": {[]string{logPage("1", "a"), logPage("2", "b"), logPage("1", "c")}, false, "a,b,c", failed},
		"a_stale_token":    {[]string{logPage("1", "a"), logPage("2", "a"), logPage("", "b")}, true, "a,a,b", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := fails(t, nil)
			if tt.stale { // the second page's token does not hold, so that the listing begins anew
				second := func(c awstest.Call) bool {
					return awstest.Called("logs DescribeLogGroups")(c) && strings.Contains(c.Body, `"nextToken":"1"`)
				}
				f.Refuse(1, second, http.StatusBadRequest, "InvalidNextTokenException", "stale")
			}
			f.Say(awstest.Called("logs DescribeLogGroups"), tt.answers...)
			r := scan(t, newProvider(), connected(c, "", "eu-west-1"), providers.Want{}, "/logs")
			var names []string
			for _, group := range r.of("AWS::Logs::LogGroup") {
				names = append(names, group.Name)
			}
			if got := strings.Join(names, ","); got != tt.want || len(r.errs) > 0 {
				t.Errorf("read %q, want %q, errors %v", got, tt.want, r.errs)
			}
			if diff := cmp.Diff(tt.gaps, r.gapsOf("AWS::Logs::LogGroup"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailure_Server(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		times  int
		status int
		text   string
		want   []providers.Gap
	}{
		"fails_twice":    {2, http.StatusInternalServerError, "", nil},
		"fails_for_ever": {everywhere, http.StatusServiceUnavailable, "", []providers.Gap{{Region: "eu-west-1", Type: "AWS::DynamoDB::Table", Class: providers.Failure, Place: "dynamodb:ListTables"}}},
		"is_no_json":     {everywhere, http.StatusOK, "<html>secret</html>", []providers.Gap{{Region: "eu-west-1", Type: "AWS::DynamoDB::Table", Class: providers.Decode, Place: "dynamodb:ListTables"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := fails(t, nil)
			f.Add(tt.times, awstest.Called("dynamodb ListTables"), func(w http.ResponseWriter, _ awstest.Call) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.text))
			})
			r := scan(t, newProvider(), connected(c, "", "eu-west-1"), providers.Want{}, "/dynamodb")
			if diff := cmp.Diff(tt.want, r.gapsOf("AWS::DynamoDB::Table"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			for _, gap := range r.gaps {
				if strings.Contains(gap.Reason, "secret") {
					t.Errorf("the reason quotes the answer: %s", gap.Reason)
				}
			}
		})
	}
}

func TestFailure_Cancelled(t *testing.T) {
	t.Parallel()
	f, c := fails(t, func(s awstest.Seed) { s.Buckets(2) })
	ctx, cancel := context.WithCancel(t.Context())
	f.Add(everywhere, awstest.Called("s3 GET /"+c.Seed(t, "eu-west-1").Bucket(0)+"?acl"), func(_ http.ResponseWriter, c awstest.Call) {
		cancel()
		<-c.Context().Done() // which the client's end is
	})
	collectors, err := newProvider().Collectors(t.Context(), connected(c, full, "eu-west-1"), providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	for _, collector := range collectors {
		if collector.Scope.Name != "eu-west-1/s3" {
			continue
		}
		r := &read{}
		if err := collector.Collect(ctx, r); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if len(r.gaps) > 0 {
			t.Errorf("a cancelled call made gaps %v", r.gaps)
		}
	}
}

func TestCollectors_Refused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		match      string
		status     int
		code       string
		class      providers.Class
		permission string
		want       string
	}{
		"role":    {"sts AssumeRole", http.StatusForbidden, "AccessDenied", providers.AccessDenied, "sts:AssumeRole", "assume arn:aws:iam::"},
		"keys":    {"sts AssumeRole", http.StatusForbidden, "InvalidClientTokenId", providers.AuthExpired, "", "assume arn:aws:iam::"},
		"clock":   {"sts GetCallerIdentity", http.StatusForbidden, "RequestTimeTooSkewed", providers.Failure, "", "clock"},
		"expired": {"sts GetCallerIdentity", http.StatusForbidden, "ExpiredToken", providers.AuthExpired, "", "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := fails(t, nil)
			f.Refuse(everywhere, awstest.Called(tt.match), tt.status, tt.code, "no: secret")
			_, err := newProvider().Collectors(t.Context(), connected(c, "", "eu-west-1"), providers.Want{})
			var known *providers.Error
			if !errors.As(err, &known) || known.Class != tt.class || known.Permission != tt.permission || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, %+v", err, known)
			}
		})
	}
}

func TestCollectors_WithoutPermissionForRegions(t *testing.T) {
	t.Parallel()
	f, c := fails(t, nil)
	f.Refuse(everywhere, awstest.Called("ec2 DescribeRegions"), http.StatusForbidden, "UnauthorizedOperation", "no")
	if collectors, err := newProvider().Collectors(t.Context(), connected(c, "", "eu-west-1"), providers.Want{}); err != nil || len(collectors) == 0 {
		t.Errorf("the settings name a region, but: %v", err)
	}
	account := connected(c, "", "eu-west-1")
	account.Settings = []byte(strings.Replace(string(account.Settings), `"regions": ["eu-west-1"]`, `"excludeRegions": ["eu-west-1"]`, 1))
	var known *providers.Error
	if _, err := newProvider().Collectors(t.Context(), account, providers.Want{}); !errors.As(err, &known) || known.Permission != "ec2:DescribeRegions" {
		t.Errorf("%v", err)
	}
}
