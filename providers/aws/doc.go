// Package aws reads AWS accounts through the services' own APIs, and writes what it finds in the names of
// CloudFormation.
//
// # Scopes
//
// A scope is a service in a region ("eu-west-1/ec2"), or a global service ("global/iam"). Its types end
// complete or not one by one: what one call could not read is a gap of the types that it lists. Buckets
// are listed once and read in the scope of their region.
//
// # Resources
//
// Types and members of the main part have CloudFormation's names. Ids are ARNs wherever AWS has one. The
// member _aws of the properties holds what policies need and CloudFormation has no name for, under the
// names of the API: states, times of creation, ACLs, the policies of resources (_aws.Policy) whose types
// have no property for them, the rows of the credential report (_aws.Credentials of a user). The entries
// of network ACLs and the routes of route tables, resources of their own in CloudFormation, are
// _aws.Entries and _aws.Routes there, in CloudFormation's names.
//
// Tags are one map on the resource, whatever shape they have in the API, and stand among the properties
// too where CloudFormation has them there.
//
// What CloudFormation has of a type and no call tells is unread, never absent: data/unread.txt lists it.
//
// Types that CloudFormation does not have; their members are those of the API:
//
//	AWS::EC2::EbsEncryptionByDefault     EbsEncryptionByDefault, KmsKeyId; in every region
//	AWS::EC2::Image                      an image of the account, with LaunchPermissions
//	AWS::EC2::ImageBlockPublicAccess     ImageBlockPublicAccessState, ManagedBy; in every region
//	AWS::EC2::InstanceMetadataDefaults   AccountLevel, empty without defaults; in every region
//	AWS::EC2::Snapshot                   a snapshot of the account, with Public and CreateVolumePermissions
//	AWS::IAM::AccountPasswordPolicy      Exists, false without a policy, and the rules
//	AWS::IAM::AccountSummary             SummaryMap
//	AWS::IAM::CredentialReport           GeneratedTime (volatile) and Users, their number
//	AWS::IAM::RootUser                   AccessKeysPresent, MfaEnabled, PasswordPresent, SigningCertificatesPresent, Credentials
//	AWS::RDS::DBSnapshot                 a manual snapshot, with RestoreAttribute: who may restore it
//	AWS::RDS::DBClusterSnapshot          the same of a cluster
//	AWS::S3::AccountPublicAccessBlock    the four settings, all false without a block
//	AWS::AccessAnalyzer::RegionStatus    Enabled: an analyzer is active; in every region
//	AWS::Config::RegionStatus            Enabled: a recorder runs; Recorders, DeliveryChannels; in every region
//	AWS::GuardDuty::RegionStatus         Enabled: a detector is; in every region
//	AWS::SecurityHub::RegionStatus       Enabled; in every region
//
// Members of Credentials, of a user or of root: UserCreationTime, PasswordEnabled, PasswordLastUsed,
// PasswordLastChanged, PasswordNextRotation, MfaActive, AccessKeys (Number, Active, LastRotated,
// LastUsedDate, LastUsedRegion, LastUsedService) and Certificates (Number, Active, LastRotated). What the
// report has no value for is absent.
//
// # Facets
//
// What takes a call for each resource (a bucket's encryption, its policy, a function's URL) is a facet.
// Facets are read where an enabled policy reads what they tell, and all of them where the settings say
// inventory: full. A facet is a piece of the main part (providers.Piece): it is read, hashed and stored on
// its own, and policies find its members among the properties, under CloudFormation's names. While a facet
// is not read, the main part marks what it would tell as unread, with the class not_read or that of the
// error. So reading more or less never changes the hash of anything that was read: it is a matter of
// coverage. A setting that does not exist ("NoSuchBucketPolicy") is absent, and its facet is read.
//
// A few facets are always read, because a listing gives no more than names: the descriptions of tables,
// keys, clusters, topics and queues.
//
// # Failures
//
// A call that is denied, throttled for good, or fails makes a gap with its class and, where one is known,
// the missing permission. A resource that is gone when it is looked at is left out; where a call only says
// that something is not found, that may be a setting, and is a gap. A service that is off is no gap, its
// type RegionStatus tells. A service that a region does not have is complete and empty. Credentials that
// have expired are renewed once; after that the scope fails.
//
// # Calls
//
// Calls are limited by account, region and service: the rate grows slowly while nothing is refused and
// halves when something is. The tags of most types come through the tagging API, a hundred resources at
// a time, and may lag by moments. data/calls.txt lists every call and the action that allows it;
// deploy/aws holds the policy that follows from it.
package aws
