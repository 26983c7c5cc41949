package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) scansCommand() *cobra.Command {
	return family(about{
		use: "scans", short: "List, show and cancel scans, their logs and what they changed",
		long:    "Every scan is kept with its result, its log and what it changed. An id may be cut short where no\nother begins so.",
		example: "  cloudaudit scans list",
	}, p.scansList(), p.scansShow(), p.scansLog(), p.scansDiff(), p.scansCancel())
}

func (p *program) scansCancel() *cobra.Command {
	return command(about{
		use: "cancel ID", short: "Stop a running scan",
		long: "cancel asks the process that scans to stop, which it does within two seconds. What was read is kept;\n" +
			"nothing resolves by a scan that was cancelled. One that was interrupted is not gone on with.",
		example: "  cloudaudit scans cancel 019f",
	}, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return p.change(ctx, func(ctx context.Context, s *store.Store) error {
			scan, err := s.CancelScan(ctx, everything, args[0], actor())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "scan %s of %s will stop\n", scan.ID, scan.Account)
			return err
		})
	})
}

func (p *program) scansList() *cobra.Command {
	var account string
	var limit int
	list := p.asking(about{
		use: "list", short: "List scans, the latest first",
		long:    "list shows the latest scans with what they found and changed.",
		example: "  cloudaudit scans list --account shop-gcp\n  cloudaudit scans list --limit 1000 -o csv",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
		scans, err := s.Scans(ctx, everything, account, store.Page{Limit: limit})
		if err != nil {
			return err
		}
		return p.print(scans, "id", "account", "status", "startedAt", "resources", "added", "changed", "removed", "opened", "resolved")
	})
	list.Flags().StringVar(&account, "account", "", "only of this account")
	list.Flags().IntVar(&limit, "limit", store.DefaultLimit, "how many to list")
	return list
}

func (p *program) scansShow() *cobra.Command {
	return p.asking(about{
		use: "show ID", short: "Show one scan with its scopes",
		long:    "show prints a scan's result, and how the listing of each scope ended.",
		example: "  cloudaudit scans show 019f -o json",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		scan, err := s.Scan(ctx, everything, args[0])
		if err != nil {
			return err
		}
		return p.show(scan)
	})
}

func (p *program) scansLog() *cobra.Command {
	return p.asking(about{
		use: "log ID", short: "Print a scan's log",
		long:    "log prints what a scan told while it ran, gaps included.",
		example: "  cloudaudit scans log 019f",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		lines, err := s.ScanLog(ctx, everything, args[0])
		if err != nil {
			return err
		}
		return p.print(lines, "time", "level", "scope", "message")
	})
}

func (p *program) scansDiff() *cobra.Command {
	return p.asking(about{
		use: "diff [FROM] ID", short: "Show what a scan changed against the one before it, or against another",
		long: "diff lists the violations that were opened or resolved and the resources that were added, changed or\n" +
			"removed from one scan of an account to a later one. With one scan that is what it changed itself.",
		example: "  cloudaudit scans diff 019f\n  cloudaudit scans diff 019e 019f",
	}, cobra.RangeArgs(1, 2), func(ctx context.Context, s *store.Store, args []string) error {
		from := ""
		if len(args) == 2 {
			from = args[0]
		}
		list, err := s.ScanDiff(ctx, everything, from, args[len(args)-1])
		if err != nil {
			return err
		}
		return p.print(list, "change", "what", "policy", "resourceType", "resourceId")
	})
}
