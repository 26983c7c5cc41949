package shape_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// cfn maps a record with the properties, nil for "".
func cfn(t testing.TB, record shape.CFNRecord, properties string) *providers.Resource {
	t.Helper()
	if properties != "" {
		value, err := providers.ParseValue([]byte(properties))
		if err != nil {
			t.Fatal(err)
		}
		record.Properties, _ = value.(map[string]any)
	}
	return record.Resource()
}

func TestCFNRecord_TellsWhoItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		record     shape.CFNRecord
		properties string
		want       providers.Resource
	}{
		{
			"bucket", shape.CFNRecord{Type: "AWS::S3::Bucket", Identifier: "logs", Account: "111111111111"},
			`{"BucketName":"logs","Arn":"arn:aws:s3:::logs","RegionalDomainName":"logs.s3.eu-west-1.amazonaws.com","Tags":[{"Key":"a","Value":"b"}]}`,
			providers.Resource{ID: "arn:aws:s3:::logs", Name: "logs", Region: "eu-west-1", Tags: map[string]string{"a": "b"}, Ancestors: []string{"accounts/111111111111"}},
		},
		{
			"role", shape.CFNRecord{Type: "AWS::IAM::Role", Identifier: "audit", Region: "eu-west-1"},
			`{"Arn":"arn:aws:iam::111111111111:role/audit","RoleId":"AROA1"}`,
			providers.Resource{ID: "arn:aws:iam::111111111111:role/audit", Name: "audit", Region: "global", UID: "AROA1", Ancestors: []string{"accounts/111111111111"}},
		},
		{
			"instance", shape.CFNRecord{Type: "AWS::EC2::Instance", Identifier: "i-1", Elsewhere: "eu-west-1"}, `{"Tags":[{"Key":"Name","Value":"web"}]}`,
			providers.Resource{ID: "AWS::EC2::Instance/i-1", Name: "web", Region: "eu-west-1", Tags: map[string]string{"Name": "web"}},
		},
		{
			"two_identifiers", shape.CFNRecord{Type: "AWS::ApiGateway::Stage", Identifier: "abc|prod"}, `{"StageName":"prod"}`,
			providers.Resource{ID: "AWS::ApiGateway::Stage/abc|prod", Name: "prod", Region: "global"},
		},
		{
			"others_arn_is_not_its_own", shape.CFNRecord{Type: "AWS::DynamoDB::Table", Identifier: "t"}, `{"StreamArn":"arn:aws:dynamodb:eu-west-1:1:table/t/stream/x"}`,
			providers.Resource{ID: "AWS::DynamoDB::Table/t", Name: "t", Region: "global"},
		},
		{
			"own_arn", shape.CFNRecord{Type: "AWS::RDS::DBCluster", Identifier: "c", Region: "us-east-2"},
			`{"DBClusterArn":"arn:aws:rds:us-east-1:1:cluster:c","MasterUserSecret":{"SecretArn":"arn:aws:secretsmanager:us-east-1:1:secret:x"},"DBClusterResourceId":"cluster-1"}`,
			providers.Resource{ID: "arn:aws:rds:us-east-1:1:cluster:c", Name: "c", Region: "us-east-2", UID: "cluster-1", Ancestors: []string{"accounts/1"}},
		},
		{
			"map_of_tags_under_another_name", shape.CFNRecord{Type: "AWS::Backup::BackupVault", Identifier: "v"}, `{"BackupVaultName":"v","BackupVaultTags":{"a":"b"},"Tags":{"c":"d"}}`,
			providers.Resource{ID: "AWS::Backup::BackupVault/v", Name: "v", Region: "global", Tags: map[string]string{"a": "b"}},
		},
		{
			"list_of_tags_under_another_name", shape.CFNRecord{Type: "AWS::EFS::FileSystem", Identifier: "fs-1"}, `{"FileSystemTags":[{"Key":"a","Value":"b"}]}`,
			providers.Resource{ID: "AWS::EFS::FileSystem/fs-1", Name: "fs-1", Region: "global", Tags: map[string]string{"a": "b"}},
		},
		{
			"unknown_type", shape.CFNRecord{Type: "AWS::New::Thing", Identifier: "x"}, `{"ThingArn":"arn:aws:new:eu-west-3:1:thing/x","OtherArn":"arn:aws:new:eu-west-3:1:other/x","ThingTags":{"a":"b"}}`,
			providers.Resource{ID: "arn:aws:new:eu-west-3:1:thing/x", Name: "x", Region: "eu-west-3", Ancestors: []string{"accounts/1"}, Tags: map[string]string{"a": "b"}},
		},
		{
			"identifier_is_an_arn", shape.CFNRecord{Type: "AWS::New::Thing", Identifier: "arn:aws:new:eu-west-3:aws:thing/x"}, `{}`,
			providers.Resource{ID: "arn:aws:new:eu-west-3:aws:thing/x", Name: "x", Region: "eu-west-3"},
		},
		{
			"arn_that_is_none", shape.CFNRecord{Type: "AWS::S3::Bucket", Identifier: "x"}, `{"Arn":{"Fn::GetAtt":"x"},"":"arn:aws:s3:::y","RegionalDomainName":"x.s3.a.b.amazonaws.com"}`,
			providers.Resource{ID: "AWS::S3::Bucket/x", Name: "x", Region: "global"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := cfn(t, c.record, c.properties)
			got.Parts = nil
			c.want.Type, c.want.Identity = c.record.Type, c.want.ID
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCFNRecord_MarksWhatAbsenceDoesNotProve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		record     shape.CFNRecord
		properties string
		want       []string
	}{
		{"whole", shape.CFNRecord{Type: "AWS::AccessAnalyzer::Analyzer"}, `{}`, nil},
		{"never_read_back", shape.CFNRecord{Type: "AWS::ECR::Repository"}, `{}`, []string{"/properties/EmptyOnDelete"}},
		{"read_back_all_the_same", shape.CFNRecord{Type: "AWS::ECR::Repository"}, `{"EmptyOnDelete":true}`, nil},
		{
			"below_a_list", shape.CFNRecord{Type: "AWS::EC2::SecurityGroup"}, `{"SecurityGroupIngress":[{"CidrIp":"0.0.0.0/0"},{"SourceSecurityGroupName":"x"}]}`,
			[]string{"/properties/SecurityGroupIngress/0/SourceSecurityGroupName"},
		},
		{"below_what_is_not_there", shape.CFNRecord{Type: "AWS::IAM::User"}, `{"LoginProfile":null}`, nil},
		{"below_an_object", shape.CFNRecord{Type: "AWS::IAM::User"}, `{"LoginProfile":{}}`, []string{"/properties/LoginProfile/Password"}},
		{
			"partial", shape.CFNRecord{Type: "AWS::Kinesis::Stream", Partial: true}, `{"Arn":"x","Name":"y","Tags":[],"ShardCount":1,"StreamEncryption":{},"StreamModeDetails":{},"WarmThroughputMiBps":1,"WarmThroughputObject":{}}`,
			[]string{"/properties/DesiredShardLevelMetrics", "/properties/MaxRecordSizeInKiB", "/properties/RetentionPeriodHours"},
		},
		{"partial_without_tags", shape.CFNRecord{Type: "AWS::IAM::VirtualMFADevice", Partial: true}, `{"Path":"/","SerialNumber":"x","Users":[],"VirtualMfaDeviceName":"x"}`, []string{"/properties/Tags", "/tags"}},
		{"partial_of_an_unknown_type", shape.CFNRecord{Type: "AWS::New::Thing", Partial: true}, `{"A":1}`, []string{"/properties", "/tags"}},
		{"nothing_read", shape.CFNRecord{Type: "AWS::Kinesis::Stream"}, "", []string{"/properties", "/tags"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, u := range cfn(t, c.record, c.properties).Parts[providers.Properties].Unread {
				if u.Class != providers.NotRead {
					t.Errorf("%s has class %s", u.Path, u.Class)
				}
				got = append(got, u.Path)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCFN_KnowsTypes(t *testing.T) {
	t.Parallel()
	bucket, ok := shape.CFN("AWS::S3::Bucket")
	if !ok || bucket.ARN != "Arn" || bucket.Tags != "Tags" || bucket.TagMap || len(bucket.Properties) < 20 {
		t.Errorf("bucket: %v %+v", ok, bucket)
	}
	if vault, _ := shape.CFN("AWS::Backup::BackupVault"); vault.Tags != "BackupVaultTags" || !vault.TagMap {
		t.Errorf("vault: %+v", vault)
	}
	if _, ok := shape.CFN("AWS::New::Thing"); ok {
		t.Error("an unknown type is known")
	}
}

func FuzzCFNRecord(f *testing.F) {
	f.Add("AWS::EC2::SecurityGroup", "sg-1", []byte(`{"SecurityGroupIngress":[{}],"Tags":[{"Key":"a"}]}`))
	f.Add("AWS::S3::Bucket", "arn:aws:s3:::x", []byte(`{"RegionalDomainName":".s3..amazonaws."}`))
	f.Fuzz(func(t *testing.T, resourceType, identifier string, properties []byte) {
		value, err := providers.ParseValue(properties)
		if err != nil {
			return
		}
		record := shape.CFNRecord{Type: resourceType, Identifier: identifier, Partial: len(properties)%2 == 0}
		record.Properties, _ = value.(map[string]any)
		resource := record.Resource()
		shape.Seal(resource)
		if resource.ID == "" || resource.Region == "" || resource.Identity != resource.ID {
			t.Errorf("resource %+v lacks something", resource)
		}
	})
}
