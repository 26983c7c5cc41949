package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"cloudaudit/scanner"
)

// Check verifies the file: SQLite's own structures, its foreign keys, and that the counters of verdicts
// and of violations are what a recount gives. It gives every fault that it finds and writes nothing.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	faults, err := s.integrity(ctx)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", s.path, err)
	}
	if len(faults) > 0 {
		return faults, nil // nothing that is read from such a file can be trusted
	}
	if faults, err = s.miscounts(ctx); err != nil {
		return nil, fmt.Errorf("count the verdicts and violations of %s: %w", s.path, err)
	}
	return faults, nil
}

// miscounts compares the counters with what they count. Memory is in proportion to the counters.
func (s *Store) miscounts(ctx context.Context) ([]string, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // both at one moment
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	counts := verdictCounts{}
	if err := recount(ctx, tx, counts); err != nil {
		return nil, err
	}
	err = query(ctx, tx, func(rows *sql.Rows) error {
		var k countKey
		var n int
		err := rows.Scan(&k.account, &k.region, &k.kind, &k.pack, &k.digest, &k.config, &k.rule, &k.outcome, &n)
		counts[k] -= n
		return err
	}, `SELECT account_id, region, type, pack, pack_digest, config_digest, policy, outcome, number FROM verdict_counts`)
	violations, fault := countViolations(ctx, tx, "1 = 1")
	err = errors.Join(err, fault, query(ctx, tx, func(rows *sql.Rows) error {
		var kind violationKind
		var n int
		err := rows.Scan(&kind.account, &kind.state, &kind.pack, &kind.policy, &kind.severity, &n)
		violations[kind] -= n
		return err
	}, `SELECT account_id, state, pack, policy, severity, number FROM violation_counts`))
	var faults []string
	for k, n := range counts {
		if n == 0 {
			continue
		}
		faults = append(faults, fmt.Sprintf("counters of account %d, type %s, policy %s of pack %s, outcome %s differ from the verdicts by %d",
			k.account, k.kind, k.rule, k.pack, k.outcome, n))
	}
	for kind, n := range violations {
		if n != 0 {
			faults = append(faults, fmt.Sprintf("counters of account %d, %s violations of policy %s of pack %s differ from the violations by %d",
				kind.account, kind.state, kind.policy, kind.pack, n))
		}
	}
	slices.Sort(faults)
	return faults, err
}

// recount counts all verdicts, resource by resource.
func recount(ctx context.Context, tx *sql.Tx, counts verdictCounts) error {
	var of subject
	rows := verdictRows{}
	err := query(ctx, tx, func(r *sql.Rows) error {
		var now subject
		var key scanner.VerdictKey
		var row verdictRow
		if err := r.Scan(&now.key, &now.account, &now.kind, &key.PackDigest, &key.ConfigDigest, &row.pack, &row.region, &row.outcomes); err != nil {
			return err
		}
		if now.key != of.key {
			rows.count(counts, of, 1)
			clear(rows)
		}
		of, rows[key] = now, row
		return nil
	}, `SELECT v.resource_key, r.account_id, r.type, v.pack_digest, v.config_digest, v.pack, v.region, v.outcomes
		FROM verdicts v JOIN resources r ON r.key = v.resource_key ORDER BY v.resource_key`)
	rows.count(counts, of, 1)
	return errors.Join(err, recountAccounts(ctx, tx, counts))
}

func recountAccounts(ctx context.Context, tx *sql.Tx, counts verdictCounts) error {
	var accounts []int64
	err := query(ctx, tx, func(r *sql.Rows) error {
		var account int64
		err := r.Scan(&account)
		accounts = append(accounts, account)
		return err
	}, `SELECT DISTINCT account_id FROM account_verdicts`)
	for _, account := range accounts {
		rows, fault := accountVerdicts(ctx, tx, account)
		rows.count(counts, subject{account: account}, 1)
		err = errors.Join(err, fault)
	}
	return err
}
