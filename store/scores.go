package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cloudaudit/policy"
	"cloudaudit/scanner"
)

// Score says how many (resource, policy) pairs are how (design rule 3.2). Excused pairs violate, but
// are not among the violating ones.
type Score struct {
	// Value is compliant / (violating + compliant), nil where that is nothing.
	Value     *float64 `json:"value"`
	Compliant int      `json:"compliant"`
	Violating int      `json:"violating"`
	Unknown   int      `json:"unknown"`
	Excused   int      `json:"excused"`
}

// rate works the value out.
func (s Score) rate() Score {
	s.Value = nil
	if judged := s.Compliant + s.Violating; judged > 0 {
		value := float64(s.Compliant) / float64(judged)
		s.Value = &value
	}
	return s
}

func (s Score) add(o Score) Score {
	return Score{Compliant: s.Compliant + o.Compliant, Violating: s.Violating + o.Violating, Unknown: s.Unknown + o.Unknown, Excused: s.Excused + o.Excused}.rate()
}

// scored is what a score is of: an account, or what a group reports of it, by one pack or all.
type scored struct {
	account int64
	pack    string
	// group, with the audit that it reports and the regions that it is limited to.
	group   string
	key     scanner.VerdictKey
	regions []string
}

// scoreOf sums the counters, which change in the transactions that judge, and takes what is excused
// from the violating pairs.
func (s *Store) scoreOf(ctx context.Context, db queryer, of scored) (score Score, err error) {
	pairs, open := &where{}, &where{}
	pairs.add("org_id = ? AND account_id = ? AND pack_digest = ? AND config_digest = ?", s.org.id, of.account, of.key.PackDigest, of.key.ConfigDigest)
	open.add("v.account_id = ?", of.account)
	pairs.equal("pack", of.pack)
	open.equal("v.pack", of.pack)
	pairs.oneOf("region", of.regions)
	if of.group != "" {
		open.add("EXISTS (SELECT 1 FROM violation_groups g WHERE g.violation_key = v.key AND g.to_seq IS NULL AND g.group_name = ?)", of.group)
	}
	err = db.QueryRowContext(ctx, `
		SELECT COALESCE(SUM(CASE outcome WHEN 'compliant' THEN number END), 0), COALESCE(SUM(CASE outcome WHEN 'violation' THEN number END), 0),
			COALESCE(SUM(CASE outcome WHEN 'unknown' THEN number END), 0)
		FROM verdict_counts`+pairs.String(), pairs.args...).Scan(&score.Compliant, &score.Violating, &score.Unknown)
	if err != nil {
		return score, err
	}
	score.Excused, err = s.excusedPairs(ctx, db, open.and(), open.args...)
	score.Violating -= min(score.Excused, score.Violating)
	return score.rate(), err
}

// member is an account as a group holds it.
type member struct {
	account int64
	regions []string // none: the whole account
}

// scoresOf lists what a group reports of its members, by pack.
func (s *Store) scoresOf(ctx context.Context, group policy.Group, members []member) ([]scored, error) {
	var list []scored
	for _, applied := range group.Packs {
		pack, err := s.packOf(ctx, applied)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		digest := applied.Config.UnusableDigest() // all is unknown, where the pack cannot run so
		if config, err := policy.Reconcile(pack, applied.Config); err == nil {
			digest = config.Digest()
		}
		for _, m := range members {
			list = append(list, scored{
				account: m.account, pack: pack.Name, group: group.Name, regions: m.regions,
				key: scanner.VerdictKey{PackDigest: pack.Digest, ConfigDigest: digest},
			})
		}
	}
	return list, nil
}

// GroupScore sums the scores of a group over its members and packs, as far as the caller may see them.
func (s *Store) GroupScore(ctx context.Context, access Access, group policy.Group) (Score, error) {
	members, err := s.membersOf(ctx, access, group.Name)
	if err != nil {
		return Score{}, err
	}
	parts, err := s.scoresOf(ctx, group, members)
	if err != nil {
		return Score{}, err
	}
	var total Score
	for _, of := range parts {
		score, err := s.scoreOf(ctx, s.read, of)
		if err != nil {
			return Score{}, err
		}
		total = total.add(score)
	}
	return total, nil
}

func (s *Store) membersOf(ctx context.Context, access Access, group string) ([]member, error) {
	w := s.scope(access)
	w.add("a.archived_at IS NULL AND p.archived_at IS NULL AND p.name = ?", group)
	var members []member
	err := query(ctx, s.read, func(rows *sql.Rows) error {
		var account int64
		var region string
		if err := rows.Scan(&account, &region); err != nil {
			return err
		}
		if n := len(members); n == 0 || members[n-1].account != account {
			members = append(members, member{account: account})
		} else if members[n-1].regions == nil {
			return nil // the whole account is a member
		}
		if last := &members[len(members)-1]; region != "" {
			last.regions = append(last.regions, region)
		}
		return nil
	}, `SELECT g.account_id, g.region FROM group_accounts g JOIN accounts a ON a.id = g.account_id JOIN policy_groups p ON p.id = g.group_id`+
		w.String()+` ORDER BY g.account_id, g.region`, w.args...)
	return members, err
}

// saveScores keeps the day's scores of an account: over all, by pack, by group, and by group and pack.
// The last scan of the day stands. The scan keeps the account's.
func (s *Store) saveScores(ctx context.Context, b *batch, account, seq int64, at time.Time) error {
	day := at.UTC().Format(time.DateOnly)
	if err := b.exec(ctx, `DELETE FROM score_history WHERE org_id = ? AND day = ? AND account_id = ?`, s.org.id, day, account); err != nil {
		return err
	}
	total, err := s.scoreOf(ctx, b.tx, scored{account: account})
	if err != nil {
		return err
	}
	if err := b.exec(ctx, `UPDATE scans SET violating = ?, compliant = ?, unknown = ?, excused = ? WHERE seq = ?`,
		total.Violating, total.Compliant, total.Unknown, total.Excused, seq); err != nil {
		return err
	}
	parts, err := s.partsOf(ctx, b, account)
	if err != nil {
		return err
	}
	scores := map[[2]string]Score{{"", ""}: total}
	for _, of := range parts {
		score, err := s.scoreOf(ctx, b.tx, of)
		if err != nil {
			return err
		}
		scores[[2]string{of.group, of.pack}] = score
		if of.group != "" {
			scores[[2]string{of.group, ""}] = scores[[2]string{of.group, ""}].add(score)
		}
	}
	for of, score := range scores {
		if err := b.exec(ctx, `
			INSERT INTO score_history (org_id, day, account_id, group_name, pack, violating, compliant, unknown, excused)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			s.org.id, day, account, of[0], of[1], score.Violating, score.Compliant, score.Unknown, score.Excused); err != nil {
			return err
		}
	}
	return nil
}

// partsOf lists what an account's score is made of: its packs, and what its groups report.
func (s *Store) partsOf(ctx context.Context, b *batch, account int64) ([]scored, error) {
	var parts []scored
	err := query(ctx, b, func(rows *sql.Rows) error {
		of := scored{account: account}
		err := rows.Scan(&of.pack)
		parts = append(parts, of)
		return err
	}, `SELECT DISTINCT pack FROM verdict_counts WHERE org_id = ? AND account_id = ?`, s.org.id, account)
	if err != nil {
		return nil, err
	}
	groups, regions, err := s.groupsWith(ctx, account)
	if err != nil {
		return nil, err
	}
	for i, group := range groups {
		reported, err := s.scoresOf(ctx, group, []member{{account, regions[i]}})
		if err != nil {
			return nil, fmt.Errorf("policy group %s: %w", group.Name, err)
		}
		parts = append(parts, reported...)
	}
	return parts, nil
}
