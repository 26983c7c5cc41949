package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
)

var elasticacheService = &service{name: "elasticache", client: "elasticache", listings: []*listing{replicationGroups}}

var replicationGroups = &listing{
	items: "ReplicationGroups[]", token: "Marker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*elasticache.DescribeReplicationGroupsOutput, error) {
		return elasticache.NewFromConfig(r.config()).DescribeReplicationGroups(ctx, &elasticache.DescribeReplicationGroupsInput{Marker: token, MaxRecords: sdk.Int32(100)})
	}),
	kind: &kind{
		name: "AWS::ElastiCache::ReplicationGroup", id: "{ARN}", title: "ReplicationGroupId", uid: "ReplicationGroupCreateTime", tagged: tagged,
		fields: join(
			like(`AtRestEncryptionEnabled AutoMinorVersionUpgrade CacheNodeType ClusterMode ConfigurationEndPoint=ConfigurationEndpoint{Address Port:text} Engine
				GlobalReplicationGroupId=GlobalReplicationGroupInfo.GlobalReplicationGroupId IpDiscovery KmsKeyId
				LogDeliveryConfigurations[]{DestinationDetails{CloudWatchLogsDetails{LogGroup} KinesisFirehoseDetails{DeliveryStream}} DestinationType LogFormat LogType}
				NetworkType Port=ConfigurationEndpoint.Port ReplicationGroupDescription=Description ReplicationGroupId SnapshotRetentionLimit SnapshotWindow
				SnapshottingClusterId TransitEncryptionEnabled TransitEncryptionMode UserGroupIds:set`),
			by("AutomaticFailoverEnabled", "AutomaticFailover", is("enabled", "enabling")), by("MultiAZEnabled", "MultiAZ", is("enabled")),
			by("DataTieringEnabled", "DataTiering", is("enabled")),
			made("NumCacheClusters", func(o object) any { return number(int64(len(list(o, "MemberClusters")))) }),
			made("NumNodeGroups", func(o object) any { return number(int64(len(list(o, "NodeGroups")))) }),
			made("PrimaryEndPoint", func(o object) any { return endpointOf(o, "NodeGroups[].PrimaryEndpoint") }),
			made("ReaderEndPoint", func(o object) any { return endpointOf(o, "NodeGroups[].ReaderEndpoint") }),
			extra(like("AuthTokenEnabled AuthTokenLastModifiedDate MemberClusters:set ReplicationGroupCreateTime Status")),
		),
	},
}

// endpointOf is the endpoint of the one shard that a group without cluster mode has.
func endpointOf(o object, path string) any {
	endpoints := list(o, path)
	if len(endpoints) != 1 {
		return nil
	}
	return like("Address Port:text").apply(endpoints[0])
}
