package scanner_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// as is a record of the thing "x" as it was updated on a day of January, in a line of a scope.
func as(properties map[string]any, day int, scope string, line int) *providers.Resource {
	r := thing("x", properties)
	r.Rank = providers.Rank{Updated: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), Scope: scope, Line: line}
	return r
}

// TestLast_NeverHidesAChange holds design rule 3.9 where a record comes again that a scan before read,
// though something else was stored since. The last scan of each case reads a private x.
func TestLast_NeverHidesAChange(t *testing.T) {
	t.Parallel()
	older, newer := as(private, 1, "a", 1), as(public, 2, "b", 1)
	for name, scans := range map[string][][]providertest.Listing{
		"that another scope had later": {
			{scope("a", older), scope("b", newer)},
			{scope("a", older), scope("b")},
		},
		"that came before another in its scope": {
			{scope("a", as(private, 1, "a", 1), as(public, 1, "a", 2))},
			{scope("a", as(private, 1, "a", 1))},
		},
		"that was put aside": {
			{scope("a"), scope("b", newer)},
			{scope("a", older), scope("b", newer)},
			{scope("a", older), scope("b")},
		},
		"that another outranks now": {
			{scope("b"), scope("a", as(public, 3, "a", 1))},
			{scope("b", as(private, 2, "b", 1)), scope("a", as(public, 1, "a", 1))},
		},
		"that lost its rank": {
			{scope("b"), scope("a", as(private, 3, "a", 1))},
			{scope("b", as(public, 2, "b", 1)), scope("a", as(private, 1, "a", 1))},
			{scope("b"), scope("a", as(private, 1, "a", 1))},
		},
		"that comes after another in its scope": {
			{scope("a", as(private, 1, "a", 1))},
			{scope("a", as(public, 1, "a", 1), as(private, 1, "a", 2))},
		},
		"that came after a newer one of another scope": {
			{scope("a"), scope("b", as(private, 1, "b", 1))},
			{scope("a", as(public, 2, "a", 1)), scope("b", as(private, 1, "b", 1))},
			{scope("a"), scope("b", as(private, 1, "b", 1))},
		},
		"that comes after another in another scope": {
			{scope("a"), scope("b", as(private, 2, "b", 1))},
			{scope("a", as(public, 1, "a", 1)), scope("b", as(private, 2, "b", 1))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			r.workers = 1
			for _, listings := range scans {
				r.fake.Set(listings...)
				r.mustScan(t)
			}
			if open := r.openViolations(t); len(open) > 0 {
				t.Errorf("open: %v", open)
			}
		})
	}
}

// stop scans and stops the process when the last listing comes to its end.
func (r *rig) stop(t *testing.T, listings ...providertest.Listing) {
	t.Helper()
	started, never := make(chan struct{}), make(chan struct{})
	last := &listings[len(listings)-1]
	last.Events = append(last.Events, providertest.Event{Started: started, Wait: never})
	r.fake.Set(listings...)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-started
		stop()
	}()
	if result, err := r.scan(ctx, t); !errors.Is(err, context.Canceled) {
		t.Fatalf("scan: %+v, %v; want interrupted", result, err)
	}
}

// TestLast_IsForgottenWhenAScanBegins lets a scan store another content and stop short of its end. The
// one after it reads the first content again.
func TestLast_IsForgottenWhenAScanBegins(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*rig){
		"goes on":     func(*rig) {},
		"begins anew": func(r *rig) { r.now = r.now.Add(7 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			things := make([]*providers.Resource, 500) // a batch, so that it is stored
			for i := range things {
				things[i] = thing(strconv.Itoa(i), private)
			}
			r.fake.Set(scope("a", things...))
			r.mustScan(t)
			things[7] = thing("7", public)
			r.stop(t, scope("a", things...))
			before(r)
			things[7] = thing("7", private)
			r.fake.Set(scope("a", things...))
			r.mustScan(t)
			if stored := r.rows(t, `SELECT body FROM parts JOIN bodies ON part_id = id WHERE to_seq IS NULL AND body <> '{"public":false}'`); len(stored) > 0 {
				t.Errorf("stored is %v", stored)
			}
		})
	}
}

// TestLast_IsNotKnownAfterAnInterruption lets a scan read x twice in one scope and go on after an
// interruption, when it does not know that any more.
func TestLast_IsNotKnownAfterAnInterruption(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.workers = 1
	twice := scope("a", as(private, 1, "a", 1), as(public, 1, "a", 2))
	r.stop(t, twice, scope("b"))
	r.fake.Set(twice, scope("b"))
	r.mustScan(t)
	r.fake.Set(scope("a", as(private, 1, "a", 1)), scope("b"))
	r.mustScan(t)
	if open := r.openViolations(t); len(open) > 0 {
		t.Errorf("open: %v", open)
	}
}

// TestLast_LooksAtWhatTheClockJudges although nothing changed but the time.
func TestLast_LooksAtWhatTheClockJudges(t *testing.T) {
	t.Parallel()
	r := newRig(t, "name: fresh\nseverity: low\ndescription: Is young.\nmatch: {types: [T]}\nvalidations:\n"+
		"  - {expression: 'now < timestamp(\"2026-01-01T00:02:30Z\")', message: is old}\n")
	r.fake.Set(scope("a", thing("x", private)))
	r.mustScan(t)
	if c := r.mustScan(t).Counts; c.Evaluated != 1 || c.Opened != 0 {
		t.Errorf("the second scan: %+v", c)
	}
	if diff := cmp.Diff(1, r.mustScan(t).Counts.Opened); diff != "" {
		t.Errorf("opened by the third scan (-want +got):\n%s", diff)
	}
}

// TestLast_CountsWhatIsMissing scans three times what is denied after the first: the resource counts
// as one of the account's.
func TestLast_CountsWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(scope("a", thing("x", public), thing("y", private)))
	r.mustScan(t)
	denied := scope("a", thing("y", private))
	denied.Events = append(denied.Events, providertest.Event{Gap: &providers.Gap{
		Region: providers.Anywhere, Type: "T", Class: providers.AccessDenied, Place: "here", Reason: "denied",
	}})
	r.fake.Set(denied)
	for range 3 {
		result, err := r.scan(context.Background(), t)
		if err != nil || result.Status != scanner.Partial || result.Counts.Resources != 2 {
			t.Fatalf("scan: %+v, %v; want partial with 2 resources", result, err)
		}
	}
}

// TestLast_IsAsGoodAsNothingWhereItIsDamaged lets an account be scanned all the same.
func TestLast_IsAsGoodAsNothingWhereItIsDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"seen":      `UPDATE last_seen SET keys = x'ff'`,
		"overflow":  `UPDATE last_seen SET keys = x'ffffffffffffffff7fffffffffffffffff7f'`,
		"contested": `UPDATE last_scans SET contested = x'ff'`,
		"trail":     `UPDATE trails SET steps = x'ff'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, publicRule)
			r.fake.Set(scope("a", thing("x", public), thing("y", private)))
			r.mustScan(t)
			db, err := sql.Open("sqlite3", "file:"+r.path)
			fatal(t, err)
			_, err = db.ExecContext(t.Context(), damage)
			fatal(t, errors.Join(err, db.Close()))
			r.fake.Set(scope("a", thing("y", public)))
			if c := r.mustScan(t).Counts; c.Resources != 1 || c.Removed != 1 || c.Opened != 1 || c.Resolved != 1 {
				t.Errorf("counts %+v", c)
			}
		})
	}
}

// TestLast_LooksAgainWhenTheAccountIsAnother holds design rule 3.9 for what policies see of the account.
func TestLast_LooksAgainWhenTheAccountIsAnother(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		expression string
		change     func(*store.DeclaredAccount)
	}{
		"tags":    {`!has(account.tags.env) || account.tags.env != "prod"`, func(a *store.DeclaredAccount) { a.Tags = map[string]string{"env": "prod"} }},
		"name":    {`account.name != "store"`, func(a *store.DeclaredAccount) { a.Name, a.RenamedFrom = "store", account }},
		"cloudId": {`account.cloudId != "p1"`, func(a *store.DeclaredAccount) { a.CloudID = "p1" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule := "name: here\nseverity: high\ndescription: Is not here.\nmatch: {types: [T]}\nvalidations:\n  - {expression: '" + test.expression + "'}\n"
			r := newRig(t, rule)
			r.fake.Set(scope("a", thing("x", private)))
			r.mustScan(t)
			d := declared(r.packs(t, rule))
			test.change(&d.Accounts[0])
			d.Groups[0].Accounts = []string{d.Accounts[0].Name}
			r.declare(t, d)
			r.mustScan(t)
			if diff := cmp.Diff([]string{"x here "}, r.openViolations(t)); diff != "" {
				t.Errorf("open (-want +got):\n%s", diff)
			}
		})
	}
}
