package main_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers/aws/awstest"
	"cloudaudit/store"
)

// cloud is a folder with a configuration of accounts in the emulator of AWS, for the program to scan.
type cloud struct{ estate }

// newCloud lays out a configuration whose one group holds one account to the built-in policies. The
// section is the account's.
func newCloud(t *testing.T, account, section string) cloud {
	t.Helper()
	c := cloud{estate{t.TempDir()}}
	c.write(t, "cloudaudit.yaml", fmt.Appendf(nil, `organization: test
accounts:
  - {name: %[1]s, provider: aws, aws: {%[2]s}}
policyGroups:
  - {name: all, accounts: [%[1]s], policyPacks: [{name: aws-foundations}]}
`, account, section))
	return c
}

// entered is the section of an account of the emulator, in these regions.
func entered(a awstest.Account, more string, regions ...string) string {
	return fmt.Sprintf(`roleArn: %q, externalId: "env:AUDIT_EXTERNAL_ID", endpoint: %q, regions: [%s]%s`, a.Role(), a.Endpoint, strings.Join(regions, ", "), more)
}

// program prepares a run of the program with the emulator's credentials.
func (c cloud) program(args ...string) *exec.Cmd {
	command := c.estate.program(args...)
	command.Env = append(command.Env, "AWS_ACCESS_KEY_ID="+awstest.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+awstest.SecretAccessKey,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "AUDIT_EXTERNAL_ID=what-was-agreed")
	return command
}

// do runs the program and gives what it printed, and its exit code.
func (c cloud) do(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	command := c.program(args...)
	var out, diagnostics bytes.Buffer
	command.Stdout, command.Stderr = &out, &diagnostics
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("cloudaudit %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), diagnostics.String(), command.ProcessState.ExitCode()
}

// summary is what a scan tells of an account.
type summary struct {
	Account, Status, Error             string
	Resources, Added, Changed, Removed int
	Opened, Resolved                   int
	ScopesPlanned, ScopesComplete      int
	Missing                            []struct {
		Region, Call, Permission string
		Types, Policies          []string
	}
}

// scan scans and gives what it tells of each account, by name.
func (c cloud) scan(t *testing.T, wantCode int, args ...string) map[string]summary {
	t.Helper()
	stdout, stderr, code := c.do(t, append([]string{"scan", "-o", "json", "--quiet"}, args...)...)
	if code != wantCode {
		t.Fatalf("scan: exit %d, want %d\n%s%s", code, wantCode, stdout, stderr)
	}
	var rows []summary
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil {
		t.Fatal(err)
	}
	byName := map[string]summary{}
	for _, row := range rows {
		byName[row.Account] = row
	}
	return byName
}

// ask decodes what a command prints as JSON.
func ask[T any](t *testing.T, c cloud, args ...string) (value T) {
	t.Helper()
	stdout, stderr, code := c.do(t, append(args, "-o", "json")...)
	if code != 0 {
		t.Fatalf("cloudaudit %s: exit %d\n%s", strings.Join(args, " "), code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &value); err != nil {
		t.Fatalf("cloudaudit %s: %v", strings.Join(args, " "), err)
	}
	return value
}

// emulatorLacks are the calls that the emulator does not know, of those that the built-in policies need.
var emulatorLacks = []string{
	"access-analyzer:ListAnalyzers", "ec2:GetImageBlockPublicAccessState", "ec2:GetInstanceMetadataDefaults", "ec2:GetSnapshotBlockPublicAccessState",
	"iam:ListMFADeviceTags", "iam:ListServerCertificateTags", "securityhub:ListTagsForResource",
}

// what is how many resources there are of each type, and the calls that left something unread.
func (c cloud) what(t *testing.T) (types map[string]int, unread []string) {
	t.Helper()
	types = map[string]int{}
	for _, resource := range ask[[]store.Resource](t, c, "resources", "list") {
		types[resource.Type]++
	}
	for _, row := range ask[[]store.CoverageRow](t, c, "coverage") {
		if call, _, _ := strings.Cut(row.Place, " "); row.Listing != "complete" && !slices.Contains(unread, call) {
			unread = append(unread, call)
		}
	}
	slices.Sort(unread)
	return types, unread
}

// TestAWS_Scan scans an account of forty types and two thousand resources in three regions: wholly, then
// again without a change, then after changes.
func TestAWS_Scan(t *testing.T) {
	t.Parallel()
	account, regions := awstest.New(t), []string{"eu-west-1", "us-east-1", "ap-southeast-2"}
	home := account.Seed(t, "us-east-1")
	home.Identities(100)
	home.Distribution()
	for _, region := range regions {
		account.Seed(t, region).All(85)
	}
	c := newCloud(t, "prod", entered(account, "", regions...))
	first := c.scan(t, 4)["prod"]
	types, unread := c.what(t)
	t.Logf("%d resources of %d types, %d of %d scopes complete, %d violations", first.Resources, len(types), first.ScopesComplete, first.ScopesPlanned, first.Opened)
	if first.Status != "partial" || first.Resources < 2000 || len(types) < 40 || first.Added != first.Resources || first.Opened == 0 || len(first.Missing) > 0 {
		t.Errorf("the first scan: %+v, types %v", first, types)
	}
	for _, call := range unread {
		if !slices.Contains(emulatorLacks, call) {
			t.Errorf("%s left something unread", call)
		}
	}
	before := c.state(t, lastingQueries())
	second := c.scan(t, 4)["prod"]
	if second.Resources != first.Resources || second.Added+second.Changed+second.Removed+second.Opened+second.Resolved > 0 {
		t.Errorf("the second scan: %+v", second)
	}
	if diff := cmp.Diff(before, c.state(t, lastingQueries())); diff != "" {
		t.Errorf("the second scan wrote (-before +after):\n%.4000s", diff)
	}
	home.Plant()
	third := c.scan(t, 4)["prod"]
	// A user, its policy, the account's counts, a bucket and a setting of the region.
	if third.Changed != 5 || third.Added+third.Removed > 0 || third.Resolved == 0 {
		t.Errorf("the third scan: %+v", third)
	}
	fixed := ask[[]store.Violation](t, c, "violations", "list", "--state", "resolved")
	if !slices.ContainsFunc(fixed, func(v store.Violation) bool {
		return v.Resolution == "fixed" && v.Region == "us-east-1" && v.ResourceType == "AWS::EC2::EbsEncryptionByDefault"
	}) {
		t.Errorf("resolved are %+v", fixed)
	}
}

// lastingQueries show what a scan without a change must not write: all but its own records.
func lastingQueries() []string {
	return slices.DeleteFunc(slices.Clone(stateQueries), func(query string) bool {
		return strings.Contains(query, "FROM scan") || strings.Contains(query, "FROM score_history")
	})
}

// TestAWS_Judges holds what the built-in policies find in what the emulator says of one of everything.
func TestAWS_Judges(t *testing.T) {
	t.Parallel()
	account := awstest.New(t)
	s := account.Seed(t, "eu-west-1")
	s.Identities(2)
	s.Distribution()
	s.All(1)
	c := newCloud(t, "prod", entered(account, "", "eu-west-1"))
	c.scan(t, 4)
	found := map[string]int{}
	for _, v := range ask[[]store.Violation](t, c, "violations", "list") {
		found[v.Policy]++
	}
	var lines strings.Builder
	for _, policy := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&lines, "%s %d\n", policy, found[policy])
	}
	if diff := cmp.Diff(strings.TrimSpace(awsFound), strings.TrimSpace(lines.String())); diff != "" {
		t.Errorf("violations by policy (-want +got):\n%s\n%s", diff, lines.String())
	}
}

const awsFound = `
cloudfront-logging 1
cloudfront-viewer-tls 1
cloudtrail-bucket-private 1
cloudtrail-encryption 1
cloudtrail-log-validation 1
dynamodb-deletion-protection 1
ec2-default-security-group 2
ec2-ebs-default-encryption 1
ec2-instance-profile 2
ec2-instance-public-ip 2
ec2-network-acl-open-admin-ports 4
ec2-security-group-open-admin-ports 1
ec2-snapshot-public 1
ec2-subnet-public-ip 3
ec2-volume-encryption 2
ecr-scan-on-push 1
ecr-tag-immutability 1
ecs-task-plain-secrets 1
ecs-task-privileged 1
eks-control-plane-logs 3
eks-secrets-encryption 1
eks-version 1
elasticache-encryption 1
elb-access-logs 1
elb-drop-invalid-headers 1
iam-password-policy 1
iam-policy-admin 1
iam-policy-decrypt-any-key 1
iam-role-trust-public 1
iam-root-mfa 1
iam-server-certificate-expired 1
iam-user-mfa 1
kms-symmetric-key-rotation 2
lambda-function-policy-public 1
lambda-url-auth 1
logs-retention 1
opensearch-domain-encryption 3
rds-backup-retention 1
rds-deletion-protection 2
rds-engine-version 2
rds-instance-public 1
rds-storage-encryption 1
redshift-cluster-encryption 1
s3-account-public-access-block 4
s3-bucket-encryption 2
s3-bucket-logging 3
s3-bucket-policy-public 1
s3-bucket-public-access-block 11
s3-bucket-tls 3
s3-bucket-versioning 2
secret-rotation 1
sns-topic-encryption 1
vpc-flow-logs 1
`

// TestAWS_OwnCredentials scans the account of the credentials themselves, whose id is found out.
func TestAWS_OwnCredentials(t *testing.T) {
	t.Parallel()
	own := awstest.At(t, "123456789012") // which the emulator's keys are of
	c := newCloud(t, "here", `regions: [eu-north-1], endpoint: "`+own.Endpoint+`"`)
	if rows := c.scan(t, 4); rows["here"].Resources == 0 {
		t.Errorf("scanned %v", rows)
	}
	if here := c.accounts(t)["here"]; here.CloudID != own.ID {
		t.Errorf("the account is %+v", here)
	}
	other := awstest.New(t)
	c.write(t, "cloudaudit.yaml", []byte(strings.NewReplacer("aws: {", `aws: {roleArn: "`+other.Role()+`", `).Replace(string(c.read(t, "cloudaudit.yaml")))))
	if _, told, code := c.do(t, "scan"); code != 2 || !strings.Contains(told, own.ID) || !strings.Contains(told, other.ID) {
		t.Errorf("another account of that name: exit %d\n%s", code, told)
	}
}

// TestAWS_GoesOn kills a scan while it lists, and holds that the next one goes on where it was.
func TestAWS_GoesOn(t *testing.T) {
	t.Parallel()
	front, account := awstest.NewFront(t, awstest.New(t))
	account.Seed(t, "eu-west-1").Messaging(2)
	c := newCloud(t, "prod", entered(account, "", "eu-west-1"))
	reached := make(chan struct{})
	front.Add(1, awstest.Called("sqs ListQueues"), func(_ http.ResponseWriter, call awstest.Call) {
		close(reached)
		<-call.Context().Done() // which the end of the process is
	})
	command := c.program("scan", "--quiet")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	for done := 0; done < 20; {
		done = c.listed(t)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // it was killed
	before := c.listed(t)
	row := c.scan(t, 4)["prod"]
	scans := ask[[]store.ScanSummary](t, c, "scans", "list")
	log, _, _ := c.do(t, "scans", "log", scans[0].ID)
	if len(scans) != 1 || !strings.Contains(log, fmt.Sprintf("goes on after an interruption, with %d scopes listed already", before)) {
		t.Errorf("%d scans; the log of the last:\n%s", len(scans), log)
	}
	if types, _ := c.what(t); types["AWS::SQS::Queue"] != 2 || row.Resources == 0 || !strings.Contains(log, "eu-west-1/sqs") || !strings.Contains(log, "calls were made") {
		t.Errorf("scanned %+v, types %v", row, types)
	}
}

// listed counts the scopes that the scan under way has listed; none if there is no database yet.
func (c cloud) listed(t *testing.T) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(c.folder, "cloudaudit.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM scan_scopes`).Scan(&n); err != nil {
		return 0
	}
	return n
}
