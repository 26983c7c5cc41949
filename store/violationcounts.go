package store

import (
	"context"
	"database/sql"
	"fmt"

	"cloudaudit/policy"
)

// violationCounts is the difference that a transaction makes to the counters of violations, by which a
// million of them are counted as fast as ten.
type violationCounts map[violationKind]int

// violationKind is what the counters tell apart.
type violationKind struct {
	account      int64
	state        policy.State
	pack, policy string
	severity     policy.Severity
}

// apply writes the difference to the counters, in the transaction that made it.
func (c violationCounts) apply(ctx context.Context, b *batch, org int64) error {
	for kind, by := range c {
		err := b.count(ctx, "violation_counts", []column{
			{"org_id", org}, {"account_id", kind.account}, {"state", kind.state}, {"pack", kind.pack}, {"policy", kind.policy}, {"severity", kind.severity},
		}, by)
		if err != nil {
			return fmt.Errorf("count violations: %w", err)
		}
	}
	return nil
}

// countViolations adds up violations by what they are like.
func countViolations(ctx context.Context, db source, condition string, args ...any) (violationCounts, error) {
	counts := violationCounts{}
	err := query(ctx, db, func(rows *sql.Rows) error {
		var kind violationKind
		var n int
		err := rows.Scan(&kind.account, &kind.state, &kind.pack, &kind.policy, &kind.severity, &n)
		counts[kind] = n
		return err
	}, `SELECT account_id, state, pack, policy, severity, COUNT(*) FROM violations WHERE `+condition+`
		GROUP BY account_id, state, pack, policy, severity`, args...)
	return counts, err
}

// column is a column with its value.
type column struct {
	name  string
	value any
}

// count adds to the number of a row of counters that the columns identify. A row of nothing is none.
func (b *batch) count(ctx context.Context, table string, columns []column, by int) error {
	if by == 0 {
		return nil
	}
	names, marks, where := "", "", "1 = 1"
	args := make([]any, 0, len(columns)+1)
	for _, c := range columns {
		names, marks, where = names+c.name+", ", marks+"?, ", where+" AND "+c.name+" = ?"
		args = append(args, c.value)
	}
	var number int64
	err := b.row(ctx, []any{&number}, `INSERT INTO `+table+` (`+names+`number) VALUES (`+marks+`?)
		ON CONFLICT (`+names[:len(names)-2]+`) DO UPDATE SET number = `+table+`.number + excluded.number RETURNING number`, append(args, by)...)
	if err != nil || number != 0 {
		return err
	}
	return b.exec(ctx, `DELETE FROM `+table+` WHERE `+where, args...)
}
