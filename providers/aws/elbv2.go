package aws

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

var elbv2Service = &service{name: "elbv2", client: "elbv2", listings: []*listing{loadBalancers}}

func (r *run) elbv2() *elb.Client { return elb.NewFromConfig(r.config()) }

func balancerOf(o object) *string { return sdk.String(text(o, "LoadBalancerArn")) }

var elbv2Tags = taggedMany(20, "TagDescriptions[]", "ResourceArn", "Tags",
	ask(func(ctx context.Context, r *run, o object, _ *string) (*elb.DescribeTagsOutput, error) {
		return r.elbv2().DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: namesIn(o)})
	}))

var loadBalancers = &listing{
	items: "LoadBalancers[]", token: "NextMarker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*elb.DescribeLoadBalancersOutput, error) {
		return r.elbv2().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: token, PageSize: sdk.Int32(400)})
	}),
	kind: &kind{
		name: "AWS::ElasticLoadBalancingV2::LoadBalancer", id: "{LoadBalancerArn}", title: "LoadBalancerName", tagged: elbv2Tags,
		fields: join(
			like(`CanonicalHostedZoneID=CanonicalHostedZoneId DNSName EnablePrefixForIpv6SourceNat EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic
				IpAddressType Ipv4IpamPoolId=IpamPools.Ipv4IpamPoolId LoadBalancerArn LoadBalancerName Name=LoadBalancerName Scheme SecurityGroups:set Type
				Subnets=AvailabilityZones[].SubnetId:set`),
			sets("SubnetMappings", "AvailabilityZones[]", same("SubnetId"), made("AllocationId", zoneAddress("AllocationId")),
				made("IPv6Address", zoneAddress("IPv6Address")), made("PrivateIPv4Address", zoneAddress("PrivateIPv4Address"))),
			made("LoadBalancerFullName", func(o object) any {
				_, name, _ := strings.Cut(text(o, "LoadBalancerArn"), ":loadbalancer/")
				return name
			}),
			extra(like("CreatedTime State=State.Code VpcId")),
		),
		facets: []*facet{{
			name: "attributes", fields: like("LoadBalancerAttributes=Attributes[]{Key Value}:set"),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*elb.DescribeLoadBalancerAttributesOutput, error) {
				return r.elbv2().DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: balancerOf(o)})
			}),
		}},
		children: []*listing{listeners},
	},
}

// zoneAddress gives a member of the first address that a load balancer has in a zone.
func zoneAddress(member string) func(object) any {
	return func(zone object) any { return first(list(zone, "LoadBalancerAddresses[]."+member)) }
}

var listeners = &listing{
	items: "Listeners[]", token: "NextMarker",
	call: ask(func(ctx context.Context, r *run, o object, token *string) (*elb.DescribeListenersOutput, error) {
		return r.elbv2().DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: balancerOf(o), Marker: token, PageSize: sdk.Int32(400)})
	}),
	kind: &kind{
		name: "AWS::ElasticLoadBalancingV2::Listener", id: "{ListenerArn}", tagged: elbv2Tags,
		fields: like(`AlpnPolicy Certificates[]{CertificateArn} ListenerArn LoadBalancerArn
			MutualAuthentication{AdvertiseTrustStoreCaNames IgnoreClientCertificateExpiry Mode TrustStoreArn} Port Protocol SslPolicy
			DefaultActions[]{Order TargetGroupArn Type
				AuthenticateCognitoConfig{AuthenticationRequestExtraParams OnUnauthenticatedRequest Scope SessionCookieName SessionTimeout:text
					UserPoolArn UserPoolClientId UserPoolDomain}
				AuthenticateOidcConfig{AuthenticationRequestExtraParams AuthorizationEndpoint ClientId Issuer OnUnauthenticatedRequest Scope SessionCookieName
					SessionTimeout:text TokenEndpoint UseExistingClientSecret UserInfoEndpoint}
				FixedResponseConfig{ContentType MessageBody StatusCode} RedirectConfig{Host Path Port Protocol Query StatusCode}
				ForwardConfig{TargetGroupStickinessConfig{DurationSeconds Enabled} TargetGroups[]{TargetGroupArn Weight}}
				JwtValidationConfig{AdditionalClaims[]{Format Name Values} Issuer JwksEndpoint}}`),
		facets: []*facet{{
			name: "attributes", fields: like("ListenerAttributes=Attributes[]{Key Value}:set"),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*elb.DescribeListenerAttributesOutput, error) {
				return r.elbv2().DescribeListenerAttributes(ctx, &elb.DescribeListenerAttributesInput{ListenerArn: sdk.String(text(o, "ListenerArn"))})
			}),
		}},
	},
}
