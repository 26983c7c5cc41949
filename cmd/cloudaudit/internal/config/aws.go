package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Names that the provider of AWS knows.
var (
	awsPartitions  = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
	awsInventories = []string{"full", "needed"}
)

func awsShape() *shape {
	return &shape{kind: structure, about: "how the account is entered and what is read of it; without it the SDK's own credentials are used", keys: []key{
		{name: "roleArn", shape: &shape{about: "the role to assume", format: roleFormat()}},
		{name: "externalId", shape: externalIDShape()},
		{name: "profile", shape: &shape{about: "a profile of the SDK's shared configuration, from which credentials come", format: givenFormat()}},
		{name: "regions", shape: regionsShape("the regions to read; all that the account has turned on by default")},
		{name: "excludeRegions", shape: regionsShape("regions to leave out")},
		{name: "endpoint", shape: &shape{about: "the URL of an emulator on this machine, for tests", format: endpointFormat()}},
		{name: "partition", shape: &shape{about: "the partition; that of roleArn by default, else aws", oneOf: awsPartitions}},
		{name: "inventory", shape: &shape{about: "needed reads the settings that cost a call of their own where a policy reads them, full reads all", oneOf: awsInventories}},
		{name: "cloudControlTypes", shape: &shape{kind: list, about: "further types to read, through Cloud Control", values: &shape{about: "a type", format: typeFormat()}}},
		{name: "organization", shape: awsOrganizationShape()},
	}}
}

func awsOrganizationShape() *shape {
	units := func(about string) *shape {
		return &shape{kind: list, about: about, values: &shape{about: "the id of a unit or root", format: unitFormat()}}
	}
	return &shape{kind: structure, about: "reads the member accounts of the account's organization too, each as account/<account id>", keys: []key{
		{name: "roleName", required: true, shape: &shape{about: "the name of the role to assume in every member", format: roleNameFormat()}},
		{name: "externalId", shape: externalIDShape()},
		{name: "organizationalUnits", shape: units("the only units whose accounts are read, with those below them")},
		{name: "excludeOrganizationalUnits", shape: units("units whose accounts are left out, with those below them")},
		{name: "tags", shape: &shape{kind: dictionary, about: "tags that an account needs to be read", values: &shape{about: "a tag's value"}}},
		{name: "excludeAccounts", shape: &shape{kind: list, about: "accounts to leave out", values: &shape{about: "the id of an account", format: accountIDFormat()}}},
	}}
}

func externalIDShape() *shape {
	return &shape{about: "the external id that the role asks for, or a reference to it: env:NAME, file:/path or cred:name", format: externalIDFormat()}
}

func regionsShape(about string) *shape {
	return &shape{kind: list, about: about, values: &shape{about: "a region", format: regionFormat()}}
}

func roleFormat() *format {
	return &format{
		pattern: pattern(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$`),
		want:    "the ARN of a role such as arn:aws:iam::111111111111:role/audit",
	}
}

func roleNameFormat() *format {
	return &format{pattern: pattern(`^[A-Za-z0-9+=,.@_/-]{1,600}$`), want: "the name of a role, with its path if it has one"}
}

func externalIDFormat() *format {
	return &format{
		pattern: pattern(`^(env:|file:|cred:|[A-Za-z0-9+=,.@:/_-]+$)`), want: "an external id or a reference such as env:NAME, file:/path or cred:name",
		check: func(text string) error {
			if scheme, _, _ := strings.Cut(text, ":"); slices.Contains([]string{"env", "file", "cred"}, scheme) && !reference.MatchString(text) {
				return errors.New("the reference names nothing that could be there")
			}
			return nil
		},
	}
}

func regionFormat() *format {
	return &format{pattern: pattern(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`), want: "a region such as eu-west-1"}
}

// endpointFormat takes this machine alone, so that no credentials are ever sent to another.
func endpointFormat() *format {
	return &format{
		pattern: pattern(`^https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?/?$`),
		want:    "the URL of an emulator on this machine such as http://127.0.0.1:5000",
	}
}

func typeFormat() *format {
	return &format{pattern: pattern(`^[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}$`), want: "a type such as AWS::Kinesis::Stream"}
}

func unitFormat() *format {
	return &format{
		pattern: pattern(`^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$`),
		want:    "the id of an organizational unit such as ou-ab12-cd34ef56, or of a root such as r-ab12",
	}
}

func accountIDFormat() *format {
	return &format{pattern: pattern(`^[0-9]{12}$`), want: "the id of an account: twelve digits in quotes"}
}

// aws checks what only the section as a whole can tell.
func (c *checker) aws(path string, section *node) {
	role, external, partition := section.field("roleArn"), section.field("externalId"), section.field("partition")
	if external != nil && role == nil {
		c.at(external, path+".externalId", "an external id is for a role; add roleArn, or remove it")
	}
	if parts := strings.Split(role.text(), ":"); partition.text() != "" && len(parts) > 1 && parts[1] != partition.text() {
		c.at(partition, path+".partition", fmt.Sprintf("the role in line %d is of the partition %s; remove this key", role.line, parts[1]))
	}
	read, left := map[string]int{}, map[string]int{}
	for i, region := range section.field("regions").items() {
		c.alone(fmt.Sprintf("%s.regions[%d]", path, i), region, read, "a region to read")
	}
	for i, region := range section.field("excludeRegions").items() {
		place := fmt.Sprintf("%s.excludeRegions[%d]", path, i)
		if line, both := read[region.text()]; both {
			c.at(region, place, fmt.Sprintf("%q is to be read by line %d; remove it there or here", region.text(), line))
		}
		c.alone(place, region, left, "a region to leave out")
	}
}
