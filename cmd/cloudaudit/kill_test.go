package main_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/mattn/go-sqlite3" // to look at what a killed process left
)

var killFor = flag.Duration("kill", 3*time.Second, "for how long scans are killed at random moments")

// asProgram in the environment makes the test's binary the program itself: TestMain looks for it.
const asProgram = "CLOUDAUDIT_TEST_AS_PROGRAM"

// estate is a folder with a configuration of one account and its inventory in several files.
type estate struct{ folder string }

const estateConfig = `organization: test
store: {configId: the estate}
accounts:
  - name: shop
    provider: snapshot
    snapshot: {format: gcp-cai, path: inventory, content: [RESOURCE, IAM_POLICY]}
policyGroups:
  - {name: all, accounts: [shop], policyPacks: [{name: gcp-foundations}]}
  - {name: strict, accounts: [shop], policyPacks: [{name: gcp-foundations, config: {all: mandatory, storage-bucket-public-access: disabled}}]}
exceptions:
  - {name: tests, scope: {policies: ["*public*"], tags: {env: test}}, owner: ann, reason: tests}
`

func newEstate(t *testing.T) estate {
	t.Helper()
	e := estate{t.TempDir()}
	e.write(t, "cloudaudit.yaml", []byte(estateConfig))
	e.fill(t, 1)
	return e
}

func (e estate) write(t testing.TB, name string, data []byte) {
	t.Helper()
	path := filepath.Join(e.folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// fill writes an inventory of buckets and keys. In another edition some are gone, some are new, some
// changed, and some stand in another file, older records of them in a second one.
func (e estate) fill(t *testing.T, edition int) {
	t.Helper()
	const files, each = 6, 150
	random := rand.New(rand.NewPCG(1, uint64(edition)))
	var texts [files]bytes.Buffer
	for i := range files * each {
		if random.IntN(20) == 0 {
			continue
		}
		file := &texts[i%files]
		if edition > 1 && random.IntN(10) == 0 {
			file = &texts[random.IntN(files)]
		}
		record := bucket(i, random.IntN(4), edition)
		line(t, file, record)
		if random.IntN(15) == 0 {
			record["updateTime"] = "2020-01-01T00:00:00Z"
			record["resource"].(map[string]any)["data"].(map[string]any)["labels"] = map[string]any{"old": "yes"}
			line(t, &texts[random.IntN(files)], record)
		}
		if random.IntN(3) > 0 {
			members := [][]string{{"user:ann@example.com"}, {"allUsers"}}[random.IntN(2)]
			line(t, file, map[string]any{
				"name": record["name"], "assetType": record["assetType"],
				"iamPolicy": map[string]any{"bindings": []any{map[string]any{"role": "roles/storage.objectViewer", "members": members}}},
			})
		}
	}
	for i := range texts {
		e.write(t, fmt.Sprintf("inventory/%d.ndjson", i), texts[i].Bytes())
	}
}

func line(t *testing.T, into *bytes.Buffer, record any) {
	t.Helper()
	data, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	into.Write(append(data, '\n'))
}

func bucket(i, variant, edition int) map[string]any {
	data := map[string]any{
		"id": fmt.Sprintf("bucket-%d", i), "location": "EU", "labels": map[string]any{"env": []string{"test", "prod"}[variant%2]},
		"iamConfiguration": map[string]any{"uniformBucketLevelAccess": map[string]any{"enabled": variant > 1}},
		"versioning":       map[string]any{"enabled": variant == 3},
	}
	return map[string]any{
		"name": fmt.Sprintf("//storage.googleapis.com/bucket-%d", i), "assetType": "storage.googleapis.com/Bucket",
		"updateTime": fmt.Sprintf("2026-01-0%dT00:00:00Z", edition), "resource": map[string]any{"data": data, "location": "eu"},
	}
}

// program prepares a run of the program in the estate's folder.
func (e estate) program(args ...string) *exec.Cmd {
	command := exec.Command(os.Args[0], args...) //nolint:noctx // it is killed, not cancelled
	command.Dir, command.Env = e.folder, append(os.Environ(), asProgram+"=1")
	return command
}

func (e estate) run(t *testing.T, args ...string) string {
	t.Helper()
	output, err := e.program(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("cloudaudit %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// killed runs the program and kills it after the delay, unless it has ended by then.
func (e estate) killed(t *testing.T, delay time.Duration, args ...string) {
	t.Helper()
	command := e.program(args...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(delay, func() { _ = command.Process.Kill() }) // it may have ended
	_ = command.Wait()                                                    // how it ended does not matter
	timer.Stop()
}

// stateQueries show everything that scans leave, but for times of the clock.
var stateQueries = []string{
	`SELECT v.id, v.pack, v.policy, v.violation_key, v.severity, v.level, v.message, v.state, v.resolution, v.triage, v.resource_uid, v.first_seq,
		v.opened_seq, v.resolved_seq, v.unverified_seq, v.verified_seq FROM violations v ORDER BY 1`,
	`SELECT v.id, g.group_name, g.level, g.severity, g.message, g.from_seq, g.to_seq FROM violation_groups g JOIN violations v ON v.key = g.violation_key ORDER BY 1, 2, 6`,
	`SELECT v.id, e.scan_seq, e.kind, e.actor, e.detail FROM violation_events e JOIN violations v ON v.key = e.violation_key ORDER BY 1, 2, 3`,
	`SELECT v.id, x.name, l.to_at IS NULL FROM violation_exceptions l JOIN violations v ON v.key = l.violation_key JOIN exceptions x ON x.key = l.exception_key ORDER BY 1, 2`,
	`SELECT type, identity, name, region, tags, from_seq, changed_seq, gone_seq, gone_why, version, missing_class, missing_seq FROM resources ORDER BY 1, 2`,
	`SELECT r.identity, p.part, p.from_seq, p.to_seq, p.hash, p.unread, p.rank_time, p.rank_scope, p.stale_class, b.head, b.body
		FROM parts p JOIN bodies b ON b.part_id = p.id JOIN resources r ON r.key = p.resource_key ORDER BY 1, 2, 3`,
	`SELECT r.identity, v.pack_digest, v.config_digest, v.region, v.content, v.judged, v.outcomes FROM verdicts v JOIN resources r ON r.key = v.resource_key ORDER BY 1, 2, 3`,
	`SELECT region, type, pack, pack_digest, config_digest, policy, outcome, number FROM verdict_counts ORDER BY 1, 2, 3, 4, 5, 6, 7`,
	`SELECT state, pack, policy, severity, number FROM violation_counts ORDER BY 1, 2, 3, 4`,
	`SELECT region, type, facet, listing, class, gaps, from_seq, to_seq, complete_seq FROM coverage ORDER BY 1, 2, 3, 7`,
	`SELECT seq, status, error, resources, added, changed, removed, opened, resolved, gaps, scopes_planned, scopes_complete, violating, compliant, unknown, excused FROM scans ORDER BY 1`,
	`SELECT scan_seq, name, listing, gaps, resources FROM scan_scopes ORDER BY 1, 2`,
	`SELECT 'seen', scan_seq FROM scan_seen UNION ALL SELECT 'deferred', scan_seq FROM scan_deferred ORDER BY 1, 2`,
	`SELECT account_id, group_name, pack, violating, compliant, unknown, excused FROM score_history ORDER BY 1, 2, 3`,
}

// presentQueries show what is so now, whatever was before.
var presentQueries = []string{
	`SELECT v.id, v.severity, v.level, v.message, v.unverified_seq IS NULL, g.group_name, g.level, g.message FROM violations v
		JOIN violation_groups g ON g.violation_key = v.key AND g.to_seq IS NULL WHERE v.state = 'open' ORDER BY 1, 6`,
	`SELECT v.id, x.name FROM violation_exceptions l JOIN violations v ON v.key = l.violation_key JOIN exceptions x ON x.key = l.exception_key
		WHERE l.to_at IS NULL AND v.state = 'open' ORDER BY 1, 2`,
	`SELECT type, identity, name, region, tags, missing_class FROM resources WHERE gone_seq IS NULL ORDER BY 1, 2`,
	`SELECT r.identity, p.part, p.hash, p.unread, p.rank_time, p.rank_scope, p.stale_class, b.head, b.body
		FROM parts p JOIN bodies b ON b.part_id = p.id JOIN resources r ON r.key = p.resource_key WHERE p.to_seq IS NULL ORDER BY 1, 2`,
	`SELECT r.identity, v.pack_digest, v.config_digest, v.region, v.content, v.judged, v.outcomes FROM verdicts v JOIN resources r ON r.key = v.resource_key ORDER BY 1, 2, 3`,
	`SELECT region, type, pack, pack_digest, config_digest, policy, outcome, number FROM verdict_counts ORDER BY 1, 2, 3, 4, 5, 6, 7`,
	`SELECT pack, policy, severity, number FROM violation_counts WHERE state = 'open' ORDER BY 1, 2, 3`,
}

func (e estate) state(t *testing.T, queries []string) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(e.folder, "cloudaudit.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var state []string
	for _, query := range queries {
		for _, row := range rowsOf(t, db, query) {
			state = append(state, strings.Fields(query)[1]+" "+row)
		}
	}
	return state
}

// rowsOf reads a query's rows, each as one text.
func rowsOf(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprint(values...))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRule3_10_ACrashCostsNothing holds design rule 3.10: scans are killed at random moments, several
// times over, and then left to end; what is stored is what undisturbed scans store.
func TestRule3_10_ACrashCostsNothing(t *testing.T) {
	t.Parallel()
	calm := newEstate(t)
	calm.run(t, "scan", "-q")
	first, err := os.ReadFile(filepath.Join(calm.folder, "cloudaudit.db"))
	if err != nil {
		t.Fatal(err)
	}
	calm.fill(t, 2)
	began := time.Now()
	calm.run(t, "scan", "-q")
	usual := time.Since(began)
	want := calm.state(t, stateQueries)

	deadline := time.Now().Add(*killFor)
	for trial := 0; trial == 0 || time.Now().Before(deadline); trial++ {
		e := newEstate(t)
		if trial%2 == 0 { // the second scan alone is disturbed
			e.write(t, "cloudaudit.db", first)
		} else {
			e.disturb(t, usual, 1)
		}
		e.fill(t, 2)
		e.disturb(t, usual, 2)
		if diff := cmp.Diff(want, e.state(t, stateQueries)); diff != "" {
			t.Fatalf("trial %d: undisturbed scans store another state (-undisturbed +killed):\n%.4000s", trial, diff)
		}
		if !strings.Contains(e.run(t, "db", "check"), "is sound") {
			t.Fatalf("trial %d: the database is not sound", trial)
		}
	}
}

// TestRule3_10_WhatChangesMeanwhile kills scans while the inventory changes, so that what goes on had
// begun with another one, and holds what a scan finds that is left to end to what a first scan finds.
func TestRule3_10_WhatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	calm := newEstate(t)
	calm.fill(t, 2)
	began := time.Now()
	calm.run(t, "scan", "-q")
	usual := time.Since(began)
	want := calm.state(t, presentQueries)

	deadline := time.Now().Add(*killFor)
	for trial := 0; trial == 0 || time.Now().Before(deadline); trial++ {
		e := newEstate(t)
		for range 2 + rand.IntN(3) {
			e.fill(t, 1+rand.IntN(8))
			e.killed(t, time.Duration(rand.Int64N(int64(usual))), "scan", "-q")
		}
		e.fill(t, 2)
		e.run(t, "scan", "-q") // which may go on with what was listed before
		e.run(t, "scan", "-q")
		if diff := cmp.Diff(want, e.state(t, presentQueries)); diff != "" {
			t.Fatalf("trial %d: a first scan finds something else (-first +disturbed):\n%.4000s", trial, diff)
		}
		if !strings.Contains(e.run(t, "db", "check"), "is sound") {
			t.Fatalf("trial %d: the database is not sound", trial)
		}
	}
}

// disturb kills up to three runs of the scan that is the count'th to end, and lets it end then, unless
// a run ended before it was killed.
func (e estate) disturb(t *testing.T, usual time.Duration, count int) {
	t.Helper()
	for range 1 + rand.IntN(3) {
		if e.ended(t) >= count {
			return
		}
		e.killed(t, time.Duration(rand.Int64N(int64(usual))), "scan", "-q")
	}
	if e.ended(t) < count {
		e.run(t, "scan", "-q")
	}
}

// ended counts the scans that ended; none if there is no database yet.
func (e estate) ended(t *testing.T) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(e.folder, "cloudaudit.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM scans WHERE status = 'succeeded'`).Scan(&n); err != nil {
		return 0 // it was killed before it had made its tables
	}
	return n
}

func (e estate) read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(e.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
