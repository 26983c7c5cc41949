// Package snapshot reads inventories from files: exports of Google Cloud's Cloud Asset Inventory
// (format gcp-cai), answers of Azure Resource Graph or Resource Manager (azure-resource-graph),
// descriptions of AWS Cloud Control (aws-cloudcontrol), configuration items of AWS Config (aws-config)
// and dumps of cloudaudit itself (cloudaudit), which it also writes.
//
// Every file is a scope of its own. A file may be NDJSON, one or several JSON arrays, pretty
// printed or not, or API answers that hold their records under data, value or assets (of AWS, as
// below); plain or compressed with gzip or zstandard. It is read as a stream: memory depends on the
// largest record, never on the file. A record that cannot be understood becomes a gap with its line,
// and the rest is read.
//
// # Google Cloud
//
// The main part of an asset is resource.data, untouched. The facets are iamPolicy, orgPolicy (the
// list of legacy organization policies), v2OrgPolicies (the list of current ones) and accessPolicy.
// An inventory gives access policies, access levels and service perimeters as three fields of which
// a record has one; the facet accessPolicy is an object with that one field (accessPolicy,
// accessLevel or servicePerimeter). Exports to a bucket spell the fields of facets in snake case
// and the API in camel case; facets are kept in camel case, so that both give the same resource.
//
// A record with some content types only is a resource with those parts alone. A missing policy
// means that there is none only where snapshot.content declares that the files hold such policies.
//
// # Azure
//
// The main part is the row itself without id, type and name, so that a policy finds properties,
// sku, kind, identity, location, tags and so on where Azure has them:
// /properties/properties/minimumTlsVersion. Types are in the API's spelling, however the file
// writes them, and identities in lower case.
//
// # AWS Cloud Control
//
// A record has a TypeName, an Identifier and Properties (an object, or the JSON of one in a string, as
// the API gives it), and may have a Region and an AccountId. It may also stand in the answer to
// get-resource (ResourceDescription) or list-resources (ResourceDescriptions), with one TypeName
// beside, before or behind it. The main part is Properties, untouched. The id is the ARN that the
// type's read-only properties or the identifier hold, else TypeName/Identifier. snapshot.accountId and
// snapshot.region fill in what records lack; the region of a resource is the record's, else that of
// its ARN, else the setting's, and global for services without regions. A record of another account
// than snapshot.accountId is a gap.
//
// Properties that CloudFormation's schema calls write-only are never read back, so that they are
// unread where they are missing. Of a record in an answer to list-resources every missing property
// is unread, because AWS leaves out what it likes there: ask for each resource by get-resource, and
// put the answers into one file, to have absence proven.
//
// # AWS Config
//
// A file is a configuration snapshot or history file as Config delivers it, or what `aws configservice`
// prints for get-resource-config-history, batch-get-resource-config or select-resource-config; the
// items may also stand alone. Types get CloudFormation's names (AWS::ACM::Certificate is
// AWS::CertificateManager::Certificate, AWS::IAM::Policy is AWS::IAM::ManagedPolicy). The id is the
// item's ARN, else type/resourceId. Of several items of a resource the one that was captured last
// counts; if that one says that the resource was deleted, no other item of it does, in whichever file
// it stands. Items of resources that Config does not record are gaps.
//
// Config has property names of its own. They become CloudFormation's where a published source proves
// the mapping. These types are mapped from the shape of their API, which Config keeps in camel case:
// AWS::CertificateManager::Certificate; AWS::CloudTrail::Trail; AWS::CloudWatch::Alarm;
// AWS::DynamoDB::Table; AWS::EC2::EIP, FlowLog, Instance, InternetGateway, NetworkAcl, SecurityGroup,
// Subnet, VPC and Volume; AWS::ElasticLoadBalancingV2::LoadBalancer; AWS::IAM::Group, ManagedPolicy,
// Role and User; AWS::KMS::Key; AWS::Lambda::Function; AWS::RDS::DBCluster and DBInstance;
// AWS::S3::AccountPublicAccessBlock and Bucket; AWS::SNS::Topic; AWS::SQS::Queue. These are recorded in
// CloudFormation's shape: AWS::AccessAnalyzer::Analyzer; AWS::ECR::Repository; AWS::ECS::Cluster,
// Service and TaskDefinition; AWS::EFS::FileSystem; AWS::EKS::Cluster; AWS::GuardDuty::Detector;
// AWS::Kinesis::Stream. The sources and every property stand in data/config-types.txt. A property that
// an item does not prove is unread, never absent.
//
// What has no CloudFormation name stays in the member _config of the properties, as configuration and
// supplementaryConfiguration, with strings of JSON opened in the latter. Of all other types, of rows
// of a query that did not select configuration as a whole, and of items without one, _config holds
// everything and all properties are unread.
//
// # Dumps
//
// A dump is an account at the end of a scan. It is NDJSON, plain or compressed; every line is an object
// whose member "record" says what it is. Lines come in this order:
//
//   - one "header": "format" ("cloudaudit"), "version" (1), and the members of DumpHeader: the account's
//     name, its cloud and cloud id, when the dumped scan started and how it ended.
//   - any number of "coverage": the members of DumpCoverage, one line for each type in a region, or facet
//     of it, that the scan tells of.
//   - any number of "resource": the members of DumpResource. Its parts hold their bodies with a placeholder
//     for each secret and the unread paths, of which those of the class redacted say where secrets
//     stood, so that a resource read back equals the dumped one, content hashes included (as long as
//     the redaction list is the same).
//   - one "trailer": "coverage" and "resources", how many such lines there are.
//
// A dump is as complete as the scan was. What a row of coverage says is not complete becomes a gap of
// its type, region and facet, as many times as it counts; a failed listing of the whole account fails
// the scope; types that no row names are not listed. Stale parts and missing resources come back as
// unread. A dump without a trailer, or with another number of lines than it says, is incomplete. The
// scope's region is the only one that coverage names, else any. A facet is promised for a missing part
// only where it was promised for every type, and else not read.
//
// The cloud of the account is the header's. Files of one account that are of another cloud than the
// first, or of another cloud account than snapshot.accountId, are refused.
package snapshot
