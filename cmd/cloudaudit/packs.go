package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
	"cloudaudit/policy/packs"
	"cloudaudit/store"
)

// packView is a policy pack as lists show it. The JSON names are a contract (design §10).
type packView struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Version     int    `json:"version"`
	VersionTag  string `json:"versionTag"`
	Runtime     string `json:"runtime"`
	Policies    int    `json:"policies"`
}

// policyView is a policy as its pack shows it.
type policyView struct {
	Name             string          `json:"name"`
	DisplayName      string          `json:"displayName"`
	Severity         policy.Severity `json:"severity"`
	EnforcementLevel policy.Level    `json:"enforcementLevel"`
	Types            []string        `json:"types"`
	Controls         []string        `json:"controls"`
	Description      string          `json:"description"`
	RemediationSteps string          `json:"remediationSteps"`
}

func (p *program) packsCommand() *cobra.Command {
	return family(about{
		use: "packs", short: "List and show policy packs",
		long:    "A policy pack is a versioned set of policies: built in, or in files of your own. The store keeps every\nversion that a scan used.",
		example: "  cloudaudit packs list --builtin",
	}, p.packsList(), p.packsShow(), p.packsDocs())
}

func (p *program) packsList() *cobra.Command {
	var builtin bool
	list := command(about{
		use: "list", short: "List the packs of the store, or those that are built in",
		long:    "list shows the latest version of every pack that scans use. --builtin lists the packs that come with\nthe program, and needs neither configuration nor database.",
		example: "  cloudaudit packs list\n  cloudaudit packs list --builtin",
	}, cobra.NoArgs, func(ctx context.Context, _ []string) error {
		if builtin {
			all, err := p.builtinPacks(ctx)
			if err != nil {
				return err
			}
			return p.printPacks(all)
		}
		return p.ask(ctx, func(ctx context.Context, s *store.Store) error {
			stored, err := s.Packs(ctx)
			if err != nil {
				return err
			}
			return p.printPacks(stored)
		})
	})
	list.Flags().BoolVar(&builtin, "builtin", false, "list the packs that come with the program")
	return list
}

func (p *program) builtinPacks(ctx context.Context) ([]*policy.Pack, error) {
	all, err := packs.All()
	if err != nil {
		return nil, err
	}
	var loaded []*policy.Pack
	for _, b := range all {
		pack, err := p.packs.builtin(ctx, b.Name)
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, pack)
	}
	return loaded, nil
}

func (p *program) printPacks(list []*policy.Pack) error {
	views := []packView{}
	for _, pack := range list {
		views = append(views, packView{pack.Name, pack.DisplayName, pack.Version, pack.VersionTag, pack.Runtime, len(pack.Policies)})
	}
	return p.print(views, "name", "version", "versionTag", "runtime", "policies", "displayName")
}

func (p *program) packsShow() *cobra.Command {
	var builtin bool
	show := command(about{
		use: "show NAME", short: "Show one pack's policies",
		long:    "show lists the policies of a pack's latest version, or with --builtin those of a pack that comes with\nthe program.",
		example: "  cloudaudit packs show gcp-foundations --builtin",
	}, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		if builtin {
			pack, err := p.packs.builtin(ctx, args[0])
			if err == nil && pack == nil {
				err = errors.New("no pack " + args[0] + " is built in; `cloudaudit packs list --builtin` tells the names")
			}
			if err != nil {
				return err
			}
			return p.printPolicies(pack)
		}
		return p.ask(ctx, func(ctx context.Context, s *store.Store) error {
			pack, err := s.Pack(ctx, policy.Applied{Name: args[0]})
			if err != nil {
				return err
			}
			return p.printPolicies(pack)
		})
	})
	show.Flags().BoolVar(&builtin, "builtin", false, "show a pack that comes with the program")
	return show
}

func (p *program) printPolicies(pack *policy.Pack) error {
	views := []policyView{}
	for _, rule := range pack.Policies {
		view := policyView{
			Name: rule.Name, DisplayName: rule.DisplayName, Severity: rule.Severity, EnforcementLevel: rule.Level,
			Types: append([]string{}, rule.Types...), Controls: []string{}, Description: rule.Description, RemediationSteps: rule.RemediationSteps,
		}
		for _, control := range rule.Controls {
			view.Controls = append(view.Controls, control.String())
		}
		views = append(views, view)
	}
	return p.print(views, "name", "severity", "enforcementLevel", "types", "displayName")
}
