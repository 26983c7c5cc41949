package store

import (
	"path/filepath"
	"testing"
	"time"
)

// TestPrune_KeepsWhatReopened holds that a violation which reopens after pruning found it resolved stays.
// What pruning finds it finds in a copy of the file from before.
func TestPrune_KeepsWhatReopened(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	open := func(name string) *Store {
		s, err := Open(ctx, filepath.Join(folder, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Use(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		return s
	}
	now := open("now.db")
	write := func(text string) {
		if _, err := now.write.ExecContext(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	write(`INSERT INTO accounts (id, org_id, key, name, provider, cloud, first_name, created_at) VALUES (1, 1, 'k', 'a', 'snapshot', 'gcp', 'a', 1)`)
	write(`INSERT INTO scans (seq, id, org_id, account_id, trigger, status, started_at, finished_at) VALUES (1, 'x', 1, 1, 'manual', 'succeeded', 1, 2)`)
	for _, key := range []string{"1", "2"} {
		write(`INSERT INTO violations (key, id, org_id, account_id, pack, policy, violation_key, severity, level, pack_version, message, state, first_seq, opened_seq,
			resolved_seq, updated_at) VALUES (` + key + `, 'v` + key + `', 1, 1, 'p', 'q', '', 'low', 'advisory', 1, 'm', 'resolved', 1, 1, 1, 1)`)
	}
	write(`INSERT INTO violation_counts VALUES (1, 1, 'resolved', 'p', 'q', 'low', 2)`)
	if err := now.Backup(ctx, filepath.Join(folder, "before.db")); err != nil {
		t.Fatal(err)
	}
	write(`UPDATE violations SET state = 'open', resolution = '', resolved_seq = NULL WHERE key = 1`)
	write(`UPDATE violation_counts SET number = 1`)
	write(`INSERT INTO violation_counts VALUES (1, 1, 'open', 'p', 'q', 'low', 1)`)

	between := &Store{org: now.org, path: now.path, write: now.write, read: open("before.db").read, now: now.now}
	if err := (pruning{Store: between, horizon: micros(time.Now())}).violations(ctx); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := now.read.QueryRowContext(ctx, `SELECT GROUP_CONCAT(id || ' ' || state) FROM violations`).Scan(&left); err != nil || left != "v1 open" {
		t.Errorf("left are %q, %v; want v1, open", left, err)
	}
	if faults, err := now.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check %q, %v", faults, err)
	}
}
