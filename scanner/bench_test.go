package scanner_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/packs"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/snapshot"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// estate is an account whose inventory is made up, and the store that remembers its scans.
type estate struct {
	inventory providertest.Inventory
	folder    string // of the inventory
	home      string // of stores
	stores    int
	store     *store.Store
	engine    *cel.Engine
	pack      *policy.Pack
	now       time.Time
}

func newEstate(b *testing.B, size int) *estate {
	b.Helper()
	e := &estate{
		inventory: providertest.Inventory{Cloud: providers.GCP, Size: size, Seed: 1, Changed: 1},
		folder:    b.TempDir(), home: b.TempDir(), engine: cel.New(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	all, err := packs.All()
	if err != nil {
		b.Fatal(err)
	}
	for _, builtin := range all {
		if builtin.Cloud != providers.GCP {
			continue
		}
		loader := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: e.engine}}
		if e.pack, err = loader.FS(b.Context(), builtin.Name, builtin.Files); err != nil {
			b.Fatal(err)
		}
	}
	e.write(b)
	e.begin(b)
	return e
}

// write writes the inventory as it is now.
func (e *estate) write(b *testing.B) {
	b.Helper()
	if err := e.inventory.Write(e.folder); err != nil {
		b.Fatal(err)
	}
}

func (e *estate) account() providers.Account {
	settings, err := json.Marshal(snapshot.Settings{Format: snapshot.GCP, Path: e.folder, Content: []string{snapshot.Resource, snapshot.IAMPolicy}})
	if err != nil {
		panic(err) // it has nothing that cannot be encoded
	}
	return providers.Account{Name: account, Provider: providers.Snapshot, Cloud: providers.GCP, Settings: settings}
}

// begin turns to a store that knows nothing.
func (e *estate) begin(b *testing.B) {
	b.Helper()
	e.end(b)
	e.stores++
	s, err := store.Open(b.Context(), filepath.Join(e.home, strconv.Itoa(e.stores)+".db"), store.Options{Now: func() time.Time { return e.now }})
	if err == nil {
		err = s.Use(b.Context(), "acme")
	}
	if err == nil {
		declared := declared([]*policy.Pack{e.pack})
		declared.Accounts[0].Account = e.account()
		_, err = s.Reconcile(b.Context(), declared)
	}
	if err != nil {
		b.Fatal(err)
	}
	e.store = s
}

func (e *estate) end(b *testing.B) {
	b.Helper()
	if e.store == nil {
		return
	}
	path := e.store.Path()
	if err := e.store.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		b.Fatal(err)
	}
}

// scan scans once and gives the processor time that it took.
func (e *estate) scan(b *testing.B, workers int) (scanner.Counts, time.Duration) {
	b.Helper()
	e.now = e.now.Add(time.Hour)
	accounts, err := e.store.Scannable(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	sc := scanner.New(scanner.Options{
		Store: e.store, Engines: map[string]policy.Engine{policy.RuntimeCEL: e.engine}, Now: func() time.Time { return e.now }, Workers: workers,
		Providers: map[string]providers.Provider{providers.Snapshot: snapshot.New()},
	})
	meter := providertest.Start()
	result, err := sc.Scan(b.Context(), accounts[0], scanner.Manual)
	spent := meter.Spent()
	if err != nil || result.Status != scanner.Succeeded {
		b.Fatalf("scan: %+v, %v", result, err)
	}
	return result.Counts, spent
}

// discard takes what a provider reads and keeps nothing of it.
type discard struct{ resources int }

func (d *discard) Resource(*providers.Resource) error { d.resources++; return nil }

func (d *discard) Gap(providers.Gap) error { return nil }

// read reads, redacts and hashes the whole inventory, and gives the processor time that it took.
func (e *estate) read(b *testing.B) time.Duration {
	b.Helper()
	collectors, err := snapshot.New().Collectors(b.Context(), e.account(), providers.Want{})
	if err != nil {
		b.Fatal(err)
	}
	meter := providertest.Start()
	for _, c := range collectors {
		if err := c.Collect(b.Context(), &discard{}); err != nil {
			b.Fatal(err)
		}
	}
	return meter.Spent()
}

// keeping takes what a provider reads and keeps it in batches.
type keeping struct{ batches [][]*providers.Resource }

func (k *keeping) Resource(r *providers.Resource) error {
	if last := len(k.batches) - 1; last >= 0 && len(k.batches[last]) < 500 {
		k.batches[last] = append(k.batches[last], r)
		return nil
	}
	k.batches = append(k.batches, []*providers.Resource{r})
	return nil
}

func (k *keeping) Gap(providers.Gap) error { return nil }

// fresh makes a first version of every part of records that the store did not know.
func fresh(records []*providers.Resource, known []scanner.Known) ([]scanner.PartWrite, error) {
	var writes []scanner.PartWrite
	for i, record := range records {
		for name, part := range record.Parts {
			body, err := providers.FormatValue(part.Value)
			if err != nil {
				return nil, err
			}
			writes = append(writes, scanner.PartWrite{
				Key: known[i].Key, Part: name, Head: record, Body: body, Hash: part.Hash, Unread: scanner.EncodeUnread(part.Unread),
				Rank: record.Rank, First: known[i].New, Version: true,
			})
		}
	}
	return writes, nil
}

// BenchmarkStore measures what it takes to store the records of a made-up account that the store does not
// know, apart from reading and judging them.
func BenchmarkStore(b *testing.B) {
	e := newEstate(b, providertest.Sizes(b, os.Getenv("CLOUDAUDIT_BENCH_SIZES"))[0])
	defer e.end(b)
	collectors, err := snapshot.New().Collectors(b.Context(), e.account(), providers.Want{})
	if err != nil {
		b.Fatal(err)
	}
	kept := &keeping{}
	for _, c := range collectors {
		if err := c.Collect(b.Context(), kept); err != nil {
			b.Fatal(err)
		}
	}
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		e.begin(b)
		accounts, err := e.store.Scannable(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		scan, err := e.store.Begin(b.Context(), accounts[0], scanner.Manual)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		meter := providertest.Start()
		for _, batch := range kept.batches {
			err := e.store.Ingest(b.Context(), scan, batch, func(known []scanner.Known) ([]scanner.PartWrite, error) { return fresh(batch, known) })
			if err != nil {
				b.Fatal(err)
			}
		}
		spent += meter.Spent()
	}
	e.report(b, spent)
}

// report adds what the rounds of a benchmark took for each resource.
func (e *estate) report(b *testing.B, spent time.Duration) {
	b.Helper()
	handled := float64(e.inventory.Size * b.N)
	b.ReportMetric(float64(spent.Microseconds())/handled, "cpu-µs/resource")
	b.ReportMetric(handled/b.Elapsed().Seconds(), "resources/s")
}

// BenchmarkScan measures whole scans of a made-up account by a built-in pack: the first, one where
// nothing changed, and one where a hundredth did. "read" is what reading and hashing take of each.
// Goal: what the third takes beside reading is at most a twentieth of what the first does.
func BenchmarkScan(b *testing.B) {
	for _, size := range providertest.Sizes(b, os.Getenv("CLOUDAUDIT_BENCH_SIZES")) {
		b.Run(providertest.Inventory{Size: size}.Name(), func(b *testing.B) {
			e := newEstate(b, size)
			defer e.end(b)
			b.Run("read", func(b *testing.B) {
				var spent time.Duration
				for b.Loop() {
					spent += e.read(b)
				}
				e.report(b, spent)
			})
			b.Run("first", func(b *testing.B) {
				var spent time.Duration
				for b.Loop() {
					b.StopTimer()
					e.begin(b)
					b.StartTimer()
					counts, cpu := e.scan(b, 0)
					spent += cpu
					b.ReportMetric(float64(counts.Opened), "violations")
				}
				e.report(b, spent)
			})
			b.Run("unchanged", func(b *testing.B) {
				var spent time.Duration
				e.scan(b, 0)
				for b.Loop() {
					_, cpu := e.scan(b, 0)
					spent += cpu
				}
				e.report(b, spent)
			})
			b.Run("changed", func(b *testing.B) {
				var spent time.Duration
				changed := 0
				e.scan(b, 0)
				for b.Loop() {
					b.StopTimer()
					e.inventory.Version++
					e.write(b)
					b.StartTimer()
					counts, cpu := e.scan(b, 0)
					spent += cpu
					changed += counts.Changed
				}
				e.report(b, spent)
				b.ReportMetric(float64(changed)*100/float64(size*b.N), "%changed")
			})
		})
	}
}

// BenchmarkScanWorkers sets a first scan by two workers beside one by a single one. Goal: 1.8 times
// as fast.
func BenchmarkScanWorkers(b *testing.B) {
	e := newEstate(b, providertest.Sizes(b, os.Getenv("CLOUDAUDIT_BENCH_SIZES"))[0])
	defer e.end(b)
	for _, workers := range []int{1, 2} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
			for b.Loop() {
				b.StopTimer()
				e.begin(b)
				b.StartTimer()
				e.scan(b, workers)
			}
			b.ReportMetric(float64(e.inventory.Size*b.N)/b.Elapsed().Seconds(), "resources/s")
		})
	}
}

// BenchmarkScanRows counts the rows that a first scan writes, and those that a scan writes of which
// a hundredth changed. Goal: at most a fiftieth.
func BenchmarkScanRows(b *testing.B) {
	var rows atomic.Int64
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	driver := db.Driver().(*sqlite3.SQLiteDriver)
	driver.ConnectHook = func(c *sqlite3.SQLiteConn) error {
		c.RegisterUpdateHook(func(int, string, string, int64) { rows.Add(1) })
		return nil
	}
	defer func() { driver.ConnectHook = nil }()
	e := newEstate(b, providertest.Sizes(b, os.Getenv("CLOUDAUDIT_BENCH_SIZES"))[0])
	defer e.end(b)
	for b.Loop() {
		e.begin(b)
		rows.Store(0)
		e.scan(b, 0)
		first := rows.Swap(0)
		e.inventory.Version++
		e.write(b)
		e.scan(b, 0)
		b.ReportMetric(float64(first)/float64(e.inventory.Size), "rows/resource")
		b.ReportMetric(float64(rows.Load())*100/float64(first), "%rows")
		rows.Store(0)
		e.scan(b, 0)
		b.ReportMetric(float64(rows.Load()), "rows-unchanged")
	}
}
