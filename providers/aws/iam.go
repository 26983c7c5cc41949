package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// iamService are the identities of an account and the settings that hold for all of them. One call
// lists users, groups, roles and policies with everything that is attached to them.
var iamService = &service{
	name: "iam", client: "iam", global: true,
	listings: []*listing{
		identities, virtualMFA, samlProviders, oidcProviders, serverCertificates,
		passwordPolicy, accountSummary, credentialReport, rootUser,
	},
}

func (r *run) iam() *iam.Client { return iam.NewFromConfig(r.config()) }

var identities = &listing{
	token: "Marker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*iam.GetAccountAuthorizationDetailsOutput, error) {
		return r.iam().GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{
			Filter: []iamtypes.EntityType{iamtypes.EntityTypeUser, iamtypes.EntityTypeGroup, iamtypes.EntityTypeRole, iamtypes.EntityTypeLocalManagedPolicy},
			Marker: token, MaxItems: sdk.Int32(1000),
		})
	}),
	sections: []section{{"UserDetailList[]", user}, {"GroupDetailList[]", group}, {"RoleDetailList[]", role}, {"Policies[]", managedPolicy}},
}

var user = &kind{
	name: "AWS::IAM::User", id: "{Arn}", title: "UserName", uid: "UserId", tags: "Tags",
	fields: join(
		same("Arn", "Path", "UserName"), set("Groups", "GroupList"), set("ManagedPolicyArns", "AttachedManagedPolicies[].PolicyArn"),
		as("PermissionsBoundary", "PermissionsBoundary.PermissionsBoundaryArn"),
		sets("Policies", "UserPolicyList[]", documents("PolicyName", "PolicyDocument")),
		extra(same("CreateDate", "UserId")),
	),
	facets: []*facet{
		{name: "credentials", fields: extra(as("Credentials", "Credentials")), call: ask(credentialsOf)},
		{name: "login", fields: nest("LoginProfile", "LoginProfile", same("PasswordResetRequired")), absent: []string{"NoSuchEntity", "NoSuchEntityException"},
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.GetLoginProfileOutput, error) {
				return r.iam().GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: sdk.String(text(o, "UserName"))})
			})},
		{name: "accesskeys", fields: extra(sets("AccessKeys", "AccessKeyMetadata[]", same("AccessKeyId", "CreateDate", "Status"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.ListAccessKeysOutput, error) {
				return r.iam().ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: sdk.String(text(o, "UserName"))})
			})},
		{name: "mfa", fields: extra(sets("MFADevices", "MFADevices[]", same("EnableDate", "SerialNumber"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.ListMFADevicesOutput, error) {
				return r.iam().ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: sdk.String(text(o, "UserName"))})
			})},
	},
}

var group = &kind{
	name: "AWS::IAM::Group", id: "{Arn}", title: "GroupName", uid: "GroupId",
	fields: join(
		same("Arn", "GroupName", "Path"), set("ManagedPolicyArns", "AttachedManagedPolicies[].PolicyArn"),
		sets("Policies", "GroupPolicyList[]", documents("PolicyName", "PolicyDocument")),
		extra(same("CreateDate", "GroupId")),
	),
}

var role = &kind{
	name: "AWS::IAM::Role", id: "{Arn}", title: "RoleName", uid: "RoleId", tags: "Tags",
	fields: join(
		same("Arn", "Path", "RoleId", "RoleName"), by("AssumeRolePolicyDocument", "AssumeRolePolicyDocument", document),
		set("ManagedPolicyArns", "AttachedManagedPolicies[].PolicyArn"), as("PermissionsBoundary", "PermissionsBoundary.PermissionsBoundaryArn"),
		sets("Policies", "RolePolicyList[]", documents("PolicyName", "PolicyDocument")),
		extra(same("CreateDate"), set("InstanceProfiles", "InstanceProfileList[].InstanceProfileName")),
	),
	facets: []*facet{
		{name: "use", fields: extra(nest("RoleLastUsed", "RoleLastUsed", same("LastUsedDate", "Region")))},
		{name: "role", fields: join(as("Description", "Role.Description"), as("MaxSessionDuration", "Role.MaxSessionDuration")),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.GetRoleOutput, error) {
				return r.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: sdk.String(text(o, "RoleName"))})
			})},
	},
}

var managedPolicy = &kind{
	name: "AWS::IAM::ManagedPolicy", id: "{Arn}", title: "PolicyName", uid: "PolicyId",
	fields: join(
		as("PolicyArn", "Arn"), as("ManagedPolicyName", "PolicyName"),
		same("AttachmentCount", "CreateDate", "DefaultVersionId", "Description", "IsAttachable", "Path", "PermissionsBoundaryUsageCount", "PolicyId", "UpdateDate"),
		made("PolicyDocument", defaultVersion),
	),
	tagged: taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.ListPolicyTagsOutput, error) {
		return r.iam().ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: sdk.String(text(o, "id"))})
	})),
}

// defaultVersion is the document that holds, of a policy's versions.
func defaultVersion(policy object) any {
	for _, version := range list(policy, "PolicyVersionList[]") {
		if get(version, "IsDefaultVersion") == true {
			return document(get(version, "Document"))
		}
	}
	return nil
}

var virtualMFA = &listing{
	items: "VirtualMFADevices[]", token: "Marker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*iam.ListVirtualMFADevicesOutput, error) {
		return r.iam().ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{Marker: token, MaxItems: sdk.Int32(1000)})
	}),
	kind: &kind{
		name: "AWS::IAM::VirtualMFADevice", id: "{SerialNumber}",
		fields: join(same("SerialNumber"), by("VirtualMfaDeviceName", "SerialNumber", lastOf), made("Users", holders), extra(same("EnableDate"), as("UserArn", "User.Arn"))),
		tagged: taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.ListMFADeviceTagsOutput, error) {
			return r.iam().ListMFADeviceTags(ctx, &iam.ListMFADeviceTagsInput{SerialNumber: sdk.String(text(o, "id"))})
		})),
	},
}

// holders are the names of the users of a device: one, or none.
func holders(o object) any {
	if name := text(o, "User.UserName"); name != "" {
		return []any{name}
	}
	return []any{}
}

var samlProviders = &listing{
	items: "SAMLProviderList[]", token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*iam.ListSAMLProvidersOutput, error) {
		return r.iam().ListSAMLProviders(ctx, &iam.ListSAMLProvidersInput{})
	}),
	kind: &kind{
		name: "AWS::IAM::SAMLProvider", id: "{Arn}", uid: "CreateDate", tags: "Tags",
		fields: join(same("Arn"), by("Name", "Arn", lastOf), extra(same("CreateDate", "ValidUntil"))),
		facets: []*facet{{
			name: "provider", always: true, tags: true, fields: join(same("AssertionEncryptionMode"), as("SamlProviderUUID", "SAMLProviderUUID"),
				sets("PrivateKeyList", "PrivateKeyList[]", same("KeyId", "Timestamp")), as("SamlMetadataDocument", "SAMLMetadataDocument")),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.GetSAMLProviderOutput, error) {
				return r.iam().GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: sdk.String(text(o, "Arn"))})
			}),
		}},
	},
}

var oidcProviders = &listing{
	items: "OpenIDConnectProviderList[]", token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*iam.ListOpenIDConnectProvidersOutput, error) {
		return r.iam().ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	}),
	kind: &kind{
		name: "AWS::IAM::OIDCProvider", id: "{Arn}", tags: "Tags",
		fields: same("Arn"),
		facets: []*facet{{
			name: "provider", always: true, tags: true, fields: join(set("ClientIdList", "ClientIDList"), set("ThumbprintList", "ThumbprintList"), same("Url"), extra(same("CreateDate"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.GetOpenIDConnectProviderOutput, error) {
				return r.iam().GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: sdk.String(text(o, "Arn"))})
			}),
		}},
	},
}

var serverCertificates = &listing{
	items: "ServerCertificateMetadataList[]", token: "Marker",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*iam.ListServerCertificatesOutput, error) {
		return r.iam().ListServerCertificates(ctx, &iam.ListServerCertificatesInput{Marker: token, MaxItems: sdk.Int32(1000)})
	}),
	kind: &kind{
		name: "AWS::IAM::ServerCertificate", id: "{Arn}", title: "ServerCertificateName", uid: "ServerCertificateId",
		fields: join(same("Arn", "Path", "ServerCertificateName"), extra(same("Expiration", "ServerCertificateId", "UploadDate"))),
		tagged: taggedBy("Tags", ask(func(ctx context.Context, r *run, o object, _ *string) (*iam.ListServerCertificateTagsOutput, error) {
			return r.iam().ListServerCertificateTags(ctx, &iam.ListServerCertificateTagsInput{ServerCertificateName: sdk.String(last(text(o, "id")))})
		})),
	},
}
