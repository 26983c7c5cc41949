package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
)

var efsService = &service{name: "efs", client: "efs", listings: []*listing{fileSystems}}

func (r *run) efs() *efs.Client { return efs.NewFromConfig(r.config()) }

func fileSystemOf(o object) *string { return sdk.String(text(o, "FileSystemId")) }

var fileSystems = &listing{
	items: "FileSystems[]", token: "NextMarker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*efs.DescribeFileSystemsOutput, error) {
		return r.efs().DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{Marker: token, MaxItems: sdk.Int32(100)})
	}),
	kind: &kind{
		name: "AWS::EFS::FileSystem", id: "{FileSystemArn}", title: "Name", uid: "CreationTime", tags: "Tags",
		fields: join(
			like(`Arn=FileSystemArn AvailabilityZoneName Encrypted FileSystemId FileSystemProtection{ReplicationOverwriteProtection} KmsKeyId PerformanceMode
				ProvisionedThroughputInMibps ThroughputMode`),
			extra(same("CreationTime", "LifeCycleState", "NumberOfMountTargets", "OwnerId")),
		),
		facets: []*facet{
			{name: "backup", absent: []string{"PolicyNotFound"}, fields: like("BackupPolicy{Status}"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*efs.DescribeBackupPolicyOutput, error) {
					return r.efs().DescribeBackupPolicy(ctx, &efs.DescribeBackupPolicyInput{FileSystemId: fileSystemOf(o)})
				})},
			{name: "policy", absent: []string{"PolicyNotFound"}, fields: like("FileSystemPolicy=Policy:document"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*efs.DescribeFileSystemPolicyOutput, error) {
					return r.efs().DescribeFileSystemPolicy(ctx, &efs.DescribeFileSystemPolicyInput{FileSystemId: fileSystemOf(o)})
				})},
			{name: "lifecycle", fields: like("LifecyclePolicies[]{TransitionToArchive TransitionToIA TransitionToPrimaryStorageClass}"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*efs.DescribeLifecycleConfigurationOutput, error) {
					return r.efs().DescribeLifecycleConfiguration(ctx, &efs.DescribeLifecycleConfigurationInput{FileSystemId: fileSystemOf(o)})
				})},
			{name: "replication", absent: []string{"ReplicationNotFound"},
				fields: made("ReplicationConfiguration", func(o object) any {
					if len(list(o, "Replications[]")) == 0 {
						return nil
					}
					return like("Destinations[]{FileSystemId Region RoleArn Status StatusMessage}:set").apply(first(list(o, "Replications[]")))
				}),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*efs.DescribeReplicationConfigurationsOutput, error) {
					return r.efs().DescribeReplicationConfigurations(ctx, &efs.DescribeReplicationConfigurationsInput{FileSystemId: fileSystemOf(o)})
				})},
		},
	},
}
