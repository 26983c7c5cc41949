package scanner_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/store"
)

func accountNamed(name, from string) store.DeclaredAccount {
	return store.DeclaredAccount{RenamedFrom: from, Account: providers.Account{
		Name: name, Provider: providers.Snapshot, Cloud: providers.GCP, Settings: []byte(`{}`),
	}}
}

// TestRule3_3_IdentitySurvivesARename holds design rule 3.3 and §12.3: a renamed account keeps its key
// and its violations, two may swap their names, and a new account that takes an old name is another.
func TestRule3_3_IdentitySurvivesARename(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public)))
	r.mustScan(t)
	before := r.rows(t, `SELECT a.key, v.id, v.state FROM violations v JOIN accounts a ON a.id = v.account_id`)

	d := declared(r.packs(t, publicRule))
	d.Accounts = []store.DeclaredAccount{accountNamed("store", account)}
	d.Groups[0].Accounts = []string{"store"}
	r.declare(t, d)
	if c := r.mustScan(t).Counts; c.Added+c.Opened+c.Resolved > 0 {
		t.Errorf("a rename changed something: %+v", c)
	}
	if diff := cmp.Diff(before, r.rows(t, `SELECT a.key, v.id, v.state FROM violations v JOIN accounts a ON a.id = v.account_id`)); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}

	d.Accounts = []store.DeclaredAccount{accountNamed("store", ""), accountNamed(account, "")}
	r.declare(t, d)
	keys := r.rows(t, `SELECT name, key FROM accounts ORDER BY id`)
	if len(keys) != 2 || strings.Fields(keys[0])[1] == strings.Fields(keys[1])[1] {
		t.Errorf("accounts %q", keys)
	}
}

// TestReconcile_CloudAccountsSwapNames knows accounts by what the cloud calls them.
func TestReconcile_CloudAccountsSwapNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	d := declared(r.packs(t, publicRule))
	d.Accounts, d.Groups[0].Accounts = nil, nil
	for _, name := range []string{"one", "two"} {
		a := accountNamed(name, "")
		a.CloudID = name
		d.Accounts = append(d.Accounts, a)
	}
	r.declare(t, d)
	before := r.rows(t, `SELECT key FROM accounts WHERE archived_at IS NULL ORDER BY name`)
	d.Accounts[0].Name, d.Accounts[1].Name = "two", "one"
	r.declare(t, d)
	after := r.rows(t, `SELECT key FROM accounts WHERE archived_at IS NULL ORDER BY name DESC`)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// TestReconcile_RemovalResolves holds design rule 3.1: violations of an account that leaves the
// configuration resolve as account_removed; when it returns, the first scan finds them again, with
// people's triage.
func TestReconcile_RemovalResolves(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public), thing("a2", private)))
	r.mustScan(t)
	id := r.rows(t, `SELECT id FROM violations`)[0]
	design := policy.TriageByDesign
	_, err := r.store.SetTriage(ctx, store.Access{}, []string{id}, store.TriageUpdate{Triage: &design}, "ann")
	fatal(t, err)
	r.now = r.now.Add(time.Minute)
	r.declare(t, store.Declared{Packs: r.packs(t, publicRule)})
	r.now = r.now.Add(time.Minute)
	v, err := r.store.Violation(ctx, store.Access{}, id, time.Time{})
	if err != nil || v.State != "resolved" || v.Resolution != "account_removed" {
		t.Errorf("%+v, %v", v, err)
	}
	if faults, err := r.store.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %v", faults, err)
	}
	gone := r.now
	r.declare(t, declared(r.packs(t, publicRule)))
	if c := r.mustScan(t).Counts; c.Opened != 1 || c.Added != 0 || c.Evaluated != 2 {
		t.Errorf("the scan after its return: %+v", c)
	}
	if v, err = r.store.Violation(ctx, store.Access{}, id, time.Time{}); err != nil || v.State != "open" || v.Triage != "by_design" {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err = r.store.Violation(ctx, store.Access{}, id, gone); err != nil || v.State != "resolved" {
		t.Errorf("while it was gone: %+v, %v", v, err)
	}
}

// TestReconcile_RefusesConflicts tells every contradiction with its place and a remedy, and then changes
// nothing.
func TestReconcile_RefusesConflicts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cloud := func(a store.DeclaredAccount, id string) store.DeclaredAccount { a.CloudID = id; return a }
	for name, test := range map[string]struct {
		change func(*store.Declared)
		want   string
	}{
		"another_configuration": {func(d *store.Declared) { d.ConfigID = "/etc/other.yaml" }, "use --adopt"},
		"another_cloud_account": {func(d *store.Declared) { d.Accounts = append(d.Accounts, cloud(accountNamed("cloudy", ""), "2")) }, "belongs to the cloud account 1"},
		"renamed_and_there": {func(d *store.Declared) { d.Accounts = append(d.Accounts, accountNamed("new", account)) },
			"renamedFrom names shop, which the configuration declares too"},
		"the_same_twice": {func(d *store.Declared) {
			d.Accounts = append(d.Accounts, cloud(accountNamed("cloudy", ""), "1"), cloud(accountNamed("cloudy2", ""), "1"))
		}, "another account of the configuration is the same one"},
		"default_group_members": {func(d *store.Declared) { d.Groups[0].Name = policy.DefaultAccountsGroup }, "every account joins this group once"},
		"made_exception": {func(d *store.Declared) {
			e := testData(policy.ExceptionScope{Policies: []string{"x"}})
			e.Name = "made"
			d.Exceptions = []policy.Exception{e}
		}, "file:7: exception made: conflict: an exception of this name was made on 2026-01-01"},
		"exception_of_nobody": {func(d *store.Declared) {
			d.Exceptions = []policy.Exception{testData(policy.ExceptionScope{Accounts: []string{"nobody"}})}
		}, "account nobody: not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			d := declared(r.packs(t, publicRule))
			d.Accounts = append(d.Accounts, cloud(accountNamed("cloudy", ""), "1"))
			r.declare(t, d)
			e := testData(policy.ExceptionScope{Policies: []string{"x"}})
			e.Name = "made"
			fatal(t, r.store.AddException(ctx, e, "ann"))
			before := r.rows(t, `SELECT name, archived_at FROM accounts UNION ALL SELECT name, archived_at FROM policy_groups UNION ALL SELECT name, removed_at FROM exceptions`)
			wrong := declared(r.packs(t, publicRule))
			wrong.ConfigID = "the file"
			d.ConfigID = "the file"
			r.declare(t, d)
			wrong.At = func(noun, _ string) string { return map[string]string{"exception": "file:7"}[noun] }
			test.change(&wrong)
			_, err := r.store.Reconcile(ctx, wrong)
			if err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			after := r.rows(t, `SELECT name, archived_at FROM accounts UNION ALL SELECT name, archived_at FROM policy_groups UNION ALL SELECT name, removed_at FROM exceptions`)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("something changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestReconcile_Adopts lets another configuration take the place of the first.
func TestReconcile_Adopts(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	d := declared(r.packs(t, publicRule))
	for _, step := range []struct {
		id    string
		adopt bool
		ok    bool
	}{{"one", false, true}, {"two", false, false}, {"two", true, true}, {"one", false, false}, {"two", false, true}} {
		d.ConfigID, d.Adopt = step.id, step.adopt
		if _, err := r.store.Reconcile(context.Background(), d); (err == nil) != step.ok {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

// TestReconcile_DeclaredExceptions begin, change and end with the configuration, and excuse at once.
func TestReconcile_DeclaredExceptions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("a1", public), thing("a2", public)))
	r.mustScan(t)
	d := declared(r.packs(t, publicRule))
	declare := func(want []string, changes int, exceptions ...policy.Exception) {
		t.Helper()
		d.Exceptions = exceptions
		done, err := r.store.Reconcile(ctx, d)
		fatal(t, err)
		if len(done.Changes) != changes {
			t.Errorf("changes %q, want %d", done.Changes, changes)
		}
		if diff := cmp.Diff(want, r.listed(t, store.ViolationFilter{})); diff != "" {
			t.Errorf("open (-want +got):\n%s", diff)
		}
	}
	one := testData(policy.ExceptionScope{Policies: []string{"no-public"}, Resources: []string{"a1"}})
	two := testData(policy.ExceptionScope{Policies: []string{"no-public"}, Resources: []string{"a2"}})
	expires := r.now.Add(time.Hour)
	one.Expires = &expires
	declare([]string{"a1*", "a2"}, 1, one)
	declare([]string{"a1*", "a2"}, 0, one)
	declare([]string{"a1", "a2*"}, 2, two)
	if err := r.store.RemoveException(ctx, "tests", "ann"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a declared exception was removed: %v", err)
	}
	declare([]string{"a1", "a2"}, 1)
}

// TestReconcile_VersionTagNamesOneContent keeps a tag from naming two contents.
func TestReconcile_VersionTagNamesOneContent(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	for i, text := range []string{publicRule, publicRule + "tags: [a]\n", publicRule + "tags: [b]\n"} {
		d := declared(r.packs(t, text))
		d.Packs[0].VersionTag = "1.0.0"
		done, err := r.store.Reconcile(context.Background(), d)
		fatal(t, err)
		if warned := len(done.Warnings) == 1; warned != (i == 2) {
			t.Errorf("step %d: warnings %q", i, done.Warnings)
		}
	}
	if diff := cmp.Diff([]string{"1 ", "2 1.0.0", "3 "}, r.rows(t, `SELECT version, version_tag FROM packs ORDER BY version`)); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}
