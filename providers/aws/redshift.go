package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
)

var redshiftService = &service{name: "redshift", client: "redshift", listings: []*listing{warehouses}}

func (r *run) redshift() *redshift.Client { return redshift.NewFromConfig(r.config()) }

var warehouses = &listing{
	items: "Clusters[]", token: "Marker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*redshift.DescribeClustersOutput, error) {
		return r.redshift().DescribeClusters(ctx, &redshift.DescribeClustersInput{Marker: token, MaxRecords: sdk.Int32(100)})
	}),
	kind: &kind{
		name: "AWS::Redshift::Cluster", id: "arn:{partition}:redshift:{region}:{account}:cluster:{ClusterIdentifier}", title: "ClusterIdentifier",
		uid: "ClusterCreateTime", tags: "Tags",
		fields: join(
			like(`AllowVersionUpgrade AquaConfigurationStatus=AquaConfiguration.AquaConfigurationStatus AutomatedSnapshotRetentionPeriod AvailabilityZone
				AvailabilityZoneRelocationStatus ClusterIdentifier ClusterNamespaceArn ClusterSecurityGroups=ClusterSecurityGroups[].ClusterSecurityGroupName:set
				ClusterSubnetGroupName ClusterVersion DBName DestinationRegion=ClusterSnapshotCopyStatus.DestinationRegion ElasticIp=ElasticIpStatus.ElasticIp
				Encrypted Endpoint{Address Port:text} EnhancedVpcRouting HsmClientCertificateIdentifier=HsmStatus.HsmClientCertificateIdentifier
				HsmConfigurationIdentifier=HsmStatus.HsmConfigurationIdentifier IamRoles=IamRoles[].IamRoleArn:set KmsKeyId MaintenanceTrackName
				ManualSnapshotRetentionPeriod MasterPasswordSecretArn MasterPasswordSecretKmsKeyId MasterUsername NodeType NumberOfNodes Port=Endpoint.Port
				PreferredMaintenanceWindow PubliclyAccessible SnapshotCopyGrantName=ClusterSnapshotCopyStatus.SnapshotCopyGrantName
				SnapshotCopyRetentionPeriod=ClusterSnapshotCopyStatus.RetentionPeriod VpcSecurityGroupIds=VpcSecurityGroups[].VpcSecurityGroupId:set`),
			made("ClusterParameterGroupName", func(o object) any { return first(list(o, "ClusterParameterGroups[].ParameterGroupName")) }),
			made("ClusterType", func(o object) any {
				if n := get(o, "NumberOfNodes"); n == nil || n == number(1) {
					return "single-node"
				}
				return "multi-node"
			}),
			by("MultiAZ", "MultiAZ", is("Enabled", "enabled")),
			extra(same("ClusterAvailabilityStatus", "ClusterCreateTime", "ClusterStatus", "VpcId")),
		),
		facets: []*facet{
			{name: "logging", fields: join(made("LoggingProperties", auditLogs), extra(same("LoggingEnabled"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*redshift.DescribeLoggingStatusOutput, error) {
					return r.redshift().DescribeLoggingStatus(ctx, &redshift.DescribeLoggingStatusInput{ClusterIdentifier: sdk.String(text(o, "ClusterIdentifier"))})
				})},
			{name: "parameters", fields: extra(same("Parameters")), call: ask(clusterParameters)},
		},
	},
}

// auditLogs are where a cluster logs to, nothing if it does not.
func auditLogs(status object) any {
	if status["LoggingEnabled"] != true {
		return nil
	}
	return like("BucketName LogDestinationType LogExports:set S3KeyPrefix").apply(status)
}

// parameters are those of a parameter group, by name.
type parameters struct{ Parameters map[string]any }

// clusterParameters reads the parameters of a cluster's group, once for all clusters that share it.
func clusterParameters(ctx context.Context, r *run, o object, _ *string) (*parameters, error) {
	group, _ := first(list(o, "ClusterParameterGroups[].ParameterGroupName")).(string)
	if group == "" {
		return &parameters{}, nil
	}
	return once(ctx, r, "parameters "+group, func(ctx context.Context) (*parameters, error) {
		read := &parameters{Parameters: map[string]any{}}
		l := &listing{
			sections: []section{{items: "Parameters[]"}}, token: "Marker",
			call: ask(func(ctx context.Context, r *run, _ object, token *string) (*redshift.DescribeClusterParametersOutput, error) {
				return r.redshift().DescribeClusterParameters(ctx, &redshift.DescribeClusterParametersInput{ParameterGroupName: &group, Marker: token})
			}),
		}
		return read, r.pages(ctx, l, nil, func(_ *kind, items []object) error {
			for _, parameter := range items {
				read.Parameters[text(parameter, "ParameterName")] = text(parameter, "ParameterValue")
			}
			return nil
		})
	})
}
