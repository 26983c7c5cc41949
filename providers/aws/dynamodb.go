package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

var dynamodbService = &service{name: "dynamodb", client: "dynamodb", listings: []*listing{tables}}

func (r *run) dynamodb() *dynamodb.Client { return dynamodb.NewFromConfig(r.config()) }

func tableOf(o object) *string { return sdk.String(text(o, "TableName")) }

const tableARN = "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}"

const indexMembers = "IndexName KeySchema[]{AttributeName KeyType} Projection{NonKeyAttributes ProjectionType}"

var tables = &listing{
	items: "TableNames[]", key: "TableName", token: "LastEvaluatedTableName",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*dynamodb.ListTablesOutput, error) {
		return r.dynamodb().ListTables(ctx, &dynamodb.ListTablesInput{ExclusiveStartTableName: token, Limit: sdk.Int32(100)})
	}),
	kind: &kind{
		name: "AWS::DynamoDB::Table", id: tableARN, title: "TableName", uid: "Table.TableId", tagged: tagged,
		fields: same("TableName"),
		facets: []*facet{
			{name: "table", always: true, keep: true, fields: under("Table",
				like(`Arn=TableArn AttributeDefinitions[]{AttributeName AttributeType}:set DeletionProtectionEnabled KeySchema[]{AttributeName KeyType}
					GlobalSecondaryIndexes[]{`+indexMembers+` OnDemandThroughput{MaxReadRequestUnits MaxWriteRequestUnits}
						ProvisionedThroughput{ReadCapacityUnits WriteCapacityUnits} WarmThroughput{ReadUnitsPerSecond WriteUnitsPerSecond}}:set
					LocalSecondaryIndexes[]{`+indexMembers+`}:set OnDemandThroughput{MaxReadRequestUnits MaxWriteRequestUnits}
					ProvisionedThroughput{ReadCapacityUnits WriteCapacityUnits} StreamArn=LatestStreamArn StreamSpecification{StreamViewType}
					TableClass=TableClassSummary.TableClass WarmThroughput{ReadUnitsPerSecond WriteUnitsPerSecond}`),
				made("BillingMode", func(o object) any {
					if mode := text(o, "BillingModeSummary.BillingMode"); mode != "" {
						return mode
					}
					return "PROVISIONED"
				}),
				nest("SSESpecification", "SSEDescription", as("KMSMasterKeyId", "KMSMasterKeyArn"), by("SSEEnabled", "Status", is("ENABLED", "UPDATING")), same("SSEType")),
				nest(Extra, "", like("CreationDateTime TableStatus Replicas[]{KMSMasterKeyId RegionName ReplicaStatus}:set"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*dynamodb.DescribeTableOutput, error) {
					return r.dynamodb().DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: tableOf(o)})
				})},
			{name: "backups", fields: nest("PointInTimeRecoverySpecification", "ContinuousBackupsDescription.PointInTimeRecoveryDescription",
				by("PointInTimeRecoveryEnabled", "PointInTimeRecoveryStatus", is("ENABLED")), same("RecoveryPeriodInDays")),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*dynamodb.DescribeContinuousBackupsOutput, error) {
					return r.dynamodb().DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: tableOf(o)})
				})},
			{name: "expiry", fields: nest("TimeToLiveSpecification", "TimeToLiveDescription", same("AttributeName"), by("Enabled", "TimeToLiveStatus", is("ENABLED", "ENABLING"))),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*dynamodb.DescribeTimeToLiveOutput, error) {
					return r.dynamodb().DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: tableOf(o)})
				})},
			{name: "policy", absent: []string{"PolicyNotFoundException"}, fields: nest("ResourcePolicy", "", by("PolicyDocument", "Policy", document)),
				call: ask(func(ctx context.Context, r *run, o object, _ *string) (*dynamodb.GetResourcePolicyOutput, error) {
					arn := r.expand(tableARN, r.region, o)
					return r.dynamodb().GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: &arn})
				})},
		},
	},
}
