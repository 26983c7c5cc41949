package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
)

func (p *program) policyCommand() *cobra.Command {
	return family(about{
		use: "policy", short: "Write, check and explain policies",
		long: "These commands are for authors of policy packs. They need no configuration and no database, but for\n" +
			"explain, which looks at a resource of the store.",
		example: "  cloudaudit policy new packs/own\n  cloudaudit policy test packs/own",
	}, p.policyNew(), p.policyTest(), p.policyLint(), p.policyExplain())
}

// packIn loads the pack in a folder, with what runs it.
func (p *program) packIn(ctx context.Context, dir string) (*policy.Pack, policy.Engine, fs.FS, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, nil, usage(fmt.Errorf("%s is no folder; make a pack by `cloudaudit policy new %s`", dir, dir))
	}
	engines := p.packs.running()
	pack, err := policy.Loader{Engines: engines}.Dir(ctx, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	return pack, engines[pack.Runtime], os.DirFS(dir), nil
}

// folder is the one argument of a command, the working directory without it.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// caseView is a test case as `policy test` shows it.
type caseView struct {
	Policy  string         `json:"policy"`
	Case    string         `json:"case"`
	Want    policy.Verdict `json:"want"`
	Got     policy.Verdict `json:"got"`
	OK      bool           `json:"ok"`
	Problem string         `json:"problem"`
}

func (p *program) policyTest() *cobra.Command {
	var only string
	var watch bool
	test := command(about{
		use: "test [DIR]", short: "Run the test cases of a pack",
		long: "test runs the cases of the pack in DIR (or here), testdata/POLICY/{pass,fail,unknown,na}*.yaml or .json,\n" +
			"and the test rules of Rego packs. It exits 1 if one fails, or if a policy has no pass, fail or unknown\n" +
			"case. --watch runs them again whenever a file of the pack changes.",
		example: "  cloudaudit policy test packs/own\n  cloudaudit policy test --policy resource-owner --watch",
	}, cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		if watch {
			return p.watch(ctx, folder(args), func() error { return p.testPack(ctx, folder(args), only) })
		}
		return p.testPack(ctx, folder(args), only)
	})
	test.Flags().StringVar(&only, "policy", "", "only the cases of this policy")
	test.Flags().BoolVar(&watch, "watch", false, "run again whenever a file changes")
	return test
}

// tests is an engine whose packs have tests of their own beside cases.
type tests interface {
	RunTests(ctx context.Context, manifest policy.Manifest, files fs.FS) ([]policy.CaseResult, error)
}

func (p *program) testPack(ctx context.Context, dir, only string) error {
	pack, engine, files, err := p.packIn(ctx, dir)
	if err != nil {
		return err
	}
	results, err := policy.RunCases(ctx, engine, pack, files)
	if err != nil {
		return err
	}
	if runner, able := engine.(tests); able && only == "" {
		manifest, err := policy.ReadManifest(files)
		if err != nil {
			return err
		}
		more, err := runner.RunTests(ctx, manifest, files)
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	return p.printCases(results, only)
}

// printCases shows the cases that failed, or all for programs and with -v.
func (p *program) printCases(results []policy.CaseResult, only string) error {
	views, shown := []caseView{}, []caseView{}
	failed := 0
	for _, r := range results {
		if only != "" && r.Policy != only {
			continue
		}
		view := caseView{Policy: r.Policy, Case: r.File, Want: r.Want, Got: r.Got.Verdict, OK: r.OK, Problem: r.Problem}
		views = append(views, view)
		if !r.OK {
			failed++
		}
		if !r.OK || p.verbose {
			shown = append(shown, view)
		}
	}
	if p.output != "table" {
		shown = views
	}
	if len(shown) > 0 || p.output != "table" {
		if err := p.print(shown, "policy", "case", "want", "got", "ok", "problem"); err != nil {
			return err
		}
	}
	switch {
	case len(views) == 0:
		return usage(errors.New("there is nothing to run: no policy of this name, or a pack without policies"))
	case failed > 0:
		return fmt.Errorf("%d of %d cases failed", failed, len(views))
	}
	if p.output == "table" {
		fmt.Fprintf(p.stdout, "%d cases are as they should be\n", len(views))
	}
	return nil
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
