package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

var lambdaService = &service{name: "lambda", client: "lambda", listings: []*listing{functions}}

func (r *run) lambda() *lambda.Client { return lambda.NewFromConfig(r.config()) }

func functionOf(o object) *string { return sdk.String(text(o, "FunctionName")) }

// nothing is what Lambda answers where a function has no such setting, and where there is no such
// function.
var nothing = []string{"ResourceNotFoundException"}

// functions are read without GetFunction, whose answer holds a link to the code.
var functions = &listing{
	items: "Functions[]", token: "NextMarker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*lambda.ListFunctionsOutput, error) {
		return r.lambda().ListFunctions(ctx, &lambda.ListFunctionsInput{Marker: token, MaxItems: sdk.Int32(50)})
	}),
	kind: &kind{
		name: "AWS::Lambda::Function", id: "{FunctionArn}", title: "FunctionName", tagged: tagged,
		fields: join(
			like(`Architectures Arn=FunctionArn DeadLetterConfig{TargetArn} Description Environment{Variables} EphemeralStorage{Size}
				FileSystemConfigs[]{Arn LocalMountPath} FunctionName Handler ImageConfig=ImageConfigResponse.ImageConfig{Command EntryPoint WorkingDirectory}
				KmsKeyArn=KMSKeyArn Layers=Layers[].Arn LoggingConfig{ApplicationLogLevel LogFormat LogGroup SystemLogLevel} MemorySize PackageType
				Role Runtime SnapStartResponse=SnapStart{ApplyOn OptimizationStatus} Timeout TracingConfig{Mode}
				VpcConfig{Ipv6AllowedForDualStack SecurityGroupIds:set SubnetIds:set} TenancyConfig{TenantIsolationMode}
				DurableConfig{ExecutionTimeout RetentionPeriodInDays}`),
			extra(like("CodeSha256 CodeSize LastModified Version VpcId=VpcConfig.VpcId")),
		),
		facets: []*facet{
			{name: "policy", absent: nothing, fields: extra(like("Policy:document")),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*lambda.GetPolicyOutput, error) {
					return r.lambda().GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: functionOf(o)})
				})},
			{name: "url", absent: nothing, fields: extra(nest("Url", "", like(`AuthType FunctionUrl InvokeMode
					Cors{AllowCredentials AllowHeaders AllowMethods AllowOrigins ExposeHeaders MaxAge}`))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*lambda.GetFunctionUrlConfigOutput, error) {
					return r.lambda().GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: functionOf(o)})
				})},
			{name: "concurrency", absent: nothing, fields: like("ReservedConcurrentExecutions"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*lambda.GetFunctionConcurrencyOutput, error) {
					return r.lambda().GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: functionOf(o)})
				})},
			{name: "signing", absent: nothing, fields: like("CodeSigningConfigArn"),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*lambda.GetFunctionCodeSigningConfigOutput, error) {
					return r.lambda().GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: functionOf(o)})
				})},
		},
	},
}
