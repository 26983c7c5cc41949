package snapshot_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

// item is a configuration item of a queue as files of Config have it.
func item(id, status, captured string) string {
	return fmt.Sprintf(`{"configurationItemVersion":"1.3","awsAccountId":"111111111111","awsRegion":"eu-west-1","resourceType":"AWS::SQS::Queue","resourceId":%q,`+
		`"configurationItemStatus":%q,"configurationItemCaptureTime":%q,"tags":{},"configuration":{"QueueName":%q},"supplementaryConfiguration":{}}`, id, status, captured, id)
}

func TestConfig_Layouts(t *testing.T) {
	t.Parallel()
	a, b := item("a", "OK", "2026-01-01T00:00:00Z"), item("b", "ResourceDiscovered", "2026-01-01T00:00:00Z")
	inText := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }
	for _, c := range []struct {
		name, content string
		ids, gaps     []string
	}{
		{"snapshot", `{"fileVersion":"1.0","configSnapshotId":"x","configurationItems":[` + a + "," + b + `]}`, []string{"a", "b"}, nil},
		{"items_first", `{"configurationItems":[` + a + `],"fileVersion":"1.0"}`, []string{"a"}, nil},
		{"history", `{"fileVersion":"1.0","configurationItems":[` + a + `]}`, []string{"a"}, nil},
		{"lines", a + "\n" + b + "\n", []string{"a", "b"}, nil},
		{"array", "[" + a + "," + b + "]", []string{"a", "b"}, nil},
		{"batch", `{"baseConfigurationItems":[` + a + `],"unprocessedResourceKeys":[]}`, []string{"a"}, nil},
		{"query", `{"Results":[` + inText(a) + "," + inText(b) + `],"QueryInfo":{"SelectFields":[{"Name":"configuration"}]}}`, []string{"a", "b"}, nil},
		{"query_of_objects", `{"Results":[` + a + `]}`, []string{"a"}, nil},
		{"nothing", `{"fileVersion":"1.0","configurationItems":[]}`, nil, nil},
		{"unprocessed", `{"baseConfigurationItems":[` + a + `],"unprocessedResourceKeys":[{"resourceType":"AWS::SQS::Queue","resourceId":"b"}]}`, []string{"a"}, []string{
			"1 AWS::SQS::Queue error: AWS Config did not process this resource: ask for it again"}},
		{"next_page", `{"configurationItems":[` + a + `],"nextToken":"x"}`, []string{"a"}, []string{
			"1  decode: the answer names a next page that is not in the file: append the remaining pages"}},
		{"deleted", `{"configurationItems":[` + a + "," + item("b", "ResourceDeleted", "2026-01-01T00:00:00Z") + `]}`, []string{"a"}, nil},
		{"deleted_and_not_recorded", `{"configurationItems":[` + item("b", "ResourceDeletedNotRecorded", "2026-01-01T00:00:00Z") + `]}`, nil, nil},
		{"not_recorded", `{"configurationItems":[` + item("b", "ResourceNotRecorded", "2026-01-01T00:00:00Z") + `]}`, nil, []string{
			"1 AWS::SQS::Queue not_enabled: AWS Config does not record this resource: switch its type on in the recorder"}},
		{"no_type", `{"resourceId":"a","configuration":{}}`, nil, []string{
			"1  decode: the item has no resource type: a query has to select resourceType, resourceId, arn, accountId, awsRegion, tags, configuration and supplementaryConfiguration"}},
		{"no_id", `{"resourceType":"AWS::SQS::Queue","configuration":{}}`, nil, []string{"1 AWS::SQS::Queue decode: the item has neither a resource id nor an ARN"}},
		{"another_account", strings.Replace(a, "111111111111", "222222222222", 1), nil, []string{
			"1 AWS::SQS::Queue decode: the record belongs to another account than snapshot.accountId: give each account its own files"}},
		{"configuration_of_another_kind", strings.Replace(a, `{"QueueName":"a"}`, `[]`, 1), nil, []string{
			"1 AWS::SQS::Queue decode: the item's configuration is neither an object nor the JSON of one"}},
		{"configuration_that_is_no_json", strings.Replace(a, `{"QueueName":"a"}`, `"{pl4nted"`, 1), nil, []string{
			"1 AWS::SQS::Queue decode: the item's configuration is neither an object nor the JSON of one"}},
		{"row_that_is_no_json", `{"Results":["{pl4nted",` + inText(a) + `]}`, []string{"a"}, []string{"1  decode: the record is not valid JSON at byte 2"}},
		{"row_that_is_no_object", `{"Results":["5","\"x\"",7]}`, nil, []string{
			"1  decode: the list holds a value that is not an object", "1  decode: the record is not an object", "1  decode: the record is not an object"}},
		{"text_in_another_list", `{"configurationItems":[` + inText(a) + `]}`, nil, []string{"1  decode: the list holds a value that is not an object"}},
		{"cut_off", `{"fileVersion":"1.0","configurationItems":[` + a + "," + b[:60], []string{"a"}, []string{"1  decode: the file ends inside of a record: it is cut off"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ids, gaps, _ := read(t, snapshot.Settings{Format: snapshot.Config, AccountID: "111111111111"}, c.content)
			for i := range ids {
				ids[i] = strings.TrimPrefix(ids[i], "AWS::SQS::Queue/")
			}
			if diff := cmp.Diff(c.ids, ids); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.gaps, gaps); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfig_TheNewestItemTells(t *testing.T) {
	t.Parallel()
	const first, second, third = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"
	for _, c := range []struct {
		name  string
		files []string
		want  int // items of the queue that are told
	}{
		{"there", []string{item("a", "OK", first)}, 1},
		{"deleted_later_in_the_file", []string{item("a", "OK", first) + "\n" + item("a", "ResourceDeleted", second)}, 0},
		{"deleted_before_it_in_the_file", []string{item("a", "ResourceDeleted", second) + "\n" + item("a", "OK", first)}, 0},
		{"deleted_in_another_file", []string{item("a", "OK", first), item("a", "ResourceDeleted", second)}, 0},
		{"deleted_in_a_file_before", []string{item("a", "ResourceDeleted", second), item("a", "OK", first)}, 0},
		{"made_again", []string{item("a", "OK", first), item("a", "ResourceDeleted", second), item("a", "ResourceDiscovered", third)}, 1},
		{"deleted_at_the_same_time", []string{item("a", "OK", first), item("a", "ResourceDeleted", first)}, 0},
		{"another_is_deleted", []string{item("a", "OK", first), item("b", "ResourceDeleted", second)}, 1},
		{"deleted_in_another_region", []string{item("a", "OK", first), strings.Replace(item("a", "ResourceDeleted", second), "eu-west-1", "eu-west-2", 1)}, 1},
		{"deleted_twice", []string{item("a", "ResourceDeleted", first), item("a", "ResourceDeleted", third), item("a", "OK", second)}, 0},
		{"no_time", []string{item("a", "OK", ""), item("a", "ResourceDeleted", second)}, 1},
		{"a_name_is_no_status", []string{strings.Replace(item("a", "OK", first), `"QueueName":"a"`, `"QueueName":"ResourceDeleted"`, 1)}, 1},
		{"deleted_in_an_answer_of_the_api", []string{item("a", "OK", first), `{"configurationItems":[{"version":"1.3","accountId":"111111111111","awsRegion":"eu-west-1",` +
			`"resourceType":"AWS::SQS::Queue","resourceId":"a","configurationItemStatus":"ResourceDeleted","configurationItemCaptureTime":1767312000.5,"configuration":"null"}]}`}, 0},
		{"beside_a_file_that_cannot_be_read", []string{item("a", "OK", first), "\x1f\x8b", item("a", "ResourceDeleted", second)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for i, content := range c.files {
				write(t, filepath.Join(folder, fmt.Sprintf("%d.json", i)), content+"\n")
			}
			got := run(t, snapshot.Settings{Format: snapshot.Config, Path: folder}, providers.Want{})
			if len(got.resources) != c.want || len(got.gaps) != 0 {
				t.Errorf("%d items, want %d; gaps %v", len(got.resources), c.want, got.gaps)
			}
		})
	}
}

// mapped gives the properties of an item and what of them is unread.
func mapped(t *testing.T, content string) (properties map[string]any, unread []string) {
	t.Helper()
	_, gaps, got := read(t, snapshot.Settings{Format: snapshot.Config}, content)
	if len(got.resources) != 1 {
		t.Fatalf("%d resources, gaps %v", len(got.resources), gaps)
	}
	part := got.resources[0].Parts[providers.Properties]
	for _, u := range part.Unread {
		unread = append(unread, u.Path)
	}
	return part.Value.(map[string]any), unread
}

func TestConfig_MapsWhatIsProven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, resourceType, configuration, extra string
		property, want                           string // "-" for one that is not set, "?" for one that is unread
	}{
		{"renamed", "AWS::CloudTrail::Trail", `{"logFileValidationEnabled":true}`, ``, "EnableLogFileValidation", `true`},
		{"null", "AWS::EC2::Volume", `{"kmsKeyId":null}`, ``, "KmsKeyId", "-"},
		{"missing", "AWS::EC2::Volume", `{}`, ``, "KmsKeyId", "?"},
		{"missing_though_old", "AWS::CloudTrail::Trail", `{}`, ``, "KMSKeyId", "-"},
		{"not_in_the_table", "AWS::CloudTrail::Trail", `{"isLogging":true}`, ``, "IsLogging", "?"},
		{"fraction", "AWS::Lambda::Function", `{"timeout":60.0}`, ``, "Timeout", `60`},
		{"real_fraction", "AWS::CloudWatch::Alarm", `{"threshold":0.50}`, ``, "Threshold", `0.50`},
		{"number_as_text", "AWS::RDS::DBInstance", `{"allocatedStorage":20.0}`, ``, "AllocatedStorage", `"20"`},
		{"text_as_number", "AWS::SQS::Queue", `{"DelaySeconds":"30"}`, ``, "DelaySeconds", `30`},
		{"text_that_is_no_number", "AWS::SQS::Queue", `{"DelaySeconds":"soon"}`, ``, "DelaySeconds", "?"},
		{"flag", "AWS::SQS::Queue", `{"SqsManagedSseEnabled":"TRUE"}`, ``, "SqsManagedSseEnabled", `true`},
		{"flag_that_is_none", "AWS::SQS::Queue", `{"SqsManagedSseEnabled":"yes"}`, ``, "SqsManagedSseEnabled", "?"},
		{"enabled", "AWS::EC2::Instance", `{"monitoring":{"state":"enabled"}}`, ``, "Monitoring", `true`},
		{"in_between", "AWS::EC2::Instance", `{"monitoring":{"state":"pending"}}`, ``, "Monitoring", "?"},
		{"empty_text", "AWS::EC2::Instance", `{"placement":{"groupName":""}}`, ``, "PlacementGroupName", "-"},
		{"below_null", "AWS::EC2::Instance", `{"placement":null}`, ``, "Tenancy", "-"},
		{"below_text", "AWS::EC2::Instance", `{"placement":"x"}`, ``, "Tenancy", "?"},
		{"name_of_an_arn", "AWS::EC2::Instance", `{"iamInstanceProfile":{"arn":"arn:aws:iam::1:instance-profile/a/web"}}`, ``, "IamInstanceProfile", `"web"`},
		{"name_of_no_arn", "AWS::EC2::Instance", `{"iamInstanceProfile":{"arn":"web"}}`, ``, "IamInstanceProfile", "?"},
		{"members", "AWS::IAM::User", `{"attachedManagedPolicies":[{"policyArn":"a","policyName":"x"},{"policyArn":"b"}]}`, ``, "ManagedPolicyArns", `["a","b"]`},
		{"member_that_is_missing", "AWS::IAM::User", `{"attachedManagedPolicies":[{"policyName":"x"}]}`, ``, "ManagedPolicyArns", "?"},
		{"texts", "AWS::ElasticLoadBalancingV2::LoadBalancer", `{"securityGroups":["sg-1",{"value":"sg-2"}]}`, ``, "SecurityGroups", `["sg-1","sg-2"]`},
		{"first", "AWS::RDS::DBInstance", `{"dBParameterGroups":[{"dBParameterGroupName":"a"},{"dBParameterGroupName":"b"}]}`, ``, "DBParameterGroupName", `"a"`},
		{"first_of_none", "AWS::RDS::DBInstance", `{"dBParameterGroups":[]}`, ``, "DBParameterGroupName", "-"},
		{"policy", "AWS::IAM::Role", `{"assumeRolePolicyDocument":"%7B%22Version%22%3A%222012-10-17%22%7D"}`, ``, "AssumeRolePolicyDocument", `{"Version":"2012-10-17"}`},
		{"policy_without_escapes", "AWS::IAM::Role", `{"assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\"}"}`, ``, "AssumeRolePolicyDocument", `{"Version":"2012-10-17"}`},
		{"policy_that_is_none", "AWS::IAM::Role", `{"assumeRolePolicyDocument":"%7B%zz"}`, ``, "AssumeRolePolicyDocument", "?"},
		{"policies", "AWS::IAM::Group", `{"groupPolicyList":[{"policyName":"x","policyDocument":"%7B%7D"}]}`, ``, "Policies", `[{"PolicyDocument":{},"PolicyName":"x"}]`},
		{"no_default_version", "AWS::IAM::Policy", `{"policyVersionList":[{"document":"%7B%7D","isDefaultVersion":false}]}`, ``, "PolicyDocument", "?"},
		{"list_that_is_an_object", "AWS::IAM::Group", `{"groupPolicyList":"x"}`, ``, "Policies", "?"},
		{"list_in_a_list", "AWS::IAM::Group", `{"groupPolicyList":[[]]}`, ``, "Policies", "?"},
		{"extra", "AWS::KMS::Key", `{}`, `{"KeyRotationStatus":true}`, "EnableKeyRotation", `true`},
		{"extra_in_text", "AWS::KMS::Key", `{}`, `{"KeyRotationStatus":"true"}`, "EnableKeyRotation", `true`},
		{"extra_that_is_missing", "AWS::KMS::Key", `{}`, `{}`, "EnableKeyRotation", "?"},
		{"no_extra", "AWS::KMS::Key", `{}`, ``, "EnableKeyRotation", "?"},
		{"old_extra_but_none_at_all", "AWS::S3::Bucket", `{}`, ``, "VersioningConfiguration", "?"},
		{"versioning_off", "AWS::S3::Bucket", `{}`, `{"BucketVersioningConfiguration":{"status":"Off"}}`, "VersioningConfiguration", "-"},
		{"versioning_on", "AWS::S3::Bucket", `{}`, `{"BucketVersioningConfiguration":"{\"status\":\"Enabled\"}"}`, "VersioningConfiguration", `{"Status":"Enabled"}`},
		{"no_logging", "AWS::S3::Bucket", `{}`, `{"BucketLoggingConfiguration":{}}`, "LoggingConfiguration", "-"},
		{"logging", "AWS::S3::Bucket", `{}`, `{"BucketLoggingConfiguration":{"destinationBucketName":"logs","logFilePrefix":"a/"}}`, "LoggingConfiguration", `{"DestinationBucketName":"logs","LogFilePrefix":"a/"}`},
		{"public_access", "AWS::S3::Bucket", `{}`, `{"PublicAccessBlockConfiguration":{"blockPublicAcls":true,"blockPublicPolicy":false}}`,
			"PublicAccessBlockConfiguration", `{"BlockPublicAcls":true,"BlockPublicPolicy":false}`},
		{"recovery", "AWS::DynamoDB::Table", `{}`, `{"ContinuousBackupsDescription":{"pointInTimeRecoveryDescription":{"pointInTimeRecoveryStatus":"DISABLED"}}}`,
			"PointInTimeRecoverySpecification", `{"PointInTimeRecoveryEnabled":false}`},
		{"own_shape", "AWS::ECS::Service", `{"NetworkConfiguration":{"AwsvpcConfiguration":{"AssignPublicIp":"ENABLED","Subnets":null}}}`, ``,
			"NetworkConfiguration", `{"AwsvpcConfiguration":{"AssignPublicIp":"ENABLED"}}`},
		{"own_shape_in_text", "AWS::ECR::Repository", `{"RepositoryPolicyText":"{\n\"Version\":\"2012-10-17\"}"}`, ``, "RepositoryPolicyText", `{"Version":"2012-10-17"}`},
		{"other_spelling", "AWS::ECS::TaskDefinition", `{"Volumes":[{"Name":"a","EfsVolumeConfiguration":{"FileSystemId":"fs-1"}}]}`, ``,
			"Volumes", `[{"EFSVolumeConfiguration":{"FilesystemId":"fs-1"},"Name":"a"}]`},
		{"rules", "AWS::EC2::SecurityGroup", `{"ipPermissions":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipv4Ranges":[{"cidrIp":"0.0.0.0/0"}],"ipv6Ranges":[],"prefixListIds":[{"prefixListId":"pl-1"}],"userIdGroupPairs":[]}]}`, ``,
			"SecurityGroupIngress", `[{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22},{"FromPort":22,"IpProtocol":"tcp","SourcePrefixListId":"pl-1","ToPort":22}]`},
		{"rules_out", "AWS::EC2::SecurityGroup", `{"ipPermissionsEgress":[{"ipProtocol":"-1","ipv4Ranges":[],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[{"groupId":"sg-2","userId":"1"}]}]}`, ``,
			"SecurityGroupEgress", `[{"DestinationSecurityGroupId":"sg-2","IpProtocol":"-1"}]`},
		{"no_rules", "AWS::EC2::SecurityGroup", `{"ipPermissions":[]}`, ``, "SecurityGroupIngress", `[]`},
		{"rules_from_before_ipv6", "AWS::EC2::SecurityGroup", `{"ipPermissions":[{"ipProtocol":"tcp","ipRanges":["0.0.0.0/0"],"prefixListIds":[],"userIdGroupPairs":[]}]}`, ``, "SecurityGroupIngress", "?"},
		{"rules_of_another_kind", "AWS::EC2::SecurityGroup", `{"ipPermissions":[5]}`, ``, "SecurityGroupIngress", "?"},
		{"rule_without_peer", "AWS::EC2::SecurityGroup", `{"ipPermissions":[{"ipProtocol":"tcp","ipv4Ranges":[{}],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[]}]}`, ``, "SecurityGroupIngress", "?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			content := fmt.Sprintf(`{"awsAccountId":"1","resourceType":%q,"resourceId":"x","tags":{},"configuration":%s`, c.resourceType, c.configuration)
			if c.extra != "" {
				content += `,"supplementaryConfiguration":` + c.extra
			}
			properties, unread := mapped(t, content+"}")
			value, set := properties[c.property]
			body, err := providers.FormatValue(value)
			if err != nil {
				t.Fatal(err)
			}
			got := string(body)
			switch isUnread := slices.Contains(unread, "/properties/"+c.property); {
			case isUnread && set:
				got += " and unread"
			case isUnread:
				got = "?"
			case !set:
				got = "-"
			}
			if got != c.want {
				t.Errorf("%s is %s, want %s", c.property, got, c.want)
			}
		})
	}
}

func TestConfig_MarksWhatNestedObjectsLack(t *testing.T) {
	t.Parallel()
	properties, unread := mapped(t, `{"awsAccountId":"1","resourceType":"AWS::ECS::TaskDefinition","resourceId":"x","tags":{},"configuration":{"ContainerDefinitions":[{"Name":"a","Image":"b","PortMappings":[{"ContainerPort":80}]}]}}`)
	for _, path := range []string{"/properties/ContainerDefinitions/0/RestartPolicy", "/properties/ContainerDefinitions/0/PortMappings/0/AppProtocol", "/properties/RuntimePlatform"} {
		if !slices.Contains(unread, path) {
			t.Errorf("%s counts as absent", path)
		}
	}
	for _, path := range []string{"/properties/ContainerDefinitions/0/Privileged", "/properties/PidMode"} {
		if slices.Contains(unread, path) {
			t.Errorf("%s counts as unread", path)
		}
	}
	if _, left := properties["_config"]; left {
		t.Errorf("what has a name is kept twice: %v", properties)
	}
}

// TestConfig_QueriesProveWhatTheySelected holds that a row of a query proves absence only if it holds
// the whole configuration.
func TestConfig_QueriesProveWhatTheySelected(t *testing.T) {
	t.Parallel()
	const row = `{\"resourceType\":\"AWS::KMS::Key\",\"resourceId\":\"x\",\"tags\":[],\"configuration\":{\"enabled\":true},\"supplementaryConfiguration\":{\"KeyRotationStatus\":true}}`
	info := func(names ...string) string {
		return `"QueryInfo":{"SelectFields":[{"Name":"` + strings.Join(names, `"},{"Name":"`) + `"}]}`
	}
	for _, c := range []struct {
		name, content string
		want          string
	}{
		{"whole", `{"Results":["` + row + `"],` + info("resourceType", "configuration", "supplementaryConfiguration") + `}`, "Enabled EnableKeyRotation"},
		{"told_before", `{` + info("configuration", "supplementaryConfiguration") + `,"Results":["` + row + `"]}`, "Enabled EnableKeyRotation"},
		{"without_extra", `{"Results":["` + row + `"],` + info("configuration") + `}`, "Enabled"},
		{"single_member", `{"Results":["` + row + `"],` + info("configuration.enabled", "supplementaryConfiguration") + `}`, ""},
		{"not_told", `{"Results":["` + row + `"]}`, ""},
		{"line", strings.ReplaceAll(row, `\"`, `"`), ""},
		{"odd_query", `{"Results":["` + row + `"],"QueryInfo":{"SelectFields":["configuration",5,{"Name":{}}]}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			properties, unread := mapped(t, c.content)
			var got []string
			for _, name := range []string{"Enabled", "EnableKeyRotation"} {
				if properties[name] == true {
					got = append(got, name)
				}
			}
			if strings.Join(got, " ") != c.want || (c.want == "") != slices.Contains(unread, "/properties") {
				t.Errorf("read %v, unread %v", got, unread)
			}
		})
	}
}

func TestConfig_TypesAreThoseOfCloudFormation(t *testing.T) {
	t.Parallel()
	content := `{"awsAccountId":"1","resourceType":"AWS::ACM::Certificate","resourceId":"x","configuration":{}}` + "\n" + item("a", "OK", "") + "\n"
	for _, name := range []string{"AWS::ACM::Certificate", "AWS::CertificateManager::Certificate"} {
		_, _, got := read(t, snapshot.Settings{Format: snapshot.Config, Types: []string{name}}, content)
		if len(got.resources) != 1 || got.resources[0].Type != "AWS::CertificateManager::Certificate" || got.scopes[0].Types[0] != got.resources[0].Type {
			t.Errorf("%s: %v in %v", name, got.resources, got.scopes)
		}
	}
}

func TestConfig_TagsThatWereNotGivenAreUnread(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]bool{`"tags":{},`: false, `"tags":[{"key":"a","value":"b","tag":"a=b"}],`: false, ``: true, `"tags":null,`: true, `"tags":"x",`: true} {
		_, unread := mapped(t, `{"awsAccountId":"1","resourceType":"AWS::KMS::Key","resourceId":"x",`+given+`"configuration":{}}`)
		if slices.Contains(unread, "/tags") != want || slices.Contains(unread, "/properties/Tags") != want {
			t.Errorf("%s: unread %v", given, unread)
		}
	}
}
