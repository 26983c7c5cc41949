package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

var ecsService = &service{name: "ecs", client: "ecs", listings: []*listing{ecsClusters, taskDefinitions}}

func (r *run) ecs() *ecs.Client { return ecs.NewFromConfig(r.config()) }

var ecsPage = sdk.Int32(100)

const strategyMembers = "[]{Base CapacityProvider Weight}"

var ecsClusters = &listing{
	items: "ClusterArns[]", key: "ClusterArn", most: 100, described: "Clusters[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ecs.ListClustersOutput, error) {
		return r.ecs().ListClusters(ctx, &ecs.ListClustersInput{MaxResults: ecsPage, NextToken: token})
	}),
	describe: ask(func(ctx context.Context, r *run, o object, _ *string) (*ecs.DescribeClustersOutput, error) {
		return r.ecs().DescribeClusters(ctx, &ecs.DescribeClustersInput{
			Clusters: namesIn(o), Include: []ecstypes.ClusterField{ecstypes.ClusterFieldSettings, ecstypes.ClusterFieldConfigurations, ecstypes.ClusterFieldTags},
		})
	}),
	keep: func(_ *run, o object) bool { return text(o, "Status") != "INACTIVE" },
	kind: &kind{
		name: "AWS::ECS::Cluster", id: "{ClusterArn}", title: "ClusterName", tags: "Tags",
		fields: join(like(`Arn=ClusterArn CapacityProviders:set ClusterName ClusterSettings=Settings[]{Name Value}:set
			Configuration{ExecuteCommandConfiguration{KmsKeyId LogConfiguration{CloudWatchEncryptionEnabled CloudWatchLogGroupName=CloudWatchLogGroupName
				S3BucketName=S3BucketName S3EncryptionEnabled S3KeyPrefix} Logging} ManagedStorageConfiguration{FargateEphemeralStorageKmsKeyId KmsKeyId}}
			DefaultCapacityProviderStrategy`+strategyMembers), extra(same("Status"))),
		children: []*listing{ecsServices},
	},
}

var ecsServices = &listing{
	items: "ServiceArns[]", key: "ServiceArn", most: 10, described: "Services[]",
	call: ask(func(ctx context.Context, r *run, o object, token *string) (*ecs.ListServicesOutput, error) {
		return r.ecs().ListServices(ctx, &ecs.ListServicesInput{Cluster: sdk.String(text(o, "ClusterArn")), MaxResults: ecsPage, NextToken: token})
	}),
	describe: ask(func(ctx context.Context, r *run, o object, _ *string) (*ecs.DescribeServicesOutput, error) {
		return r.ecs().DescribeServices(ctx, &ecs.DescribeServicesInput{
			Cluster: sdk.String(text(o, "ClusterArn")), Services: namesIn(o), Include: []ecstypes.ServiceField{ecstypes.ServiceFieldTags},
		})
	}),
	keep: func(_ *run, o object) bool { return text(o, "Status") != "INACTIVE" },
	kind: &kind{
		name: "AWS::ECS::Service", id: "{ServiceArn}", title: "ServiceName", uid: "CreatedAt", tags: "Tags",
		fields: join(
			like(`AvailabilityZoneRebalancing CapacityProviderStrategy`+strategyMembers+` Cluster=ClusterArn
				DeploymentConfiguration{Alarms{AlarmNames Enable Rollback} BakeTimeInMinutes CanaryConfiguration{CanaryBakeTimeInMinutes CanaryPercent}
					DeploymentCircuitBreaker{Enable Rollback} LinearConfiguration{StepBakeTimeInMinutes StepPercent} MaximumPercent MinimumHealthyPercent Strategy
					LifecycleHooks[]{HookTargetArn LifecycleStages RoleArn}}
				DeploymentController{Type} DesiredCount EnableECSManagedTags EnableExecuteCommand HealthCheckGracePeriodSeconds LaunchType
				LoadBalancers[]{AdvancedConfiguration{AlternateTargetGroupArn ProductionListenerRule RoleArn TestListenerRule} ContainerName ContainerPort LoadBalancerName TargetGroupArn}
				Name=ServiceName NetworkConfiguration{AwsvpcConfiguration{AssignPublicIp SecurityGroups:set Subnets:set}}
				PlacementConstraints[]{Expression Type} PlacementStrategies=PlacementStrategy[]{Field Type} PlatformVersion PropagateTags Role=RoleArn SchedulingStrategy
				ServiceArn ServiceName ServiceRegistries[]{ContainerName ContainerPort Port RegistryArn} TaskDefinition`),
			extra(like("CreatedAt PlatformFamily Status")),
		),
	},
}

// taskDefinitions are the newest active ones of each family: services and people use those, and a
// family may have thousands before it.
var taskDefinitions = &listing{
	items: "Families[]", key: "Family", most: 1,
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
		return r.ecs().ListTaskDefinitionFamilies(ctx, &ecs.ListTaskDefinitionFamiliesInput{
			Status: ecstypes.TaskDefinitionFamilyStatusActive, MaxResults: ecsPage, NextToken: token,
		})
	}),
	describe: ask(func(ctx context.Context, r *run, o object, _ *string) (*ecs.DescribeTaskDefinitionOutput, error) {
		return r.ecs().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
			TaskDefinition: sdk.String(namesIn(o)[0]), Include: []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags},
		})
	}),
	kind: &kind{
		name: "AWS::ECS::TaskDefinition", id: "{TaskDefinition.TaskDefinitionArn}", title: "TaskDefinition.Family", tags: "Tags",
		fields: under("TaskDefinition",
			like(`Cpu EnableFaultInjection EphemeralStorage{SizeInGiB} ExecutionRoleArn Family InferenceAccelerators[]{DeviceName DeviceType} IpcMode Memory
				NetworkMode PidMode PlacementConstraints[]{Expression Type} ProxyConfiguration{ContainerName ProxyConfigurationProperties=Properties[]{Name Value} Type}
				RequiresCompatibilities RuntimePlatform{CpuArchitecture OperatingSystemFamily} TaskDefinitionArn TaskRoleArn
				Volumes[]{ConfiguredAtLaunch DockerVolumeConfiguration{Autoprovision Driver DriverOpts Labels Scope} Host{SourcePath} Name
					EFSVolumeConfiguration=EfsVolumeConfiguration{AuthorizationConfig{AccessPointId IAM=Iam} FilesystemId=FileSystemId RootDirectory TransitEncryption TransitEncryptionPort}
					FSxWindowsFileServerVolumeConfiguration=FsxWindowsFileServerVolumeConfiguration{AuthorizationConfig{CredentialsParameter Domain} FileSystemId RootDirectory}}`),
			nest("ContainerDefinitions", "ContainerDefinitions[]", like(containerMembers)),
			nest(Extra, "", like("RegisteredAt Revision Status"))),
	},
}

const containerMembers = `Command Cpu CredentialSpecs DependsOn[]{Condition ContainerName} DisableNetworking DnsSearchDomains DnsServers DockerLabels
	DockerSecurityOptions EntryPoint Environment[]{Name Value} EnvironmentFiles[]{Type Value} Essential ExtraHosts[]{Hostname IpAddress}
	FirelensConfiguration{Options Type} HealthCheck{Command Interval Retries StartPeriod Timeout} Hostname Image Interactive Links
	LinuxParameters{Capabilities{Add Drop} Devices[]{ContainerPath HostPath Permissions} InitProcessEnabled MaxSwap SharedMemorySize Swappiness
		Tmpfs[]{ContainerPath MountOptions Size}}
	LogConfiguration{LogDriver Options SecretOptions[]{Name ValueFrom}} Memory MemoryReservation MountPoints[]{ContainerPath ReadOnly SourceVolume} Name
	PortMappings[]{AppProtocol ContainerPort ContainerPortRange HostPort Name Protocol} Privileged PseudoTerminal ReadonlyRootFilesystem
	RepositoryCredentials{CredentialsParameter} ResourceRequirements[]{Type Value} RestartPolicy{Enabled IgnoredExitCodes RestartAttemptPeriod}
	Secrets[]{Name ValueFrom} StartTimeout StopTimeout SystemControls[]{Namespace Value} Ulimits[]{HardLimit Name SoftLimit} User VersionConsistency
	VolumesFrom[]{ReadOnly SourceContainer} WorkingDirectory`
