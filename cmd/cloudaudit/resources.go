package main

import (
	"context"
	"reflect"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) resourcesCommand() *cobra.Command {
	return family(about{
		use: "resources", short: "List, show, compare and export resources",
		long:    "Resources are what the last scans found, in the shape that the provider publishes. Secrets are\nredacted before they are stored.",
		example: "  cloudaudit resources list --type storage.googleapis.com/Bucket",
	}, p.resourcesList(), p.resourcesShow(), p.resourcesDiff(), p.resourcesExport())
}

func (p *program) resourcesList() *cobra.Command {
	var filter store.ResourceFilter
	var at atFlag
	list := p.asking(about{
		use: "list", short: "List the resources of all accounts",
		long:    "list shows the resources that are there; one that could not be seen lately says why under missing.",
		example: "  cloudaudit resources list --account shop-gcp\n  cloudaudit resources list --search logs -o ndjson",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) (err error) {
		if filter.At, err = at.time("at"); err != nil {
			return err
		}
		rows := stream(func(do func(store.Resource) error) error { return s.EachResource(ctx, everything, filter, do) })
		return p.printRows(reflect.TypeFor[store.Resource](), rows, "account", "type", "name", "region", "id")
	})
	flags := list.Flags()
	flags.StringVar(&filter.Account, "account", "", "only of this account")
	flags.StringVar(&filter.Type, "type", "", "only of this type")
	flags.StringVar(&filter.Region, "region", "", "only in this region")
	flags.StringVar(&filter.Search, "search", "", "only with this text in id or name")
	at.add(list)
	return list
}

func (p *program) resourcesShow() *cobra.Command {
	var account string
	var at atFlag
	show := p.asking(about{
		use: "show ID", short: "Show one resource with its properties and facets",
		long:    "show prints what is stored of a resource and what of it is unread. ID is the provider's full name or,\nwhere no other resource has it, the short one.",
		example: "  cloudaudit resources show //storage.googleapis.com/shop-assets\n  cloudaudit resources show shop-assets --account shop-gcp",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		moment, err := at.time("at")
		if err != nil {
			return err
		}
		resource, err := s.Resource(ctx, only(account), args[0], moment)
		if err != nil {
			return err
		}
		return p.show(resource)
	})
	show.Flags().StringVar(&account, "account", "", "of this account")
	at.add(show)
	return show
}

// only is the access to one account, if one is named.
func only(account string) store.Access {
	if account == "" {
		return everything
	}
	return store.Access{Accounts: []string{account}}
}

func (p *program) resourcesDiff() *cobra.Command {
	var account string
	var from, to atFlag
	diff := p.asking(about{
		use: "diff ID", short: "Show what changed in a resource, path by path",
		long: "diff compares a resource at two times. Without --from it tells what the last change changed, without\n" +
			"--to it compares with now.",
		example: "  cloudaudit resources diff shop-assets\n  cloudaudit resources diff shop-assets --from 7d",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		first, err := from.time("from")
		if err != nil {
			return err
		}
		last, err := to.time("to")
		if err != nil {
			return err
		}
		changes, err := s.ResourceDiff(ctx, only(account), args[0], first, last)
		if err != nil {
			return err
		}
		return p.print(changes, "change", "path", "before", "after")
	})
	diff.Flags().StringVar(&account, "account", "", "of this account")
	from.named(diff, "from", "since this time: "+momentHelp)
	to.named(diff, "to", "until this time")
	return diff
}
