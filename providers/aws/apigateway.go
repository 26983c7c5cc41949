package aws

import (
	"context"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

var apigatewayService = &service{name: "apigateway", client: "apigateway", listings: []*listing{restAPIs}}

func (r *run) apigateway() *apigateway.Client { return apigateway.NewFromConfig(r.config()) }

const gatewayARN = "arn:{partition}:apigateway:{region}::"

var restAPIs = &listing{
	items: "Items[]", token: "Position",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*apigateway.GetRestApisOutput, error) {
		return r.apigateway().GetRestApis(ctx, &apigateway.GetRestApisInput{Limit: sdk.Int32(500), Position: token})
	}),
	kind: &kind{
		name: "AWS::ApiGateway::RestApi", id: gatewayARN + "/restapis/{Id}", title: "Name", tags: "Tags",
		fields: join(
			like(`ApiKeySourceType=ApiKeySource BinaryMediaTypes:set Description DisableExecuteApiEndpoint EndpointAccessMode
				EndpointConfiguration{IpAddressType Types:set VpcEndpointIds:set} MinimumCompressionSize Name Policy:document RestApiId=Id RootResourceId SecurityPolicy`),
			extra(same("CreatedDate", "Version")),
		),
		children: []*listing{restStages},
	},
}

var restStages = &listing{
	items: "Item[]", token: "-",
	call: ask(func(ctx context.Context, r *run, o object, _ *string) (*apigateway.GetStagesOutput, error) {
		return r.apigateway().GetStages(ctx, &apigateway.GetStagesInput{RestApiId: sdk.String(text(o, "Id"))})
	}),
	prepare: func(_ *run, parent, o object) object {
		o["RestApiId"] = parent["Id"]
		return o
	},
	kind: &kind{
		name: "AWS::ApiGateway::Stage", id: gatewayARN + "/restapis/{RestApiId}/stages/{StageName}", title: "StageName", tags: "Tags",
		fields: join(
			like(`AccessLogSetting=AccessLogSettings{DestinationArn Format} CacheClusterEnabled CacheClusterSize
				CanarySetting=CanarySettings{DeploymentId PercentTraffic StageVariableOverrides UseStageCache} ClientCertificateId DeploymentId Description
				DocumentationVersion RestApiId StageName TracingEnabled Variables`),
			made("MethodSettings", methodSettings),
			extra(same("CacheClusterStatus", "CreatedDate", "LastUpdatedDate", "WebAclArn")),
		),
	},
}

// methodSettings are the settings of a stage's methods as CloudFormation has them: a list, where the
// API has an object by path and method.
func methodSettings(stage object) any {
	settings, _ := stage["MethodSettings"].(object)
	if len(settings) == 0 {
		return nil
	}
	all := []any{}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		entry := like("CacheDataEncrypted CacheTtlInSeconds CachingEnabled DataTraceEnabled LoggingLevel MetricsEnabled ThrottlingBurstLimit ThrottlingRateLimit").apply(settings[key])
		path, method := key, ""
		if at := strings.LastIndexByte(key, '/'); at >= 0 {
			path, method = key[:at], key[at+1:]
		}
		entry["ResourcePath"] = "/" + strings.TrimPrefix(strings.ReplaceAll(path, "~1", "/"), "/")
		entry["HttpMethod"] = method
		all = append(all, entry)
	}
	return all
}
