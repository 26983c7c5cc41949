package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// parentOf declares an organization, which a group audits whole, with accounts of their own beside it.
func parentOf(accounts ...string) store.Declared {
	d := store.Declared{
		Accounts: []store.DeclaredAccount{{Account: live("acme", "111111111111"), Schedule: []byte(`{"cron":"@daily"}`)}},
		Groups:   []policy.Group{{Name: "g", Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{"acme"}}},
	}
	for _, id := range accounts {
		d.Accounts = append(d.Accounts, store.DeclaredAccount{Account: live("own-"+id, id)})
	}
	return d
}

func live(name, id string) providers.Account {
	return providers.Account{Name: name, Provider: providers.AWS, Cloud: providers.AWS, CloudID: id, Settings: []byte(`{}`)}
}

// declare stores what is declared and gives the accounts that can be scanned, by name.
func declare(t *testing.T, s *store.Store, d store.Declared) map[string]providers.Account {
	t.Helper()
	if _, err := s.Reconcile(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	return scannable(t, s)
}

func scannable(t *testing.T, s *store.Store) map[string]providers.Account {
	t.Helper()
	accounts, err := s.Scannable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]providers.Account{}
	for _, account := range accounts {
		byName[account.Name] = account
	}
	return byName
}

// setMembers lets an organization have the members of these ids.
func setMembers(t *testing.T, s *store.Store, parent providers.Account, ids ...string) store.Reconciled {
	t.Helper()
	var members []providers.Account
	for _, id := range ids {
		members = append(members, live(parent.Name+"/"+id, id))
	}
	done, err := s.Members(context.Background(), parent, members)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func groupsOf(t *testing.T, s *store.Store, account string) []string {
	t.Helper()
	status, err := s.Account(context.Background(), store.Access{}, account, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return status.Groups
}

func TestMembers_ComeAndGo(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	acme := declare(t, s, parentOf())["acme"]
	setMembers(t, s, acme, "222222222222", "333333333333")
	before := scannable(t, s)
	if len(before) != 3 || before["acme/222222222222"].CloudID != "222222222222" {
		t.Fatalf("accounts %v", before)
	}
	if done := setMembers(t, s, acme, "222222222222", "333333333333"); len(done.Changes)+len(done.Warnings) > 0 {
		t.Errorf("the second time changed %+v", done)
	}
	declare(t, s, parentOf()) // by which the group learns of them
	if diff := cmp.Diff([]string{policy.DefaultAccountsGroup, "g"}, groupsOf(t, s, "acme/222222222222")); diff != "" {
		t.Errorf("groups of a member (-want +got):\n%s", diff)
	}
	done := setMembers(t, s, acme, "333333333333")
	if diff := cmp.Diff([]string{"archive account acme/222222222222"}, done.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if left := scannable(t, s); len(left) != 2 {
		t.Errorf("left are %v", left)
	}
	setMembers(t, s, acme, "222222222222", "333333333333")
	if diff := cmp.Diff(before, scannable(t, s)); diff != "" {
		t.Errorf("after its return (-before +after):\n%s", diff)
	}
	if _, err := s.Members(context.Background(), live("gone", "999999999999"), nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("members of an unknown account: %v", err)
	}
}

// TestMembers_FollowTheirParent holds what becomes of members when the configuration changes.
func TestMembers_FollowTheirParent(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	acme := declare(t, s, parentOf())["acme"]
	setMembers(t, s, acme, "222222222222", "333333333333")
	key := scannable(t, s)["acme/222222222222"].Key

	own := declare(t, s, parentOf("222222222222"))
	if own["own-222222222222"].Key != key || len(own) != 3 {
		t.Errorf("a member that is declared became %+v", own)
	}
	done := setMembers(t, s, acme, "222222222222", "333333333333")
	if len(done.Changes) > 0 || len(done.Warnings) != 1 || !strings.Contains(done.Warnings[0], "own-222222222222") {
		t.Errorf("members beside a declared one: %+v", done)
	}
	declare(t, s, parentOf())
	setMembers(t, s, acme, "222222222222", "333333333333")
	if back := scannable(t, s); back["acme/222222222222"].Key != key {
		t.Errorf("a member that is declared no more became %+v", back)
	}
	if left := declare(t, s, store.Declared{}); len(left) > 0 {
		t.Errorf("without their parent there are %v", left)
	}
}

// TestReconcile_LearnsTheCloudsID keeps keys the same everywhere, also where the cloud's id is known only
// later.
func TestReconcile_LearnsTheCloudsID(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	late := store.Declared{Accounts: []store.DeclaredAccount{{Account: live("prod", "")}}}
	unknown := declare(t, s, late)["prod"]
	late.Accounts[0].CloudID = "111111111111"
	known := declare(t, s, late)["prod"]
	if want := declare(t, s, parentOf())["acme"]; unknown.Key == known.Key || known.Key != want.Key || known.CloudID != "111111111111" {
		t.Errorf("key %s became %s, want %s", unknown.Key, known.Key, want.Key)
	}
	late.Accounts[0].CloudID = "" // not told this time
	if again := declare(t, s, store.Declared{Accounts: []store.DeclaredAccount{{Account: live("acme", "")}}}); again["acme"].CloudID != "111111111111" {
		t.Errorf("accounts %v", again)
	}
}

// TestMembers_LeaveByAScanOfTheirOwn holds that a member which is no longer planned ends with a scan.
func TestMembers_LeaveByAScanOfTheirOwn(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	acme := declare(t, s, parentOf())["acme"]
	setMembers(t, s, acme, "222222222222")
	setMembers(t, s, acme)
	scans, err := s.Scans(context.Background(), store.Access{}, "acme/222222222222", store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if len(scans) != 1 || scans[0].Trigger != string(scanner.Removal) {
		t.Errorf("scans %+v", scans)
	}
}

// TestMembers_InGroups holds that groups hold the accounts that their names mean now, however they were
// called and whatever a name meant before.
func TestMembers_InGroups(t *testing.T) {
	t.Parallel()
	t.Run("named before it is known", func(t *testing.T) {
		t.Parallel()
		s, _, _ := open(t)
		d := parentOf()
		d.Groups[0].Accounts = []string{"acme/222222222222"} // as yet a region
		setMembers(t, s, declare(t, s, d)["acme"], "222222222222")
		declare(t, s, d)
		if diff := cmp.Diff([]string{policy.DefaultAccountsGroup, "g"}, groupsOf(t, s, "acme/222222222222")); diff != "" {
			t.Errorf("groups of the member (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{policy.DefaultAccountsGroup}, groupsOf(t, s, "acme")); diff != "" {
			t.Errorf("groups of the parent (-want +got):\n%s", diff)
		}
	})
	t.Run("declared before its id is known", func(t *testing.T) {
		t.Parallel()
		s, _, _ := open(t)
		setMembers(t, s, declare(t, s, parentOf())["acme"], "222222222222")
		d := parentOf()
		d.Accounts = append(d.Accounts, store.DeclaredAccount{Account: live("prod", "")})
		d.Groups[0].Accounts = []string{"prod"}
		for _, id := range []string{"", "222222222222", "222222222222"} {
			d.Accounts[1].CloudID = id
			declare(t, s, d)
			if diff := cmp.Diff([]string{policy.DefaultAccountsGroup, "g"}, groupsOf(t, s, "prod")); diff != "" {
				t.Errorf("groups with id %q (-want +got):\n%s", id, diff)
			}
		}
	})
}

// TestMembers_OneCannot holds that one member which cannot be stored, or cannot leave, is told and stops
// no other.
func TestMembers_OneCannot(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	acme := declare(t, s, parentOf())["acme"]
	setMembers(t, s, acme, "222222222222", "222222222222", "333333333333")
	if _, err := s.Begin(context.Background(), scannable(t, s)["acme/222222222222"], scanner.Manual); err != nil {
		t.Fatal(err)
	}
	done := setMembers(t, s, acme, "444444444444")
	if len(done.Warnings) != 1 || !strings.Contains(done.Warnings[0], "acme/222222222222: conflict: account is being scanned") {
		t.Errorf("warnings %q", done.Warnings)
	}
	left := scannable(t, s)
	if _, scanned := left["acme/222222222222"]; len(left) != 3 || !scanned || left["acme/444444444444"].Key == "" {
		t.Errorf("left are %v", left)
	}
	done, err := s.Members(context.Background(), acme, []providers.Account{live("acme/444444444444", "555555555555"), live("acme/666666666666", "666666666666")})
	if err != nil || len(done.Warnings) != 2 || !strings.Contains(done.Warnings[0], "another account (444444444444) has its name") {
		t.Errorf("a name that is taken: %+v, %v", done, err)
	}
	if left := scannable(t, s); left["acme/666666666666"].Key == "" {
		t.Errorf("left are %v", left)
	}
}

// TestReconcile_LearnsTheIDOfAnother holds that an account goes on under its name where its cloud account
// turns out to be one that was there before under another.
func TestReconcile_LearnsTheIDOfAnother(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	setMembers(t, s, declare(t, s, parentOf())["acme"], "222222222222")
	setMembers(t, s, scannable(t, s)["acme"])
	d := parentOf()
	d.Accounts = append(d.Accounts, store.DeclaredAccount{Account: live("prod", "")})
	before := declare(t, s, d)["prod"]
	d.Accounts[1].CloudID = "222222222222"
	done, err := s.Reconcile(context.Background(), d)
	if err != nil || len(done.Warnings) != 1 {
		t.Fatalf("reconcile: %+v, %v; want a warning", done, err)
	}
	if after := scannable(t, s)["prod"]; after.Key != before.Key || after.CloudID != "222222222222" {
		t.Errorf("%+v became %+v", before, after)
	}
}
