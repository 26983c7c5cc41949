package scanner_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	_ "github.com/mattn/go-sqlite3" // to look at what the store wrote

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// rig is a scanner at work on a real store, a real engine and a provider that lists what it is told.
type rig struct {
	path    string
	store   *store.Store
	db      *sql.DB // past the store
	fake    *providertest.Fake
	engine  *cel.Engine
	now     time.Time
	full    bool
	broken  [2]bool // pack0 and pack1 cannot run
	workers int
	notify  func(scanner.Progress)
}

// Failing tests of a rig are the test's; rapid's tests are no testing.TB.
type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

const account = "shop"

// newRig makes a rig whose account "shop" is audited by the packs in the group "all".
func newRig(t testing.TB, packs ...string) *rig {
	t.Helper()
	r := &rig{
		path: emptyStore(t, filepath.Join(t.TempDir(), "rig.db")), fake: providertest.New(), engine: cel.New(),
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), workers: 2,
	}
	r.open(t)
	t.Cleanup(func() { r.close(t) })
	r.declare(t, declared(r.packs(t, packs...)))
	return r
}

// open opens the store, as another process would that comes after the first.
func (r *rig) open(t failing) {
	t.Helper()
	s, err := store.Open(context.Background(), r.path, store.Options{Now: func() time.Time { return r.now }})
	if err == nil {
		err = s.Use(context.Background(), "acme")
	}
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	r.store = s
}

func (r *rig) close(t failing) {
	t.Helper()
	err := r.store.Close()
	if r.db != nil {
		err = errors.Join(err, r.db.Close())
	}
	if err != nil {
		t.Fatalf("close: %v", err)
	}
}

// migrated is the content of a store without anything in it. Copying it is faster than making it.
var migrated = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "rig")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // it is in the system's folder for such
	path := filepath.Join(folder, "empty.db")
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// emptyStore lays a store without anything in it at the path, and gives the path.
func emptyStore(t failing, path string) string {
	t.Helper()
	data, err := migrated()
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatalf("lay an empty store: %v", err)
	}
	return path
}

// packs loads packs from the texts of their policies: documents of YAML.
func (r *rig) packs(t failing, texts ...string) []*policy.Pack {
	t.Helper()
	loader := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: r.engine}}
	var packs []*policy.Pack
	for i, text := range texts {
		name := fmt.Sprintf("pack%d", i)
		pack, err := loader.FS(context.Background(), name, fstest.MapFS{
			"PulumiPolicy.yaml": {Data: []byte("name: " + name + "\nruntime: cel\n")},
			"rules.yaml":        {Data: []byte(text)},
		})
		if err != nil {
			t.Fatalf("load pack %d: %v", i, err)
		}
		packs = append(packs, pack)
	}
	return packs
}

func declared(packs []*policy.Pack) store.Declared {
	group := policy.Group{Name: "all", Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{account}}
	for _, pack := range packs {
		group.Packs = append(group.Packs, policy.Applied{Name: pack.Name})
	}
	return store.Declared{
		Accounts: []store.DeclaredAccount{{Account: providers.Account{
			Name: account, Provider: providers.Snapshot, Cloud: providers.GCP, Settings: []byte(`{}`),
		}}},
		Packs: packs, Groups: []policy.Group{group},
	}
}

func (r *rig) declare(t failing, declared store.Declared) {
	t.Helper()
	if _, err := r.store.Reconcile(context.Background(), declared); err != nil {
		t.Fatalf("reconcile: %v", err)
	}
}

// scan scans the account a minute after the last scan.
func (r *rig) scan(ctx context.Context, t failing) (scanner.Result, error) {
	t.Helper()
	r.now = r.now.Add(time.Minute)
	accounts, err := r.store.Scannable(context.Background())
	if err != nil || len(accounts) != 1 {
		t.Fatalf("accounts %v, %v", accounts, err)
	}
	return scanner.New(scanner.Options{
		Store: r.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: unsteady{r.engine, r.broken}}, Workers: r.workers, Full: r.full, Notify: r.notify,
		Providers: map[string]providers.Provider{providers.Snapshot: r.fake}, Now: func() time.Time { return r.now },
	}).Scan(ctx, accounts[0], scanner.Manual)
}

// mustScan scans and holds the scan to success.
func (r *rig) mustScan(t failing) scanner.Result {
	t.Helper()
	result, err := r.scan(context.Background(), t)
	if err != nil || result.Status != scanner.Succeeded {
		t.Fatalf("scan: %+v, %v", result, err)
	}
	return result
}

// scope is a listing of a scope that holds the resources.
func scope(name string, resources ...*providers.Resource) providertest.Listing {
	return providertest.Listing{
		Scope:  providers.Scope{Name: name, Region: providers.Anywhere, Whole: []string{"iam"}, Revision: "1"},
		Events: providertest.Resources(resources...),
	}
}

// thing is a resource of type "T" with properties.
func thing(id string, properties map[string]any) *providers.Resource {
	return &providers.Resource{Type: "T", ID: id, Name: id, Parts: map[string]providers.Part{providers.Properties: {Value: properties}}}
}

// openViolations lists the ids of the open violations' resources with policy and key.
func (r *rig) openViolations(t failing) []string {
	t.Helper()
	return r.rows(t, `SELECT r.id || ' ' || v.policy || ' ' || v.violation_key FROM violations v JOIN resources r ON r.key = v.resource_key
		WHERE v.state = 'open' ORDER BY 1`)
}

// rows reads a query's rows, columns joined by spaces, past the store.
func (r *rig) rows(t failing, query string) []string {
	t.Helper()
	if r.db == nil {
		db, err := sql.Open("sqlite3", "file:"+r.path+"?mode=ro")
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		r.db = db
	}
	rows, err := r.db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatalf("query: %v", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatalf("columns: %v", err)
	}
	list := []string{}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatalf("scan: %v", err)
		}
		texts := make([]string, len(values))
		for i, value := range values {
			if data, ok := value.([]byte); ok {
				value = fmt.Sprintf("%x", data)
			}
			texts[i] = fmt.Sprint(value)
		}
		list = append(list, strings.Join(texts, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("rows: %v", err)
	}
	return list
}

// unsteady is an engine that cannot open some packs.
type unsteady struct {
	policy.Engine
	broken [2]bool
}

func (u unsteady) Open(ctx context.Context, pack *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	for i, broken := range u.broken {
		if broken && pack.Name == fmt.Sprintf("pack%d", i) {
			return nil, errors.New("out of order")
		}
	}
	return u.Engine.Open(ctx, pack, options)
}
