package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/packs"
	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

func (p *program) scan() *cobra.Command {
	var failOn string
	var quiet bool
	command := &cobra.Command{
		Use: "scan [ACCOUNT...]", Short: "Scan accounts once and print what was found",
		Long: "scan discovers the resources of the accounts (all declared ones, or those named), judges them and\nstores the violations.\n\n" +
			"Exit codes: 0 done; 3 a violation met --fail-on; 1 a scan failed; 4 a scan was partial; 2 wrong usage\nor configuration.",
		Example: "  cloudaudit scan\n  cloudaudit scan shop-gcp --fail-on high",
		RunE: func(command *cobra.Command, names []string) error {
			least, err := severities(failOn)
			if err != nil {
				return err
			}
			return p.scanAll(command.Context(), names, least, quiet)
		},
	}
	command.Flags().StringVar(&failOn, "fail-on", "", "exit with 3 if a violation of this severity or worse is open")
	command.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no progress")
	return command
}

func engines() map[string]policy.Engine {
	return map[string]policy.Engine{policy.RuntimeCEL: cel.New()}
}

// declared loads what the configuration declares, its packs included.
func (p *program) declared(ctx context.Context, c *config.Config) (store.Declared, error) {
	var declared store.Declared
	for _, account := range c.Accounts {
		settings, err := json.Marshal(account.Snapshot)
		if err != nil {
			return declared, err
		}
		schedule, err := json.Marshal(account.Schedule)
		if err != nil {
			return declared, err
		}
		declared.Accounts = append(declared.Accounts, store.DeclaredAccount{Account: providers.Account{
			Name: account.Name, Provider: account.Provider, Cloud: snapshot.Cloud(account.Snapshot.Format),
			CloudID: account.Snapshot.AccountID, Tags: account.Tags, Settings: settings,
		}, Schedule: schedule})
	}
	loaded, err := loadPacks(ctx, c)
	if err != nil {
		return declared, err
	}
	declared.Packs = loaded
	declared.Groups, err = declaredGroups(c, loaded)
	return declared, err
}

func loadPacks(ctx context.Context, c *config.Config) ([]*policy.Pack, error) {
	loader := policy.Loader{Engines: engines()}
	var loaded []*policy.Pack
	var faults []error
	for i, declared := range c.PolicyPacks {
		pack, err := loadPack(ctx, loader, declared)
		if err != nil {
			faults = append(faults, fmt.Errorf("policyPacks[%d]: %w", i, err))
			continue
		}
		loaded = append(loaded, pack)
	}
	return loaded, errors.Join(faults...)
}

func loadPack(ctx context.Context, loader policy.Loader, declared config.Pack) (*policy.Pack, error) {
	if declared.Path != "" {
		return loader.Path(ctx, declared.Path)
	}
	builtin, err := packs.All()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(builtin, func(b packs.Builtin) bool { return b.Name == declared.Name })
	if at < 0 {
		return nil, fmt.Errorf("there is no built-in pack %q", declared.Name)
	}
	pack, err := loader.FS(ctx, declared.Name, builtin[at].Files)
	if err != nil {
		return nil, err
	}
	pack.Builtin = true
	return pack, nil
}

// declaredGroups turns the file's groups into policy's and checks their configs against the packs.
func declaredGroups(c *config.Config, loaded []*policy.Pack) ([]policy.Group, error) {
	var groups []policy.Group
	var faults []error
	for _, declared := range c.PolicyGroups {
		group := policy.Group{Name: declared.Name, Entity: policy.Entity(declared.EntityType), Mode: policy.Mode(declared.Mode), Accounts: declared.Accounts}
		for _, applied := range declared.PolicyPacks {
			given, err := groupConfig(applied, loaded)
			if err != nil {
				faults = append(faults, fmt.Errorf("policy group %s: %w", declared.Name, err))
				continue
			}
			group.Packs = append(group.Packs, policy.Applied{Name: applied.Name, VersionTag: applied.VersionTag, Config: given})
		}
		groups = append(groups, group)
	}
	return groups, errors.Join(faults...)
}

func groupConfig(applied config.Applied, loaded []*policy.Pack) (policy.Config, error) {
	given := policy.Config{}
	if len(applied.Config) > 0 {
		if err := json.Unmarshal(applied.Config, &given); err != nil {
			return nil, fmt.Errorf("config of pack %s: %w", applied.Name, err)
		}
	}
	at := slices.IndexFunc(loaded, func(pack *policy.Pack) bool { return pack.Name == applied.Name })
	if at < 0 {
		return nil, fmt.Errorf("there is no pack %q; declare it under policyPacks", applied.Name)
	}
	_, err := policy.Reconcile(loaded[at], given)
	return given, err
}

func (p *program) scanAll(ctx context.Context, names, failOn []string, quiet bool) error {
	loaded, err := p.load(ctx)
	if err != nil {
		return err
	}
	declared, err := p.declared(ctx, loaded)
	if err != nil {
		return usage(err)
	}
	s, err := store.Open(ctx, loaded.Store.Path, store.Options{})
	if err != nil {
		return err
	}
	err = p.scanWith(ctx, s, loaded, declared, names, failOn, quiet)
	return errors.Join(err, s.Close())
}

func (p *program) scanWith(ctx context.Context, s *store.Store, c *config.Config, declared store.Declared, names, failOn []string, quiet bool) error {
	if err := s.Use(ctx, c.Organization); err != nil {
		return err
	}
	if _, err := s.Reconcile(ctx, declared); err != nil {
		return usage(err)
	}
	accounts, err := chosen(ctx, s, names)
	if err != nil {
		return err
	}
	live := newProgress(p.stderr, quiet)
	sc := scanner.New(scanner.Options{
		Store: s, Engines: engines(), Notify: live.notify,
		Providers: map[string]providers.Provider{providers.Snapshot: snapshot.New()},
	})
	results := map[string]scanner.Result{}
	for _, account := range accounts {
		result, err := sc.Scan(ctx, account, scanner.Manual)
		live.end(account.Name, result)
		results[account.Name] = result
		if ctx.Err() != nil {
			return &exitError{code: exitInterrupt, err: errors.New("interrupted; the next scan goes on")}
		}
		if err != nil {
			fmt.Fprintln(p.stderr, "cloudaudit:", err)
		}
	}
	if err := p.summarize(ctx, s, results); err != nil {
		return err
	}
	return verdict(ctx, s, results, failOn)
}

// chosen gives the accounts of these names, or all.
func chosen(ctx context.Context, s *store.Store, names []string) ([]providers.Account, error) {
	all, err := s.Scannable(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		if len(all) == 0 {
			return nil, usage(errors.New("the configuration declares no account; add one under accounts"))
		}
		return all, nil
	}
	var accounts []providers.Account
	for _, name := range names {
		at := slices.IndexFunc(all, func(a providers.Account) bool { return a.Name == name })
		if at < 0 {
			return nil, usage(fmt.Errorf("there is no account %q; `cloudaudit accounts list` tells the names", name))
		}
		accounts = append(accounts, all[at])
	}
	return accounts, nil
}

// verdict is the exit code over all scans.
func verdict(ctx context.Context, s *store.Store, results map[string]scanner.Result, failOn []string) error {
	if failOn != nil {
		for account := range results {
			tallies, err := s.CountViolations(ctx, everything, store.ViolationFilter{Account: account, Severities: failOn}, "account")
			if err != nil {
				return err
			}
			if len(tallies) > 0 {
				return &exitError{code: exitViolations}
			}
		}
	}
	code := exitDone
	for _, result := range results {
		switch {
		case result.Status == scanner.Failed || result.Status == scanner.Cancelled:
			code = exitFailed
		case result.Status == scanner.Partial && code == exitDone:
			code = exitPartial
		}
	}
	if code != exitDone {
		return &exitError{code: code}
	}
	return nil
}

// progress shows how far scans are: one line that renews itself on a terminal, a line at the end
// of each scan elsewhere.
type progress struct {
	mu    sync.Mutex
	out   interface{ Write([]byte) (int, error) }
	live  bool
	quiet bool
}

func newProgress(out interface{ Write([]byte) (int, error) }, quiet bool) *progress {
	file, isFile := out.(*os.File)
	return &progress{out: out, quiet: quiet, live: isFile && term.IsTerminal(int(file.Fd())) && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb"}
}

func (l *progress) notify(now scanner.Progress) {
	if l.quiet || !l.live {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf("%d of %d scopes, %d records, %d gaps", now.ScopesDone, now.Scopes, now.Resources, now.Gaps)
	if now.Phase != scanner.Discovering {
		text = fmt.Sprintf("%d of %d judged, %d violations opened, %d resolved", now.Judged, now.Total, now.Opened, now.Resolved)
	}
	fmt.Fprintf(l.out, "\r\x1b[K%s: %s", now.Account, text)
}

func (l *progress) end(account string, result scanner.Result) {
	if l.quiet {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
	line := fmt.Sprintf("%s: %s, %d resources, %d opened, %d resolved", account, result.Status, result.Counts.Resources, result.Counts.Opened, result.Counts.Resolved)
	if result.Error != "" {
		line += ": " + result.Error
	}
	fmt.Fprintln(l.out, line)
	if !result.Audited && result.Status != scanner.Failed {
		fmt.Fprintf(l.out, "warning: no policy group audits %s; add it to one under policyGroups\n", account)
	}
}

// summaryRow is an account in the summary of a scan.
type summaryRow struct {
	Account    string `json:"account"`
	Status     string `json:"status"`
	Resources  int    `json:"resources"`
	Coverage   string `json:"coverage"`
	Compliance string `json:"compliance"`
	Unknown    int    `json:"unknown"`
	Critical   int    `json:"critical"`
	High       int    `json:"high"`
	Medium     int    `json:"medium"`
	Low        int    `json:"low"`
	Opened     int    `json:"opened"`
	Resolved   int    `json:"resolved"`
}

// summarize prints what was found and what to type next.
func (p *program) summarize(ctx context.Context, s *store.Store, results map[string]scanner.Result) error {
	accounts, err := s.Accounts(ctx, everything)
	if err != nil {
		return err
	}
	rows := []summaryRow{}
	for _, account := range accounts {
		if result, scanned := results[account.Name]; scanned {
			rows = append(rows, summaryOf(account, result))
		}
	}
	err = p.print(rows, columns("ACCOUNT=account", "SCAN=status", "RESOURCES=resources", "COVERAGE=coverage", "COMPLIANT=compliance", "UNKNOWN=unknown",
		"CRITICAL=critical", "HIGH=high", "MEDIUM=medium", "LOW=low", "OPENED=opened", "RESOLVED=resolved"))
	if err != nil || p.output != "table" {
		return err
	}
	tallies, err := s.CountViolations(ctx, everything, store.ViolationFilter{}, "pack")
	if err != nil {
		return err
	}
	if len(tallies) > 0 {
		fmt.Fprintln(p.stdout)
		if err := p.print(tallies, columns("PACK=name", "VIOLATIONS=count", "CRITICAL=critical", "HIGH=high", "MEDIUM=medium", "LOW=low")); err != nil {
			return err
		}
	}
	flag := ""
	if p.configFile != "" {
		flag = " --config " + p.configFile
	}
	_, err = fmt.Fprintf(p.stdout, "\nDatabase: %s\nNext:     cloudaudit violations list --group-by policy%s\n          cloudaudit coverage --unknown%s\n", short(s.Path()), flag, flag)
	return err
}

func summaryOf(account store.AccountStatus, result scanner.Result) summaryRow {
	c := result.Counts
	row := summaryRow{
		Account: account.Name, Status: string(result.Status), Resources: account.Resources,
		Coverage:   fmt.Sprintf("%.0f%% (%d of %d)", 100*c.Coverage(), c.ScopesComplete, c.ScopesPlanned),
		Compliance: "n/a", Unknown: account.Score.Unknown, Opened: c.Opened, Resolved: c.Resolved,
		Critical: account.Open["critical"], High: account.Open["high"], Medium: account.Open["medium"], Low: account.Open["low"],
	}
	if account.Score.Value != nil {
		row.Compliance = fmt.Sprintf("%.1f%%", 100**account.Score.Value)
	}
	if !result.Audited {
		row.Compliance = "not audited"
	}
	return row
}

func notFound(noun, name string) error {
	return fmt.Errorf("%s %s: %w", noun, strings.TrimSpace(name), store.ErrNotFound)
}
