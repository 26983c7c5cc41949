package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

var rdsService = &service{name: "rds", client: "rds", listings: []*listing{dbInstances, dbClusters, dbSnapshots, clusterSnapshots}}

func (r *run) rds() *rds.Client { return rds.NewFromConfig(r.config()) }

// rdsPage is how many things RDS gives in one answer at most.
var rdsPage = sdk.Int32(100)

// relational tells whether a database is RDS's own. The API also lists those of Neptune and DocumentDB,
// whose types are others.
func relational(_ *run, o object) bool {
	engine := text(o, "Engine")
	return engine != "neptune" && engine != "docdb"
}

var dbInstances = &listing{
	items: "DBInstances[]", token: "Marker", keep: relational,
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*rds.DescribeDBInstancesOutput, error) {
		return r.rds().DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{Marker: token, MaxRecords: rdsPage})
	}),
	kind: &kind{
		name: "AWS::RDS::DBInstance", id: "{DBInstanceArn}", title: "DBInstanceIdentifier", uid: "DbiResourceId", tags: "TagList",
		fields: join(
			like(`AutoMinorVersionUpgrade AutomaticRestartTime AvailabilityZone BackupRetentionPeriod BackupTarget CACertificateIdentifier
				CertificateDetails{CAIdentifier ValidTill} CharacterSetName CopyTagsToSnapshot CustomIAMInstanceProfile=CustomIamInstanceProfile
				DBClusterIdentifier DBInstanceArn DBInstanceClass DBInstanceIdentifier DBInstanceStatus DBName DBSystemId=DBSystemId DatabaseInsightsMode
				DbiResourceId DedicatedLogVolume DeletionProtection EngineLifecycleSupport Engine EngineVersion InstanceCreateTime Iops
				IsStorageConfigUpgradeAvailable KmsKeyId LatestRestorableTime LicenseModel MasterUserSecret{KmsKeyId SecretArn} MasterUsername
				MaxAllocatedStorage MonitoringInterval MonitoringRoleArn MultiAZ NcharCharacterSetName NetworkType
				PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod PercentProgress PreferredBackupWindow
				PreferredMaintenanceWindow ProcessorFeatures[]{Name Value} PromotionTier PubliclyAccessible ReplicaMode ResumeFullAutomationModeTime
				SecondaryAvailabilityZone StatusInfos[]{Message Normal Status StatusType} StorageEncrypted StorageThroughput StorageType TdeCredentialArn Timezone
				AllocatedStorage:text AssociatedRoles[]{FeatureName RoleArn}
				DBSecurityGroups=DBSecurityGroups[].DBSecurityGroupName:set DBSubnetGroupName=DBSubnetGroup.DBSubnetGroupName
				EnableCloudwatchLogsExports=EnabledCloudwatchLogsExports:set EnableIAMDatabaseAuthentication=IAMDatabaseAuthenticationEnabled
				EnablePerformanceInsights=PerformanceInsightsEnabled Endpoint{Address HostedZoneId Port:text} ListenerEndpoint{Address HostedZoneId Port:text}
				Port=Endpoint.Port:text ReadReplicaDBClusterIdentifiers:set ReadReplicaDBInstanceIdentifiers:set
				SourceDBClusterIdentifier=ReadReplicaSourceDBClusterIdentifier VPCSecurityGroups=VpcSecurityGroups[].VpcSecurityGroupId:set
				AdditionalStorageVolumes[]{AllocatedStorage:text Iops=IOPS MaxAllocatedStorage StorageThroughput StorageType VolumeName}`),
			made("DBParameterGroupName", func(o object) any { return first(list(o, "DBParameterGroups[].DBParameterGroupName")) }),
			made("OptionGroupName", func(o object) any { return first(list(o, "OptionGroupMemberships[].OptionGroupName")) }),
			made("ManageMasterUserPassword", func(o object) any { return get(o, "MasterUserSecret") != nil }),
			extra(like("VpcId=DBSubnetGroup.VpcId ReadReplicaSourceDBInstanceIdentifier ActivityStreamStatus")),
		),
	},
}

var dbClusters = &listing{
	items: "DBClusters[]", token: "Marker", keep: relational,
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*rds.DescribeDBClustersOutput, error) {
		return r.rds().DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{Marker: token, MaxRecords: rdsPage})
	}),
	kind: &kind{
		name: "AWS::RDS::DBCluster", id: "{DBClusterArn}", title: "DBClusterIdentifier", uid: "DbClusterResourceId", tags: "TagList",
		fields: join(
			like(`AllocatedStorage AssociatedRoles[]{FeatureName RoleArn} AutoMinorVersionUpgrade AvailabilityZones:set BacktrackWindow BackupRetentionPeriod
				CopyTagsToSnapshot DBClusterArn DBClusterIdentifier DBClusterInstanceClass DBClusterParameterGroupName=DBClusterParameterGroup
				DBClusterResourceId=DbClusterResourceId DBSubnetGroupName=DBSubnetGroup DBSystemId DatabaseInsightsMode DatabaseName DeletionProtection
				EnableCloudwatchLogsExports=EnabledCloudwatchLogsExports:set EnableGlobalWriteForwarding=GlobalWriteForwardingRequested
				EnableHttpEndpoint=HttpEndpointEnabled EnableIAMDatabaseAuthentication=IAMDatabaseAuthenticationEnabled Engine EngineLifecycleSupport
				EngineMode EngineVersion Iops KmsKeyId MasterUserSecret{KmsKeyId SecretArn} MasterUsername MonitoringInterval MonitoringRoleArn NetworkType
				PerformanceInsightsEnabled PerformanceInsightsKmsKeyId=PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod Port
				PreferredBackupWindow PreferredMaintenanceWindow PubliclyAccessible ReplicationSourceIdentifier
				ScalingConfiguration=ScalingConfigurationInfo{AutoPause MaxCapacity MinCapacity SecondsBeforeTimeout SecondsUntilAutoPause TimeoutAction}
				ServerlessV2ScalingConfiguration{MaxCapacity MinCapacity SecondsUntilAutoPause} StorageEncrypted StorageThroughput StorageType
				VpcSecurityGroupIds=VpcSecurityGroups[].VpcSecurityGroupId:set`),
			nest("Endpoint", "", as("Address", "Endpoint"), by("Port", "Port", asText)), nest("ReadEndpoint", "", as("Address", "ReaderEndpoint")),
			made("ManageMasterUserPassword", func(o object) any { return get(o, "MasterUserSecret") != nil }),
			extra(like("ClusterCreateTime MultiAZ Status ActivityStreamStatus DBClusterMembers[]{DBInstanceIdentifier IsClusterWriter}:set")),
		),
	},
}

// Snapshots have no types in CloudFormation; their names are those of AWS Config, their members those
// of the API.

var dbSnapshots = &listing{
	items: "DBSnapshots[]", token: "Marker", keep: relational,
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*rds.DescribeDBSnapshotsOutput, error) {
		return r.rds().DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{SnapshotType: sdk.String("manual"), Marker: token, MaxRecords: rdsPage})
	}),
	kind: &kind{
		name: "AWS::RDS::DBSnapshot", id: "{DBSnapshotArn}", title: "DBSnapshotIdentifier", uid: "SnapshotCreateTime", tags: "TagList",
		fields: like(`AllocatedStorage AvailabilityZone DBInstanceIdentifier DBSnapshotArn DBSnapshotIdentifier DbiResourceId Encrypted Engine EngineVersion
			IAMDatabaseAuthenticationEnabled InstanceCreateTime KmsKeyId LicenseModel MasterUsername OriginalSnapshotCreateTime Port SnapshotCreateTime
			SnapshotType SourceDBSnapshotIdentifier SourceRegion Status StorageType VpcId`),
		facets: []*facet{{
			name: "attributes", fields: made("RestoreAttribute", func(o object) any { return restorers(o, "DBSnapshotAttributesResult.DBSnapshotAttributes[]") }),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*rds.DescribeDBSnapshotAttributesOutput, error) {
				return r.rds().DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: sdk.String(text(o, "DBSnapshotIdentifier"))})
			}),
		}},
	},
}

var clusterSnapshots = &listing{
	items: "DBClusterSnapshots[]", token: "Marker", keep: relational,
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*rds.DescribeDBClusterSnapshotsOutput, error) {
		return r.rds().DescribeDBClusterSnapshots(ctx, &rds.DescribeDBClusterSnapshotsInput{SnapshotType: sdk.String("manual"), Marker: token, MaxRecords: rdsPage})
	}),
	kind: &kind{
		name: "AWS::RDS::DBClusterSnapshot", id: "{DBClusterSnapshotArn}", title: "DBClusterSnapshotIdentifier", uid: "SnapshotCreateTime", tags: "TagList",
		fields: like(`AllocatedStorage AvailabilityZones:set ClusterCreateTime DBClusterIdentifier DBClusterSnapshotArn DBClusterSnapshotIdentifier Engine EngineVersion
			IAMDatabaseAuthenticationEnabled KmsKeyId LicenseModel MasterUsername Port SnapshotCreateTime SnapshotType SourceDBClusterSnapshotArn Status
			StorageEncrypted StorageType VpcId`),
		facets: []*facet{{
			name: "attributes", fields: made("RestoreAttribute", func(o object) any {
				return restorers(o, "DBClusterSnapshotAttributesResult.DBClusterSnapshotAttributes[]")
			}),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*rds.DescribeDBClusterSnapshotAttributesOutput, error) {
				return r.rds().DescribeDBClusterSnapshotAttributes(ctx, &rds.DescribeDBClusterSnapshotAttributesInput{DBClusterSnapshotIdentifier: sdk.String(text(o, "DBClusterSnapshotIdentifier"))})
			}),
		}},
	},
}

// restorers are the accounts that may restore a snapshot, "all" for anybody.
func restorers(o object, path string) any {
	for _, attribute := range list(o, path) {
		if text(attribute, "AttributeName") == "restore" {
			if accounts, ok := get(attribute, "AttributeValues").([]any); ok {
				return sorted(accounts)
			}
		}
	}
	return []any{}
}
