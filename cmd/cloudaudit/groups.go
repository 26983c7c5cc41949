package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
	"cloudaudit/store"
)

// groupView is a policy group as lists show it.
type groupView struct {
	Name       string        `json:"name"`
	EntityType policy.Entity `json:"entityType"`
	Mode       policy.Mode   `json:"mode"`
	Accounts   []string      `json:"accounts"`
	Packs      []string      `json:"packs"`
	Score      store.Score   `json:"score"`
}

// appliedView is a pack as a group uses it.
type appliedView struct {
	Name       string        `json:"name"`
	VersionTag string        `json:"versionTag"`
	Config     policy.Config `json:"config"`
}

func newGroupView(ctx context.Context, s *store.Store, group policy.Group) (groupView, error) {
	score, err := s.GroupScore(ctx, everything, group)
	view := groupView{
		Name: group.Name, EntityType: group.Entity, Mode: group.Mode, Accounts: append([]string{}, group.Accounts...), Packs: []string{}, Score: score,
	}
	for _, applied := range group.Packs {
		view.Packs = append(view.Packs, applied.Name)
	}
	return view, err
}

func (p *program) groupsCommand() *cobra.Command {
	list := p.asking(about{
		use: "list", short: "List policy groups",
		long:    "list shows the groups with their members and packs, the two default groups included.",
		example: "  cloudaudit groups list -o json",
	}, cobra.NoArgs, func(ctx context.Context, s *store.Store, _ []string) error {
		groups, err := s.Groups(ctx)
		if err != nil {
			return err
		}
		views := []groupView{}
		for _, group := range groups {
			view, err := newGroupView(ctx, s, group)
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		return p.print(views, "name", "entityType", "mode", "accounts", "packs")
	})
	show := p.asking(about{
		use: "show NAME", short: "Show one policy group with its packs and their config",
		long:    "show prints a group with what it applies.",
		example: "  cloudaudit groups show production",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error { return p.showGroup(ctx, s, args[0]) })
	return family(about{
		use: "groups", short: "List and show policy groups",
		long:    "A policy group says which packs, with which config, audit which accounts.",
		example: "  cloudaudit groups list",
	}, list, show)
}

func (p *program) showGroup(ctx context.Context, s *store.Store, name string) error {
	groups, err := s.Groups(ctx)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if group.Name != name {
			continue
		}
		view, err := newGroupView(ctx, s, group)
		if err != nil {
			return err
		}
		detail := struct {
			groupView
			PolicyPacks []appliedView `json:"policyPacks"`
		}{view, []appliedView{}}
		for _, applied := range group.Packs {
			detail.PolicyPacks = append(detail.PolicyPacks, appliedView{applied.Name, applied.VersionTag, applied.Config})
		}
		return p.show(detail)
	}
	return fmt.Errorf("policy group %s: %w; `cloudaudit groups list` tells the names", name, store.ErrNotFound)
}
