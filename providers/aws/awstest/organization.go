package awstest

import (
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
)

// Organization makes the account the management account of an organization.
func (s Seed) Organization() {
	s.Helper()
	do(s, organizations.NewFromConfig(s.cfg).CreateOrganization, &organizations.CreateOrganizationInput{})
}

// Member makes a member account of the organization.
func (s Seed) Member(name string) Account {
	s.Helper()
	made := do(s, organizations.NewFromConfig(s.cfg).CreateAccount, &organizations.CreateAccountInput{AccountName: &name, Email: text(name + "@example.com")})
	return Account{ID: *made.CreateAccountStatus.AccountId, Endpoint: s.Endpoint}
}

// Unit makes an organizational unit below the root, moves members there, and gives its id.
func (s Seed) Unit(name string, members ...Account) string {
	s.Helper()
	c := organizations.NewFromConfig(s.cfg)
	root := do(s, c.ListRoots, &organizations.ListRootsInput{}).Roots[0].Id
	unit := do(s, c.CreateOrganizationalUnit, &organizations.CreateOrganizationalUnitInput{ParentId: root, Name: &name}).OrganizationalUnit.Id
	for _, member := range members {
		do(s, c.MoveAccount, &organizations.MoveAccountInput{AccountId: &member.ID, SourceParentId: root, DestinationParentId: unit})
	}
	return *unit
}

// Close closes a member account, which suspends it.
func (s Seed) Close(member Account) {
	s.Helper()
	do(s, organizations.NewFromConfig(s.cfg).CloseAccount, &organizations.CloseAccountInput{AccountId: &member.ID})
}

// Tag tags a member account.
func (s Seed) Tag(member Account, key, value string) {
	s.Helper()
	do(s, organizations.NewFromConfig(s.cfg).TagResource, &organizations.TagResourceInput{ResourceId: &member.ID, Tags: []orgtypes.Tag{{Key: &key, Value: &value}}})
}
