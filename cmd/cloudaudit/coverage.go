package main

import (
	"context"
	"errors"
	"math"

	"github.com/spf13/cobra"

	"cloudaudit/store"
)

func (p *program) coverageCommand() *cobra.Command {
	var account string
	var unknown bool
	var at atFlag
	coverage := p.asking(about{
		use: "coverage", short: "Show what was read and what was not",
		long: "coverage tells how completely each account was read: by region, type and facet, with the reason of\n" +
			"each gap. --unknown lists the pairs of resource and policy that could not be judged because of that;\n" +
			"they count neither as compliant nor as violating.",
		example: "  cloudaudit coverage\n  cloudaudit coverage --unknown --account shop-gcp",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
		moment, err := at.time("at")
		if err != nil {
			return err
		}
		if unknown && !moment.IsZero() {
			return usage(errors.New("--unknown tells of the present only; leave --at out"))
		}
		if unknown {
			pairs, err := s.Unknowns(ctx, everything, account, store.Page{Limit: math.MaxInt32})
			if err != nil {
				return err
			}
			return p.print(pairs, "account", "policy", "resourceType", "resourceId", "reason")
		}
		rows, err := s.Coverage(ctx, everything, account, moment)
		if err != nil {
			return err
		}
		return p.print(rows, "account", "region", "type", "facet", "listing", "class", "gaps", "place", "permission", "reason")
	})
	coverage.Flags().StringVar(&account, "account", "", "only of this account")
	coverage.Flags().BoolVar(&unknown, "unknown", false, "list what could not be judged, and why")
	at.add(coverage)
	return coverage
}
