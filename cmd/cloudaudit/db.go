package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) db() *cobra.Command {
	root := &cobra.Command{Use: "db", Short: "Check, back up, compact and migrate the database", Example: "  cloudaudit db check"}
	root.AddCommand(
		p.onStore("check", "Check the database's integrity", true, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
			faults, err := s.Check(ctx)
			if err == nil && len(faults) > 0 {
				err = errors.New("the database is damaged; restore a backup:\n" + strings.Join(faults, "\n"))
			}
			return err
		}),
		p.onStore("backup FILE", "Write a consistent copy to a new file", true, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, given []string) error {
			return s.Backup(ctx, given[0])
		}),
		p.onStore("vacuum", "Give unused space back to the file system", false, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
			return s.Vacuum(ctx)
		}),
		p.onStore("migrate", "Bring the schema up to date", false, cobra.NoArgs, func(context.Context, *store.Store, []string) error { return nil }),
	)
	return root
}

func (p *program) onStore(use, about string, readOnly bool, check cobra.PositionalArgs, do func(context.Context, *store.Store, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: about, Args: args(check), Example: "  cloudaudit db " + use,
		RunE: func(command *cobra.Command, given []string) error {
			loaded, err := p.load(command.Context())
			if err != nil {
				return err
			}
			s, err := store.Open(command.Context(), loaded.Store.Path, store.Options{ReadOnly: readOnly})
			if err != nil {
				return err
			}
			err = errors.Join(do(command.Context(), s, given), s.Close())
			if err == nil {
				fmt.Fprintf(p.stdout, "%s: done\n", short(loaded.Store.Path))
			}
			return err
		},
	}
}
