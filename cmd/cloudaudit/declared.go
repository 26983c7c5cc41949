package main

import (
	"context"
	"runtime/debug"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/policy"
	"cloudaudit/store"
)

// groupView is a policy group as lists show it.
type groupView struct {
	Name       string           `json:"name"`
	EntityType policy.Entity    `json:"entityType"`
	Mode       policy.Mode      `json:"mode"`
	Accounts   []string         `json:"accounts"`
	Packs      []string         `json:"packs"`
	Applied    []policy.Applied `json:"-"`
}

func (p *program) groups() *cobra.Command {
	root := &cobra.Command{Use: "groups", Short: "List and show policy groups", Example: "  cloudaudit groups list"}
	views := func(ctx context.Context, s *store.Store) ([]groupView, error) {
		groups, err := s.Groups(ctx)
		list := []groupView{}
		for _, group := range groups {
			view := groupView{Name: group.Name, EntityType: group.Entity, Mode: group.Mode, Accounts: append([]string{}, group.Accounts...), Packs: []string{}, Applied: group.Packs}
			for _, applied := range group.Packs {
				view.Packs = append(view.Packs, applied.Name)
			}
			list = append(list, view)
		}
		return list, err
	}
	list := &cobra.Command{
		Use: "list", Short: "List policy groups", Args: args(cobra.NoArgs), Example: "  cloudaudit groups list -o json",
		RunE: func(command *cobra.Command, _ []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				list, err := views(ctx, s)
				if err != nil {
					return err
				}
				return p.print(list, columns("NAME=name", "ENTITY=entityType", "MODE=mode", "ACCOUNTS=accounts", "PACKS=packs"))
			})
		},
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show one policy group with its packs and their config", Args: args(cobra.ExactArgs(1)), Example: "  cloudaudit groups show production",
		RunE: func(command *cobra.Command, given []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				list, err := views(ctx, s)
				if err != nil {
					return err
				}
				for _, view := range list {
					if view.Name == given[0] {
						return p.show(struct {
							groupView
							PolicyPacks []policy.Applied `json:"policyPacks"`
						}{view, view.Applied})
					}
				}
				return notFound("policy group", given[0])
			})
		},
	}
	root.AddCommand(list, show)
	return root
}

// packView is a policy pack as lists show it. The JSON names are a contract (design §10).
type packView struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Version     int    `json:"version"`
	VersionTag  string `json:"versionTag"`
	Runtime     string `json:"runtime"`
	Policies    int    `json:"policies"`
}

func (p *program) packs() *cobra.Command {
	root := &cobra.Command{Use: "packs", Short: "List and show policy packs", Example: "  cloudaudit packs list"}
	list := &cobra.Command{
		Use: "list", Short: "List the packs of the store", Args: args(cobra.NoArgs), Example: "  cloudaudit packs list",
		RunE: func(command *cobra.Command, _ []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				packs, err := s.Packs(ctx)
				if err != nil {
					return err
				}
				list := []packView{}
				for _, pack := range packs {
					list = append(list, packView{pack.Name, pack.DisplayName, pack.Version, pack.VersionTag, pack.Runtime, len(pack.Policies)})
				}
				return p.print(list, columns("NAME=name", "VERSION=version", "TAG=versionTag", "RUNTIME=runtime", "POLICIES=policies", "DISPLAY NAME=displayName"))
			})
		},
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show one pack and its policies", Args: args(cobra.ExactArgs(1)), Example: "  cloudaudit packs show gcp-foundations",
		RunE: func(command *cobra.Command, given []string) error {
			return p.ask(command.Context(), func(ctx context.Context, s *store.Store) error {
				pack, err := s.Pack(ctx, policy.Applied{Name: given[0]})
				if err != nil {
					return err
				}
				return p.showPack(pack)
			})
		},
	}
	root.AddCommand(list, show)
	return root
}

// policyView is a policy as `packs show` prints it.
type policyView struct {
	Name             string          `json:"name"`
	DisplayName      string          `json:"displayName"`
	Severity         policy.Severity `json:"severity"`
	EnforcementLevel policy.Level    `json:"enforcementLevel"`
	Types            []string        `json:"types"`
	Controls         []string        `json:"controls"`
	Description      string          `json:"description"`
}

func (p *program) showPack(pack *policy.Pack) error {
	list := []policyView{}
	for _, rule := range pack.Policies {
		view := policyView{Name: rule.Name, DisplayName: rule.DisplayName, Severity: rule.Severity, EnforcementLevel: rule.Level,
			Types: append([]string{}, rule.Types...), Controls: []string{}, Description: rule.Description}
		for _, control := range rule.Controls {
			view.Controls = append(view.Controls, control.String())
		}
		list = append(list, view)
	}
	return p.print(list, columns("POLICY=name", "SEVERITY=severity", "LEVEL=enforcementLevel", "TYPES=types", "DISPLAY NAME=displayName"))
}

func (p *program) config() *cobra.Command {
	root := &cobra.Command{Use: "config", Short: "Check, show and start a configuration file", Example: "  cloudaudit config check"}
	check := &cobra.Command{
		Use: "check", Short: "Check the file and tell every fault; needs no network", Args: args(cobra.NoArgs), Example: "  cloudaudit config check --config cloudaudit.yaml",
		RunE: func(command *cobra.Command, _ []string) error {
			loaded, err := p.load(command.Context())
			if err != nil {
				return err
			}
			if _, err := p.declared(command.Context(), loaded); err != nil {
				return usage(err)
			}
			_, err = p.stdout.Write([]byte(short(loaded.Path()) + " is sound\n"))
			return err
		},
	}
	show := &cobra.Command{
		Use: "show", Short: "Show the configuration as it is understood, defaults included", Args: args(cobra.NoArgs), Example: "  cloudaudit config show",
		RunE: func(command *cobra.Command, _ []string) error {
			loaded, err := p.load(command.Context())
			if err != nil {
				return err
			}
			return p.print(loaded.Effective(), columns("KEY=key", "VALUE=value", "SOURCE=source"))
		},
	}
	start := &cobra.Command{
		Use: "init", Short: "Print a configuration to start from", Args: args(cobra.NoArgs), Example: "  cloudaudit config init > cloudaudit.yaml",
		RunE: func(*cobra.Command, []string) error {
			_, err := p.stdout.Write([]byte(config.Starter()))
			return err
		},
	}
	schema := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the file, for editors", Args: args(cobra.NoArgs), Example: "  cloudaudit config schema > cloudaudit.schema.json",
		RunE: func(*cobra.Command, []string) error {
			text, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = p.stdout.Write(append(text, '\n'))
			return err
		},
	}
	root.AddCommand(check, show, schema, start)
	return root
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Tell the version of the program and of what it is built with", Args: args(cobra.NoArgs), Example: "  cloudaudit version -o json",
		RunE: func(*cobra.Command, []string) error { return p.show(buildFacts()) },
	}
}

// facts are what `version` tells.
type facts struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func buildFacts() facts {
	known := facts{Version: "unknown", Commit: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return known
	}
	known.Go = info.GoVersion
	if info.Main.Version != "" {
		known.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			known.Commit = setting.Value
		}
	}
	return known
}
