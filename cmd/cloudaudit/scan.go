package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/providers"
	"cloudaudit/providers/shape"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

const scanLong = `scan reads the accounts (all declared ones, or those named), judges their resources and stores what it
found. Before it begins, the store takes over what the configuration declares.

Exit codes over all accounts:
  0    done
  1    a scan failed: nothing could be read, or another scan of the account runs
  2    wrong usage or configuration; nothing was scanned
  3    an open violation is as severe as --fail-on says, or worse
  4    a scan was partial: something planned could not be read, a pack could not run, or the members of an
       account could not be listed
  130  interrupted, 143 terminated

An account with aws.organization is scanned with all of its member accounts, which are found anew each
time and named ACCOUNT/ID: scan ACCOUNT takes them all, scan ACCOUNT/ID one.

A scan that was stopped, or whose process died, is gone on with by the next one: what it had listed is
not listed again, unless it is older than six hours or packs and settings have changed since.`

// scanning is one run of the command.
type scanning struct {
	*program
	store     *store.Store
	providers map[string]providers.Provider
	failOn    []string // severities
	workers   int
	full      bool
	adopt     bool
	keep      store.Retention
	// ended are the accounts scanned, in order.
	ended []ended
	// unlisted tells that the members of some account are not known.
	unlisted bool
}

// ended is how the scan of an account ended.
type ended struct {
	account string
	result  scanner.Result
}

func (p *program) scanCommand() *cobra.Command {
	var failOn string
	var workers int
	var full, adopt bool
	scan := command(about{
		use: "scan [ACCOUNT...]", short: "Scan accounts once and print what was found", long: scanLong,
		example: "  cloudaudit scan\n  cloudaudit scan prod-aws --fail-on high\n  cloudaudit scan acme/222222222222\n  cloudaudit scan -o json --quiet",
	}, cobra.ArbitraryArgs, func(ctx context.Context, names []string) error {
		least, err := severities("fail-on", failOn)
		if err != nil {
			return err
		}
		if workers < 0 {
			return usage(fmt.Errorf("--workers %d: use a number from 1 on, or leave it out", workers))
		}
		return p.scan(ctx, names, &scanning{program: p, failOn: least, workers: workers, full: full, adopt: adopt})
	})
	scan.Flags().StringVar(&failOn, "fail-on", "", "exit 3 if a violation of this severity or worse is open")
	scan.Flags().IntVar(&workers, "workers", 0, "how much is done at once (default: the number of processors)")
	scan.Flags().BoolVar(&full, "full", false, "judge every resource anew, not only what changed")
	scan.Flags().BoolVar(&adopt, "adopt", false, "let this configuration take the place of the one that filled the database")
	return scan
}

func (p *program) scan(ctx context.Context, names []string, s *scanning) error {
	loaded, err := p.load(ctx, true)
	if err != nil {
		return err
	}
	declared, err := p.declared(ctx, loaded)
	if err != nil {
		return err
	}
	if err := known(loaded, names); err != nil {
		return err
	}
	s.keep = store.Retention{
		ScanLogs: config.Days(loaded.Retention.ScanLogs), Intervals: config.Days(loaded.Retention.Intervals), AuditLog: config.Days(loaded.Retention.AuditLog),
	}
	s.providers = connecting(loaded)
	s.store, err = store.Open(ctx, loaded.Store.Path, store.Options{Redaction: shape.RedactionRevision, MaxBytes: loaded.Store.MaxBytes})
	if err != nil {
		return err
	}
	return errors.Join(s.run(ctx, loaded.Organization, declared, names), s.store.Close())
}

// known refuses names that the configuration does not declare, before anything is written.
func known(c *config.Config, names []string) error {
	if len(c.Accounts) == 0 {
		return usage(fmt.Errorf("%s declares no account; add one under accounts", short(c.Path())))
	}
	for _, name := range names {
		parent, _, _ := strings.Cut(name, "/") // whether it has the member is known later
		if _, ok := c.Account(parent); !ok {
			return usage(fmt.Errorf("no account %q is declared%s", name, config.Suggest(name, c.AccountNames())))
		}
	}
	return nil
}

func (s *scanning) run(ctx context.Context, organization string, declared store.Declared, names []string) error {
	if err := s.store.Use(ctx, organization); err != nil {
		return err
	}
	if err := s.store.Reseal(ctx, shape.Reseal); err != nil {
		return err
	}
	s.identify(ctx, declared, names)
	if err := s.reconcile(ctx, declared); err != nil {
		return err
	}
	accounts, err := s.accounts(ctx, declared, names)
	if err != nil {
		return err
	}
	if err := s.each(ctx, accounts); err != nil {
		return err
	}
	if err := s.store.Prune(ctx, s.keep); err != nil {
		return err
	}
	if err := s.summarize(ctx); err != nil {
		return err
	}
	return s.verdict(ctx)
}

// reconcile lets the store take over what is declared, and tells what somebody should know of.
func (s *scanning) reconcile(ctx context.Context, declared store.Declared) error {
	declared.Adopt = s.adopt
	done, err := s.store.Reconcile(ctx, declared)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return usage(err)
	}
	s.tell(done)
	return err
}

func (s *scanning) tell(done store.Reconciled) {
	for _, warning := range done.Warnings {
		fmt.Fprintln(s.stderr, "warning:", warning)
	}
	for _, change := range done.Changes {
		if s.verbose && !s.quiet {
			fmt.Fprintln(s.stderr, "configuration:", change)
		}
	}
}

// each scans the accounts one after the other. One that fails never stops the rest.
func (s *scanning) each(ctx context.Context, accounts []providers.Account) error {
	progress := newProgress(s.stderr, s.quiet, s.verbose)
	options := scanner.Options{
		Store: s.store, Engines: s.packs.running(), Workers: s.workers, Full: s.full, Notify: progress.notify, Providers: s.providers,
	}
	if s.workers == 0 {
		options.Listers = atOnce()
	}
	sc := scanner.New(options)
	for _, account := range accounts {
		progress.begin(account.Name)
		result, err := sc.Scan(ctx, account, scanner.Manual)
		progress.end(account.Name, result)
		if ctx.Err() != nil {
			return errors.New("stopped; what the scan read is kept, and the next scan goes on from there")
		}
		if err != nil && s.quiet {
			fmt.Fprintln(s.stderr, "cloudaudit:", err)
		}
		s.ended = append(s.ended, ended{account.Name, result})
	}
	return nil
}

// verdict is the exit code over all scans.
func (s *scanning) verdict(ctx context.Context) error {
	bad, err := s.tooBad(ctx)
	switch {
	case err != nil:
		return err
	case bad:
		return &exitError{code: exitViolations}
	}
	code := exitDone
	if s.unlisted {
		code = exitPartial
	}
	for _, end := range s.ended {
		switch end.result.Status {
		case scanner.Succeeded:
		case scanner.Partial:
			code = max(code, exitPartial)
		default:
			return &exitError{code: exitFailed}
		}
	}
	if code != exitDone {
		return &exitError{code: code}
	}
	return nil
}

// tooBad tells whether a violation that counts for --fail-on is open in a scanned account.
func (s *scanning) tooBad(ctx context.Context) (bool, error) {
	if s.failOn == nil {
		return false, nil
	}
	found := false
	for _, end := range s.ended {
		filter := store.ViolationFilter{Account: end.account, Severities: s.failOn}
		err := s.store.EachViolation(ctx, everything, filter, func(v store.Violation) error {
			if v.Excused {
				return nil
			}
			found = true
			return errStopped
		})
		if err != nil && !errors.Is(err, errStopped) {
			return false, err
		}
	}
	return found, nil
}
