package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
)

var eksService = &service{name: "eks", client: "eks", listings: []*listing{eksClusters}}

func (r *run) eks() *eks.Client { return eks.NewFromConfig(r.config()) }

var eksClusters = &listing{
	items: "Clusters[]", key: "Name",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*eks.ListClustersOutput, error) {
		return r.eks().ListClusters(ctx, &eks.ListClustersInput{MaxResults: sdk.Int32(100), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EKS::Cluster", id: "arn:{partition}:eks:{region}:{account}:cluster/{Name}", title: "Name", uid: "Cluster.CreatedAt", tags: "Cluster.Tags",
		fields: same("Name"),
		facets: []*facet{{
			name: "cluster", always: true, tags: true,
			fields: under("Cluster", like(`AccessConfig{AuthenticationMode BootstrapClusterCreatorAdminPermissions} Arn CertificateAuthorityData=CertificateAuthority.Data
				ClusterSecurityGroupId=ResourcesVpcConfig.ClusterSecurityGroupId ComputeConfig{Enabled NodePools NodeRoleArn} ControlPlaneScalingConfig{Tier}
				DeletionProtection EncryptionConfig[]{Provider{KeyArn} Resources} Endpoint Id
				KubernetesNetworkConfig{ElasticLoadBalancing{Enabled} IpFamily ServiceIpv4Cidr ServiceIpv6Cidr} OpenIdConnectIssuerUrl=Identity.Oidc.Issuer
				OutpostConfig{ControlPlaneInstanceType ControlPlanePlacement{GroupName} OutpostArns}
				RemoteNetworkConfig{RemoteNodeNetworks[]{Cidrs} RemotePodNetworks[]{Cidrs}}
				ResourcesVpcConfig{EndpointPrivateAccess EndpointPublicAccess PublicAccessCidrs:set SecurityGroupIds:set SubnetIds:set}
				RoleArn StorageConfig{BlockStorage{Enabled}} UpgradePolicy{SupportType} Version ZonalShiftConfig{Enabled}`),
				made("EncryptionConfigKeyArn", func(o object) any { return first(list(o, "EncryptionConfig[].Provider.KeyArn")) }),
				made("Logging", clusterLogging),
				nest(Extra, "", like("CreatedAt PlatformVersion Status VpcId=ResourcesVpcConfig.VpcId"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*eks.DescribeClusterOutput, error) {
				return r.eks().DescribeCluster(ctx, &eks.DescribeClusterInput{Name: named(o)})
			}),
		}},
		children: []*listing{nodegroups},
	},
}

// clusterLogging are the logs that are on. EKS lists those that are off too.
func clusterLogging(cluster object) any {
	if get(cluster, "Logging") == nil {
		return nil
	}
	types := []any{}
	for _, setup := range list(cluster, "Logging.ClusterLogging[]") {
		if get(setup, "Enabled") != true {
			continue
		}
		for _, name := range list(setup, "Types") {
			types = append(types, object{"Type": name})
		}
	}
	return object{"ClusterLogging": object{"EnabledTypes": sorted(types)}}
}

var nodegroups = &listing{
	items: "Nodegroups[]", key: "NodegroupName",
	call: ask(func(ctx context.Context, r *run, o object, token *string) (*eks.ListNodegroupsOutput, error) {
		return r.eks().ListNodegroups(ctx, &eks.ListNodegroupsInput{ClusterName: named(o), MaxResults: sdk.Int32(100), NextToken: token})
	}),
	prepare: func(_ *run, parent, o object) object {
		o["ClusterName"] = parent["Name"]
		return o
	},
	kind: &kind{
		// The ARN of a nodegroup ends with an id that only its description tells.
		name: "AWS::EKS::Nodegroup", id: "arn:{partition}:eks:{region}:{account}:nodegroup/{ClusterName}/{NodegroupName}", title: "NodegroupName",
		uid: "Nodegroup.CreatedAt", tags: "Nodegroup.Tags",
		fields: same("ClusterName", "NodegroupName"),
		facets: []*facet{{
			name: "nodegroup", always: true, tags: true,
			fields: under("Nodegroup", like(`AmiType Arn=NodegroupArn CapacityType DiskSize InstanceTypes Labels LaunchTemplate{Id Name Version}
				NodeRepairConfig{Enabled MaxParallelNodesRepairedCount MaxParallelNodesRepairedPercentage MaxUnhealthyNodeThresholdCount
					MaxUnhealthyNodeThresholdPercentage NodeRepairConfigOverrides[]{MinRepairWaitTimeMins NodeMonitoringCondition NodeUnhealthyReason RepairAction}}
				NodeRole ReleaseVersion RemoteAccess{Ec2SshKey SourceSecurityGroups:set} ScalingConfig{DesiredSize MaxSize MinSize}
				Subnets:set Taints[]{Effect Key Value} UpdateConfig{MaxUnavailable MaxUnavailablePercentage UpdateStrategy} Version
				WarmPoolConfig{Enabled MaxGroupPreparedCapacity MinSize PoolState ReuseOnScaleIn}`),
				nest(Extra, "", like("CreatedAt Status"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*eks.DescribeNodegroupOutput, error) {
				return r.eks().DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: sdk.String(text(o, "ClusterName")), NodegroupName: sdk.String(text(o, "NodegroupName"))})
			}),
		}},
	},
}
