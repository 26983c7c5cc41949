package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// open opens a new store with one account. The clock stands still until it is set.
func open(t *testing.T) (*store.Store, providers.Account, *time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Use(context.Background(), "acme"); err != nil {
		t.Fatal(err)
	}
	reconcile(t, s)
	accounts, err := s.Scannable(context.Background())
	if err != nil || len(accounts) != 1 {
		t.Fatalf("accounts %v, %v", accounts, err)
	}
	return s, accounts[0], &now
}

func declared() store.Declared {
	return store.Declared{
		Accounts: []store.DeclaredAccount{{Account: providers.Account{Name: "a", Provider: providers.Snapshot, Cloud: providers.GCP, Settings: []byte(`{}`)}}},
		Packs:    []*policy.Pack{{Name: "p", Digest: "sha256:1", Archive: []byte("files"), Runtime: policy.RuntimeCEL, Policies: []policy.Policy{{Name: "x"}}}},
		Groups:   []policy.Group{{Name: "g", Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{"a"}, Packs: []policy.Applied{{Name: "p"}}}},
	}
}

func reconcile(t *testing.T, s *store.Store) store.Reconciled {
	t.Helper()
	changes, err := s.Reconcile(context.Background(), declared())
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestReconcile_ChangesNothingTwice(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	if done := reconcile(t, s); len(done.Changes)+len(done.Warnings) != 0 {
		t.Errorf("the second time changed %+v", done)
	}
}

func TestReconcile_ArchivesAndRevives(t *testing.T) {
	t.Parallel()
	s, before, _ := open(t)
	if _, err := s.Reconcile(context.Background(), store.Declared{}); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Scannable(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("accounts %v, %v; want none", left, err)
	}
	reconcile(t, s)
	after, err := s.Scannable(context.Background())
	if err != nil || len(after) != 1 || after[0].Key != before.Key {
		t.Errorf("accounts %v, %v; want the same key %s", after, err, before.Key)
	}
}

func TestReconcile_RefusesUnknownMembers(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	wrong := declared()
	wrong.Groups[0].Accounts = []string{"b"}
	if _, err := s.Reconcile(context.Background(), wrong); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestAssignments_JoinsTheDefaultGroupOnce(t *testing.T) {
	t.Parallel()
	s, account, _ := open(t)
	assignments, err := s.Assignments(context.Background(), account)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range assignments {
		names = append(names, a.Group.Name)
	}
	if len(names) != 2 || names[0] != policy.DefaultAccountsGroup || names[1] != "g" {
		t.Errorf("groups %q", names)
	}
}

// TestBegin_OneScanAnAccount holds design rule 3.10: a second scan is refused while the lease holds,
// and goes on with the first one, whose writes are refused, once it has run out.
func TestBegin_OneScanAnAccount(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, account, now := open(t)
	first, err := s.Begin(ctx, account, scanner.Manual)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(ctx, account, scanner.Manual); !errors.Is(err, scanner.ErrBusy) {
		t.Fatalf("a second scan: %v, want busy", err)
	}
	*now = now.Add(time.Minute)
	second, err := s.Begin(ctx, account, scanner.Manual)
	if err != nil {
		t.Fatal(err)
	}
	if second.ID != first.ID || second.Left == nil || second.Epoch == first.Epoch {
		t.Errorf("took over %+v as %+v", first, second)
	}
	if err := s.Report(ctx, first, scanner.Progress{}); !errors.Is(err, scanner.ErrLeaseLost) {
		t.Errorf("a write of the first: %v, want lease lost", err)
	}
	if err := s.End(ctx, second, scanner.Result{Status: scanner.Succeeded, FinishedAt: *now}); err != nil {
		t.Error(err)
	}
	scans, err := s.Scans(ctx, store.Access{}, "a", store.Page{})
	if err != nil || len(scans) != 1 || scans[0].Status != string(scanner.Succeeded) {
		t.Errorf("scans %+v, %v", scans, err)
	}
}

// TestBegin_DeathFreesTheLease holds design §12.8: an owner's lock ends with its process, so that
// nobody waits for the lease to run out.
func TestBegin_DeathFreesTheLease(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, account, now := open(t)
	other, err := store.Open(ctx, s.Path(), store.Options{Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Use(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	first, err := other.Begin(ctx, account, scanner.Manual)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(ctx, account, scanner.Manual); !errors.Is(err, scanner.ErrBusy) {
		t.Fatalf("a second scan: %v, want busy", err)
	}
	if err := s.Vacuum(ctx); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("vacuum beside another process: %v", err)
	}
	if err := other.Close(); err != nil { // as death does
		t.Fatal(err)
	}
	second, err := s.Begin(ctx, account, scanner.Manual)
	if err != nil || second.ID != first.ID {
		t.Errorf("after the death: %+v, %v", second, err)
	}
	if err := s.Vacuum(ctx); err != nil {
		t.Errorf("vacuum alone: %v", err)
	}
}

// TestScans_ShowsWhatDied shows a scan as interrupted whose process gave no sign of life for as long
// as a lease lasts.
func TestScans_ShowsWhatDied(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, account, now := open(t)
	if _, err := s.Begin(ctx, account, scanner.Manual); err != nil {
		t.Fatal(err)
	}
	for _, want := range []scanner.Status{scanner.Running, scanner.Interrupted} {
		scans, err := s.Scans(ctx, store.Access{}, "a", store.Page{})
		if err != nil || len(scans) != 1 || scans[0].Status != string(want) {
			t.Errorf("scans %+v, %v; want %s", scans, err, want)
		}
		*now = now.Add(time.Minute)
	}
}

// TestIngest_WritesWhatChanged holds design rule 3.9 for parts: same content is no version, and
// what this scan changed back never was.
func TestIngest_WritesWhatChanged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, account, now := open(t)
	record := &providers.Resource{Type: "T", ID: "i", Identity: "i", Name: "n", Region: providers.Global}
	save := func(scan *scanner.Scan, hash byte) (before scanner.Known) {
		t.Helper()
		err := s.Ingest(ctx, scan, []*providers.Resource{record}, func(known []scanner.Known) ([]scanner.PartWrite, error) {
			before = known[0]
			write := scanner.PartWrite{Key: before.Key, Part: providers.Properties, Head: record, Body: []byte(`{}`), Hash: providers.Hash{hash}, Version: true}
			return []scanner.PartWrite{write}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	first, err := s.Begin(ctx, account, scanner.Manual)
	if err != nil {
		t.Fatal(err)
	}
	if !save(first, 1).New {
		t.Error("a resource that was never seen is not new")
	}
	if err := s.End(ctx, first, scanner.Result{Status: scanner.Succeeded, FinishedAt: *now}); err != nil {
		t.Fatal(err)
	}
	second, err := s.Begin(ctx, account, scanner.Manual)
	if err != nil {
		t.Fatal(err)
	}
	save(second, 2)
	save(second, 1)
	held, err := s.Held(ctx, second, 0, 10)
	if err != nil || len(held) != 1 || len(held[0].Parts) != 1 {
		t.Fatalf("held %+v, %v", held, err)
	}
	if part := held[0].Parts[0]; part.From != first.Seq || part.Hash != (providers.Hash{1}) {
		t.Errorf("part %+v, want the first scan's version", part)
	}
}

// TestOpen_EveryConnectionHasTheSettings reads back what the DSN sets, on each connection of both pools.
func TestOpen_EveryConnectionHasTheSettings(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	for pool, settings := range store.ConnectionSettings(t, s) {
		want := map[string]string{"foreign_keys": "1", "busy_timeout": "5000", "journal_mode": "wal", "synchronous": "1"}
		if diff := cmp.Diff(want, settings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pool, diff)
		}
	}
}
