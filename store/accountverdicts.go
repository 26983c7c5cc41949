package store

import (
	"context"
	"database/sql"
	"fmt"

	"cloudaudit/scanner"
)

// HeldAccount implements scanner.Store.
func (s *Store) HeldAccount(ctx context.Context, scan *scanner.Scan) (held scanner.HeldAccount, err error) {
	account, err := s.accountID(ctx, s.read, scan.Account)
	if err != nil {
		return held, err
	}
	rows, err := accountVerdicts(ctx, s.read, account)
	if err != nil {
		return held, err
	}
	for key, row := range rows {
		held.Verdicts = append(held.Verdicts, scanner.HeldVerdict{VerdictKey: key, Pack: row.pack, Content: row.content, Judged: row.judged})
	}
	found, err := s.violationsWhere(ctx, "v.account_id = ? AND v.resource_key IS NULL", account)
	held.Violations = found[0]
	return held, err
}

func accountVerdicts(ctx context.Context, db source, account int64) (verdictRows, error) {
	found := verdictRows{}
	err := query(ctx, db, func(r *sql.Rows) error {
		var key scanner.VerdictKey
		var row verdictRow
		var content, judged sql.RawBytes
		err := r.Scan(&key.PackDigest, &key.ConfigDigest, &row.pack, &row.outcomes, &content, &judged)
		row.content, row.judged = hashOf(content), hashOf(judged)
		found[key] = row
		return err
	}, `SELECT pack_digest, config_digest, pack, outcomes, content, judged FROM account_verdicts WHERE account_id = ?`, account)
	return found, err
}

// JudgeAccount implements scanner.Store.
func (s *Store) JudgeAccount(ctx context.Context, scan *scanner.Scan, verdicts []scanner.Verdict, changes []scanner.Change, counts scanner.Counts) error {
	return s.scanTx(ctx, scan, func(b *batch) error {
		j, err := s.newJudging(ctx, b, scan)
		if err != nil {
			return err
		}
		if err := j.putAccountVerdicts(ctx, verdicts); err != nil {
			return err
		}
		for _, change := range changes {
			if err := j.violation(ctx, sql.NullInt64{}, change); err != nil {
				return fmt.Errorf("violation %s: %w", change.ID, err)
			}
		}
		if err := excuseOpen(ctx, b, j.exceptions, j.now, "v.account_id = ? AND v.resource_key IS NULL", j.account); err != nil {
			return err
		}
		return j.end(ctx, counts)
	})
}

// putAccountVerdicts replaces the verdicts on the account; the counters follow.
func (j *judging) putAccountVerdicts(ctx context.Context, verdicts []scanner.Verdict) error {
	before, err := accountVerdicts(ctx, j, j.account)
	if err != nil {
		return err
	}
	if err := j.exec(ctx, `DELETE FROM account_verdicts WHERE account_id = ?`, j.account); err != nil {
		return err
	}
	after := verdictRows{}
	for _, v := range verdicts {
		text, unknowns := pack(v.Outcomes)
		after[v.VerdictKey] = verdictRow{pack: v.Pack, outcomes: text}
		if err := j.exec(ctx, `
			INSERT INTO account_verdicts (account_id, pack_digest, config_digest, pack, content, judged, outcomes, unknowns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			j.account, v.PackDigest, v.ConfigDigest, v.Pack, v.Content[:], v.Judged[:], text, unknowns); err != nil {
			return err
		}
	}
	of := subject{account: j.account} // a pair with the account has no region and no type
	before.count(j.counts, of, -1)
	after.count(j.counts, of, 1)
	return nil
}
