package aws_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/aws/awstest"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	front, parent := awstest.NewFront(t, awstest.New(t))
	s := parent.Seed(t, "us-east-1")
	s.Organization()
	shop, blog, wiki, old := s.Member("shop"), s.Member("blog"), s.Member("wiki"), s.Member("old")
	s.Close(old)
	s.Tag(blog, "audit", "yes")
	unit := s.Unit("web", shop, blog)
	ids := func(accounts ...awstest.Account) string {
		names := map[string]bool{}
		for _, account := range accounts {
			names[account.ID] = true
		}
		text, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, tt := range map[string]struct {
		filters string
		want    []awstest.Account
	}{
		"all":      {"", []awstest.Account{shop, blog, wiki}},
		"unit":     {`, "organizationalUnits": ["` + unit + `"]`, []awstest.Account{shop, blog}},
		"not_unit": {`, "excludeOrganizationalUnits": ["` + unit + `"]`, []awstest.Account{wiki}},
		"tag":      {`, "tags": {"audit": "yes"}`, []awstest.Account{blog}},
		"not_one":  {`, "excludeAccounts": ["` + blog.ID + `"]`, []awstest.Account{shop, wiki}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account := connected(parent, `"organization": {"roleName": "audit"`+tt.filters+`}`, "eu-west-1")
			members, err := newProvider().Members(t.Context(), account)
			if err != nil {
				t.Fatal(err)
			}
			var found []awstest.Account
			for _, member := range members {
				found = append(found, awstest.Account{ID: member.CloudID})
				if member.Name != "test/"+member.CloudID || member.Key != "" {
					t.Errorf("member %+v", member)
				}
			}
			if diff := cmp.Diff(ids(tt.want...), ids(found...)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		front, denied := awstest.NewFront(t, parent)
		front.Refuse(everywhere, awstest.Called("organizations ListAccounts"), http.StatusBadRequest, "AccessDeniedException", "no")
		_, err := newProvider().Members(t.Context(), connected(denied, `"organization": {"roleName": "audit"}`))
		var known *providers.Error
		if !errors.As(err, &known) || known.Permission != "organizations:ListAccounts" {
			t.Errorf("got %v", err)
		}
	})
	if members, err := newProvider().Members(t.Context(), connected(parent, "")); err != nil || len(members) > 0 || front.Count("organizations ListAccounts") > 0 {
		t.Errorf("an account that is no parent has members %v, %v", members, err)
	}
}

// TestMembers_AreReadByWayOfTheirParent enters a member by the parent's role and then its own.
func TestMembers_AreReadByWayOfTheirParent(t *testing.T) {
	t.Parallel()
	front, parent := awstest.NewFront(t, awstest.New(t))
	s := parent.Seed(t, "us-east-1")
	s.Organization()
	shop := s.Member("shop")
	shop.Seed(t, "eu-west-1").Messaging(1)
	account := connected(parent, `"organization": {"roleName": "audit", "externalId": "agreed"}`, "eu-west-1")
	members, err := newProvider().Members(t.Context(), account)
	if err != nil || len(members) != 1 {
		t.Fatalf("members %v, %v", members, err)
	}
	var settings aws.Settings
	if err := json.Unmarshal(members[0].Settings, &settings); err != nil {
		t.Fatal(err)
	}
	if settings.RoleARN != "arn:aws:iam::"+shop.ID+":role/audit" || settings.ExternalID != "agreed" || settings.Via == nil || settings.Via.RoleARN != parent.Role() {
		t.Errorf("settings %+v", settings)
	}
	before := front.Count("sts AssumeRole")
	r := scan(t, newProvider(), members[0], providers.Want{}, "/sqs")
	if queues := r.of("AWS::SQS::Queue"); len(queues) != 1 || !strings.Contains(queues[0].ID, shop.ID) {
		t.Errorf("read %+v, errors %v", queues, r.errs)
	}
	if roles := front.Count("sts AssumeRole") - before; roles != 2 {
		t.Errorf("%d roles were assumed", roles)
	}
}
