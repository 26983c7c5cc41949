# Policies of aws-foundations once more. Each stands for the one of its name.
package aws

import data.cloudaudit.age
import data.cloudaudit.iam
import data.cloudaudit.network
import data.cloudaudit.tags
import data.cloudaudit.versions

# METADATA
# custom: {types: ["AWS::S3::BucketPolicy"]}
deny_s3_bucket_policy_public contains "public" if count(iam.public_statements(input.properties.PolicyDocument)) > 0

# METADATA
# custom: {types: ["AWS::KMS::Key"]}
deny_kms_key_policy_public contains "public" if iam.is_public(input.properties.KeyPolicy)

# METADATA
# custom: {types: ["AWS::IAM::Role"]}
deny_iam_role_trust_public contains "public" if iam.is_public(input.properties.AssumeRolePolicyDocument)

# METADATA
# custom: {types: ["AWS::IAM::ManagedPolicy"]}
deny_iam_policy_admin contains "allows everything" if {
	not input.properties.AttachmentCount == 0
	count(iam.admin_statements(input.properties.PolicyDocument)) > 0
}

# METADATA
# custom: {types: ["AWS::S3::Bucket"]}
deny_s3_bucket_tls contains "plain" if {
	arn := input.properties.Arn
	not iam.requires_tls(bucket_policy, "s3", [arn, concat("", [arn, "/*"])])
}

default bucket_policy := null

bucket_policy := input.properties._aws.Policy

# METADATA
# custom: {types: ["AWS::EC2::SecurityGroup"]}
deny_ec2_security_group_open_admin_ports contains {"msg": "open", "key": sprintf("%d", [port])} if {
	some port in data.config.deny_ec2_security_group_open_admin_ports.ports
	some rule in input.properties.SecurityGroupIngress
	network.has_protocol(rule.IpProtocol, "tcp")
	network.is_world([object.get(rule, "CidrIp", null), object.get(rule, "CidrIpv6", null)])
	network.ports_overlap(network.ports(object.get(rule, "FromPort", null), object.get(rule, "ToPort", null)), port)
}

# METADATA
# custom: {types: ["AWS::CertificateManager::Certificate"]}
deny_acm_certificate_expiry contains "ends" if {
	not idle
	age.days(input.properties._aws.NotAfter) >= 0 - data.config.deny_acm_certificate_expiry.days
}

idle if input.properties._aws.InUse != true

idle if {
	status := input.properties._aws.Status
	not status in {"ISSUED", "EXPIRED"}
}

# METADATA
# custom: {types: ["AWS::Lambda::Function"]}
deny_lambda_runtime contains "old" if {
	runtime := input.properties.Runtime
	oldest := data.config.deny_lambda_runtime.oldest[versions.product(runtime)]
	versions.below(numbered(runtime), oldest)
}

numbered(runtime) := runtime if regex.match("[0-9]", runtime)

numbered(runtime) := "0" if not regex.match("[0-9]", runtime)

# METADATA
# custom:
#   types:
#     - AWS::EC2::Instance
#     - AWS::EC2::Volume
#     - AWS::EC2::VPC
#     - AWS::S3::Bucket
#     - AWS::RDS::DBInstance
#     - AWS::RDS::DBCluster
#     - AWS::DynamoDB::Table
#     - AWS::Lambda::Function
#     - AWS::ElasticLoadBalancingV2::LoadBalancer
#     - AWS::EKS::Cluster
#     - AWS::KMS::Key
#     - AWS::SQS::Queue
#     - AWS::SNS::Topic
deny_resource_required_tags contains {"msg": "missing", "key": key} if {
	some key in tags.missing(input.tags, data.config.deny_resource_required_tags.tags)
}

# METADATA
# custom: {types: ["AWS::EC2::VPC", "AWS::EC2::FlowLog"]}
stack_deny_vpc_flow_logs contains {"msg": "no log", "key": vpc.properties.VpcId} if {
	some vpc in input.resources
	vpc.type == "AWS::EC2::VPC"
	not logged(vpc.properties.VpcId)
	not exempt(vpc)
}

logged(id) if {
	some log in input.resources
	log.type == "AWS::EC2::FlowLog"
	log.properties.ResourceId == id
	object.get(log.properties, "TrafficType", "ALL") in data.config.stack_deny_vpc_flow_logs.traffic
}

exempt(vpc) if {
	some tag in data.config.stack_deny_vpc_flow_logs.exemptTags
	tags.has(vpc.tags, tag)
}
