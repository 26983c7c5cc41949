package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
)

func (p *program) configCommand() *cobra.Command {
	check := command(about{
		use: "check", short: "Check the configuration and tell every problem",
		long: "check reads the file and the packs that it names, and tells everything that is wrong with its line and\n" +
			"a remedy. It needs no network and writes nothing; with a problem it exits 2.",
		example: "  cloudaudit config check --config cloudaudit.yaml",
	}, cobra.NoArgs, func(ctx context.Context, _ []string) error {
		loaded, err := p.load(ctx, true)
		if err != nil {
			return err
		}
		if _, err := p.declared(ctx, loaded); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s is sound: %d accounts, %d policy packs, %d policy groups\n",
			short(loaded.Path()), len(loaded.Accounts), len(loaded.PolicyPacks), len(loaded.PolicyGroups))
		return err
	})
	show := command(about{
		use: "show", short: "Show every setting that counts and where it comes from",
		long:    "show lists the settings with defaults filled in, each with its source: a line of the file, a variable,\na flag or the default. References to secrets stay references.",
		example: "  cloudaudit config show\n  CLOUDAUDIT_STORE_PATH=other.db cloudaudit config show -o json",
	}, cobra.NoArgs, func(ctx context.Context, _ []string) error {
		loaded, err := p.load(ctx, false)
		if err != nil {
			return err
		}
		return p.print(loaded.Effective(), "key", "value", "source")
	})
	schema := command(about{
		use: "schema", short: "Print the JSON Schema of the file, for editors",
		long:    "schema prints the JSON Schema (2020-12) of the configuration file.",
		example: "  cloudaudit config schema > cloudaudit.schema.json",
	}, cobra.NoArgs, func(context.Context, []string) error {
		text, err := config.Schema()
		if err != nil {
			return err
		}
		_, err = p.stdout.Write(text)
		return err
	})
	start := command(about{
		use: "init", short: "Print a configuration to start from",
		long:    "init prints a small, commented configuration. It writes no file.",
		example: "  cloudaudit config init > cloudaudit.yaml",
	}, cobra.NoArgs, func(context.Context, []string) error {
		_, err := io.WriteString(p.stdout, config.Starter())
		return err
	})
	return family(about{
		use: "config", short: "Check, show and start a configuration file",
		long:    "One YAML file declares what is audited. It is strict: a misspelt key is a problem, never ignored.",
		example: "  cloudaudit config check",
	}, check, show, schema, start)
}
