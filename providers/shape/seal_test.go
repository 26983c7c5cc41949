package shape_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

const (
	pem     = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
	jwt     = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"
	planted = "pl4nted-s3cret"
)

// sealed gives a resource of a type with the properties, sealed.
func sealed(t testing.TB, resourceType, properties string) *providers.Resource {
	t.Helper()
	value, err := providers.ParseValue([]byte(properties))
	if err != nil {
		t.Fatalf("%s: %v", properties, err)
	}
	resource := &providers.Resource{
		Type: resourceType, ID: "/x/config/appsettings", Name: "n", Region: "r",
		Parts: map[string]providers.Part{providers.Properties: {Value: value}},
	}
	shape.Seal(resource)
	return resource
}

func unreadOf(resource *providers.Resource) []string {
	var paths []string
	for _, u := range resource.Parts[providers.Properties].Unread {
		paths = append(paths, strings.TrimPrefix(u.Path, "/properties"))
	}
	return paths
}

func TestSeal_RedactsPlantedSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, resourceType, properties, path string }{
		{"password", "", `{"rootPassword": "pl4nted-s3cret"}`, "/rootPassword"},
		{"admin_password", "", `{"a": [{"administratorLoginPassword": "pl4nted-s3cret"}]}`, "/a/0/administratorLoginPassword"},
		{"snake_case", "", `{"client_secret": "pl4nted-s3cret"}`, "/client_secret"},
		{"pascal_case", "AWS::RDS::DBInstance", `{"MasterUserPassword": "pl4nted-s3cret"}`, "/MasterUserPassword"},
		{"escaped_path", "", `{"a/b~c": {"apiKey": "pl4nted-s3cret"}}`, "/a~1b~0c/apiKey"},
		{"list_of_passwords", "", `{"passwords": ["pl4nted-s3cret"]}`, "/passwords/0"},
		{"secret_objects", "Microsoft.App/containerApps", `{"secrets": [{"name": "x", "value": "pl4nted-s3cret"}]}`, "/secrets/0/value"},
		{"template_parameter", "", `{"parameters": {"adminPassword": {"type": "String", "value": "pl4nted-s3cret"}}}`, "/parameters/adminPassword/value"},
		{"environment_list", "run.googleapis.com/Service", `{"containers": [{"env": [{"name": "MODE", "value": "pl4nted-s3cret"}]}]}`, "/containers/0/env/0/value"},
		{"environment_map", "cloudfunctions.googleapis.com/Function", `{"serviceConfig": {"environmentVariables": {"A": "pl4nted-s3cret"}}}`, "/serviceConfig/environmentVariables/A"},
		{"environment_texts", "", `{"env": ["A=pl4nted-s3cret"]}`, "/env/0"},
		{"lambda", "AWS::Lambda::Function", `{"Environment": {"Variables": {"A": "pl4nted-s3cret"}}}`, "/Environment/Variables/A"},
		{"ecs", "AWS::ECS::TaskDefinition", `{"ContainerDefinitions": [{"Environment": [{"Name": "A", "Value": "pl4nted-s3cret"}]}]}`, "/ContainerDefinitions/0/Environment/0/Value"},
		{"named_pair", "", `{"env": "x", "items": [{"name": "DB_PASSWORD", "value": "pl4nted-s3cret"}]}`, "/items/0/value"},
		{"startup_script", "compute.googleapis.com/Instance", `{"metadata": {"items": [{"key": "startup-script", "value": "pl4nted-s3cret"}]}}`, "/metadata/items/0/value"},
		{"user_data_item", "compute.googleapis.com/Instance", `{"metadata": {"items": [{"key": "user-data", "value": "pl4nted-s3cret"}]}}`, "/metadata/items/0/value"},
		{"ecs_splunk", "AWS::ECS::TaskDefinition", `{"ContainerDefinitions": [{"LogConfiguration": {"LogDriver": "splunk", "Options": {"splunk-token": "pl4nted-s3cret"}}}]}`, "/ContainerDefinitions/0/LogConfiguration/Options/splunk-token"},
		{"codebuild", "AWS::CodeBuild::Project", `{"Environment": {"EnvironmentVariables": [{"Name": "A", "Type": "PLAINTEXT", "Value": "pl4nted-s3cret"}]}}`, "/Environment/EnvironmentVariables/0/Value"},
		{"codebuild_in_config", "AWS::CodeBuild::Project", `{"_config": {"configuration": {"environment": {"environmentVariables": [{"name": "A", "value": "pl4nted-s3cret"}]}}}}`, "/_config/configuration/environment/environmentVariables/0/value"},
		{"lambda_in_config", "AWS::Lambda::Function", `{"_config": {"configuration": {"environment": {"variables": {"A": "pl4nted-s3cret"}}}}}`, "/_config/configuration/environment/variables/A"},
		{"app_runner", "AWS::AppRunner::Service", `{"SourceConfiguration": {"ImageRepository": {"ImageConfiguration": {"RuntimeEnvironmentVariables": [{"Name": "A", "Value": "pl4nted-s3cret"}]}}}}`, "/SourceConfiguration/ImageRepository/ImageConfiguration/RuntimeEnvironmentVariables/0/Value"},
		{"batch", "AWS::Batch::JobDefinition", `{"ContainerProperties": {"Environment": [{"Name": "A", "Value": "pl4nted-s3cret"}]}}`, "/ContainerProperties/Environment/0/Value"},
		{"sagemaker", "AWS::SageMaker::Model", `{"Containers": [{"Environment": {"A": "pl4nted-s3cret"}}]}`, "/Containers/0/Environment/A"},
		{"stage_variables", "AWS::ApiGatewayV2::Stage", `{"StageVariables": {"A": "pl4nted-s3cret"}}`, "/StageVariables/A"},
		{"stage_variables_of_rest", "AWS::ApiGateway::Stage", `{"Variables": {"A": "pl4nted-s3cret"}}`, "/Variables/A"},
		{"api_gateway_key", "AWS::ApiGateway::ApiKey", `{"Value": "pl4nted-s3cret"}`, "/Value"},
		{"stack_parameters", "AWS::CloudFormation::Stack", `{"Parameters": {"Db": "pl4nted-s3cret"}}`, "/Parameters/Db"},
		{"stack_outputs_in_config", "AWS::CloudFormation::Stack", `{"_config": {"configuration": {"outputs": [{"outputKey": "Db", "outputValue": "pl4nted-s3cret"}]}}}`, "/_config/configuration/outputs/0/outputValue"},
		{"launch_template", "AWS::EC2::LaunchTemplate", `{"LaunchTemplateData": {"UserData": "pl4nted-s3cret"}}`, "/LaunchTemplateData/UserData"},
		{"origin_header", "AWS::CloudFront::Distribution", `{"DistributionConfig": {"Origins": [{"OriginCustomHeaders": [{"HeaderName": "X-Verify", "HeaderValue": "pl4nted-s3cret"}]}]}}`, "/DistributionConfig/Origins/0/OriginCustomHeaders/0/HeaderValue"},
		{"cache_token", "AWS::ElastiCache::ReplicationGroup", `{"AuthToken": "pl4nted-s3cret"}`, "/AuthToken"},
		{"tunnel_key", "AWS::EC2::VPNConnection", `{"VpnTunnelOptionsSpecifications": [{"PreSharedKey": "pl4nted-s3cret"}]}`, "/VpnTunnelOptionsSpecifications/0/PreSharedKey"},
		{"gateway_configuration", "AWS::EC2::VPNConnection", `{"_config": {"configuration": {"customerGatewayConfiguration": "<pre_shared_key>pl4nted-s3cret</pre_shared_key>"}}}`, "/_config/configuration/customerGatewayConfiguration"},
		{"pending_password", "AWS::RDS::DBInstance", `{"_config": {"configuration": {"pendingModifiedValues": {"masterUserPassword": "pl4nted-s3cret"}}}}`, "/_config/configuration/pendingModifiedValues/masterUserPassword"},
		{"user_data", "AWS::EC2::Instance", `{"UserData": "pl4nted-s3cret"}`, "/UserData"},
		{"custom_data", "Microsoft.Compute/virtualMachines", `{"properties": {"osProfile": {"customData": "pl4nted-s3cret"}}}`, "/properties/osProfile/customData"},
		{"app_settings_list", "Microsoft.Web/sites", `{"siteConfig": {"appSettings": [{"name": "A", "value": "pl4nted-s3cret"}]}}`, "/siteConfig/appSettings/0/value"},
		{"app_settings_map", "microsoft.web/sites/config", `{"properties": {"A": "pl4nted-s3cret"}}`, "/properties/A"},
		{"automation_variable", "Microsoft.Automation/automationAccounts/variables", `{"properties": {"value": "pl4nted-s3cret"}}`, "/properties/value"},
		{"protected_settings", "", `{"protectedSettings": {"script": "pl4nted-s3cret"}}`, "/protectedSettings/script"},
		{"kubernetes_secret", "k8s.io/Secret", `{"data": {"tls.key": "pl4nted-s3cret"}}`, "/data/tls.key"},
		{"api_key", "apikeys.googleapis.com/Key", `{"keyString": "pl4nted-s3cret"}`, "/keyString"},
		{"oauth_secret", "", `{"iap": {"oauth2ClientSecret": "pl4nted-s3cret"}}`, "/iap/oauth2ClientSecret"},
		{"secret_of_a_reference", "", `{"secret": {"value": "pl4nted-s3cret", "name": "x"}}`, "/secret/value"},
		{"pem", "", `{"notes": "-----BEGIN PRIVATE KEY-----\npl4nted-s3cret"}`, "/notes"},
		{"account_key", "", `{"x": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=pl4nted-s3cret=="}`, "/x"},
		{"sql_connection", "", `{"x": "Server=tcp:db;User Id=a;Password=pl4nted-s3cret;"}`, "/x"},
		{"sas", "", `{"x": "https://a.blob.core.windows.net/c?sv=2020&sig=pl4nted-s3cret-pl4nted"}`, "/x"},
		{"basic_auth", "", `{"repo": "https://user:pl4nted-s3cret@git.example.com/a"}`, "/repo"},
		{"jwt", "", `{"x": "Bearer ` + jwt + `"}`, "/x"},
		{"github", "", `{"x": "ghp_0123456789012345678901234567890123pl4nted"}`, "/x"},
		{"slack", "", `{"x": "https://hooks.slack.com/services/T00000000/B00000000/pl4nted"}`, "/x"},
		{"aws_pair", "", `{"x": "id AKIAIOSFODNN7EXAMPLE key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}`, "/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resource := sealed(t, c.resourceType, c.properties)
			if diff := cmp.Diff([]string{c.path}, unreadOf(resource)); diff != "" {
				t.Error(diff)
			}
			body, err := providers.FormatValue(resource.Parts[providers.Properties].Value)
			if err != nil || strings.Contains(string(body), "pl4nted") || strings.Count(string(body), providers.RedactedText) != 1 {
				t.Errorf("%s, %v", body, err)
			}
		})
	}
}

func TestSeal_LeavesNearMisses(t *testing.T) {
	t.Parallel()
	for _, properties := range []string{
		`{"disablePasswordAuthentication": true, "passwordLength": 12, "password": null, "token": 5}`,
		`{"MinimumPasswordLength": 14, "passwordPolicy": {"complexity": "HIGH"}, "passwordAuth": "Enabled"}`,
		`{"kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k", "KmsKeyId": "arn:aws:kms:eu-west-1:1:key/x"}`,
		`{"secretUri": "https://v.vault.azure.net/secrets/x", "secretName": "x", "tokenEndpoint": "https://login.example.com/t"}`,
		`{"secret": "projects/p/secrets/s/versions/1", "masterUserSecret": "arn:aws:secretsmanager:eu-west-1:1:secret:x"}`,
		`{"nextPageToken": "abc", "NextToken": "abc", "HttpTokens": "required", "ClientToken": "abc", "elevationToken": "Default"}`,
		`{"secretEnvironmentVariables": [{"key": "DB", "projectId": "1", "secret": "db", "version": "latest"}]}`,
		`{"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}`,
		`{"volumes": [{"secret": {"secretName": "x", "secret": "short-name"}}]}`,
		`{"permissions": {"secrets": ["Get", "List"], "keys": ["Get"]}}`,
		`{"appSettings": [{"name": "A", "value": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)"}]}`,
		`{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "publicKey": "ssh-rsa AAAA", "keyData": "ssh-rsa AAAA", "keyType": "RSA"}`,
		`{"tableConstraints": {"primaryKey": {"columns": ["id"]}}, "allowSharedKeyAccess": false}`,
		`{"labels": {"env": "dev"}, "tags": {"environment": "production"}}`,
		`{"items": [{"key": "enable-oslogin", "value": "TRUE"}, {"key": "startup-script-url", "value": "gs://b/s.sh"}]}`,
		`{"pemCertificate": "-----BEGIN CERTIFICATE-----\nMIIF\n-----END CERTIFICATE-----", "sharedSecretHash": "abc"}`,
		`{"selfLink": "https://www.googleapis.com/compute/v1/projects/p", "repo": "ssh://git@github.com/a/b", "email": "a@b.example"}`,
		`{"description": "set password=<yours> or Password= in the connection", "oauth2ClientSecretSha256": "abc"}`,
		`{"url": "https://example.com/a?design=1&sig=short", "keyVaultUri": "https://v.vault.azure.net/"}`,
		`{"PasswordLastUsed": "2026-01-01T00:00:00Z", "PasswordPolicy": {"MinimumLength": 14}, "LoginProfile": {"PasswordResetRequired": true}}`,
		`{"MasterUserSecret": {"SecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:x", "KmsKeyId": "alias/aws/secretsmanager"}}`,
		`{"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": "arn:aws:ssm:eu-west-1:1:parameter/db"}], "RepositoryCredentials": {"CredentialsParameter": "registry"}}`,
		`{"KmsMasterKeyId": "alias/aws/sns", "KMSMasterKeyID": "x", "EncryptionKey": "alias/aws/s3", "KeyId": "k", "KeyName": "ops"}`,
		`{"TokenValidityUnits": {"AccessToken": "hours", "IdToken": "minutes", "RefreshToken": "days"}, "GenerateSecret": true}`,
		`{"CreationToken": "fs", "ClientRequestToken": "abc", "LockToken": "abc", "updateToken": "abc", "IdempotencyToken": "abc"}`,
		`{"PublicKeyMaterial": "ssh-ed25519 AAAA", "KeyFingerprint": "ab:cd", "HostKeyFingerprint": "SHA256:abc"}`,
		`{"AuthTokenEnabled": true, "ApiKeySourceType": "HEADER", "ApiKeyRequired": true, "TransitEncryptionMode": "required"}`,
		`{"EnvironmentFiles": [{"Type": "s3", "Value": "arn:aws:s3:::b/env"}], "Environment": {"Type": "LINUX_CONTAINER", "Image": "x"}}`,
		`{"RotationLambdaARN": "arn:aws:lambda:eu-west-1:1:function:rotate", "GenerateSecretString": {"PasswordLength": 32, "GenerateStringKey": "password"}}`,
		`{"policyRule": {"if": {"field": "Microsoft.Sql/servers/administratorLoginPassword", "exists": "true"}}}`,
	} {
		resource := sealed(t, "test", properties)
		if got := unreadOf(resource); got != nil {
			t.Errorf("%s: redacted %v", properties, got)
		}
		want, err := providers.ParseValue([]byte(properties))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, resource.Parts[providers.Properties].Value); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSeal_KeepsEmptySecretsEmpty(t *testing.T) {
	t.Parallel()
	resource := sealed(t, "test", `{"password": "", "env": {"A": ""}}`)
	want := map[string]any{"password": providers.Redacted{Empty: true}, "env": map[string]any{"A": providers.Redacted{Empty: true}}}
	if diff := cmp.Diff(any(want), resource.Parts[providers.Properties].Value); diff != "" {
		t.Error(diff)
	}
	if got := unreadOf(resource); got != nil {
		t.Errorf("empty secrets are unread: %v", got)
	}
}

func TestSeal_RedactsTagsAndFacets(t *testing.T) {
	t.Parallel()
	resource := &providers.Resource{
		Type: "test",
		Tags: map[string]string{"team": "shop", "note": jwt, "db-password": planted, "token": ""},
		Parts: map[string]providers.Part{
			providers.Properties: {Value: map[string]any{}, Unread: []providers.Unread{{Path: "/properties/x", Class: providers.NotRead}}},
			"settings":           {Value: []any{map[string]any{"password": planted}, pem}},
		},
	}
	shape.Seal(resource)
	if diff := cmp.Diff(map[string]string{"team": "shop", "note": providers.RedactedText, "db-password": providers.RedactedText, "token": ""}, resource.Tags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]providers.Unread{
		{Path: "/properties/x", Class: providers.NotRead},
		{Path: "/tags/db-password", Class: providers.RedactedValue},
		{Path: "/tags/note", Class: providers.RedactedValue},
	}, resource.Parts[providers.Properties].Unread); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]providers.Unread{
		{Path: "/facets/settings/0/password", Class: providers.RedactedValue},
		{Path: "/facets/settings/1", Class: providers.RedactedValue},
	}, resource.Parts["settings"].Unread); diff != "" {
		t.Error(diff)
	}
}

func TestSeal_TwiceChangesNothing(t *testing.T) {
	t.Parallel()
	once := sealed(t, "k8s.io/Secret", `{"data": {"a": "x"}, "password": "y", "env": {"A": ""}, "n": 1234567890123456789}`)
	twice := &providers.Resource{Type: once.Type, ID: once.ID, Name: once.Name, Region: once.Region, Parts: map[string]providers.Part{}}
	for name, part := range once.Parts {
		twice.Parts[name] = part
	}
	shape.Seal(twice)
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Error(diff)
	}
}

func TestReseal_GivesWhatSealingGave(t *testing.T) {
	t.Parallel()
	before := sealed(t, "test", `{"password": "x", "plain": "[redacted]", "env": {"A": "", "B": "b"}, "n": 123456789012}`)
	part := before.Parts[providers.Properties]
	body, err := providers.FormatValue(part.Value)
	if err != nil {
		t.Fatal(err)
	}
	again := &providers.Resource{Type: before.Type, ID: before.ID, Name: before.Name, Region: before.Region}
	resealed, err := shape.Reseal(again, providers.Properties, body, part.Unread)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(body), string(resealed)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, again); diff != "" {
		t.Error(diff)
	}
	leaked, err := shape.Reseal(again, providers.Properties, []byte(`{"adminPassword": "old"}`), nil)
	if err != nil || string(leaked) != `{"adminPassword":"[redacted]"}` {
		t.Errorf("a body of an older list became %s, %v", leaked, err)
	}
	if _, err := shape.Reseal(again, providers.Properties, []byte(`{"password": "pl4nted`), nil); err == nil || strings.Contains(err.Error(), "pl4nted") {
		t.Errorf("a broken body gave %v", err)
	}
}

func hashOf(t testing.TB, resourceType, properties string) providers.Hash {
	t.Helper()
	return sealed(t, resourceType, properties).Parts[providers.Properties].Hash
}

func TestSeal_HashTellsValuesApart(t *testing.T) {
	t.Parallel()
	values := []string{
		`null`, `true`, `false`, `""`, `"1"`, `1`, `1.0`, `[]`, `{}`, `[[]]`, `[{}]`, `{"a":null}`, `{"a":{}}`, `{"a":[]}`,
		`["a","b"]`, `["ab"]`, `["b","a"]`, `{"a":"b"}`, `{"ab":""}`, `{"a":{"b":1},"c":1}`, `{"a":{"b":1,"c":1}}`,
		`{"password":"x"}`, `{"password":""}`, `{"passwd":"x"}`, `{"x":"[redacted]"}`,
		`{"n":1234567890123456789}`, `{"n":1234567890123456788}`, `{"n":123456789012}`, `{"n":"123456789012"}`,
	}
	seen := map[providers.Hash]string{}
	for _, value := range values {
		hash := hashOf(t, "test", value)
		if other, ok := seen[hash]; ok {
			t.Errorf("%s and %s have one hash", value, other)
		}
		seen[hash] = value
	}
}

func TestSeal_HashIgnoresOrderAndVolatileFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		resourceType, one, other string
		same                     bool
	}{
		{"test", `{"a":1,"b":{"c":2,"d":3}}`, `{ "b": {"d":3, "c":2}, "a":1 }`, true},
		{"test", `{"a":1,"etag":"x"}`, `{"a":1,"etag":"y"}`, true},
		{"test", `{"a":1,"etag":"x"}`, `{"a":1}`, true},
		{"test", `{"password":"x"}`, `{"password":"y"}`, true},
		{"test", `{"a":1,"fingerprint":"x"}`, `{"a":1,"fingerprint":"y"}`, false},
		{"compute.googleapis.com/Instance", `{"fingerprint":"x"}`, `{"fingerprint":"y"}`, true},
		{"storage.googleapis.com/Bucket", `{"metageneration":"1"}`, `{"metageneration":"2"}`, true},
		{"Microsoft.Sql/servers/databases", `{"properties":{"earliestRestoreDate":"1"}}`, `{"properties":{"earliestRestoreDate":"2"}}`, true},
		{"test", `{"updateTime":"1"}`, `{"updateTime":"2"}`, false},
		{"AWS::RDS::DBInstance", `{"LatestRestorableTime":"1"}`, `{"LatestRestorableTime":"2"}`, true},
		{"AWS::RDS::DBInstance", `{"InstanceCreateTime":"1"}`, `{"InstanceCreateTime":"2"}`, false},
		{"AWS::EC2::Subnet", `{"_config":{"configuration":{"availableIpAddressCount":1}}}`, `{"_config":{"configuration":{"availableIpAddressCount":2}}}`, true},
		{"AWS::IAM::User", `{"PasswordLastUsed":"1"}`, `{"PasswordLastUsed":"2"}`, false},
	} {
		if same := hashOf(t, c.resourceType, c.one) == hashOf(t, c.resourceType, c.other); same != c.same {
			t.Errorf("%s: %s and %s: same hash is %v", c.resourceType, c.one, c.other, same)
		}
	}
}

func TestSeal_MainHashCoversTheResource(t *testing.T) {
	t.Parallel()
	base := func() *providers.Resource {
		return &providers.Resource{Type: "test", Name: "n", Region: "r", Tags: map[string]string{"a": "b"}, Ancestors: []string{"p"},
			Parts: map[string]providers.Part{providers.Properties: {Value: json.Number("1")}, "facet": {Value: "x"}}}
	}
	plain := base()
	shape.Seal(plain)
	for name, change := range map[string]func(*providers.Resource){
		"name":      func(r *providers.Resource) { r.Name = "m" },
		"region":    func(r *providers.Resource) { r.Region = "s" },
		"tags":      func(r *providers.Resource) { r.Tags["a"] = "c" },
		"no tags":   func(r *providers.Resource) { r.Tags = nil },
		"ancestors": func(r *providers.Resource) { r.Ancestors = nil },
	} {
		changed := base()
		change(changed)
		shape.Seal(changed)
		if changed.Parts[providers.Properties].Hash == plain.Parts[providers.Properties].Hash {
			t.Errorf("%s does not count in the main hash", name)
		}
		if changed.Parts["facet"].Hash != plain.Parts["facet"].Hash {
			t.Errorf("%s counts in a facet's hash", name)
		}
	}
}

// TestSeal_HashIsStable holds the hash of one value: stored hashes must outlive the program, and
// change with the revision only.
func TestSeal_HashIsStable(t *testing.T) {
	t.Parallel()
	const want = "6232f0c33c8f10dd12bd817f24756ede"
	if got := hashOf(t, "test", `{"a":[1,"b",null,true]}`).String(); shape.RedactionRevision == 2 && got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestSeal_HashSpansItsBuffer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	if hashOf(t, "test", `["`+long+`a"]`) == hashOf(t, "test", `["`+long+`b"]`) {
		t.Error("long texts with another end have one hash")
	}
}

func FuzzSeal(f *testing.F) {
	f.Add([]byte(`{"password":"x","env":[{"name":"A","value":"b"}],"secret":{"value":["y"]}}`))
	f.Add([]byte(`["` + jwt + `","a;Password=12345","https://u:p@h/"]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := providers.ParseValue(data)
		if err != nil {
			return
		}
		resource := &providers.Resource{Type: "k8s.io/Secret", Parts: map[string]providers.Part{providers.Properties: {Value: value}}}
		shape.Seal(resource)
		first := resource.Parts[providers.Properties]
		body, err := providers.FormatValue(first.Value)
		if err != nil {
			t.Fatal(err)
		}
		shape.Seal(resource)
		if second := resource.Parts[providers.Properties]; second.Hash != first.Hash || !cmp.Equal(first.Unread, second.Unread) {
			t.Errorf("sealing twice differs: %v, %v", first, second)
		}
		again := &providers.Resource{Type: resource.Type}
		if _, err := shape.Reseal(again, providers.Properties, body, first.Unread); err != nil {
			t.Fatal(err)
		}
		if got := again.Parts[providers.Properties]; got.Hash != first.Hash || !cmp.Equal(got.Unread, first.Unread) {
			t.Errorf("sealing what was stored differs: %v, %v", first, got)
		}
	})
}
