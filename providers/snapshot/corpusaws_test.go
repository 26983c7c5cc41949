//go:build corpus

package snapshot_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

// call is a recorded call of an AWS SDK.
type call struct {
	Recording string          `json:"recording"`
	Operation string          `json:"operation"`
	Status    int             `json:"status"`
	Data      json.RawMessage `json:"data"`
}

// calls gives the recorded calls of an operation that succeeded.
func calls(t *testing.T, service, operation string) []call {
	t.Helper()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder with the recorded inventories")
	}
	file, err := os.Open(filepath.Join(root, "aws", "sdk-json", service+".ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []call
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Operation == operation && c.Status == 200 {
			found = append(found, c)
		}
	}
	if lines.Err() != nil || len(found) == 0 {
		t.Fatalf("%d calls of %s, %v", len(found), operation, lines.Err())
	}
	return found
}

func TestCorpus_CloudControlAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range calls(t, "cloudcontrolapi", "ListResources") {
		ids, gaps, _ := read(t, snapshot.Settings{Format: snapshot.CloudControl}, string(c.Data))
		if len(ids) == 0 || len(gaps) > 0 {
			t.Errorf("%s: %v, gaps %v", c.Recording, ids, gaps)
		}
		for _, id := range ids {
			if id[:4] != "arn:" {
				t.Errorf("%s: id %s", c.Recording, id)
			}
		}
	}
}

// plainTimes writes the times of recordings as the command line does.
func plainTimes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if v["__class__"] == "datetime" {
			part := func(name string) int { n, _ := v[name].(float64); return int(n) }
			at := time.Date(part("year"), time.Month(part("month")), part("day"), part("hour"), part("minute"), part("second"), part("microsecond")*1000, time.UTC)
			return at.Format("2006-01-02T15:04:05.000000+00:00")
		}
		for key, child := range v {
			v[key] = plainTimes(child)
		}
	case []any:
		for i, child := range v {
			v[i] = plainTimes(child)
		}
	}
	return value
}

func TestCorpus_ConfigHistory(t *testing.T) {
	t.Parallel()
	for _, c := range calls(t, "config", "GetResourceConfigHistory") {
		var answer map[string]any
		if err := json.Unmarshal(c.Data, &answer); err != nil {
			t.Fatal(err)
		}
		delete(answer, "nextToken") // the recordings hold one page of each history
		content, err := json.Marshal(plainTimes(answer))
		if err != nil {
			t.Fatal(err)
		}
		items, _ := answer["configurationItems"].([]any)
		_, gaps, got := read(t, snapshot.Settings{Format: snapshot.Config}, string(content))
		if len(gaps) > 0 || len(got.resources) > len(items) || len(got.resources) == 0 && c.Recording != "test_ebs_health_events_filter" && len(items) > 0 {
			t.Errorf("%s: %d resources of %d items, gaps %v", c.Recording, len(got.resources), len(items), gaps)
		}
		for _, r := range got.resources {
			if r.Rank.Updated.IsZero() {
				t.Errorf("%s: a %s has no time", c.Recording, r.Type)
			}
			properties, _ := r.Parts[providers.Properties].Value.(map[string]any)
			if r.Type != "AWS::NetworkFirewall::Firewall" && len(properties) < 5 {
				t.Errorf("%s: only %d properties of a %s are proven", c.Recording, len(properties), r.Type)
			}
		}
	}
}

// TestCorpus_ConfigQueries adds what the recorded queries did not select, the type and the id, and
// holds what is then proven.
func TestCorpus_ConfigQueries(t *testing.T) {
	t.Parallel()
	for recording, want := range map[string]struct {
		resourceType string
		proven       []string
	}{
		"test_aws_lambda_config_source":        {"AWS::Lambda::Function", []string{"Runtime", "Timeout", "TracingConfig", "VpcConfig"}},
		"test_ecr_cross_account_filter_config": {"AWS::ECR::Repository", []string{"EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability"}},
		"test_iam_user_access_key_multi_chain": {"AWS::IAM::User", []string{"Groups", "ManagedPolicyArns", "Policies"}},
		"test_kms_config_source":               {"AWS::KMS::Key", []string{"EnableKeyRotation", "Enabled", "KeyPolicy"}},
		"test_rdscluster_kms_alias":            {"AWS::RDS::DBCluster", []string{"StorageEncrypted", "DeletionProtection", "BackupRetentionPeriod", "VpcSecurityGroupIds"}},
		"test_s3_metrics_user_dims":            {"AWS::S3::Bucket", []string{"BucketName"}},
		"test_security_group_ecs_unused":       {"AWS::EC2::SecurityGroup", []string{"SecurityGroupEgress", "SecurityGroupIngress", "VpcId"}},
		"test_set_policy_arn_construction":     {"AWS::IAM::Role", []string{"AssumeRolePolicyDocument", "ManagedPolicyArns"}},
		"test_sns_config":                      {"AWS::SNS::Topic", []string{"DisplayName", "TopicArn"}},
	} {
		t.Run(recording, func(t *testing.T) {
			t.Parallel()
			all := calls(t, "config", "SelectResourceConfig")
			at := slices.IndexFunc(all, func(c call) bool { return c.Recording == recording })
			if at < 0 {
				t.Fatal("there is no such recording")
			}
			_, _, got := read(t, snapshot.Settings{Format: snapshot.Config}, completed(t, all[at].Data, want.resourceType))
			if len(got.resources) == 0 || len(got.gaps) > 0 {
				t.Fatalf("%d resources, gaps %v", len(got.resources), got.gaps)
			}
			for _, r := range got.resources {
				properties, _ := r.Parts[providers.Properties].Value.(map[string]any)
				for _, name := range want.proven {
					if _, proven := properties[name]; !proven {
						t.Errorf("%s of %s is not proven", name, r.ID)
					}
				}
			}
		})
	}
}

// completed adds type and id to the rows of a query's answer.
func completed(t *testing.T, data []byte, resourceType string) string {
	t.Helper()
	var answer struct {
		Results   []string
		QueryInfo json.RawMessage
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatal(err)
	}
	for i, row := range answer.Results {
		answer.Results[i] = fmt.Sprintf(`{"resourceType":%q,"resourceId":"r-%d",%s`, resourceType, i, row[1:])
	}
	content, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
