package main

import (
	"context"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) accountsCommand() *cobra.Command {
	var listAt, showAt atFlag
	list := p.asking(about{
		use: "list", short: "List accounts",
		long:    "list shows each account's last scan, its open violations by severity, and whether any policy audits\nit. One that is not audited is never clean.",
		example: "  cloudaudit accounts list\n  cloudaudit accounts list -o yaml",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
		moment, err := listAt.time("at")
		if err != nil {
			return err
		}
		accounts, err := s.Accounts(ctx, everything, moment)
		if err != nil {
			return err
		}
		return p.print(accounts, "name", "cloud", "audited", "status", "finishedAt", "resources", "open", "groups")
	})
	show := p.asking(about{
		use: "show NAME", short: "Show one account and where it stands",
		long:    "show prints an account with its score, its coverage and the groups that it is in.",
		example: "  cloudaudit accounts show shop-gcp",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		moment, err := showAt.time("at")
		if err != nil {
			return err
		}
		account, err := s.Account(ctx, everything, args[0], moment)
		if err != nil {
			return err
		}
		return p.show(account)
	})
	listAt.add(list)
	showAt.add(show)
	return family(about{
		use: "accounts", short: "List, show and check accounts",
		long:    "Accounts are declared in the configuration file and stored by the next scan, which also finds the members of\nan organization. A name that is declared stands for one account, ACCOUNT/ID for a member of it.",
		example: "  cloudaudit accounts list",
	}, list, show, p.accountsCheck())
}
