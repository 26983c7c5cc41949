package store

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlans_AreInProportion holds that queries which are asked often do not go through everything that is
// stored.
func TestPlans_AreInProportion(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "plans.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // nothing was written
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"unsettled": {unsettledText, []string{"SCAN u USING INDEX unseen_now", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"}},
		"sealed": {sealedText, []string{
			"SEARCH p USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH b USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var steps []string
			err := query(t.Context(), s.read, func(rows *sql.Rows) error {
				var id, parent, unused int
				var step string
				err := rows.Scan(&id, &parent, &unused, &step)
				steps = append(steps, step)
				return err
			}, "EXPLAIN QUERY PLAN "+test.text, make([]any, strings.Count(test.text, "?"))...)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Join(steps, "\n"), strings.Join(test.want, "\n"); got != want {
				t.Errorf("plan is\n%s\nwant\n%s", got, want)
			}
		})
	}
}
