package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// explainView is why a policy judges a resource as it does. The JSON names are a contract.
type explainView struct {
	Pack    string   `json:"pack"`
	Policy  string   `json:"policy"`
	Groups  []string `json:"groups"`
	Verdict string   `json:"verdict"`
	// Reason and Detail say why the verdict, or a part of it, is unknown.
	Reason   string        `json:"reason"`
	Detail   string        `json:"detail"`
	Messages []string      `json:"messages"`
	Steps    []policy.Step `json:"steps"`
}

func (p *program) policyExplain() *cobra.Command {
	var account string
	explain := p.asking(about{
		use: "explain POLICY RESOURCE", short: "Tell why a policy judges a resource as it does",
		long: "explain judges a resource of the store once more by the pack and config that its groups apply now, and\n" +
			"shows what every expression gave: a value, what it could not tell because something is unread, or nothing\n" +
			"where it was never asked. RESOURCE is an id or, where no other resource has it, a name.",
		example: "  cloudaudit policy explain storage-bucket-public-access shop-assets",
	}, cobra.ExactArgs(2), func(ctx context.Context, s *store.Store, args []string) error {
		explanations, err := p.explain(ctx, s, account, args[0], args[1])
		if err != nil {
			return err
		}
		return p.printExplanations(explanations)
	})
	explain.Flags().StringVar(&account, "account", "", "the resource's account")
	return explain
}

func (p *program) explain(ctx context.Context, s *store.Store, account, name, id string) ([]scanner.Explanation, error) {
	resource, err := s.Resource(ctx, only(account), id, time.Time{})
	if err != nil {
		return nil, err
	}
	accounts, err := s.Scannable(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(accounts, func(a providers.Account) bool { return a.Name == resource.Account })
	if at < 0 {
		return nil, fmt.Errorf("account %s is archived: its policies are not known any more", resource.Account)
	}
	return scanner.New(scanner.Options{Store: s, Engines: p.packs.running()}).Explain(ctx, accounts[at], resource.Key(), name)
}

func (p *program) printExplanations(explanations []scanner.Explanation) error {
	views := []explainView{}
	for _, e := range explanations {
		view := explainView{
			Pack: e.Pack, Policy: e.Policy, Groups: e.Groups, Verdict: string(e.Outcome.Verdict), Reason: e.Outcome.Reason, Detail: e.Outcome.Detail,
			Messages: []string{}, Steps: append([]policy.Step{}, e.Steps...),
		}
		for _, report := range e.Outcome.Reports {
			view.Messages = append(view.Messages, strings.TrimPrefix(report.Key+": ", ": ")+report.Message)
		}
		views = append(views, view)
	}
	if p.output != "table" {
		return p.print(views)
	}
	for _, view := range views {
		if err := p.tellExplanation(view); err != nil {
			return err
		}
	}
	return nil
}

// tellExplanation prints one for people: expressions above their parts, and without -v only what was
// asked for.
func (p *program) tellExplanation(view explainView) error {
	fmt.Fprintf(p.stdout, "%s of %s, for %s: %s\n", view.Policy, view.Pack, strings.Join(view.Groups, ", "),
		strings.Join(slices.DeleteFunc([]string{view.Verdict, view.Reason, view.Detail}, func(s string) bool { return s == "" }), ", "))
	for _, message := range view.Messages {
		fmt.Fprintf(p.stdout, "  %s\n", message)
	}
	last := ""
	for _, step := range outermostFirst(view.Steps) {
		if step.Value == "" && !p.verbose {
			continue
		}
		if step.Of != last {
			last = step.Of
			fmt.Fprintf(p.stdout, "\n%s (%s)\n", step.Of, step.Place)
		}
		if _, err := fmt.Fprintf(p.stdout, "  %s%s  =>  %s\n", strings.Repeat("  ", step.Depth), strings.Join(strings.Fields(step.Expression), " "), step.Value); err != nil {
			return err
		}
	}
	return nil
}

// outermostFirst puts each expression before its parts, which stand before it.
func outermostFirst(steps []policy.Step) (sorted []policy.Step) {
	if len(steps) == 0 {
		return nil
	}
	outermost := slices.MinFunc(steps, func(a, b policy.Step) int { return a.Depth - b.Depth }).Depth
	for begin, i := 0, 0; i < len(steps); i++ {
		if steps[i].Depth > outermost {
			continue
		}
		sorted = append(sorted, steps[i])
		sorted = append(sorted, outermostFirst(steps[begin:i])...)
		begin = i + 1
	}
	return sorted
}
