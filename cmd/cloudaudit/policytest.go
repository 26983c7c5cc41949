package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
)

// caseView is a test case as `policy test` shows it.
type caseView struct {
	Policy  string         `json:"policy"`
	Case    string         `json:"case"`
	Want    policy.Verdict `json:"want"`
	Got     policy.Verdict `json:"got"`
	OK      bool           `json:"ok"`
	Problem string         `json:"problem"`
}

// coverageView is how much of a policy its cases take, as `policy test --coverage` shows it.
type coverageView struct {
	Policy string `json:"policy"`
	// Coverage is in per cent, and 100 only if nothing is left out.
	Coverage int             `json:"coverage"`
	Branches int             `json:"branches"`
	Taken    int             `json:"taken"`
	Untaken  []policy.Branch `json:"untaken"`
	Cases    []caseView      `json:"cases"`
}

const testLong = `test runs the cases of the pack in DIR (or here), testdata/POLICY/{pass,fail,unknown,na}*.yaml or .json,
and the test rules of Rego packs. It exits 1 if one fails, or if a policy has no pass, fail or unknown
case. --watch runs them again whenever a file of the pack changes.

It also tells how many branches of each policy the cases took: each side of an && or ||, each condition,
each value that may be absent, each expression of a Rego rule, with either of what it can give.
--coverage names those that none took, --min-coverage makes it an error if they are too many.`

// testRun is what a run of tests was asked for.
type testRun struct {
	dir, only string
	coverage  bool
	least     int
}

func (p *program) policyTest() *cobra.Command {
	var o testRun
	var watch bool
	test := command(about{
		use: "test [DIR]", short: "Run the test cases of a pack", long: testLong,
		example: "  cloudaudit policy test packs/own\n  cloudaudit policy test --policy resource-owner --coverage --watch\n" +
			"  cloudaudit policy test packs/own --min-coverage 90",
	}, cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		o.dir = folder(args)
		if o.least < 0 || o.least > 100 {
			return usage(fmt.Errorf("--min-coverage %d: give a percentage, 0 to 100", o.least))
		}
		if watch {
			return p.watch(ctx, o.dir, func() error { return p.testPack(ctx, o) })
		}
		return p.testPack(ctx, o)
	})
	test.Flags().StringVar(&o.only, "policy", "", "only the cases of this policy")
	test.Flags().BoolVar(&o.coverage, "coverage", false, "name the branches that no case took")
	test.Flags().IntVar(&o.least, "min-coverage", 0, "exit 1 if the cases of a policy take less than so many per cent of it")
	test.Flags().BoolVar(&watch, "watch", false, "run again whenever a file changes")
	return test
}

// tests is a watch over packs that have tests of their own beside cases.
type tests interface {
	RunTests(ctx context.Context, manifest policy.Manifest, files fs.FS) ([]policy.CaseResult, error)
}

func (p *program) testPack(ctx context.Context, o testRun) error {
	pack, engine, files, err := p.packIn(ctx, o.dir)
	if err != nil {
		return err
	}
	watcher, able := engine.(policy.Watcher)
	if !able {
		return fmt.Errorf("packs of runtime %s cannot be tested", pack.Runtime)
	}
	watch, err := watcher.Watch(ctx, pack)
	if err != nil {
		return err
	}
	cases, err := runTests(ctx, watch, pack, files, o.only)
	if err != nil {
		return err
	}
	return p.tellTests(cases, coverageOf(watch, pack, o.only, cases), o)
}

// runTests runs the cases of a pack, and without the name of a policy its own tests.
func runTests(ctx context.Context, watch policy.Watch, pack *policy.Pack, files fs.FS, only string) ([]caseView, error) {
	results, err := policy.RunCases(ctx, watch, pack, files)
	if err != nil {
		return nil, err
	}
	if runner, able := watch.(tests); able && only == "" {
		manifest, err := policy.ReadManifest(files)
		if err != nil {
			return nil, err
		}
		more, err := runner.RunTests(ctx, manifest, files)
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	views := []caseView{}
	for _, r := range results {
		if only == "" || r.Policy == only {
			views = append(views, caseView{Policy: r.Policy, Case: r.File, Want: r.Want, Got: r.Got.Verdict, OK: r.OK, Problem: r.Problem})
		}
	}
	return views, nil
}

// coverageOf gives what was taken of the pack's policies, or of the one named.
func coverageOf(watch policy.Watch, pack *policy.Pack, only string, cases []caseView) []coverageView {
	var names []string
	for _, of := range pack.Policies {
		if only == "" || of.Name == only {
			names = append(names, of.Name)
		}
	}
	views := make([]coverageView, 0, len(names))
	for _, b := range policy.BranchesOf(watch, names) {
		views = append(views, coverageView{
			Policy: b.Policy, Coverage: b.Percent(), Branches: len(b.All), Taken: b.Taken(), Untaken: append([]policy.Branch{}, b.Untaken()...),
			Cases: slices.DeleteFunc(slices.Clone(cases), func(c caseView) bool { return c.Policy != b.Policy }),
		})
	}
	return views
}

// tellTests shows what came of the tests: to programs the cases, or the policies with theirs if coverage
// is asked for.
func (p *program) tellTests(cases []caseView, coverage []coverageView, o testRun) (err error) {
	switch {
	case len(cases) == 0:
		err = usage(errors.New("there is nothing to run: no policy of this name, or a pack without policies"))
	case p.output == "table":
		err = p.tellPeople(cases, coverage, o.coverage)
	case o.coverage:
		err = p.print(coverage)
	default:
		err = p.print(cases)
	}
	if err != nil {
		return err
	}
	return errors.Join(failedCases(cases), thinlyCovered(coverage, o.least))
}

// tellPeople shows the cases that failed, with -v all, and below them how much of each policy they took.
func (p *program) tellPeople(cases []caseView, coverage []coverageView, untaken bool) error {
	shown := slices.DeleteFunc(slices.Clone(cases), func(c caseView) bool { return c.OK && !p.verbose })
	if len(shown) > 0 {
		if err := p.print(shown, "policy", "case", "want", "got", "ok", "problem"); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout)
	}
	if err := p.tellCoverage(coverage); err != nil {
		return err
	}
	if untaken {
		p.tellUntaken(coverage)
	}
	if failedCases(cases) == nil {
		fmt.Fprintf(p.stdout, "\n%d cases are as they should be\n", len(cases))
	}
	return nil
}

// coverageRow is a line of the table of policies.
type coverageRow struct {
	Policy   string `json:"policy"`
	Cases    int    `json:"cases"`
	Branches string `json:"branches"`
	Coverage string `json:"coverage"`
}

func (p *program) tellCoverage(coverage []coverageView) error {
	rows := make([]coverageRow, len(coverage))
	for i, c := range coverage {
		rows[i] = coverageRow{c.Policy, len(c.Cases), fmt.Sprintf("%d of %d", c.Taken, c.Branches), fmt.Sprintf("%d %%", c.Coverage)}
	}
	return p.print(rows, "policy", "cases", "branches", "coverage")
}

// tellUntaken names what no case took, policy by policy.
func (p *program) tellUntaken(coverage []coverageView) {
	for _, c := range coverage {
		if len(c.Untaken) > 0 {
			fmt.Fprintf(p.stdout, "\n%s\n", c.Policy)
		}
		for i, b := range c.Untaken {
			never := b.Gives
			if other := i + 1; other < len(c.Untaken) && sameExpression(b, c.Untaken[other]) {
				continue // told with the other
			}
			if i > 0 && sameExpression(b, c.Untaken[i-1]) {
				never = "asked"
			}
			fmt.Fprintf(p.stdout, "  %s  %s: %s is never %s\n", b.Place, b.Of, policy.Shorten(b.Expression), never)
		}
	}
}

func sameExpression(a, b policy.Branch) bool {
	return a.Place == b.Place && a.Expression == b.Expression && a.Of == b.Of
}

func failedCases(cases []caseView) error {
	failed := len(slices.DeleteFunc(slices.Clone(cases), func(c caseView) bool { return c.OK }))
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d cases failed", failed, len(cases))
}

// thinlyCovered tells of the policies of which the cases take less than so many per cent.
func thinlyCovered(coverage []coverageView, least int) error {
	var names []string
	for _, c := range coverage {
		if c.Coverage < least {
			names = append(names, fmt.Sprintf("%s (%d %%)", c.Policy, c.Coverage))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("cases take less than %d %% of the branches of %s; --coverage names those left out", least, strings.Join(names, ", "))
}

// lookEvery is how often a watched folder is looked at.
const lookEvery = 300 * time.Millisecond

// watch runs do now and whenever a file below the folder changed, until the context ends.
func (p *program) watch(ctx context.Context, dir string, do func() error) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for last := ""; ; {
		if now := stamp(dir); now != last {
			last = now
			if err := do(); err != nil {
				fmt.Fprintln(p.stderr, "cloudaudit:", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// stamp changes when a file below the folder comes, goes or changes.
func stamp(dir string) string {
	text := ""
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			text += fmt.Sprintln(name, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	return text + fmt.Sprint(err) // whoever reads the files tells what is wrong with them
}
