package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// ec2Service are instances, what they are made of, the network around them, and the settings of the
// region. What lists a lot is asked for in pages, because EC2 gives unpaged calls a smaller quota.
var ec2Service = &service{
	name: "ec2", client: "ec2",
	listings: []*listing{
		instances, volumes, snapshots, images,
		securityGroups, vpcs, subnets, networkACLs, addresses, flowLogs, routeTables, internetGateways, networkInterfaces,
		ebsEncryption, snapshotBlock, imageBlock, metadataDefaults,
	},
}

func (r *run) ec2() *ec2.Client { return ec2.NewFromConfig(r.config()) }

// ec2Page is how many things EC2 gives in one answer at most.
var ec2Page = sdk.Int32(1000)

const ec2ARN = "arn:{partition}:ec2:{region}:{account}:"

var instances = &listing{
	items: "Reservations[].Instances[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeInstancesOutput, error) {
		return r.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: ec2Page, NextToken: token})
	}),
	// A terminated instance is shown for about an hour, and is none any more.
	keep: func(_ *run, o object) bool {
		return text(o, "State.Name") != string(ec2types.InstanceStateNameTerminated)
	},
	kind: &kind{
		name: "AWS::EC2::Instance", id: ec2ARN + "instance/{InstanceId}", tags: "Tags",
		fields: join(
			same("EbsOptimized", "ImageId", "InstanceId", "InstanceType", "KernelId", "KeyName", "PrivateDnsName",
				"PrivateIpAddress", "PublicDnsName", "RamdiskId", "SourceDestCheck", "SubnetId", "VpcId"),
			as("Affinity", "Placement.Affinity"), as("AvailabilityZone", "Placement.AvailabilityZone"),
			as("HostId", "Placement.HostId"), as("HostResourceGroupArn", "Placement.HostResourceGroupArn"),
			as("PlacementGroupName", "Placement.GroupName"), as("Tenancy", "Placement.Tenancy"),
			as("PrivateIp", "PrivateIpAddress"), as("PublicIp", "PublicIpAddress"),
			set("SecurityGroupIds", "SecurityGroups[].GroupId"), set("SecurityGroups", "SecurityGroups[].GroupName"),
			by("IamInstanceProfile", "IamInstanceProfile.Arn", lastOf), by("Monitoring", "Monitoring.State", is("enabled", "pending")),
			nest("CpuOptions", "CpuOptions", same("CoreCount", "ThreadsPerCore")),
			nest("EnclaveOptions", "EnclaveOptions", same("Enabled")), nest("HibernationOptions", "HibernationOptions", same("Configured")),
			nest("LicenseSpecifications", "Licenses[]", same("LicenseConfigurationArn")),
			nest("MetadataOptions", "MetadataOptions", same("HttpEndpoint", "HttpProtocolIpv6", "HttpPutResponseHopLimit", "HttpTokens", "InstanceMetadataTags")),
			nest("PrivateDnsNameOptions", "PrivateDnsNameOptions", same("EnableResourceNameDnsAAAARecord", "EnableResourceNameDnsARecord", "HostnameType")),
			nest("State", "State", by("Code", "Code", asText), same("Name")),
			sets("Volumes", "BlockDeviceMappings[]", as("Device", "DeviceName"), as("VolumeId", "Ebs.VolumeId")),
			sets("BlockDeviceMappings", "BlockDeviceMappings[]", same("DeviceName"), nest("Ebs", "Ebs", same("DeleteOnTermination"))),
			sets("NetworkInterfaces", "NetworkInterfaces[]", instanceInterface),
			extra(same("Architecture", "InstanceLifecycle", "LaunchTime", "Platform", "PlatformDetails", "RootDeviceName", "StateTransitionReason")),
		),
		facets: []*facet{
			attribute("termination", ec2types.InstanceAttributeNameDisableApiTermination, as("DisableApiTermination", "DisableApiTermination.Value")),
			attribute("shutdown", ec2types.InstanceAttributeNameInstanceInitiatedShutdownBehavior, as("InstanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior.Value")),
			attribute("userdata", ec2types.InstanceAttributeNameUserData, as("UserData", "UserData.Value")),
		},
	},
}

var instanceInterface = join(
	same("Description", "NetworkInterfaceId", "PrivateIpAddress", "SubnetId"),
	as("DeleteOnTermination", "Attachment.DeleteOnTermination"), by("DeviceIndex", "Attachment.DeviceIndex", asText),
	set("GroupSet", "Groups[].GroupId"),
	nest("Ipv6Addresses", "Ipv6Addresses[]", same("Ipv6Address")),
	nest("PrivateIpAddresses", "PrivateIpAddresses[]", same("Primary", "PrivateIpAddress")),
)

func lastOf(value any) any {
	if source, _ := value.(string); source != "" {
		return last(source)
	}
	return nil
}

// attribute is a facet that reads one attribute of an instance.
func attribute(name string, of ec2types.InstanceAttributeName, fs fields) *facet {
	return &facet{name: name, fields: fs, call: ask(func(ctx context.Context, r *run, o object, _ *string) (*ec2.DescribeInstanceAttributeOutput, error) {
		return r.ec2().DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: sdk.String(text(o, "InstanceId")), Attribute: of})
	})}
}

var volumes = &listing{
	items: "Volumes[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeVolumesOutput, error) {
		return r.ec2().DescribeVolumes(ctx, &ec2.DescribeVolumesInput{MaxResults: sdk.Int32(500), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::Volume", id: ec2ARN + "volume/{VolumeId}", tags: "Tags",
		fields: join(
			same("AvailabilityZone", "AvailabilityZoneId", "Encrypted", "Iops", "KmsKeyId", "MultiAttachEnabled", "OutpostArn",
				"Size", "SnapshotId", "SourceVolumeId", "Throughput", "VolumeId", "VolumeType"),
			as("VolumeInitializationRate", "VolumeInitializationRate"),
			extra(same("CreateTime", "State"), sets("Attachments", "Attachments[]", same("AttachTime", "DeleteOnTermination", "Device", "InstanceId", "State"))),
		),
	},
}

var snapshots = &listing{
	items: "Snapshots[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeSnapshotsOutput, error) {
		return r.ec2().DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::Snapshot", id: "arn:{partition}:ec2:{region}::snapshot/{SnapshotId}", tags: "Tags",
		fields: same("CompletionTime", "DataEncryptionKeyId", "Description", "Encrypted", "KmsKeyId", "OwnerId", "SnapshotId", "StartTime",
			"State", "StorageTier", "VolumeId", "VolumeSize"),
		facets: []*facet{
			{name: "public", fields: same("Public"), call: ask(snapshotIsPublic)},
			{name: "permissions", fields: sets("CreateVolumePermissions", "CreateVolumePermissions[]", same("Group", "UserId")),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*ec2.DescribeSnapshotAttributeOutput, error) {
					return r.ec2().DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{
						SnapshotId: sdk.String(text(o, "SnapshotId")), Attribute: ec2types.SnapshotAttributeNameCreateVolumePermission,
					})
				})},
		},
	},
}

// snapshotIsPublic tells whether anybody may restore a snapshot. One listing of those that anybody may
// restore answers for all of a region.
func snapshotIsPublic(ctx context.Context, r *run, o object, _ *string) (*publicity, error) {
	public, err := once(ctx, r, "public snapshots", func(ctx context.Context) (map[string]bool, error) {
		public := map[string]bool{}
		l := &listing{sections: []section{{items: "Snapshots[]"}}, call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeSnapshotsOutput, error) {
			return r.ec2().DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{
				OwnerIds: []string{"self"}, RestorableByUserIds: []string{"all"}, MaxResults: ec2Page, NextToken: token,
			})
		})}
		return public, r.pages(ctx, l, nil, func(_ *kind, items []object) error {
			for _, o := range items {
				public[text(o, "SnapshotId")] = true
			}
			return nil
		})
	})
	return &publicity{public[text(o, "SnapshotId")]}, err
}

// publicity is the answer of snapshotIsPublic.
type publicity struct{ Public bool }

var images = &listing{
	items: "Images[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeImagesOutput, error) {
		return r.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{
			Owners: []string{"self"}, IncludeDeprecated: sdk.Bool(true), IncludeDisabled: sdk.Bool(true), MaxResults: ec2Page, NextToken: token,
		})
	}),
	kind: &kind{
		name: "AWS::EC2::Image", id: "arn:{partition}:ec2:{region}::image/{ImageId}", title: "Name", tags: "Tags",
		fields: join(
			same("Architecture", "CreationDate", "DeprecationTime", "Description", "EnaSupport", "Hypervisor", "ImageId", "ImageLocation", "ImageType",
				"ImdsSupport", "LastLaunchedTime", "Name", "OwnerId", "PlatformDetails", "Public", "RootDeviceName", "RootDeviceType",
				"SourceInstanceId", "State", "VirtualizationType"),
			nest("BlockDeviceMappings", "BlockDeviceMappings[]", same("DeviceName", "VirtualName"),
				nest("Ebs", "Ebs", same("DeleteOnTermination", "Encrypted", "KmsKeyId", "SnapshotId", "VolumeSize", "VolumeType"))),
		),
		facets: []*facet{{
			name: "permissions", fields: sets("LaunchPermissions", "LaunchPermissions[]", same("Group", "OrganizationArn", "OrganizationalUnitArn", "UserId")),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*ec2.DescribeImageAttributeOutput, error) {
				return r.ec2().DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{
					ImageId: sdk.String(text(o, "ImageId")), Attribute: ec2types.ImageAttributeNameLaunchPermission,
				})
			}),
		}},
	},
}
