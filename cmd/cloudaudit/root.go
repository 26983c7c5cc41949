package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/policy"
	"cloudaudit/policy/packs"
	"cloudaudit/store"
)

// program is what all commands share: where they write, and the flags that every command takes.
type program struct {
	stdout, stderr io.Writer
	configFile     string
	output         string
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	p := &program{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:           "cloudaudit",
		Short:         "Audit cloud accounts by policy packs",
		Long:          "cloudaudit reads the resources of cloud accounts, judges them by policy packs, and keeps what it\nfound in one SQLite file that these commands ask.",
		Example:       "  cloudaudit scan\n  cloudaudit violations list --group-by policy\n  cloudaudit coverage",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentFlags().StringVar(&p.configFile, "config", "", "the configuration file (default: $CLOUDAUDIT_CONFIG, ./cloudaudit.yaml, then those of the user and the system)")
	root.PersistentFlags().StringVarP(&p.output, "output", "o", "table", "how to print: table, json, ndjson, yaml or csv")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(p.scan(), p.violations(), p.resources(), p.coverage(), p.scans(), p.accounts(), p.groups(), p.packs(), p.config(), p.db(), p.version())
	for _, command := range root.Commands() {
		if command.HasSubCommands() {
			command.RunE = needsSubcommand
		}
	}
	return root
}

// needsSubcommand answers a command that was called without one, or with an unknown one.
func needsSubcommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return command.Help()
	}
	return usage(fmt.Errorf("%s has no command %q; see `%s --help`", command.CommandPath(), args[0], command.CommandPath()))
}

// args makes a wrong number of arguments a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, given []string) error {
		if err := check(command, given); err != nil {
			return usage(fmt.Errorf("%w; see `%s --help`", err, command.CommandPath()))
		}
		return nil
	}
}

// load reads the configuration and checks it, packs in files included.
func (p *program) load(ctx context.Context) (*config.Config, error) {
	path, err := config.Find(p.configFile, os.LookupEnv)
	if err != nil {
		return nil, usage(err)
	}
	builtin, err := packs.All()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, pack := range builtin {
		names = append(names, pack.Name)
	}
	loaded, err := config.Load(path, config.Options{
		Env: os.LookupEnv, Builtin: names,
		LoadPack: func(path string) (string, error) {
			pack, err := policy.Loader{Engines: engines()}.Path(ctx, path)
			if err != nil {
				return "", err
			}
			return pack.Name, nil
		},
	})
	if err != nil {
		return nil, usage(err)
	}
	return loaded, nil
}

// ask opens the store for reading and hands it to do.
func (p *program) ask(ctx context.Context, do func(context.Context, *store.Store) error) error {
	loaded, err := p.load(ctx)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, loaded.Store.Path, store.Options{ReadOnly: true})
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no database at %s yet: run `cloudaudit scan` first", short(loaded.Store.Path))
	}
	if err != nil {
		return err
	}
	if err := s.Use(ctx, loaded.Organization); err != nil {
		return errors.Join(err, s.Close())
	}
	return errors.Join(do(ctx, s), s.Close())
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
