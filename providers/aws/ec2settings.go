package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// The settings of EC2 in a region. They are always there, on or off.

var ebsEncryption = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*ec2.GetEbsEncryptionByDefaultOutput, error) {
		return r.ec2().GetEbsEncryptionByDefault(ctx, &ec2.GetEbsEncryptionByDefaultInput{})
	}),
	kind: &kind{
		name: "AWS::EC2::EbsEncryptionByDefault", id: "AWS::EC2::EbsEncryptionByDefault/{account}/{region}",
		fields: same("EbsEncryptionByDefault"),
		facets: []*facet{{
			name: "key", fields: same("KmsKeyId"),
			call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*ec2.GetEbsDefaultKmsKeyIdOutput, error) {
				return r.ec2().GetEbsDefaultKmsKeyId(ctx, &ec2.GetEbsDefaultKmsKeyIdInput{})
			}),
		}},
	},
}

var snapshotBlock = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*ec2.GetSnapshotBlockPublicAccessStateOutput, error) {
		return r.ec2().GetSnapshotBlockPublicAccessState(ctx, &ec2.GetSnapshotBlockPublicAccessStateInput{})
	}),
	prepare: owned,
	kind: &kind{
		name: "AWS::EC2::SnapshotBlockPublicAccess", id: "AWS::EC2::SnapshotBlockPublicAccess/{account}/{region}",
		fields: join(same("AccountId", "State"), extra(same("ManagedBy"))),
	},
}

// owned adds the account's id to an answer.
func owned(r *run, _, o object) object {
	o["AccountId"] = r.id
	return o
}

var imageBlock = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*ec2.GetImageBlockPublicAccessStateOutput, error) {
		return r.ec2().GetImageBlockPublicAccessState(ctx, &ec2.GetImageBlockPublicAccessStateInput{})
	}),
	kind: &kind{
		name: "AWS::EC2::ImageBlockPublicAccess", id: "AWS::EC2::ImageBlockPublicAccess/{account}/{region}",
		fields: same("ImageBlockPublicAccessState", "ManagedBy"),
	},
}

var metadataDefaults = &listing{
	token: "-", items: "",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*ec2.GetInstanceMetadataDefaultsOutput, error) {
		return r.ec2().GetInstanceMetadataDefaults(ctx, &ec2.GetInstanceMetadataDefaultsInput{})
	}),
	kind: &kind{
		name: "AWS::EC2::InstanceMetadataDefaults", id: "AWS::EC2::InstanceMetadataDefaults/{account}/{region}",
		fields: nest("AccountLevel", "AccountLevel", same("HttpEndpoint", "HttpPutResponseHopLimit", "HttpTokens", "InstanceMetadataTags", "ManagedBy")),
	},
}
