package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"cloudaudit/scanner"
	"cloudaudit/store"
)

// summaryRow is an account in the summary of a scan, as programs read it.
type summaryRow struct {
	Account        string         `json:"account"`
	Status         scanner.Status `json:"status"`
	Error          string         `json:"error"`
	Audited        bool           `json:"audited"`
	Resources      int            `json:"resources"`
	Added          int            `json:"added"`
	Changed        int            `json:"changed"`
	Removed        int            `json:"removed"`
	ScopesPlanned  int            `json:"scopesPlanned"`
	ScopesComplete int            `json:"scopesComplete"`
	Coverage       float64        `json:"coverage"`
	Score          store.Score    `json:"score"`
	Open           map[string]int `json:"open"`
	Opened         int            `json:"opened"`
	Resolved       int            `json:"resolved"`
	// Missing are the permissions that the account did not give.
	Missing []scanner.Blocked `json:"missing"`
}

// missingLine is a missing permission for people, with the policies that it keeps from judging everything.
type missingLine struct {
	Account    string   `json:"account"`
	Region     string   `json:"region"`
	Permission string   `json:"permission"`
	Call       string   `json:"call"`
	Policies   []string `json:"policies"`
}

// summaryLine is the same for people.
type summaryLine struct {
	Account   string         `json:"account"`
	Scan      scanner.Status `json:"scan"`
	Resources int            `json:"resources"`
	Coverage  string         `json:"coverage"`
	Score     string         `json:"score"`
	Unknown   int            `json:"unknown"`
	Excused   int            `json:"excused"`
	Critical  int            `json:"critical"`
	High      int            `json:"high"`
	Medium    int            `json:"medium"`
	Low       int            `json:"low"`
	Opened    int            `json:"opened"`
	Resolved  int            `json:"resolved"`
}

// summarize prints what was found and what to type next.
func (s *scanning) summarize(ctx context.Context) error {
	rows := []summaryRow{}
	for _, end := range s.ended {
		account, err := s.store.Account(ctx, everything, end.account, time.Time{})
		if err != nil {
			return err
		}
		rows = append(rows, newSummaryRow(account, end.result))
	}
	if s.output != "table" || len(s.columns) > 0 {
		return s.print(rows)
	}
	lines := make([]summaryLine, len(rows))
	for i, row := range rows {
		lines[i] = row.line()
	}
	err := s.table(rowsOf(reflect.ValueOf(lines)), []string{
		"account", "scan", "resources", "coverage", "score", "unknown", "excused", "crit=critical", "high", "med=medium", "low", "opened", "resolved",
	})
	if err != nil {
		return err
	}
	if err := s.missing(rows); err != nil {
		return err
	}
	return s.next(ctx, rows)
}

// missing prints the permissions that accounts did not give, and which policies miss them.
func (s *scanning) missing(rows []summaryRow) error {
	var lines []missingLine
	for _, row := range rows {
		for _, b := range row.Missing {
			lines = append(lines, missingLine{Account: row.Account, Region: b.Region, Permission: b.Permission, Call: b.Call, Policies: namesOf(b)})
		}
	}
	if len(lines) == 0 {
		return nil
	}
	fmt.Fprintln(s.stdout)
	return s.table(rowsOf(reflect.ValueOf(lines)), []string{"account", "region", "missing=permission", "call", "could not judge=policies"})
}

// namesOf gives the names of the policies that miss a permission, without their packs.
func namesOf(b scanner.Blocked) []string {
	if len(b.Types) == 0 {
		return []string{"all"}
	}
	names := make([]string, len(b.Policies))
	for i, policy := range b.Policies {
		_, names[i], _ = strings.Cut(policy, "/")
	}
	return names
}

func newSummaryRow(account store.AccountStatus, result scanner.Result) summaryRow {
	c := result.Counts
	return summaryRow{
		Account: account.Name, Status: result.Status, Error: result.Error, Audited: result.Audited, Resources: account.Resources,
		Added: c.Added, Changed: c.Changed, Removed: c.Removed, ScopesPlanned: c.ScopesPlanned, ScopesComplete: c.ScopesComplete,
		Coverage: c.Coverage(), Score: account.Score, Open: account.Open, Opened: c.Opened, Resolved: c.Resolved,
		Missing: append([]scanner.Blocked{}, result.Blocked...),
	}
}

func (r summaryRow) line() summaryLine {
	line := summaryLine{
		Account: r.Account, Scan: r.Status, Resources: r.Resources, Unknown: r.Score.Unknown, Excused: r.Score.Excused, Opened: r.Opened, Resolved: r.Resolved,
		Coverage: percent(r.Coverage, 0), Score: "n/a",
		Critical: r.Open["critical"], High: r.Open["high"], Medium: r.Open["medium"], Low: r.Open["low"],
	}
	if r.Score.Value != nil {
		line.Score = percent(*r.Score.Value, 1)
	}
	if !r.Audited {
		line.Score = "not audited"
	}
	return line
}

// percent writes a share so that only the whole is 100%: it is cut, never rounded up.
func percent(share float64, digits int) string {
	scale := math.Pow10(digits)
	return fmt.Sprintf("%.*f%%", digits, math.Floor(share*100*scale+1e-9)/scale)
}

// called is how the program was called, so that what it says to type next can be typed.
func called() string {
	if name := os.Args[0]; filepath.Base(name) == "cloudaudit" && !filepath.IsAbs(name) {
		return name
	}
	return "cloudaudit"
}

// next prints the violations by pack, where everything is kept, and what to type next.
func (s *scanning) next(ctx context.Context, rows []summaryRow) error {
	tallies, err := s.store.CountViolations(ctx, everything, store.ViolationFilter{}, "pack")
	if err != nil {
		return err
	}
	unknown, open := 0, 0
	for _, row := range rows {
		unknown += row.Score.Unknown
	}
	for _, tally := range tallies {
		open += tally.Count
	}
	fmt.Fprintln(s.stdout)
	if open > 0 {
		if err := s.table(rowsOf(reflect.ValueOf(tallies)), []string{"pack=name", "violations=count", "critical", "high", "medium", "low"}); err != nil {
			return err
		}
		fmt.Fprintln(s.stdout)
	}
	fmt.Fprintf(s.stdout, "Database: %s\n", short(s.store.Path()))
	if open > 0 {
		fmt.Fprintf(s.stdout, "Next:     %s violations list --group-by policy%s\n", called(), s.same())
	}
	if unknown > 0 {
		fmt.Fprintf(s.stdout, "Unknown:  %d pairs of resource and policy could not be judged: %s coverage --unknown%s\n", unknown, called(), s.same())
	}
	return nil
}
