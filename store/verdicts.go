package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloudaudit/policy"
	"cloudaudit/providers"
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

// subject is the resource whose verdicts change: what its counters are kept by, and what was known
// of it.
type subject struct {
	key, account int64
	region, kind string
	missing      bool
	verdicts     verdictRows
}

// verdictCounts is the difference that a transaction makes to the counters.
type verdictCounts map[countKey]int

type countKey struct {
	account                                           int64
	region, kind, pack, digest, config, rule, outcome string
}

func (c verdictCounts) add(of subject, pack string, key scanner.VerdictKey, outcomes []packed, by int) {
	for _, outcome := range outcomes {
		c[countKey{of.account, of.region, of.kind, pack, key.PackDigest, key.ConfigDigest, outcome.policy, string(outcome.verdict)}] += by
	}
}

// merged is the key of the counters of an account: there a pair of resource and policy counts once,
// however many configs of the pack judged it.
var merged scanner.VerdictKey

// verdictRow is a verdict as it is stored. Region is where the counters hold it: the resource may
// have moved since.
type verdictRow struct {
	pack, region, outcomes string
	content, judged        providers.Hash
}

type verdictRows map[scanner.VerdictKey]verdictRow

// verdictsOf reads the verdicts of the subjects, whose keys the arguments are.
func (b *batch) verdictsOf(ctx context.Context, subjects map[int64]*subject, marks string, args []any) error {
	return query(ctx, b, func(r *sql.Rows) error {
		var resource int64
		var key scanner.VerdictKey
		var row verdictRow
		var content, judged sql.RawBytes
		err := r.Scan(&resource, &key.PackDigest, &key.ConfigDigest, &row.pack, &row.region, &row.outcomes, &content, &judged)
		row.content, row.judged = hashOf(content), hashOf(judged)
		subjects[resource].verdicts[key] = row
		return err
	}, `SELECT resource_key, pack_digest, config_digest, pack, region, outcomes, content, judged FROM verdicts WHERE resource_key IN (`+marks+`)`, args...)
}

// count adds the rows to the counters, or takes them away: each by itself, and for the account
// those of a pack as one.
func (v verdictRows) count(c verdictCounts, of subject, by int) {
	byPack := map[[2]string]map[string]policy.Verdict{}
	for key, row := range v {
		of.region = row.region
		outcomes := unpack(row.outcomes)
		c.add(of, row.pack, key, outcomes, by)
		at := [2]string{row.pack, row.region}
		if byPack[at] == nil {
			byPack[at] = map[string]policy.Verdict{}
		}
		for _, outcome := range outcomes {
			byPack[at][outcome.policy] = weightier(byPack[at][outcome.policy], outcome.verdict)
		}
	}
	for at, verdicts := range byPack {
		of.region = at[1]
		for rule, verdict := range verdicts {
			c.add(of, at[0], merged, []packed{{policy: rule, verdict: verdict}}, by)
		}
	}
}

// weightier gives the verdict that stands for a pair which several configs judged: a violation over
// an unknown over compliance.
func weightier(a, b policy.Verdict) policy.Verdict {
	weight := map[policy.Verdict]int{policy.NotApplicable: 1, policy.Compliant: 2, policy.Unknown: 3, policy.Violates: 4}
	if weight[b] > weight[a] {
		return b
	}
	return a
}

// judgeVerdicts replaces and removes verdicts of a resource, and lets the counters follow. All of
// them go if the resource does.
func (b *batch) judgeVerdicts(ctx context.Context, c verdictCounts, of *subject, put []scanner.Verdict, drop func(scanner.VerdictKey) bool) error {
	rows := maps.Clone(of.verdicts)
	for key := range of.verdicts {
		if drop(key) {
			delete(rows, key)
			if err := b.exec(ctx, `DELETE FROM verdicts WHERE resource_key = ? AND pack_digest = ? AND config_digest = ?`,
				of.key, key.PackDigest, key.ConfigDigest); err != nil {
				return err
			}
		}
	}
	for _, v := range put {
		text, unknowns := pack(v.Outcomes)
		row := verdictRow{v.Pack, of.region, text, v.Content, v.Judged}
		if old, exists := rows[v.VerdictKey]; exists && old == row {
			continue
		}
		rows[v.VerdictKey] = row
		if err := b.saveVerdict(ctx, of.key, v.VerdictKey, row, unknowns); err != nil {
			return err
		}
	}
	if !maps.Equal(rows, of.verdicts) {
		of.verdicts.count(c, *of, -1)
		rows.count(c, *of, 1)
	}
	return nil
}

func (b *batch) saveVerdict(ctx context.Context, resource int64, key scanner.VerdictKey, row verdictRow, unknowns int) error {
	return b.exec(ctx, `
		INSERT INTO verdicts (resource_key, pack_digest, config_digest, pack, region, content, judged, outcomes, unknowns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (resource_key, pack_digest, config_digest) DO UPDATE SET
			region = excluded.region, content = excluded.content, judged = excluded.judged, outcomes = excluded.outcomes, unknowns = excluded.unknowns`,
		resource, key.PackDigest, key.ConfigDigest, row.pack, row.region, row.content[:], row.judged[:], row.outcomes, unknowns)
}

// apply writes the difference to the counters, in the transaction that made it.
func (c verdictCounts) apply(ctx context.Context, b *batch, org int64) error {
	for key, by := range c {
		err := b.count(ctx, "verdict_counts", []column{
			{"org_id", org}, {"account_id", key.account}, {"region", key.region}, {"type", key.kind}, {"pack", key.pack},
			{"pack_digest", key.digest}, {"config_digest", key.config}, {"policy", key.rule}, {"outcome", key.outcome},
		}, by)
		if err != nil {
			return fmt.Errorf("count verdicts: %w", err)
		}
	}
	return nil
}
