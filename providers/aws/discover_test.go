package aws_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/aws/awstest"
	"cloudaudit/providers/providertest"
)

// golden compares text with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if aws.Update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), written anew with -update:\n%s", file, diff)
	}
}

// everything fills an account with all that the emulator has, in one region.
func everything(t *testing.T) awstest.Account {
	t.Helper()
	c := awstest.New(t)
	s := c.Seed(t, "eu-west-1")
	s.Identities(2)
	s.Distribution()
	s.All(1)
	return c
}

// TestDiscover_ReadsEverything reads two accounts that were filled in the same way, and compares all
// that is the same in both with a file: what differs, the emulator made up.
func TestDiscover_ReadsEverything(t *testing.T) {
	t.Parallel()
	var texts [2][]any
	var gaps string
	for i := range texts {
		c := everything(t)
		r := scan(t, newProvider(), connected(c, `"inventory": "full"`, "eu-west-1"), providers.Want{})
		if len(r.errs) > 0 {
			t.Errorf("scopes failed: %v", r.errs)
		}
		texts[i], gaps = r.plain(t, c), r.plainGaps(c)
	}
	var text strings.Builder
	for _, resource := range list(common(texts[0], texts[1])) {
		data, err := providers.FormatValue(resource)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(data, '\n'))
	}
	golden(t, "inventory.golden", text.String())
	golden(t, "gaps.golden", gaps)
}

func list(value any) []any {
	values, _ := value.([]any)
	return values
}

// common is what two values have in common, with "~" for texts and numbers that differ or are times.
func common(a, b any) any {
	switch left := a.(type) {
	case map[string]any:
		right, _ := b.(map[string]any)
		both := map[string]any{}
		for key, value := range left {
			if both[key] = common(value, right[key]); slices.Contains(random, key) {
				both[key] = "~"
			}
		}
		return both
	case []any:
		both := make([]any, len(left))
		for i, value := range left {
			if right := list(b); i < len(right) {
				both[i] = common(value, right[i])
			}
		}
		return both
	case string:
		if a != b || moment.MatchString(left) {
			return "~"
		}
	case json.Number:
		if a != b || len(left) > 9 {
			return "~"
		}
	}
	return a
}

// random are members that the emulator makes up once for all accounts.
var random = []string{"CertificateAuthorityData", "OpenIdConnectIssuerUrl", "Endpoint"}

// madeUp are ids, times and addresses, which must not decide about the order.
var madeUp = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8,17}|\d{4}-\d\d-\d\dT[^"]*|(10|54|127)\.\d+\.\d+\.\d+"|(ip|ec2)(-\d+){4}`)

var moment = regexp.MustCompile(`^\d{4}-\d\d-\d\dT`)

// plain writes the resources as decoded JSON, type by type.
func (r *read) plain(t *testing.T, c awstest.Account) []any {
	t.Helper()
	resources := slices.Clone(r.resources)
	order := map[*providers.Resource]string{}
	for _, resource := range resources {
		values := map[string]any{}
		for name, part := range resource.Parts {
			values[name] = part.Value
		}
		data, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		order[resource] = madeUp.ReplaceAllString(resource.Type+string(data), "~")
	}
	slices.SortStableFunc(resources, func(a, b *providers.Resource) int { return cmp.Compare(order[a], order[b]) })
	all := make([]any, 0, len(resources))
	for _, resource := range resources {
		written := map[string]any{
			"type": resource.Type, "id": resource.ID, "name": resource.Name, "region": resource.Region, "uid": resource.UID,
			"tags": resource.Tags, "ancestors": resource.Ancestors,
		}
		for name, part := range resource.Parts {
			body := map[string]any{"value": part.Value}
			if paths := unreadPaths(part.Unread); len(paths) > 0 {
				body["unread"] = paths
			}
			written[name] = body
		}
		all = append(all, written)
	}
	data, err := providers.FormatValue(all)
	if err != nil {
		t.Fatal(err)
	}
	value, err := providers.ParseValue([]byte(strings.NewReplacer(c.ID, "ACCOUNT", c.Endpoint, "ENDPOINT").Replace(string(data))))
	if err != nil {
		t.Fatal(err)
	}
	return list(value)
}

// unreadPaths are the unread paths but those that data/unread.txt lists for every resource.
func unreadPaths(unread []providers.Unread) []string {
	var paths []string
	for _, u := range unread {
		if u.Class != providers.NotRead {
			paths = append(paths, string(u.Class)+" "+u.Path)
		}
	}
	return paths
}

// plainGaps writes the gaps in order, without what the emulator makes up.
func (r *read) plainGaps(c awstest.Account) string {
	var lines []string
	for _, gap := range r.gaps {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", gap.Type, cmp.Or(gap.Facet, "-"), gap.Class, gap.Place, gap.Reason))
	}
	slices.Sort(lines)
	text := strings.ReplaceAll(strings.Join(slices.Compact(lines), "\n")+"\n", c.ID, "ACCOUNT")
	return regexp.MustCompile(`fs-[0-9a-f]+`).ReplaceAllString(text, "fs-1")
}

func TestContract(t *testing.T) {
	t.Parallel()
	c := awstest.New(t)
	s := c.Seed(t, "eu-west-1")
	s.Buckets(2)
	s.Machines(1)
	s.Messaging(1)
	providertest.Exercise(t, newProvider(), connected(c, "", "eu-west-1"))
}

func TestCollectors_PlanServicesInRegions(t *testing.T) {
	t.Parallel()
	c := awstest.New(t)
	account := connected(c, `"excludeRegions": ["eu-west-2"]`, "eu-west-1", "eu-west-2", "us-east-1", "ap-east-1")
	collectors, err := newProvider().Collectors(t.Context(), account, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	scopes := map[string]int{}
	for _, collector := range collectors {
		region, service, _ := strings.Cut(collector.Scope.Name, "/")
		scopes[region]++
		if collector.Scope.Region != region || service == "" {
			t.Errorf("scope %+v", collector.Scope)
		}
	}
	// ap-east-1 is off for the account, as the emulator has it.
	if diff := gocmp.Diff([]string{"eu-west-1", "global", "us-east-1"}, slices.Sorted(maps.Keys(scopes))); diff != "" {
		t.Errorf("regions (-want +got):\n%s", diff)
	}
	if scopes["eu-west-1"] != scopes["us-east-1"] || scopes["global"] != 4 {
		t.Errorf("scopes by region: %v", scopes)
	}
}

func TestCollectors_RefuseAnotherAccount(t *testing.T) {
	t.Parallel()
	account := connected(awstest.New(t), "", "eu-west-1")
	account.CloudID = "999999999999"
	if _, err := newProvider().Collectors(t.Context(), account, providers.Want{}); err == nil || !strings.Contains(err.Error(), "999999999999") {
		t.Errorf("was taken: %v", err)
	}
}

// fingerprint is what a scan stores of each resource.
func (r *read) fingerprint() map[string]string {
	prints := map[string]string{}
	for _, resource := range r.resources {
		for name, part := range resource.Parts {
			prints[resource.ID+" "+name] = part.Hash.String() + " " + resource.UID
		}
	}
	return prints
}

func TestDiscover_ReadsManyCompletely(t *testing.T) {
	t.Parallel()
	c := awstest.New(t)
	regions := []string{"eu-west-1", "us-east-1", "ap-southeast-2"}
	home := c.Seed(t, "us-east-1")
	home.Identities(100)
	home.Distribution()
	for _, region := range regions {
		c.Seed(t, region).All(85)
	}
	account := connected(c, "", regions...)
	want := providers.Want{Paths: map[string][]string{
		"AWS::S3::Bucket":       {"/properties/BucketEncryption", "/properties/PublicAccessBlockConfiguration/BlockPublicAcls"},
		"AWS::Lambda::Function": {"/properties/_aws/Policy"},
		"AWS::KMS::Key":         {"/properties/EnableKeyRotation"},
	}}
	first := scan(t, newProvider(), account, want)
	types := map[string]bool{}
	for _, resource := range first.resources {
		types[resource.Type] = true
	}
	t.Logf("%d resources of %d types in %d scopes, %d gaps", len(first.resources), len(types), len(first.scopes), len(first.gaps))
	if len(types) < 40 || len(first.resources) < 2000 || len(first.errs) > 0 {
		t.Errorf("read %d resources of %d types, errors %v", len(first.resources), len(types), first.errs)
	}
	for _, gap := range first.gaps { // what the emulator lacks, and nothing else
		if !slices.Contains(lacks, gap.Place[:strings.IndexAny(gap.Place+" ", " ")]) {
			t.Errorf("gap %+v", gap)
		}
	}
	if diff := gocmp.Diff(first.fingerprint(), scan(t, newProvider(), account, want).fingerprint()); diff != "" {
		t.Errorf("a second scan finds another inventory (-first +second):\n%s", diff)
	}
	home.Plant()
	changed := differences(first.fingerprint(), scan(t, newProvider(), account, want).fingerprint())
	if diff := gocmp.Diff(planted(home), changed); diff != "" {
		t.Errorf("what a third scan finds changed (-want +got):\n%s", diff)
	}
}

// lacks are the calls of a scan without full inventory that the emulator does not know.
var lacks = []string{
	"access-analyzer:ListAnalyzers", "ec2:GetImageBlockPublicAccessState", "ec2:GetInstanceMetadataDefaults", "ec2:GetSnapshotBlockPublicAccessState",
	"iam:ListMFADeviceTags", "iam:ListServerCertificateTags", "securityhub:ListTagsForResource",
}

func differences(before, after map[string]string) []string {
	var changed []string
	for key := range after {
		if before[key] != after[key] {
			changed = append(changed, key)
		}
	}
	for key := range before {
		if _, there := after[key]; !there {
			changed = append(changed, "gone: "+key)
		}
	}
	slices.Sort(changed)
	return changed
}

// planted is what Plant changes.
func planted(s awstest.Seed) []string {
	return []string{
		"AWS::EC2::EbsEncryptionByDefault/" + s.ID + "/us-east-1 properties",
		"AWS::IAM::AccountSummary/" + s.ID + " properties", // which counts attachments
		"arn:aws:iam::" + s.ID + ":policy/open properties", // and so does this
		"arn:aws:iam::" + s.ID + ":user/user007 properties",
		"arn:aws:s3:::" + s.Bucket(3) + " properties:publicaccess",
	}
}
