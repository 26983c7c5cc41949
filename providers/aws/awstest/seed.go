package awstest

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	apigatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apigatewayv2types "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cloudfronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	elasticachetypes "github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
	opensearchtypes "github.com/aws/aws-sdk-go-v2/service/opensearch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	redshifttypes "github.com/aws/aws-sdk-go-v2/service/redshift/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// Seed fills an account by the SDK. Every method makes what one service has, in one region.
type Seed struct {
	testing.TB
	Account
	region string
	cfg    sdk.Config
}

// Seed prepares to fill a region of the account.
func (a Account) Seed(tb testing.TB, region string) Seed {
	tb.Helper()
	return Seed{TB: tb, Account: a, region: region, cfg: a.Config(region)}
}

// do makes a call, which must not fail.
func do[In, Out, Option any](s Seed, call func(context.Context, In, ...Option) (Out, error), in In) Out {
	s.Helper()
	out, err := call(s.Context(), in)
	if err != nil {
		s.Fatalf("seed: %v", err)
	}
	return out
}

var text = sdk.String

const openPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// All makes one or two of everything that the emulator has, and of the kinds that accounts have most of
// more with every n.
func (s Seed) All(n int) {
	s.Buckets(2 + n/6) // to one of which the network's flow logs go
	s.Network()
	s.Machines(2 * n) // with a volume and an interface each
	s.Keys(1 + n/6)
	s.Databases()
	s.Functions(1 + n/5)
	s.Trail()
	s.Recorder()
	s.Detector()
	s.Observability(n)
	s.Messaging(1 + n/5)
	s.Tables(1 + n/8)
	s.Balancer()
	s.Containers()
	s.Secrets(1 + n/6)
	s.Certificate()
	s.Gateways()
	s.Warehouse()
	s.SearchDomain()
	s.Files()
	s.Cache()
}

func ec2Tags(kind ec2types.ResourceType, name string) []ec2types.TagSpecification {
	return []ec2types.TagSpecification{{ResourceType: kind, Tags: []ec2types.Tag{{Key: text("Name"), Value: text(name)}, {Key: text("team"), Value: text("shop")}}}}
}

// Network makes what surrounds machines.
func (s Seed) Network() {
	c := ec2.NewFromConfig(s.cfg)
	vpc := do(s, c.CreateVpc, &ec2.CreateVpcInput{CidrBlock: text("10.1.0.0/16"), TagSpecifications: ec2Tags(ec2types.ResourceTypeVpc, "shop")}).Vpc.VpcId
	do(s, c.CreateSubnet, &ec2.CreateSubnetInput{VpcId: vpc, CidrBlock: text("10.1.1.0/24"), AvailabilityZone: text(s.region + "a"), TagSpecifications: ec2Tags(ec2types.ResourceTypeSubnet, "a")})
	group := do(s, c.CreateSecurityGroup, &ec2.CreateSecurityGroupInput{
		VpcId: vpc, GroupName: text("web"), Description: text("the web"), TagSpecifications: ec2Tags(ec2types.ResourceTypeSecurityGroup, "web"),
	}).GroupId
	do(s, c.AuthorizeSecurityGroupIngress, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: text("tcp"), FromPort: sdk.Int32(443), ToPort: sdk.Int32(443), IpRanges: []ec2types.IpRange{{CidrIp: text("10.0.0.0/8")}, {CidrIp: text("0.0.0.0/0"), Description: text("all")}}},
		{IpProtocol: text("tcp"), FromPort: sdk.Int32(22), ToPort: sdk.Int32(22), Ipv6Ranges: []ec2types.Ipv6Range{{CidrIpv6: text("::/0")}}},
		{IpProtocol: text("-1"), UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: group}}},
	}})
	gateway := do(s, c.CreateInternetGateway, &ec2.CreateInternetGatewayInput{}).InternetGateway.InternetGatewayId
	do(s, c.AttachInternetGateway, &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway, VpcId: vpc})
	table := do(s, c.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: vpc}).RouteTable.RouteTableId
	do(s, c.CreateRoute, &ec2.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: text("0.0.0.0/0"), GatewayId: gateway})
	do(s, c.AllocateAddress, &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc})
	do(s, c.CreateFlowLogs, &ec2.CreateFlowLogsInput{
		ResourceIds: []string{*vpc}, ResourceType: ec2types.FlowLogsResourceTypeVpc, TrafficType: ec2types.TrafficTypeAll,
		LogDestinationType: ec2types.LogDestinationTypeS3, LogDestination: text("arn:aws:s3:::" + s.Bucket(0)),
	})
}

// Machines makes instances with their volumes, and a snapshot that anybody may restore.
func (s Seed) Machines(n int) {
	c := ec2.NewFromConfig(s.cfg)
	do(s, c.RunInstances, &ec2.RunInstancesInput{
		ImageId: text("ami-12345678"), InstanceType: ec2types.InstanceTypeT3Micro, MinCount: sdk.Int32(int32(n)), MaxCount: sdk.Int32(int32(n)),
		MetadataOptions:   &ec2types.InstanceMetadataOptionsRequest{HttpTokens: ec2types.HttpTokensStateRequired},
		TagSpecifications: ec2Tags(ec2types.ResourceTypeInstance, "web"), UserData: text("c2VjcmV0"),
	})
	volume := do(s, c.CreateVolume, &ec2.CreateVolumeInput{
		AvailabilityZone: text(s.region + "a"), Size: sdk.Int32(8), Encrypted: sdk.Bool(true), TagSpecifications: ec2Tags(ec2types.ResourceTypeVolume, "data"),
	}).VolumeId
	snapshot := do(s, c.CreateSnapshot, &ec2.CreateSnapshotInput{VolumeId: volume, Description: text("before")}).SnapshotId
	do(s, c.ModifySnapshotAttribute, &ec2.ModifySnapshotAttributeInput{
		SnapshotId: snapshot, Attribute: ec2types.SnapshotAttributeNameCreateVolumePermission,
		OperationType: ec2types.OperationTypeAdd, GroupNames: []string{"all"},
	})
}

// Bucket gives the name of a bucket that Buckets makes.
func (s Seed) Bucket(n int) string { return fmt.Sprintf("shop-%s-%s-%d", s.ID, s.region, n) }

// Buckets makes buckets, of which the first has every setting.
func (s Seed) Buckets(n int) {
	c := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	for i := range n {
		in := &s3.CreateBucketInput{Bucket: text(s.Bucket(i))}
		if s.region != "us-east-1" {
			in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(s.region)}
		}
		do(s, c.CreateBucket, in)
	}
	name := text(s.Bucket(0))
	do(s, c.PutBucketTagging, &s3.PutBucketTaggingInput{Bucket: name, Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: text("team"), Value: text("shop")}}}})
	do(s, c.PutBucketVersioning, &s3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
	do(s, c.PutBucketEncryption, &s3.PutBucketEncryptionInput{Bucket: name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAes256}}},
	}})
	do(s, c.PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: sdk.Bool(true)}})
	do(s, c.PutBucketPolicy, &s3.PutBucketPolicyInput{Bucket: name, Policy: text(openPolicy)})
	do(s, c.PutBucketLifecycleConfiguration, &s3.PutBucketLifecycleConfigurationInput{Bucket: name, LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{
		Rules: []s3types.LifecycleRule{{ID: text("old"), Status: s3types.ExpirationStatusEnabled, Filter: &s3types.LifecycleRuleFilter{Prefix: text("logs/")}, Expiration: &s3types.LifecycleExpiration{Days: sdk.Int32(30)}}},
	}})
	do(s, c.PutBucketCors, &s3.PutBucketCorsInput{Bucket: name, CORSConfiguration: &s3types.CORSConfiguration{CORSRules: []s3types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}})
	do(s, c.PutBucketWebsite, &s3.PutBucketWebsiteInput{Bucket: name, WebsiteConfiguration: &s3types.WebsiteConfiguration{IndexDocument: &s3types.IndexDocument{Suffix: text("index.html")}}})
}

// Identities makes users, groups, roles and what surrounds them, once for the account.
func (s Seed) Identities(n int) {
	c := iam.NewFromConfig(s.cfg)
	tags := []iamtypes.Tag{{Key: text("team"), Value: text("shop")}}
	policy := do(s, c.CreatePolicy, &iam.CreatePolicyInput{PolicyName: text("open"), PolicyDocument: text(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`), Tags: tags}).Policy.Arn
	do(s, c.CreateGroup, &iam.CreateGroupInput{GroupName: text("admins")})
	do(s, c.AttachGroupPolicy, &iam.AttachGroupPolicyInput{GroupName: text("admins"), PolicyArn: policy})
	for i := range n {
		name := text(fmt.Sprintf("user%03d", i))
		do(s, c.CreateUser, &iam.CreateUserInput{UserName: name, Tags: tags})
		do(s, c.AddUserToGroup, &iam.AddUserToGroupInput{UserName: name, GroupName: text("admins")})
	}
	do(s, c.CreateAccessKey, &iam.CreateAccessKeyInput{UserName: text("user000")})
	do(s, c.CreateLoginProfile, &iam.CreateLoginProfileInput{UserName: text("user000"), Password: text("not-a-secret-1")})
	do(s, c.CreateRole, &iam.CreateRoleInput{RoleName: text("worker"), AssumeRolePolicyDocument: text(openPolicy), Description: text("works"), Tags: tags})
	do(s, c.PutRolePolicy, &iam.PutRolePolicyInput{RoleName: text("worker"), PolicyName: text("inline"), PolicyDocument: text(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)})
	do(s, c.CreateVirtualMFADevice, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: text("phone")})
	do(s, c.CreateSAMLProvider, &iam.CreateSAMLProviderInput{Name: text("corp"), SAMLMetadataDocument: text(string(bytes.Repeat([]byte("x"), 1024)))})
	do(s, c.CreateOpenIDConnectProvider, &iam.CreateOpenIDConnectProviderInput{Url: text("https://id.example.com"), ClientIDList: []string{"shop"}, ThumbprintList: []string{"990f4193972f2becf12ddeda5237f9c952f20d9e"}})
	do(s, c.UploadServerCertificate, &iam.UploadServerCertificateInput{ServerCertificateName: text("site"), CertificateBody: text("body"), PrivateKey: text("key")})
	do(s, c.UpdateAccountPasswordPolicy, &iam.UpdateAccountPasswordPolicyInput{MinimumPasswordLength: sdk.Int32(14), RequireSymbols: true})
}

// Keys makes keys that rotate.
func (s Seed) Keys(n int) {
	c := kms.NewFromConfig(s.cfg)
	for range n {
		key := do(s, c.CreateKey, &kms.CreateKeyInput{Description: text("data"), Tags: []kmstypes.Tag{{TagKey: text("team"), TagValue: text("shop")}}}).KeyMetadata.KeyId
		do(s, c.EnableKeyRotation, &kms.EnableKeyRotationInput{KeyId: key})
	}
}

// Databases makes an instance, a cluster and their snapshots.
func (s Seed) Databases() {
	c := rds.NewFromConfig(s.cfg)
	tags := []rdstypes.Tag{{Key: text("team"), Value: text("shop")}}
	do(s, c.CreateDBInstance, &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: text("orders"), DBInstanceClass: text("db.t3.micro"), Engine: text("postgres"), AllocatedStorage: sdk.Int32(20),
		MasterUsername: text("root"), MasterUserPassword: text("not-a-secret"), StorageEncrypted: sdk.Bool(true), PubliclyAccessible: sdk.Bool(true), Tags: tags,
	})
	do(s, c.CreateDBSnapshot, &rds.CreateDBSnapshotInput{DBInstanceIdentifier: text("orders"), DBSnapshotIdentifier: text("orders-1")})
	do(s, c.CreateDBCluster, &rds.CreateDBClusterInput{
		DBClusterIdentifier: text("ledger"), Engine: text("aurora-postgresql"), MasterUsername: text("root"), MasterUserPassword: text("not-a-secret"), Tags: tags,
	})
	do(s, c.CreateDBClusterSnapshot, &rds.CreateDBClusterSnapshotInput{DBClusterIdentifier: text("ledger"), DBClusterSnapshotIdentifier: text("ledger-1")})
}

// Functions makes functions that anybody may call.
func (s Seed) Functions(n int) {
	role := "arn:aws:iam::" + s.ID + ":role/worker"
	roles := iam.NewFromConfig(s.cfg)
	if _, err := roles.GetRole(s.Context(), &iam.GetRoleInput{RoleName: text("worker")}); err != nil {
		do(s, roles.CreateRole, &iam.CreateRoleInput{RoleName: text("worker"), AssumeRolePolicyDocument: text(openPolicy)})
	}
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	if _, err := archive.Create("main.py"); err != nil {
		s.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		s.Fatal(err)
	}
	c := lambda.NewFromConfig(s.cfg)
	for i := range n {
		name := text(fmt.Sprintf("price%03d", i))
		do(s, c.CreateFunction, &lambda.CreateFunctionInput{
			FunctionName: name, Role: &role, Runtime: lambdatypes.RuntimePython312, Handler: text("main.run"), Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()},
			Environment: &lambdatypes.Environment{Variables: map[string]string{"TOKEN": "not-a-secret"}}, Tags: map[string]string{"team": "shop"},
		})
	}
	do(s, c.AddPermission, &lambda.AddPermissionInput{FunctionName: text("price000"), StatementId: text("all"), Action: text("lambda:InvokeFunction"), Principal: text("*")})
	do(s, c.CreateFunctionUrlConfig, &lambda.CreateFunctionUrlConfigInput{FunctionName: text("price000"), AuthType: lambdatypes.FunctionUrlAuthTypeNone})
}

// Trail makes a trail into a bucket of its own.
func (s Seed) Trail() {
	name := "trail-" + s.Bucket(0)
	in := &s3.CreateBucketInput{Bucket: &name}
	if s.region != "us-east-1" {
		in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(s.region)}
	}
	do(s, s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket, in)
	c := cloudtrail.NewFromConfig(s.cfg)
	do(s, c.CreateTrail, &cloudtrail.CreateTrailInput{
		Name: text("audit-" + s.region), S3BucketName: &name, IsMultiRegionTrail: sdk.Bool(true),
		TagsList: []cloudtrailtypes.Tag{{Key: text("team"), Value: text("shop")}},
	})
	do(s, c.StartLogging, &cloudtrail.StartLoggingInput{Name: text("audit-" + s.region)})
}

// Recorder turns AWS Config on.
func (s Seed) Recorder() {
	c := configservice.NewFromConfig(s.cfg)
	do(s, c.PutConfigurationRecorder, &configservice.PutConfigurationRecorderInput{ConfigurationRecorder: &configtypes.ConfigurationRecorder{
		Name: text("default"), RoleARN: text("arn:aws:iam::" + s.ID + ":role/config"), RecordingGroup: &configtypes.RecordingGroup{AllSupported: true, IncludeGlobalResourceTypes: true},
	}})
	do(s, c.PutDeliveryChannel, &configservice.PutDeliveryChannelInput{DeliveryChannel: &configtypes.DeliveryChannel{Name: text("default"), S3BucketName: text(s.Bucket(0))}})
	do(s, c.StartConfigurationRecorder, &configservice.StartConfigurationRecorderInput{ConfigurationRecorderName: text("default")})
}

// Detector turns GuardDuty and Security Hub on.
func (s Seed) Detector() {
	do(s, guardduty.NewFromConfig(s.cfg).CreateDetector, &guardduty.CreateDetectorInput{Enable: sdk.Bool(true), Tags: map[string]string{"team": "shop"}})
	do(s, securityhub.NewFromConfig(s.cfg).EnableSecurityHub, &securityhub.EnableSecurityHubInput{})
}

// Observability makes log groups, a filter and alarms.
func (s Seed) Observability(n int) {
	c := cloudwatchlogs.NewFromConfig(s.cfg)
	for i := range n {
		do(s, c.CreateLogGroup, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: text(fmt.Sprintf("/shop/%03d", i)), Tags: map[string]string{"team": "shop"}})
	}
	do(s, c.PutRetentionPolicy, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: text("/shop/000"), RetentionInDays: sdk.Int32(30)})
	do(s, c.PutMetricFilter, &cloudwatchlogs.PutMetricFilterInput{
		LogGroupName: text("/shop/000"), FilterName: text("root"), FilterPattern: text(`{ $.userIdentity.type = "Root" }`),
		MetricTransformations: []logstypes.MetricTransformation{{MetricName: text("root"), MetricNamespace: text("shop"), MetricValue: text("1")}},
	})
	query := func(o *cloudwatch.Options) { o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801) }
	do(s, cloudwatch.NewFromConfig(s.cfg, query).PutMetricAlarm, &cloudwatch.PutMetricAlarmInput{
		AlarmName: text("root"), MetricName: text("root"), Namespace: text("shop"), ComparisonOperator: cloudwatchtypes.ComparisonOperatorGreaterThanOrEqualToThreshold,
		Threshold: sdk.Float64(1), EvaluationPeriods: sdk.Int32(1), Period: sdk.Int32(300), Statistic: cloudwatchtypes.StatisticSum,
		Tags: []cloudwatchtypes.Tag{{Key: text("team"), Value: text("shop")}},
	})
}

// Messaging makes topics and queues.
func (s Seed) Messaging(n int) {
	topics, queues := sns.NewFromConfig(s.cfg), sqs.NewFromConfig(s.cfg)
	for i := range n {
		do(s, topics.CreateTopic, &sns.CreateTopicInput{Name: text(fmt.Sprintf("sold%03d", i)), Tags: []snstypes.Tag{{Key: text("team"), Value: text("shop")}}})
		do(s, queues.CreateQueue, &sqs.CreateQueueInput{QueueName: text(fmt.Sprintf("orders%03d", i)), Attributes: map[string]string{"VisibilityTimeout": "45"}, Tags: map[string]string{"team": "shop"}})
	}
}

// Tables makes tables with backups.
func (s Seed) Tables(n int) {
	c := dynamodb.NewFromConfig(s.cfg)
	for i := range n {
		name := text(fmt.Sprintf("carts%03d", i))
		do(s, c.CreateTable, &dynamodb.CreateTableInput{
			TableName: name, BillingMode: dynamodbtypes.BillingModePayPerRequest, Tags: []dynamodbtypes.Tag{{Key: text("team"), Value: text("shop")}},
			AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: text("id"), AttributeType: dynamodbtypes.ScalarAttributeTypeS}},
			KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: text("id"), KeyType: dynamodbtypes.KeyTypeHash}},
			SSESpecification:     &dynamodbtypes.SSESpecification{Enabled: sdk.Bool(true)},
		})
		do(s, c.UpdateContinuousBackups, &dynamodb.UpdateContinuousBackupsInput{TableName: name, PointInTimeRecoverySpecification: &dynamodbtypes.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: sdk.Bool(true)}})
	}
}

// subnets gives the ids of the region's default subnets.
func (s Seed) subnets() []string {
	var ids []string
	for _, subnet := range do(s, ec2.NewFromConfig(s.cfg).DescribeSubnets, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{{Name: text("default-for-az"), Values: []string{"true"}}}}).Subnets {
		ids = append(ids, *subnet.SubnetId)
	}
	return ids
}

// Balancer makes a load balancer with a listener.
func (s Seed) Balancer() {
	c := elb.NewFromConfig(s.cfg)
	arn := do(s, c.CreateLoadBalancer, &elb.CreateLoadBalancerInput{Name: text("front"), Subnets: s.subnets()[:2], Tags: []elbtypes.Tag{{Key: text("team"), Value: text("shop")}}}).LoadBalancers[0].LoadBalancerArn
	do(s, c.CreateListener, &elb.CreateListenerInput{LoadBalancerArn: arn, Port: sdk.Int32(80), Protocol: elbtypes.ProtocolEnumHttp, DefaultActions: []elbtypes.Action{{
		Type: elbtypes.ActionTypeEnumRedirect, RedirectConfig: &elbtypes.RedirectActionConfig{Protocol: text("HTTPS"), Port: text("443"), StatusCode: elbtypes.RedirectActionStatusCodeEnumHttp301},
	}}})
}

// Containers makes clusters, a service, a task definition and a repository.
func (s Seed) Containers() {
	kube := eks.NewFromConfig(s.cfg)
	do(s, kube.CreateCluster, &eks.CreateClusterInput{Name: text("kube"), RoleArn: text("arn:aws:iam::" + s.ID + ":role/kube"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: s.subnets()[:2]}, Tags: map[string]string{"team": "shop"}})
	do(s, kube.CreateNodegroup, &eks.CreateNodegroupInput{ClusterName: text("kube"), NodegroupName: text("nodes"), NodeRole: text("arn:aws:iam::" + s.ID + ":role/node"), Subnets: s.subnets()[:2], Tags: map[string]string{"team": "shop"}})
	c := ecs.NewFromConfig(s.cfg)
	tags := []ecstypes.Tag{{Key: text("team"), Value: text("shop")}}
	do(s, c.CreateCluster, &ecs.CreateClusterInput{ClusterName: text("web"), Tags: tags, Settings: []ecstypes.ClusterSetting{{Name: ecstypes.ClusterSettingNameContainerInsights, Value: text("enabled")}}})
	for range 2 { // the older revision is not read
		do(s, c.RegisterTaskDefinition, &ecs.RegisterTaskDefinitionInput{Family: text("web"), Tags: tags, ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: text("web"), Image: text("web:1"), Memory: sdk.Int32(128), Privileged: sdk.Bool(true), Environment: []ecstypes.KeyValuePair{{Name: text("DB_PASSWORD"), Value: text("not-a-secret")}},
		}}})
	}
	do(s, c.CreateService, &ecs.CreateServiceInput{Cluster: text("web"), ServiceName: text("web"), TaskDefinition: text("web"), DesiredCount: sdk.Int32(1), Tags: tags})
	do(s, ecr.NewFromConfig(s.cfg).CreateRepository, &ecr.CreateRepositoryInput{RepositoryName: text("web"), Tags: []ecrtypes.Tag{{Key: text("team"), Value: text("shop")}}})
}

// Distribution makes a distribution, once for the account.
func (s Seed) Distribution() {
	do(s, cloudfront.NewFromConfig(s.cfg).CreateDistributionWithTags, &cloudfront.CreateDistributionWithTagsInput{DistributionConfigWithTags: &cloudfronttypes.DistributionConfigWithTags{
		Tags: &cloudfronttypes.Tags{Items: []cloudfronttypes.Tag{{Key: text("team"), Value: text("shop")}}},
		DistributionConfig: &cloudfronttypes.DistributionConfig{
			CallerReference: text("1"), Comment: text("site"), Enabled: sdk.Bool(true), DefaultRootObject: text("index.html"),
			Origins: &cloudfronttypes.Origins{Quantity: sdk.Int32(1), Items: []cloudfronttypes.Origin{{Id: text("o"), DomainName: text("example.com"), CustomOriginConfig: &cloudfronttypes.CustomOriginConfig{HTTPPort: sdk.Int32(80), HTTPSPort: sdk.Int32(443), OriginProtocolPolicy: cloudfronttypes.OriginProtocolPolicyHttpOnly}}}},
			DefaultCacheBehavior: &cloudfronttypes.DefaultCacheBehavior{
				TargetOriginId: text("o"), ViewerProtocolPolicy: cloudfronttypes.ViewerProtocolPolicyAllowAll, CachePolicyId: text("658327ea-f89d-4fab-a63d-7e88639e58f6"),
			},
		},
	}})
}

// Secrets makes secrets.
func (s Seed) Secrets(n int) {
	c := secretsmanager.NewFromConfig(s.cfg)
	for i := range n {
		do(s, c.CreateSecret, &secretsmanager.CreateSecretInput{Name: text(fmt.Sprintf("db%03d", i)), SecretString: text("not-a-secret"), Tags: []secretstypes.Tag{{Key: text("team"), Value: text("shop")}}})
	}
}

// Certificate asks for a certificate.
func (s Seed) Certificate() {
	do(s, acm.NewFromConfig(s.cfg).RequestCertificate, &acm.RequestCertificateInput{DomainName: text("shop.example.com"), ValidationMethod: acmtypes.ValidationMethodDns, Tags: []acmtypes.Tag{{Key: text("team"), Value: text("shop")}}})
}

// Gateways makes an API of each kind with a stage.
func (s Seed) Gateways() {
	c := apigateway.NewFromConfig(s.cfg)
	api := do(s, c.CreateRestApi, &apigateway.CreateRestApiInput{Name: text("orders"), Tags: map[string]string{"team": "shop"}, EndpointConfiguration: &apigatewaytypes.EndpointConfiguration{Types: []apigatewaytypes.EndpointType{apigatewaytypes.EndpointTypeRegional}}})
	do(s, c.PutMethod, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: text("GET"), AuthorizationType: text("NONE")})
	do(s, c.PutIntegration, &apigateway.PutIntegrationInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: text("GET"), Type: apigatewaytypes.IntegrationTypeMock})
	deployment := do(s, c.CreateDeployment, &apigateway.CreateDeploymentInput{RestApiId: api.Id}).Id
	do(s, c.CreateStage, &apigateway.CreateStageInput{RestApiId: api.Id, StageName: text("live"), DeploymentId: deployment, TracingEnabled: true, Tags: map[string]string{"team": "shop"}})
	h := apigatewayv2.NewFromConfig(s.cfg)
	http := do(s, h.CreateApi, &apigatewayv2.CreateApiInput{Name: text("carts"), ProtocolType: apigatewayv2types.ProtocolTypeHttp, Tags: map[string]string{"team": "shop"}}).ApiId
	do(s, h.CreateStage, &apigatewayv2.CreateStageInput{ApiId: http, StageName: text("live"), Tags: map[string]string{"team": "shop"}})
}

// Warehouse makes a Redshift cluster.
func (s Seed) Warehouse() {
	do(s, redshift.NewFromConfig(s.cfg).CreateCluster, &redshift.CreateClusterInput{
		ClusterIdentifier: text("sales"), NodeType: text("ra3.xlplus"), MasterUsername: text("root"), MasterUserPassword: text("Not-a-secret-1"), Tags: []redshifttypes.Tag{{Key: text("team"), Value: text("shop")}},
	})
}

// SearchDomain makes an OpenSearch domain.
func (s Seed) SearchDomain() {
	do(s, opensearch.NewFromConfig(s.cfg).CreateDomain, &opensearch.CreateDomainInput{
		DomainName: text("search"), EngineVersion: text("OpenSearch_2.11"), EncryptionAtRestOptions: &opensearchtypes.EncryptionAtRestOptions{Enabled: sdk.Bool(true)},
		TagList: []opensearchtypes.Tag{{Key: text("team"), Value: text("shop")}},
	})
}

// Files makes a file system.
func (s Seed) Files() {
	do(s, efs.NewFromConfig(s.cfg).CreateFileSystem, &efs.CreateFileSystemInput{CreationToken: text("files"), Encrypted: sdk.Bool(true), Backup: sdk.Bool(true), Tags: []efstypes.Tag{{Key: text("Name"), Value: text("files")}}})
}

// Cache makes a replication group.
func (s Seed) Cache() {
	do(s, elasticache.NewFromConfig(s.cfg).CreateReplicationGroup, &elasticache.CreateReplicationGroupInput{
		ReplicationGroupId: text("sessions"), ReplicationGroupDescription: text("sessions"), NumCacheClusters: sdk.Int32(2), AtRestEncryptionEnabled: sdk.Bool(true),
		Tags: []elasticachetypes.Tag{{Key: text("team"), Value: text("shop")}},
	})
}

// Plant changes an account in three ways: a user, a bucket and a setting of the region.
func (s Seed) Plant() {
	do(s, iam.NewFromConfig(s.cfg).AttachUserPolicy, &iam.AttachUserPolicyInput{UserName: text("user007"), PolicyArn: text("arn:aws:iam::" + s.ID + ":policy/open")})
	do(s, s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true }).PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{
		Bucket: text(s.Bucket(3)), PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: sdk.Bool(true)},
	})
	do(s, ec2.NewFromConfig(s.cfg).EnableEbsEncryptionByDefault, &ec2.EnableEbsEncryptionByDefaultInput{})
}
