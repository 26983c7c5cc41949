package rego

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"

	"cloudaudit/policy"
)

// maxTestTime bounds one test rule.
const maxTestTime = 10 * time.Second

// RunTests runs the test rules of a pack, test_* in its *_test.rego files, as OPA's own tester does.
// Results are sorted by file and place, and name the test in the place of a policy. An error means
// that nothing could be run.
func (e *Engine) RunTests(ctx context.Context, manifest policy.Manifest, files fs.FS) ([]policy.CaseResult, error) {
	return runTests(ctx, manifest, files, nil)
}

// runTests runs test rules, for a tally once more.
func runTests(ctx context.Context, manifest policy.Manifest, files fs.FS, tally *tally) ([]policy.CaseResult, error) {
	shared.RLock()
	defer shared.RUnlock()
	s, err := readSources(files, cmp.Or(manifest.Main, "."), format(manifest.InputFormat))
	if err != nil {
		return nil, err
	}
	modules := maps.Clone(s.modules)
	maps.Copy(modules, s.tests)
	if s.library {
		maps.Copy(modules, libraryModules)
	}
	store := newStore(nil)
	txn, err := store.NewTransaction(ctx, storage.WriteParams)
	if err != nil {
		return nil, err
	}
	defer store.Abort(ctx, txn)
	compiler := ast.NewCompiler().WithCapabilities(allowed).SetErrorLimit(0).WithRewriteTestRules(true).WithEnablePrintStatements(true)
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).
		CapturePrintOutput(true).SetTimeout(maxTestTime).AddCustomBuiltins(testBuiltins())
	found, err := runner.RunTests(ctx, txn)
	if compiler.Failed() {
		return nil, regoFaults(compiler.Errors)
	}
	if err != nil {
		return nil, fmt.Errorf("run the tests: %w", err)
	}
	results := slices.SortedFunc(channel(found), func(a, b *tester.Result) int { return a.Location.Compare(b.Location) })
	cases := make([]policy.CaseResult, len(results))
	for i, result := range results {
		cases[i] = caseOf(result)
		if tally != nil {
			tally.rerun(ctx, result, rego.Compiler(compiler), rego.Store(store), rego.Transaction(txn))
		}
	}
	return cases, ctx.Err()
}

// channel gives what comes from a channel until it ends.
func channel[T any](from <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for value := range from {
			if !yield(value) {
				return
			}
		}
	}
}

func testBuiltins() []*tester.Builtin {
	list := make([]*tester.Builtin, len(functions))
	for i, f := range functions {
		list[i] = &tester.Builtin{Decl: f.builtin(), Func: f.option()}
	}
	return list
}

func caseOf(result *tester.Result) policy.CaseResult {
	c := policy.CaseResult{Policy: result.Name, OK: result.Pass()}
	if result.Location != nil {
		c.File = result.Location.File
	}
	place := placeOf(result.Location)
	switch {
	case result.Error != nil:
		c.Problem = fmt.Sprintf("%s: %s", place, result.Error)
	case result.Skip:
		c.Problem = place + ": the test is skipped; make its name begin with test_ or remove it"
	case !c.OK:
		c.Problem = place + ": the test does not hold"
	}
	if output := strings.TrimSpace(string(result.Output)); c.Problem != "" && output != "" {
		c.Problem += "\n" + output
	}
	c.OK = c.Problem == ""
	return c
}
