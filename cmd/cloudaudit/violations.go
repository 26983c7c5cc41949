package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/export"
	"cloudaudit/policy"
	"cloudaudit/store"
)

// everything is the access of whoever can read the file.
var everything = store.Access{}

func (p *program) violationsCommand() *cobra.Command {
	return family(about{
		use: "violations", short: "List, show, triage and export violations",
		long: "A violation is the lasting record that a resource fails a policy. It resolves only when a scan\n" +
			"proves that; what could not be read stays open and says since when it is unverified.",
		example: "  cloudaudit violations list --severity high",
	}, p.violationsList(), p.violationsShow(), p.violationsSet(), p.violationsExport())
}

// violationFilter are the flags that narrow a list of violations.
type violationFilter struct {
	store.ViolationFilter
	least, state string
	excused      string
	at           atFlag
}

func (f *violationFilter) flags(command *cobra.Command) {
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
	flags.StringVar(&f.least, "severity", "", "only of this severity or worse: low, medium, high or critical")
	flags.StringVar(&f.state, "state", "open", "open, resolved or all")
	flags.BoolVar(&f.Unverified, "unverified", false, "only what the last scans could not verify")
	flags.StringVar(&f.excused, "excused", "", "yes: only what an exception excuses; no: only what none does")
	f.at.add(command)
}

func (f *violationFilter) filter() (store.ViolationFilter, error) {
	if !slices.Contains([]string{"open", "resolved", "all"}, f.state) {
		return store.ViolationFilter{}, usage(fmt.Errorf("--state %s: use open, resolved or all", f.state))
	}
	if f.Level != "" && !policy.Level(f.Level).Valid() {
		return store.ViolationFilter{}, usage(fmt.Errorf("--level %s: use advisory, mandatory or remediate", f.Level))
	}
	filter := f.ViolationFilter
	filter.State = policy.State(f.state)
	switch f.excused {
	case "":
	case "yes", "no":
		wanted := f.excused == "yes"
		filter.Excused = &wanted
	default:
		return store.ViolationFilter{}, usage(fmt.Errorf("--excused %s: use yes or no", f.excused))
	}
	var err error
	if filter.At, err = f.at.time("at"); err != nil {
		return store.ViolationFilter{}, err
	}
	filter.Severities, err = severities("severity", f.least)
	return filter, err
}

// severities lists the severities from the least one up; nil for all.
func severities(flag, least string) ([]string, error) {
	if least == "" {
		return nil, nil
	}
	if !policy.Severity(least).Valid() {
		return nil, usage(fmt.Errorf("--%s %s: use low, medium, high or critical", flag, least))
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
	var flags violationFilter
	var by string
	list := p.asking(about{
		use: "list", short: "List violations, open ones unless told",
		long: "list shows the open violations, the most severe first, or counts them by --group-by. The flags narrow\nthe list, all of them together.",
		example: "  cloudaudit violations list --group-by policy\n  cloudaudit violations list --severity high --account shop-gcp\n" +
			"  cloudaudit violations list --state resolved -o json\n  cloudaudit violations list --at 2026-01-31",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
		filter, err := flags.filter()
		if err != nil {
			return err
		}
		if by != "" {
			return p.tallies(ctx, s, filter, by)
		}
		rows := stream(func(do func(store.Violation) error) error { return worstFirst(ctx, s, filter, do) })
		return p.printRows(reflect.TypeFor[store.Violation](), rows, "id", "severity", "account", "policy", "resourceName", "excused", "message")
	})
	flags.flags(list)
	list.Flags().StringVar(&by, "group-by", "", "count by "+anyOf(store.Groupings))
	return list
}

// worstFirst hands out the list severity by severity.
func worstFirst(ctx context.Context, s *store.Store, filter store.ViolationFilter, do func(store.Violation) error) error {
	wanted := filter.Severities
	for _, severity := range slices.Backward(policy.Severities) {
		if wanted != nil && !slices.Contains(wanted, string(severity)) {
			continue
		}
		filter.Severities = []string{string(severity)}
		if err := s.EachViolation(ctx, everything, filter, do); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) tallies(ctx context.Context, s *store.Store, filter store.ViolationFilter, by string) error {
	if !slices.Contains(store.Groupings, by) {
		return usage(fmt.Errorf("--group-by %s: use %s", by, anyOf(store.Groupings)))
	}
	tallies, err := s.CountViolations(ctx, everything, filter, by)
	if err != nil {
		return err
	}
	return p.print(tallies, by+"=name", "violations=count", "critical", "high", "medium", "low")
}

// writeViolations streams the list, so that memory does not grow with it.
func (p *program) writeViolations(ctx context.Context, s *store.Store, filter store.ViolationFilter, format string) error {
	columns := export.Columns(reflect.TypeFor[store.Violation]())
	chosen, err := p.chosen(columns)
	if err != nil {
		return err
	}
	if chosen != nil {
		columns = chosen
	}
	return export.Write(p.stdout, format, columns, stream(func(do func(store.Violation) error) error {
		return s.EachViolation(ctx, everything, filter, do)
	}))
}

func (p *program) violationsShow() *cobra.Command {
	var at atFlag
	show := p.asking(about{
		use: "show ID", short: "Show one violation: why, since when, how to fix it",
		long:    "show prints a violation with its policy's remediation and its history. The beginning of an id is\nenough where no other id begins so.",
		example: "  cloudaudit violations show 3f2a\n  cloudaudit violations show 3f2a -o json",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		moment, err := at.time("at")
		if err != nil {
			return err
		}
		violation, err := s.Violation(ctx, everything, args[0], moment)
		if err != nil {
			return err
		}
		return p.show(violation)
	})
	at.add(show)
	return show
}

func (p *program) violationsSet() *cobra.Command {
	var triage, priority, assignee, note string
	var set *cobra.Command
	set = command(about{
		use: "set ID...", short: "Set people's side of violations: triage, priority, assignee",
		long: "set changes what people say of violations. It does not change whether they count: exceptions excuse.\n" +
			"Triage is open, in_progress, by_design or ignored; priority p0 to p4.",
		example: "  cloudaudit violations set 3f2a --triage in_progress --assignee ann --priority p1\n" +
			"  cloudaudit violations set 3f2a 77b0 --triage by_design --note 'a public website'",
	}, cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		update := store.TriageUpdate{Note: note}
		if set.Flags().Changed("triage") {
			update.Triage = (*policy.Triage)(&triage)
		}
		if set.Flags().Changed("priority") {
			update.Priority = &priority
		}
		if set.Flags().Changed("assignee") {
			update.Assignee = &assignee
		}
		if err := update.Check(); err != nil {
			return usage(err)
		}
		return p.change(ctx, func(ctx context.Context, s *store.Store) error {
			ids, err := s.SetTriage(ctx, everything, args, update, actor())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%d violations set\n", len(ids))
			return err
		})
	})
	flags := set.Flags()
	flags.StringVar(&triage, "triage", "", "open, in_progress, by_design or ignored")
	flags.StringVar(&priority, "priority", "", "p0, the most urgent, to p4")
	flags.StringVar(&assignee, "assignee", "", "who looks after it; nobody if empty")
	flags.StringVar(&note, "note", "", "why, for the history")
	return set
}

func (p *program) violationsExport() *cobra.Command {
	var flags violationFilter
	var format string
	write := p.asking(about{
		use: "export", short: "Write violations for other programs",
		long: "export writes the violations as one JSON array, as a JSON object per line or as CSV. Texts that a\n" +
			"spreadsheet would take for a formula begin with an apostrophe in CSV.",
		example: "  cloudaudit violations export --format csv > violations.csv\n  cloudaudit violations export --format ndjson --state all",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
		filter, err := flags.filter()
		if err != nil {
			return err
		}
		if !slices.Contains(export.Formats(), format) {
			return usage(fmt.Errorf("--format %s: use %s", format, anyOf(export.Formats())))
		}
		return p.writeViolations(ctx, s, filter, format)
	})
	flags.flags(write)
	write.Flags().StringVar(&format, "format", "json", anyOf(export.Formats()))
	return write
}
