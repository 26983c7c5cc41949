package aws

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

var securityGroups = &listing{
	items: "SecurityGroups[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeSecurityGroupsOutput, error) {
		return r.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::SecurityGroup", id: ec2ARN + "security-group/{GroupId}", title: "GroupName", tags: "Tags",
		fields: join(
			same("GroupId", "GroupName", "VpcId"), as("Id", "GroupId"), as("GroupDescription", "Description"),
			made("SecurityGroupIngress", func(o object) any { return rules(o, "IpPermissions[]", "Source") }),
			made("SecurityGroupEgress", func(o object) any { return rules(o, "IpPermissionsEgress[]", "Destination") }),
		),
	},
}

// rules are the rules of a security group as CloudFormation has them: one for each range, prefix list
// or group, where EC2 gathers those of the same protocol and ports.
func rules(o object, path, side string) any {
	all := []any{}
	for _, permission := range list(o, path) {
		each := func(path, from, to string) {
			for _, target := range list(permission, path) {
				rule := join(same("IpProtocol", "FromPort", "ToPort")).apply(permission)
				mergeObjects(rule, join(as(to, from), same("Description")).apply(target))
				if side == "Source" && to == "SourceSecurityGroupId" {
					mergeObjects(rule, join(as("SourceSecurityGroupName", "GroupName"), as("SourceSecurityGroupOwnerId", "UserId")).apply(target))
				}
				all = append(all, rule)
			}
		}
		each("IpRanges[]", "CidrIp", "CidrIp")
		each("Ipv6Ranges[]", "CidrIpv6", "CidrIpv6")
		each("PrefixListIds[]", "PrefixListId", side+"PrefixListId")
		each("UserIdGroupPairs[]", "GroupId", side+"SecurityGroupId")
	}
	return sorted(all)
}

var vpcs = &listing{
	items: "Vpcs[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeVpcsOutput, error) {
		return r.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::VPC", id: ec2ARN + "vpc/{VpcId}", tags: "Tags",
		fields: join(
			same("CidrBlock", "InstanceTenancy", "VpcId"),
			set("CidrBlockAssociations", "CidrBlockAssociationSet[].AssociationId"),
			set("Ipv6CidrBlocks", "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock"),
			extra(same("DhcpOptionsId", "IsDefault", "OwnerId", "State"), set("CidrBlocks", "CidrBlockAssociationSet[].CidrBlock")),
		),
		facets: []*facet{
			vpcAttribute("dnssupport", ec2types.VpcAttributeNameEnableDnsSupport, as("EnableDnsSupport", "EnableDnsSupport.Value")),
			vpcAttribute("dnshostnames", ec2types.VpcAttributeNameEnableDnsHostnames, as("EnableDnsHostnames", "EnableDnsHostnames.Value")),
		},
	},
}

// vpcAttribute is a facet that reads one attribute of a VPC.
func vpcAttribute(name string, of ec2types.VpcAttributeName, fs fields) *facet {
	return &facet{name: name, fields: fs, call: ask(func(ctx context.Context, r *run, o object, _ *string) (*ec2.DescribeVpcAttributeOutput, error) {
		return r.ec2().DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: sdk.String(text(o, "VpcId")), Attribute: of})
	})}
}

var subnets = &listing{
	items: "Subnets[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeSubnetsOutput, error) {
		return r.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::Subnet", id: ec2ARN + "subnet/{SubnetId}", tags: "Tags",
		fields: join(
			same("AssignIpv6AddressOnCreation", "AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "EnableDns64", "EnableLniAtDeviceIndex",
				"Ipv6Native", "MapPublicIpOnLaunch", "OutpostArn", "SubnetId", "VpcId"),
			nest("BlockPublicAccessStates", "BlockPublicAccessStates", same("InternetGatewayBlockMode")),
			nest("PrivateDnsNameOptionsOnLaunch", "PrivateDnsNameOptionsOnLaunch", same("EnableResourceNameDnsAAAARecord", "EnableResourceNameDnsARecord", "HostnameType")),
			set("Ipv6CidrBlocks", "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock"),
			made("Ipv6CidrBlock", func(o object) any { return first(list(o, "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock")) }),
			extra(same("DefaultForAz", "OwnerId", "State")),
		),
	},
}

func first(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

var networkACLs = &listing{
	items: "NetworkAcls[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeNetworkAclsOutput, error) {
		return r.ec2().DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::NetworkAcl", id: ec2ARN + "network-acl/{NetworkAclId}", tags: "Tags",
		fields: join(
			as("Id", "NetworkAclId"), same("VpcId"),
			extra(same("IsDefault"),
				set("SubnetIds", "Associations[].SubnetId"),
				// The entries are resources of their own in CloudFormation, whose names they have here.
				sets("Entries", "Entries[]", same("CidrBlock", "Egress", "Ipv6CidrBlock", "RuleAction", "RuleNumber"), by("Protocol", "Protocol", numeric),
					nest("Icmp", "IcmpTypeCode", same("Code", "Type")), nest("PortRange", "PortRange", same("From", "To")))),
		),
	},
}

var addresses = &listing{
	items: "Addresses[]", token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*ec2.DescribeAddressesOutput, error) {
		return r.ec2().DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	}),
	prepare: func(_ *run, _, o object) object {
		if text(o, "AllocationId") == "" { // of EC2-Classic
			o["AllocationId"] = text(o, "PublicIp")
		}
		return o
	},
	kind: &kind{
		name: "AWS::EC2::EIP", id: ec2ARN + "elastic-ip/{AllocationId}", title: "PublicIp", tags: "Tags",
		fields: join(
			like("AllocationId Domain InstanceId:some NetworkBorderGroup PublicIp PublicIpv4Pool"),
			extra(like("AssociationId:some NetworkInterfaceId:some NetworkInterfaceOwnerId PrivateIpAddress:some")),
		),
	},
}

var flowLogs = &listing{
	items: "FlowLogs[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeFlowLogsOutput, error) {
		return r.ec2().DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::FlowLog", id: ec2ARN + "vpc-flow-log/{FlowLogId}", tags: "Tags",
		fields: join(
			as("Id", "FlowLogId"), as("DeliverCrossAccountRole", "DeliverCrossAccountRole"),
			same("DeliverLogsPermissionArn", "LogDestination", "LogDestinationType", "LogFormat", "LogGroupName", "MaxAggregationInterval", "ResourceId", "TrafficType"),
			by("ResourceType", "ResourceId", loggedKind),
			nest("DestinationOptions", "DestinationOptions", same("FileFormat", "HiveCompatiblePartitions", "PerHourPartition")),
			extra(same("CreationTime", "DeliverLogsErrorMessage", "DeliverLogsStatus", "FlowLogStatus")),
		),
	},
}

// loggedKind is what a flow log watches, which its id's beginning tells.
func loggedKind(id any) any {
	source, _ := id.(string)
	beginning, _, _ := strings.Cut(source, "-")
	switch beginning {
	case "vpc":
		return "VPC"
	case "subnet":
		return "Subnet"
	case "eni":
		return "NetworkInterface"
	case "tgw":
		if strings.HasPrefix(source, "tgw-attach-") {
			return "TransitGatewayAttachment"
		}
		return "TransitGateway"
	}
	return nil
}

var routeTables = &listing{
	items: "RouteTables[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeRouteTablesOutput, error) {
		return r.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{MaxResults: sdk.Int32(100), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::RouteTable", id: ec2ARN + "route-table/{RouteTableId}", tags: "Tags",
		fields: join(
			same("RouteTableId", "VpcId"),
			extra(
				sets("Associations", "Associations[]", same("GatewayId", "Main", "RouteTableAssociationId", "SubnetId")),
				// As with the entries of network ACLs, the names are those of AWS::EC2::Route.
				sets("Routes", "Routes[]", same("CarrierGatewayId", "CoreNetworkArn", "DestinationCidrBlock", "DestinationIpv6CidrBlock",
					"DestinationPrefixListId", "GatewayId", "InstanceId", "LocalGatewayId", "NatGatewayId", "NetworkInterfaceId", "TransitGatewayId"),
					as("EgressOnlyInternetGatewayId", "EgressOnlyInternetGatewayId"), as("VpcPeeringConnectionId", "VpcPeeringConnectionId"), same("Origin", "State")),
			),
		),
	},
}

var internetGateways = &listing{
	items: "InternetGateways[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeInternetGatewaysOutput, error) {
		return r.ec2().DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::InternetGateway", id: ec2ARN + "internet-gateway/{InternetGatewayId}", tags: "Tags",
		fields: join(same("InternetGatewayId"), extra(sets("Attachments", "Attachments[]", same("State", "VpcId")))),
	},
}

var networkInterfaces = &listing{
	items: "NetworkInterfaces[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*ec2.DescribeNetworkInterfacesOutput, error) {
		return r.ec2().DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{MaxResults: ec2Page, NextToken: token})
	}),
	kind: &kind{
		name: "AWS::EC2::NetworkInterface", id: ec2ARN + "network-interface/{NetworkInterfaceId}", tags: "TagSet",
		fields: join(
			as("Id", "NetworkInterfaceId"), same("Description", "InterfaceType", "PrivateIpAddress", "SourceDestCheck", "SubnetId", "VpcId"),
			set("GroupSet", "Groups[].GroupId"), as("PrimaryPrivateIpAddress", "PrivateIpAddress"),
			made("SecondaryPrivateIpAddresses", secondaryAddresses),
			nest("ConnectionTrackingSpecification", "ConnectionTrackingConfiguration", same("TcpEstablishedTimeout", "UdpStreamTimeout", "UdpTimeout")),
			nest("Ipv4Prefixes", "Ipv4Prefixes[]", same("Ipv4Prefix")), nest("Ipv6Prefixes", "Ipv6Prefixes[]", same("Ipv6Prefix")),
			nest("Ipv6Addresses", "Ipv6Addresses[]", same("Ipv6Address")),
			nest("PrivateIpAddresses", "PrivateIpAddresses[]", same("Primary", "PrivateIpAddress")),
			extra(as("PublicIp", "Association.PublicIp"), same("Attachment", "AvailabilityZone", "OwnerId", "RequesterId", "RequesterManaged", "Status")),
		),
	},
}

func secondaryAddresses(o object) any {
	all := []any{}
	for _, address := range list(o, "PrivateIpAddresses[]") {
		if get(address, "Primary") != true {
			all = append(all, get(address, "PrivateIpAddress"))
		}
	}
	return all
}
