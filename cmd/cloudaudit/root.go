package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/store"
)

// program is what all commands share: where they write, and the flags that every command takes.
type program struct {
	stdout, stderr io.Writer
	configFile     string
	database       string
	output         string
	columns        []string
	noHeaders      bool
	color          string
	quiet          bool
	verbose        bool
	packs          packLoader
}

// about is what help says of a command.
type about struct{ use, short, long, example string }

const rootLong = `cloudaudit reads the resources of cloud accounts, judges them by policy packs and keeps what it
found in one SQLite file.

Declare accounts, packs and groups in cloudaudit.yaml (see "cloudaudit config init"), scan them by
"cloudaudit scan", and ask the file by the other commands. Those that ask never write.

Every setting comes from a flag, else from the environment (CLOUDAUDIT_STORE_PATH), else from the
file, else from its default; "cloudaudit config show" tells which.`

const rootExample = `  cloudaudit config init > cloudaudit.yaml
  cloudaudit scan --fail-on high
  cloudaudit violations list --group-by policy
  cloudaudit coverage --unknown`

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	p := &program{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use: "cloudaudit", Short: "Audit cloud accounts by policy packs", Long: rootLong, Example: rootExample,
		SilenceErrors: true, SilenceUsage: true, Version: buildFacts().Version,
		PersistentPreRunE: func(*cobra.Command, []string) error { return p.checkFlags() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetVersionTemplate("cloudaudit {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&p.configFile, "config", "", "configuration file (default $CLOUDAUDIT_CONFIG, ./cloudaudit.yaml, then the user's and the system's)")
	flags.StringVar(&p.database, "db", "", "database file, instead of the configuration's store.path")
	flags.StringVarP(&p.output, "output", "o", "table", "how to print: "+anyOf(outputs()))
	flags.StringSliceVar(&p.columns, "columns", nil, "columns of tables and CSV, by the names that -o json shows")
	flags.BoolVar(&p.noHeaders, "no-headers", false, "print tables without their heading")
	flags.StringVar(&p.color, "color", "auto", "colour tables: auto, always or never")
	flags.BoolVarP(&p.quiet, "quiet", "q", false, "print no progress")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "print more progress")
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see `%s --help`", err, command.CommandPath()))
	})
	root.AddCommand(p.scanCommand(), p.violationsCommand(), p.resourcesCommand(), p.coverageCommand(), p.scansCommand(), p.accountsCommand(),
		p.groupsCommand(), p.packsCommand(), p.exceptionsCommand(), p.policyCommand(), p.configCommand(), p.dbCommand(), p.versionCommand())
	needCommand(root)
	return root
}

func (p *program) checkFlags() error {
	if !slices.Contains(outputs(), p.output) {
		return usage(fmt.Errorf("-o %s: use %s", p.output, anyOf(outputs())))
	}
	if !slices.Contains([]string{"auto", "always", "never"}, p.color) {
		return usage(fmt.Errorf("--color %s: use auto, always or never", p.color))
	}
	return nil
}

// anyOf lists choices: a, b or c.
func anyOf(choices []string) string {
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

// command makes a command of what help says of it.
func command(about about, check cobra.PositionalArgs, do func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: about.use, Short: about.short, Long: about.long, Example: about.example,
		Args: func(command *cobra.Command, args []string) error {
			if err := check(command, args); err != nil {
				return usage(fmt.Errorf("%w; see `%s --help`", err, command.CommandPath()))
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error { return do(command.Context(), args) },
	}
}

// family makes a command that only holds others.
func family(about about, commands ...*cobra.Command) *cobra.Command {
	parent := &cobra.Command{Use: about.use, Short: about.short, Long: about.long, Example: about.example}
	parent.AddCommand(commands...)
	needCommand(parent)
	return parent
}

// needCommand answers a family that is called without a command, or with an unknown one.
func needCommand(parent *cobra.Command) {
	parent.Args = cobra.ArbitraryArgs
	parent.RunE = func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return command.Help()
		}
		hint := ""
		if near := command.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", near[0])
		}
		return usage(fmt.Errorf("%s has no command %q%s; see `%s --help`", command.CommandPath(), args[0], hint, command.CommandPath()))
	}
	parent.SuggestionsMinimumDistance = 2
}

// asking makes a command that asks the store, which it opens for reading alone.
func (p *program) asking(about about, check cobra.PositionalArgs, do func(context.Context, *store.Store, []string) error) *cobra.Command {
	return command(about, check, func(ctx context.Context, args []string) error {
		return p.ask(ctx, func(ctx context.Context, s *store.Store) error { return do(ctx, s, args) })
	})
}

func (p *program) ask(ctx context.Context, do func(context.Context, *store.Store) error) error {
	return p.with(ctx, true, do)
}

// change runs what changes the store.
func (p *program) change(ctx context.Context, do func(context.Context, *store.Store) error) error {
	return p.with(ctx, false, do)
}

// actor names whoever runs the command, for the audit log.
func actor() string {
	if who, err := user.Current(); err == nil && who.Username != "" {
		return who.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

func (p *program) with(ctx context.Context, readOnly bool, do func(context.Context, *store.Store) error) error {
	loaded, err := p.load(ctx, false)
	if err != nil {
		return err
	}
	s, err := p.open(ctx, loaded, readOnly)
	if err != nil {
		return err
	}
	if err := s.Use(ctx, loaded.Organization); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			err = fmt.Errorf("%w; run `cloudaudit scan%s` first", err, p.same())
		}
		return errors.Join(err, s.Close())
	}
	return errors.Join(do(ctx, s), s.Close())
}

// open opens the database, which has to be there.
func (p *program) open(ctx context.Context, loaded *config.Config, readOnly bool) (*store.Store, error) {
	if _, err := os.Stat(loaded.Store.Path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no database at %s yet: run `cloudaudit scan%s` first", short(loaded.Store.Path), p.same())
	}
	return store.Open(ctx, loaded.Store.Path, store.Options{ReadOnly: readOnly, MaxBytes: loaded.Store.MaxBytes})
}

// same repeats the flags that choose configuration and database, for commands that are proposed.
func (p *program) same() string {
	flags := ""
	if p.configFile != "" {
		flags += " --config " + p.configFile
	}
	if p.database != "" {
		flags += " --db " + p.database
	}
	return flags
}

// short gives a path relative to the working directory where that is shorter.
func short(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(dir, path); err == nil && len(relative) < len(path) {
		return relative
	}
	return path
}
