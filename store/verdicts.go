package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudaudit/policy"
	"cloudaudit/scanner"
)

// packed is what a verdict's row keeps of an outcome: no message, no report.
type packed struct {
	policy  string
	verdict policy.Verdict
	reason  string
}

var verdictCodes = map[policy.Verdict]string{
	policy.Violates: "v", policy.Compliant: "c", policy.NotApplicable: "n", policy.Unknown: "u",
}

// pack writes outcomes as lines "policy code reason", sorted by policy, and counts the unknown ones.
// Names of policies and reasons hold no spaces.
func pack(outcomes []policy.Outcome) (text string, unknowns int) {
	lines := make([]string, len(outcomes))
	for i, outcome := range outcomes {
		lines[i] = strings.TrimRight(outcome.Policy+" "+verdictCodes[outcome.Verdict]+" "+outcome.Reason, " ")
		if outcome.Verdict == policy.Unknown {
			unknowns++
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), unknowns
}

// unpack reads what pack wrote.
func unpack(text string) []packed {
	if text == "" {
		return nil
	}
	var outcomes []packed
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.SplitN(line, " ", 3)
		if len(fields) < 2 {
			continue
		}
		outcome := packed{policy: fields[0]}
		for verdict, code := range verdictCodes {
			if code == fields[1] {
				outcome.verdict = verdict
			}
		}
		if len(fields) == 3 {
			outcome.reason = fields[2]
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

// subject is the resource whose verdicts change: what its counters are kept by.
type subject struct {
	key, account int64
	region, kind string
}

// counts is the difference that a transaction makes to the counters.
type counts map[countKey]int

type countKey struct {
	account                                           int64
	region, kind, pack, digest, config, rule, outcome string
}

func (c counts) add(of subject, key scanner.VerdictKey, pack, outcomes string, by int) {
	for _, outcome := range unpack(outcomes) {
		c[countKey{of.account, of.region, of.kind, pack, key.PackDigest, key.ConfigDigest, outcome.policy, string(outcome.verdict)}] += by
	}
}

// putVerdict replaces a verdict, if it differs.
func putVerdict(ctx context.Context, tx *sql.Tx, c counts, of subject, v scanner.Verdict) error {
	var was string
	var content, judged []byte
	before := of // the resource may have moved since
	err := tx.QueryRowContext(ctx, `
		SELECT outcomes, region, content, judged FROM verdicts WHERE resource_key = ? AND pack_digest = ? AND config_digest = ?`,
		of.key, v.PackDigest, v.ConfigDigest).Scan(&was, &before.region, &content, &judged)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	text, unknowns := pack(v.Outcomes)
	if err == nil && was == text && before == of && hashOf(content) == v.Content && hashOf(judged) == v.Judged {
		return nil
	}
	c.add(before, v.VerdictKey, v.Pack, was, -1)
	c.add(of, v.VerdictKey, v.Pack, text, 1)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO verdicts (resource_key, pack_digest, config_digest, pack, region, content, judged, outcomes, unknowns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (resource_key, pack_digest, config_digest) DO UPDATE SET
			region = excluded.region, content = excluded.content, judged = excluded.judged, outcomes = excluded.outcomes, unknowns = excluded.unknowns`,
		of.key, v.PackDigest, v.ConfigDigest, v.Pack, of.region, v.Content[:], v.Judged[:], text, unknowns)
	return err
}

// dropVerdicts removes verdicts of a resource: those named, or all if keys is nil.
func dropVerdicts(ctx context.Context, tx *sql.Tx, c counts, of subject, keys []scanner.VerdictKey) error {
	type row struct {
		key                    scanner.VerdictKey
		pack, region, outcomes string
	}
	var rows []row
	err := query(ctx, tx, func(r *sql.Rows) error {
		var v row
		err := r.Scan(&v.key.PackDigest, &v.key.ConfigDigest, &v.pack, &v.region, &v.outcomes)
		if keys == nil || slices.Contains(keys, v.key) {
			rows = append(rows, v)
		}
		return err
	}, `SELECT pack_digest, config_digest, pack, region, outcomes FROM verdicts WHERE resource_key = ?`, of.key)
	if err != nil {
		return err
	}
	for _, v := range rows {
		of.region = v.region
		c.add(of, v.key, v.pack, v.outcomes, -1)
		_, err := tx.ExecContext(ctx, `DELETE FROM verdicts WHERE resource_key = ? AND pack_digest = ? AND config_digest = ?`,
			of.key, v.key.PackDigest, v.key.ConfigDigest)
		if err != nil {
			return err
		}
	}
	return nil
}

// apply writes the difference to the counters, in the transaction that made it.
func (c counts) apply(ctx context.Context, tx *sql.Tx, org int64) error {
	for key, by := range c {
		if by == 0 {
			continue
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO verdict_counts (org_id, account_id, region, type, pack, pack_digest, config_digest, policy, outcome, pairs)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (org_id, account_id, region, type, pack_digest, config_digest, policy, outcome)
			DO UPDATE SET pairs = pairs + excluded.pairs`,
			org, key.account, key.region, key.kind, key.pack, key.digest, key.config, key.rule, key.outcome, by)
		if err != nil {
			return fmt.Errorf("count verdicts: %w", err)
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM verdict_counts WHERE org_id = ? AND pairs = 0`, org)
	return err
}
