package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// Inventories: how much is read of each resource.
const (
	// Needed reads the settings that take a call of their own only where an enabled policy reads them.
	Needed = "needed"
	// Full reads all of them.
	Full = "full"
)

// Settings is the section "aws" of an account.
type Settings struct {
	// RoleARN is the role to assume; without it the base credentials are used as they are.
	RoleARN string `json:"roleArn,omitempty"`
	// ExternalID is what the role's trust policy asks for: the id or a reference to it.
	ExternalID string `json:"externalId,omitempty"`
	// Profile is a profile of the SDK's shared configuration, from which base credentials come.
	Profile string `json:"profile,omitempty"`
	// Regions are the regions to read, all enabled ones by default.
	Regions []string `json:"regions,omitempty"`
	// ExcludeRegions are regions to leave out.
	ExcludeRegions []string `json:"excludeRegions,omitempty"`
	// Endpoint is the URL of an emulator on this machine, for tests. Nothing but a loopback address is
	// taken, so that no credentials ever go to another host.
	Endpoint string `json:"endpoint,omitempty"`
	// Partition is the AWS partition: aws by default, aws-cn, aws-us-gov and so on.
	Partition string `json:"partition,omitempty"`
	// Inventory is Needed (the default) or Full.
	Inventory string `json:"inventory,omitempty"`
	// CloudControlTypes are CloudFormation types to read through Cloud Control, beside those that have
	// a reader of their own.
	CloudControlTypes []string `json:"cloudControlTypes,omitempty"`
	// Organization makes the account the parent of the member accounts of its organization.
	Organization *Organization `json:"organization,omitempty"`
	// Via is the role that is assumed before RoleARN. Members are read by way of their parent's role.
	Via *Via `json:"via,omitempty"`
}

// Organization says which member accounts to read and how.
type Organization struct {
	// RoleName is the role to assume in every member, with its path if it has one.
	RoleName string `json:"roleName"`
	// ExternalID is that of the members' roles.
	ExternalID string `json:"externalId,omitempty"`
	// Units restricts the members to these organizational units or roots and all below them;
	// ExcludeUnits leaves some out.
	Units        []string `json:"organizationalUnits,omitempty"`
	ExcludeUnits []string `json:"excludeOrganizationalUnits,omitempty"`
	// Tags restricts the members to accounts that have all of these tags.
	Tags map[string]string `json:"tags,omitempty"`
	// ExcludeAccounts are ids of accounts to leave out.
	ExcludeAccounts []string `json:"excludeAccounts,omitempty"`
}

// Via is a role on the way to another.
type Via struct {
	RoleARN    string `json:"roleArn"`
	ExternalID string `json:"externalId,omitempty"`
}

// Partitions lists the known partitions.
func Partitions() []string {
	return []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
}

// homeRegions are where a partition's global services are called.
var homeRegions = map[string]string{
	"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
	"aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1", "aws-eusc": "eusc-de-east-1",
}

// ParseSettings decodes and checks settings. Unknown keys are errors. An account without the section
// is read with the SDK's own credentials, in all its regions.
func ParseSettings(data json.RawMessage) (Settings, error) {
	var settings Settings
	if len(bytes.TrimSpace(data)) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&settings); err != nil {
			return Settings{}, fmt.Errorf("read the section aws: %w", err)
		}
	}
	if settings.Partition == "" {
		settings.Partition = "aws"
		if arn, ok := shape.ParseARN(settings.RoleARN); ok {
			settings.Partition = arn.Partition
		}
	}
	if settings.Inventory == "" {
		settings.Inventory = Needed
	}
	if err := settings.Validate(); err != nil {
		return Settings{}, err
	}
	return settings, nil
}

var (
	regionName  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	unitID      = regexp.MustCompile(`^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$`)
	rolePattern = regexp.MustCompile(`^[A-Za-z0-9+=,.@_/-]{1,600}$`)
	typeName    = regexp.MustCompile(`^[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}$`)
)

// Validate joins everything that is wrong with the settings.
func (s Settings) Validate() error {
	errs := []error{
		checkRole("aws.roleArn", s.RoleARN, s.Partition),
		providers.CheckEmulator("aws.endpoint", s.Endpoint),
		each(append(slices.Clone(s.Regions), s.ExcludeRegions...), regionName, "aws.regions and aws.excludeRegions hold names of regions such as eu-west-1, not %q"),
		each(s.CloudControlTypes, typeName, "aws.cloudControlTypes holds names of types such as AWS::Kinesis::Stream, not %q"),
	}
	if !slices.Contains(Partitions(), s.Partition) {
		errs = append(errs, fmt.Errorf("aws.partition %q is unknown: use one of %s", s.Partition, strings.Join(Partitions(), ", ")))
	}
	if s.Inventory != Needed && s.Inventory != Full {
		errs = append(errs, fmt.Errorf("aws.inventory %q is unknown: use %s or %s", s.Inventory, Needed, Full))
	}
	if s.ExternalID != "" && s.RoleARN == "" {
		errs = append(errs, errors.New("aws.externalId is for a role: add aws.roleArn"))
	}
	if s.Via != nil {
		errs = append(errs, checkRole("aws.via.roleArn", s.Via.RoleARN, s.Partition))
	}
	if s.Organization != nil {
		errs = append(errs, s.Organization.validate())
	}
	return errors.Join(errs...)
}

func (o Organization) validate() error {
	errs := []error{
		each(append(slices.Clone(o.Units), o.ExcludeUnits...), unitID, "aws.organization holds ids of organizational units such as ou-ab12-cd34ef56 or of roots such as r-ab12, not %q"),
		each(o.ExcludeAccounts, accountID, "aws.organization.excludeAccounts holds account ids of twelve digits, not %q"),
	}
	if !rolePattern.MatchString(o.RoleName) {
		errs = append(errs, fmt.Errorf("aws.organization.roleName %q is no name of a role: name the role to assume in every member account", o.RoleName))
	}
	return errors.Join(errs...)
}

func each(values []string, pattern *regexp.Regexp, fault string) error {
	var errs []error
	for _, value := range values {
		if !pattern.MatchString(value) {
			errs = append(errs, fmt.Errorf(fault, value))
		}
	}
	return errors.Join(errs...)
}

func checkRole(key, role, partition string) error {
	if role == "" {
		return nil
	}
	arn, ok := shape.ParseARN(role)
	if !ok || arn.Service != "iam" || !accountID.MatchString(arn.Account) || !strings.HasPrefix(arn.Resource, "role/") {
		return fmt.Errorf("%s %q is no ARN of a role: write arn:aws:iam::ACCOUNT:role/NAME", key, role)
	}
	if arn.Partition != partition {
		return fmt.Errorf("%s is of partition %s, but aws.partition is %s", key, arn.Partition, partition)
	}
	return nil
}

// AccountID is the id of the account that the role is of; empty without a role, whose credentials tell.
func (s Settings) AccountID() string {
	arn, _ := shape.ParseARN(s.RoleARN)
	return arn.Account
}

// selects tells whether the settings leave a region in.
func (s Settings) selects(region string) bool {
	return (len(s.Regions) == 0 || slices.Contains(s.Regions, region)) && !slices.Contains(s.ExcludeRegions, region)
}
