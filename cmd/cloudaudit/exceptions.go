package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/policy"
	"cloudaudit/store"
)

func (p *program) exceptionsCommand() *cobra.Command {
	return family(about{
		use: "exceptions", short: "Excuse violations for a reason that somebody answers for",
		long: "An exception excuses the violations in its scope, at once and until it ends. Excused violations stay\n" +
			"open and are shown as excused; they count neither as violating nor as compliant, and --fail-on leaves\n" +
			"them out. Exceptions are declared in the configuration, or made here.",
		example: "  cloudaudit exceptions list",
	}, p.exceptionsList(), p.exceptionsAdd(), p.exceptionsRemove())
}

func (p *program) exceptionsList() *cobra.Command {
	var filter store.ExceptionFilter
	var at atFlag
	list := p.asking(about{
		use: "list", short: "List exceptions and what they excuse",
		long: "list shows the exceptions with the number of open violations that each excuses. One that excuses\n" +
			"nothing is unused; one that names no policy, or no resource and no tag, is broad.",
		example: "  cloudaudit exceptions list\n  cloudaudit exceptions list --removed -o json",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) (err error) {
		if filter.At, err = at.time("at"); err != nil {
			return err
		}
		list, err := s.Exceptions(ctx, everything, filter)
		if err != nil {
			return err
		}
		return p.print(list, "name", "state", "excused", "unused", "broad", "expires", "owner", "reason", "scope")
	})
	list.Flags().BoolVar(&filter.Removed, "removed", false, "list removed ones too")
	at.add(list)
	return list
}

func (p *program) exceptionsAdd() *cobra.Command {
	var e policy.Exception
	var expires string
	add := command(about{
		use: "add NAME", short: "Excuse violations from now on",
		long: "add makes an exception. What it excuses has to match every list that is given, by one of its entries;\n" +
			"* stands for any text. It needs an owner and a reason.",
		example: "  cloudaudit exceptions add test-buckets --policy storage-bucket-public-access \\\n" +
			"    --resource '//storage.googleapis.com/test-*' --owner ann --reason 'test data' --expires 2027-06-30",
	}, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		e.Name = args[0]
		if expires != "" {
			at, err := config.Moment(expires)
			if err != nil {
				return usage(fmt.Errorf("--expires %s: use a day such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z", expires))
			}
			if at.Before(time.Now()) {
				return usage(fmt.Errorf("--expires %s: is over already", expires))
			}
			e.Expires = &at
		}
		if err := e.Check(); err != nil {
			return usage(err)
		}
		return p.change(ctx, func(ctx context.Context, s *store.Store) error { return p.addException(ctx, s, e) })
	})
	flags := add.Flags()
	flags.StringSliceVar(&e.Scope.Policies, "policy", nil, "policies, as policy or pack/policy")
	flags.StringSliceVar(&e.Scope.Packs, "pack", nil, "policy packs")
	flags.StringSliceVar(&e.Scope.Accounts, "account", nil, "accounts")
	flags.StringSliceVar(&e.Scope.Resources, "resource", nil, "ids or names of resources")
	flags.StringToStringVar(&e.Scope.Tags, "tag", nil, "tags that the resource has, as key=value")
	flags.StringVar(&e.Owner, "owner", "", "who answers for it")
	flags.StringVar(&e.Reason, "reason", "", "why")
	flags.StringVar(&e.Ticket, "ticket", "", "where it was discussed")
	flags.StringVar(&e.Approver, "approver", "", "who approved it")
	flags.StringVar(&expires, "expires", "", "the last day on which it holds, or the time at which it ends")
	return add
}

func (p *program) addException(ctx context.Context, s *store.Store, e policy.Exception) error {
	if err := s.AddException(ctx, e, actor()); err != nil {
		return err
	}
	list, err := s.Exceptions(ctx, everything, store.ExceptionFilter{})
	if err != nil {
		return err
	}
	for _, status := range list {
		if status.Name != e.Name {
			continue
		}
		var notes []string
		if status.Unused {
			notes = append(notes, "nothing that is open now is in its scope")
		}
		if status.Broad {
			notes = append(notes, "it is broad: name policies, and resources or tags, so that it excuses nothing that nobody looked at")
		}
		_, err = fmt.Fprintln(p.stdout, strings.Join(append([]string{fmt.Sprintf("exception %s excuses %d open violations", e.Name, status.Excused)}, notes...), "\n"))
	}
	return err
}

func (p *program) exceptionsRemove() *cobra.Command {
	return command(about{
		use: "remove NAME", short: "End an exception",
		long:    "remove ends an exception: what it excused counts again at once. It stays known what was excused when.",
		example: "  cloudaudit exceptions remove test-buckets",
	}, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return p.change(ctx, func(ctx context.Context, s *store.Store) error {
			if err := s.RemoveException(ctx, args[0], actor()); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.stdout, "exception %s has ended\n", args[0])
			return err
		})
	})
}
