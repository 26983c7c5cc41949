package aws

// service is a service of AWS with what is read from it.
type service struct {
	// name is that of its scopes: "eu-west-1/ec2".
	name string
	// client is the name under which its calls are limited.
	client string
	// global marks services that are read once, from the partition's home region.
	global   bool
	listings []*listing
}

// services are all services that are read, with every account.
var services = []*service{
	s3Service, s3controlService, s3accountService, ec2Service, iamService, kmsService, rdsService, lambdaService, cloudtrailService,
	configService, guarddutyService, securityhubService, cloudwatchService, logsService, snsService, sqsService, dynamodbService,
	elbv2Service, eksService, ecsService, ecrService, cloudfrontService, secretsService, acmService, apigatewayService, apigatewayv2Service,
	redshiftService, opensearchService, efsService, elasticacheService, organizationsService, analyzerService,
}
