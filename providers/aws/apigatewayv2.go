package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
)

var apigatewayv2Service = &service{name: "apigatewayv2", client: "apigateway", listings: []*listing{httpAPIs}}

func (r *run) apigatewayv2() *apigatewayv2.Client { return apigatewayv2.NewFromConfig(r.config()) }

var httpAPIs = &listing{
	items: "Items[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*apigatewayv2.GetApisOutput, error) {
		return r.apigatewayv2().GetApis(ctx, &apigatewayv2.GetApisInput{MaxResults: sdk.String("500"), NextToken: token})
	}),
	kind: &kind{
		name: "AWS::ApiGatewayV2::Api", id: gatewayARN + "/apis/{ApiId}", title: "Name", tags: "Tags",
		fields: join(
			like(`ApiEndpoint ApiId ApiKeySelectionExpression CorsConfiguration{AllowCredentials AllowHeaders:set AllowMethods:set AllowOrigins:set ExposeHeaders:set MaxAge}
				Description DisableExecuteApiEndpoint DisableSchemaValidation IpAddressType Name ProtocolType RouteSelectionExpression Version`),
			extra(same("ApiGatewayManaged", "CreatedDate")),
		),
		children: []*listing{httpStages},
	},
}

var httpStages = &listing{
	items: "Items[]",
	call: ask(func(ctx context.Context, r *run, o object, token *string) (*apigatewayv2.GetStagesOutput, error) {
		return r.apigatewayv2().GetStages(ctx, &apigatewayv2.GetStagesInput{ApiId: sdk.String(text(o, "ApiId")), MaxResults: sdk.String("500"), NextToken: token})
	}),
	prepare: func(_ *run, parent, o object) object {
		o["ApiId"] = parent["ApiId"]
		return o
	},
	kind: &kind{
		name: "AWS::ApiGatewayV2::Stage", id: gatewayARN + "/apis/{ApiId}/stages/{StageName}", title: "StageName", tags: "Tags",
		fields: join(
			like(`AccessLogSettings{DestinationArn Format} ApiId AutoDeploy ClientCertificateId DefaultRouteSettings{DataTraceEnabled DetailedMetricsEnabled
				LoggingLevel ThrottlingBurstLimit ThrottlingRateLimit} DeploymentId Description RouteSettings StageName StageVariables`),
			extra(same("ApiGatewayManaged", "CreatedDate", "LastUpdatedDate")),
		),
	},
}
