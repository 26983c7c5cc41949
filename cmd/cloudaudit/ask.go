package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
	"cloudaudit/store"
)

// everything is the access of whoever can read the file.
var everything = store.Access{}

func (p *program) violations() *cobra.Command {
	root := &cobra.Command{Use: "violations", Short: "List, show and export violations", Example: "  cloudaudit violations list --severity high"}
	root.AddCommand(p.violationsList(), p.violationsShow(), p.violationsExport())
	return root
}

// violationFlags adds the flags that narrow a list and gives the filter that they fill.
func violationFlags(command *cobra.Command) func() (store.ViolationFilter, error) {
	var f store.ViolationFilter
	var least, state string
	flags := command.Flags()
	flags.StringVar(&f.Account, "account", "", "only of this account")
	flags.StringVar(&f.Region, "region", "", "only in this region")
	flags.StringVar(&f.Pack, "pack", "", "only of this policy pack")
	flags.StringVar(&f.Policy, "policy", "", "only of this policy")
	flags.StringVar(&f.Type, "type", "", "only of resources of this type")
	flags.StringVar(&f.Resource, "resource", "", "only of the resource of this id")
	flags.StringVar(&f.Group, "group", "", "only what this policy group reports")
	flags.StringVar(&f.Level, "level", "", "only of this enforcement level")
	flags.StringVar(&f.Search, "search", "", "only with this text in message or resource id")
	flags.StringVar(&least, "severity", "", "only of this severity or worse: low, medium, high or critical")
	flags.StringVar(&state, "state", "open", "open, resolved or all")
	flags.BoolVar(&f.Unverified, "unverified", false, "only what the last scans could not verify")
	return func() (store.ViolationFilter, error) {
		f.State = policy.State(state)
		if !slices.Contains([]string{"open", "resolved", "all"}, state) {
			return f, usage(fmt.Errorf("--state %s: use open, resolved or all", state))
		}
		var err error
		f.Severities, err = severities(least)
		return f, err
	}
}

// severities lists the severities from the least one up; nil for all.
func severities(least string) ([]string, error) {
	if least == "" {
		return nil, nil
	}
	if !policy.Severity(least).Valid() {
		return nil, usage(fmt.Errorf("severity %q: use low, medium, high or critical", least))
	}
	var list []string
	for _, severity := range policy.Severities {
		if severity.AtLeast(policy.Severity(least)) {
			list = append(list, string(severity))
		}
	}
	return list, nil
}

func (p *program) violationsList() *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List violations, open ones unless told", Args: args(cobra.NoArgs),
		Example: "  cloudaudit violations list --group-by policy\n  cloudaudit violations list --severity high -o json",
	}
	filter := violationFlags(command)
	by := command.Flags().String("group-by", "", "count by "+strings.Join(store.Groupings, ", "))
	command.RunE = func(command *cobra.Command, _ []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
			if *by != "" {
				tallies, err := s.CountViolations(ctx, everything, f, *by)
				if err != nil {
					return usage(err)
				}
				return p.print(tallies, columns(strings.ToUpper(*by)+"=name", "VIOLATIONS=count", "CRITICAL=critical", "HIGH=high", "MEDIUM=medium", "LOW=low"))
			}
			list := []store.Violation{}
			if err := s.EachViolation(ctx, everything, f, func(v store.Violation) error { list = append(list, v); return nil }); err != nil {
				return err
			}
			return p.print(list, columns("ID=id", "SEVERITY=severity", "ACCOUNT=account", "POLICY=policy", "RESOURCE=resourceName", "REGION=region", "MESSAGE=message"))
		})
	}
	return command
}

func (p *program) violationsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one violation: why, since when, how to fix", Args: args(cobra.ExactArgs(1)),
		Example: "  cloudaudit violations show 3f2a",
		RunE: func(command *cobra.Command, given []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				v, err := s.Violation(ctx, everything, given[0])
				if err != nil {
					return err
				}
				return p.show(v)
			})
		},
	}
}

func (p *program) resources() *cobra.Command {
	root := &cobra.Command{Use: "resources", Short: "List and show resources", Example: "  cloudaudit resources list --type storage.googleapis.com/Bucket"}
	var f store.ResourceFilter
	list := &cobra.Command{
		Use: "list", Short: "List the resources of all accounts", Args: args(cobra.NoArgs), Example: "  cloudaudit resources list --account shop-gcp",
		RunE: func(command *cobra.Command, _ []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				all := []store.Resource{}
				for page := (store.Page{Limit: 1000}); ; {
					part, next, err := s.ListResources(ctx, everything, f, page)
					if err != nil {
						return err
					}
					all = append(all, part...)
					if page.After = next; next == 0 {
						return p.print(all, columns("ACCOUNT=account", "TYPE=type", "NAME=name", "REGION=region", "ID=id"))
					}
				}
			})
		},
	}
	list.Flags().StringVar(&f.Account, "account", "", "only of this account")
	list.Flags().StringVar(&f.Type, "type", "", "only of this type")
	list.Flags().StringVar(&f.Region, "region", "", "only in this region")
	list.Flags().StringVar(&f.Search, "search", "", "only with this text in id or name")
	var account string
	show := &cobra.Command{
		Use: "show ID", Short: "Show one resource with its properties and facets", Args: args(cobra.ExactArgs(1)),
		Example: "  cloudaudit resources show //storage.googleapis.com/shop-assets",
		RunE: func(command *cobra.Command, given []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				access := everything
				if account != "" {
					access.Accounts = []string{account}
				}
				r, err := s.Resource(ctx, access, given[0])
				if err != nil {
					return err
				}
				return p.show(r)
			})
		},
	}
	show.Flags().StringVar(&account, "account", "", "of this account")
	root.AddCommand(list, show)
	return root
}

func (p *program) coverage() *cobra.Command {
	var account string
	var unknown bool
	command := &cobra.Command{
		Use: "coverage", Short: "Show what was read and what was not", Args: args(cobra.NoArgs),
		Example: "  cloudaudit coverage\n  cloudaudit coverage --unknown",
		RunE: func(command *cobra.Command, _ []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				if unknown {
					pairs, err := s.Unknowns(ctx, everything, account, store.Page{Limit: 10000})
					if err != nil {
						return err
					}
					return p.print(pairs, columns("ACCOUNT=account", "POLICY=policy", "TYPE=resourceType", "RESOURCE=resourceId", "REASON=reason"))
				}
				rows, err := s.Coverage(ctx, everything, account)
				if err != nil {
					return err
				}
				return p.print(rows, columns("ACCOUNT=account", "REGION=region", "TYPE=type", "FACET=facet", "LISTING=listing", "CLASS=class", "GAPS=gaps", "PLACE=place", "REASON=reason"))
			})
		},
	}
	command.Flags().StringVar(&account, "account", "", "only of this account")
	command.Flags().BoolVar(&unknown, "unknown", false, "list what could not be judged, and why")
	return command
}

func (p *program) scans() *cobra.Command {
	root := &cobra.Command{Use: "scans", Short: "List and show scans, their logs and what they changed", Example: "  cloudaudit scans list"}
	var account string
	list := &cobra.Command{
		Use: "list", Short: "List scans, the latest first", Args: args(cobra.NoArgs), Example: "  cloudaudit scans list --account shop-gcp",
		RunE: func(command *cobra.Command, _ []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				scans, err := s.Scans(ctx, everything, account, store.Page{})
				if err != nil {
					return err
				}
				return p.print(scans, columns("ID=id", "ACCOUNT=account", "STATUS=status", "STARTED=startedAt", "RESOURCES=resources", "ADDED=added", "CHANGED=changed", "REMOVED=removed", "OPENED=opened", "RESOLVED=resolved"))
			})
		},
	}
	list.Flags().StringVar(&account, "account", "", "only of this account")
	root.AddCommand(list,
		p.aboutScan("show", "Show one scan with its scopes", func(ctx context.Context, s *store.Store, id string) error {
			scan, err := s.Scan(ctx, everything, id)
			if err != nil {
				return err
			}
			return p.show(scan)
		}),
		p.aboutScan("log", "Print a scan's log", func(ctx context.Context, s *store.Store, id string) error {
			lines, err := s.ScanLog(ctx, everything, id)
			if err != nil {
				return err
			}
			return p.print(lines, columns("TIME=time", "LEVEL=level", "SCOPE=scope", "MESSAGE=message"))
		}),
		p.aboutScan("diff", "Show what a scan changed against the one before it", func(ctx context.Context, s *store.Store, id string) error {
			list, err := s.ScanDiff(ctx, everything, id)
			if err != nil {
				return err
			}
			return p.print(list, columns("CHANGE=change", "WHAT=what", "POLICY=policy", "TYPE=resourceType", "RESOURCE=resourceId"))
		}))
	return root
}

func (p *program) aboutScan(verb, short string, do func(context.Context, *store.Store, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Args: args(cobra.ExactArgs(1)), Example: "  cloudaudit scans " + verb + " 019f",
		RunE: func(command *cobra.Command, given []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error { return do(ctx, s, given[0]) })
		},
	}
}

func (p *program) accounts() *cobra.Command {
	root := &cobra.Command{Use: "accounts", Short: "List and show accounts and where they stand", Example: "  cloudaudit accounts list"}
	list := &cobra.Command{
		Use: "list", Short: "List accounts", Args: args(cobra.NoArgs), Example: "  cloudaudit accounts list -o yaml",
		RunE: func(command *cobra.Command, _ []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				accounts, err := s.Accounts(ctx, everything)
				if err != nil {
					return err
				}
				return p.print(accounts, columns("NAME=name", "CLOUD=cloud", "AUDITED=audited", "LAST SCAN=status", "FINISHED=finishedAt", "RESOURCES=resources", "OPEN=open", "GROUPS=groups"))
			})
		},
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show one account", Args: args(cobra.ExactArgs(1)), Example: "  cloudaudit accounts show shop-gcp",
		RunE: func(command *cobra.Command, given []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				account, err := s.Account(ctx, everything, given[0])
				if err != nil {
					return err
				}
				return p.show(account)
			})
		},
	}
	root.AddCommand(list, show)
	return root
}
