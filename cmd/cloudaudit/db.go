package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) dbCommand() *cobra.Command {
	return family(about{
		use: "db", short: "Check, back up, compact and migrate the database",
		long:    "The database is one SQLite file. Copy it by backup, which is safe while a scan writes.",
		example: "  cloudaudit db check",
	},
		p.onFile(about{
			use: "check", short: "Check the database's integrity",
			long:    "check runs SQLite's checks of the file and of its foreign keys, and recounts the verdicts that scores\ncome from. It writes nothing.",
			example: "  cloudaudit db check",
		}, true, cobra.NoArgs, "is sound", func(ctx context.Context, s *store.Store, _ []string) error {
			faults, err := s.Check(ctx)
			if err == nil && len(faults) > 0 {
				err = errors.New("the database is damaged; restore a backup:\n" + strings.Join(faults, "\n"))
			}
			return err
		}),
		p.onFile(about{
			use: "backup FILE", short: "Write a consistent copy to a new file",
			long:    "backup copies the database, also while a scan writes to it. An existing file is never overwritten.",
			example: "  cloudaudit db backup cloudaudit-2026-01-31.db",
		}, true, cobra.ExactArgs(1), "was copied", func(ctx context.Context, s *store.Store, args []string) error { return s.Backup(ctx, args[0]) }),
		p.onFile(about{
			use: "vacuum", short: "Give unused space back to the file system",
			long:    "vacuum rewrites the file without its unused space. Run it while nothing else uses the file.",
			example: "  cloudaudit db vacuum",
		}, false, cobra.NoArgs, "was compacted", func(ctx context.Context, s *store.Store, _ []string) error { return s.Vacuum(ctx) }),
		p.onFile(about{
			use: "migrate", short: "Bring the schema up to date",
			long:    "migrate brings a file of an older version up to date, after laying a copy beside it. A scan does the\nsame by itself.",
			example: "  cloudaudit db migrate",
		}, false, cobra.NoArgs, "is up to date", func(context.Context, *store.Store, []string) error { return nil }),
	)
}

// onFile makes a command about the file as a whole, whatever organization is in it.
func (p *program) onFile(about about, readOnly bool, check cobra.PositionalArgs, done string, do func(context.Context, *store.Store, []string) error) *cobra.Command {
	return command(about, check, func(ctx context.Context, args []string) error {
		loaded, err := p.load(ctx, false)
		if err != nil {
			return err
		}
		s, err := p.open(ctx, loaded, readOnly)
		if err != nil {
			return err
		}
		if err := errors.Join(do(ctx, s, args), s.Close()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s %s\n", short(loaded.Store.Path), done)
		return err
	})
}
