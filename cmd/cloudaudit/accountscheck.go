package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/providers"
)

const accountsCheckLong = `check enters an account without reading it, and tells who we are there, which regions of AWS are on, and which
of the permissions that a scan needs are missing, with the policy or role that grants them. It writes nothing.

The cloud is asked what it would allow. Where that is not allowed either, calls are tried, which leaves
those permissions open that need a resource which the account does not have.

It exits 4 if permissions are missing, and 1 if the account cannot be entered.`

// checkView is what a check found.
type checkView struct {
	Account  string        `json:"account"`
	Identity string        `json:"identity"`
	CloudID  string        `json:"cloudId"`
	Regions  []regionView  `json:"regions"`
	Tried    int           `json:"tried"`
	Missing  []missingView `json:"missing"`
	Untried  []string      `json:"untried"`
	// Remedy is the policy that grants what is missing, Grant all that is needed.
	Remedy string `json:"remedy"`
	Grant  string `json:"grant"`
}

type regionView struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
	Read bool   `json:"read"`
}

type missingView struct {
	Permission string          `json:"permission"`
	Class      providers.Class `json:"class"`
	Reason     string          `json:"reason"`
}

func (p *program) accountsCheck() *cobra.Command {
	return command(about{
		use: "check NAME", short: "Check that an account can be read", long: accountsCheckLong,
		example: "  cloudaudit accounts check prod-aws\n  cloudaudit accounts check acme/222222222222 -o json",
	}, cobra.ExactArgs(1), func(ctx context.Context, args []string) error { return p.checkAccount(ctx, args[0]) })
}

func (p *program) checkAccount(ctx context.Context, name string) error {
	loaded, err := p.load(ctx, false)
	if err != nil {
		return err
	}
	if err := known(loaded, []string{name}); err != nil {
		return err
	}
	connected := connecting(loaded)
	account, err := configured(ctx, loaded, connected, name)
	if err != nil {
		return err
	}
	checker, able := connected[account.Provider].(providers.Checker)
	if !able {
		return usage(fmt.Errorf("account %s is read from files, which need no permissions", name))
	}
	check, err := checker.Check(ctx, account)
	if err != nil {
		return fmt.Errorf("enter account %s: %w%s", name, err, enterHint(account.Provider, err))
	}
	if err := p.showCheck(newCheckView(name, check)); err != nil {
		return err
	}
	if len(check.Missing) > 0 {
		return &exitError{code: exitPartial}
	}
	return nil
}

// configured gives an account of the configuration, or a member of one, which its parent is asked for.
func configured(ctx context.Context, c *config.Config, connected map[string]providers.Provider, name string) (providers.Account, error) {
	parent, _, below := strings.Cut(name, "/")
	declared, _ := c.Account(parent) // known has found it
	account, err := connectedAccount(ctx, declared)
	if err != nil {
		return account, usage(fmt.Errorf("account %s: %w", parent, err))
	}
	account.Name, account.Provider = parent, declared.Provider
	organization, able := connected[account.Provider].(providers.Organization)
	if !below || !able {
		return account, nil
	}
	members, err := organization.Members(ctx, account)
	if err != nil {
		return account, fmt.Errorf("list the members of account %s: %w", parent, err)
	}
	at := slices.IndexFunc(members, func(a providers.Account) bool { return a.Name == name })
	if at < 0 {
		return account, noMember(name)
	}
	return members[at], nil
}

// enterHints tell what to look at when an account cannot be entered, by provider.
var enterHints = map[string]string{
	providers.AWS:   "; the role has to exist, trust who runs this, and ask for the external id that is configured: deploy/aws makes such roles",
	providers.GCP:   "; whoever reads needs a role in the scope, and one in the project that calls count against: deploy/gcp makes such roles",
	providers.Azure: "; whoever reads needs a role in the subscription or above it: deploy/azure makes such a role",
}

// enterHint is such a hint where a permission is missing.
func enterHint(provider string, err error) string {
	var refused *providers.Error
	if !errors.As(err, &refused) || refused.Permission == "" {
		return ""
	}
	return enterHints[provider]
}

func newCheckView(name string, check providers.Check) checkView {
	view := checkView{
		Account: name, Identity: check.Identity, CloudID: check.CloudID, Regions: []regionView{}, Tried: check.Tried, Missing: []missingView{},
		Untried: append([]string{}, check.Untried...), Remedy: check.Remedy, Grant: check.Grant,
	}
	for _, region := range check.Regions {
		view.Regions = append(view.Regions, regionView(region))
	}
	for _, missing := range check.Missing {
		view.Missing = append(view.Missing, missingView(missing))
	}
	return view
}

// showCheck prints a check: for programs whole, for people what they may have to do something about.
func (p *program) showCheck(view checkView) error {
	if p.output != "table" {
		return p.show(view)
	}
	var on, read []string
	for _, region := range view.Regions {
		if region.On {
			on = append(on, region.Name)
		}
		if region.Read {
			read = append(read, region.Name)
		}
	}
	fmt.Fprintf(p.stdout, "account:     %s (%s)\nidentity:    %s\n", view.Account, view.CloudID, view.Identity)
	if len(view.Regions) > 0 { // only AWS is read by region
		fmt.Fprintf(p.stdout, "regions:     %d of %d are on, %d are read: %s\n", len(on), len(view.Regions), len(read), strings.Join(read, ", "))
	}
	fmt.Fprintf(p.stdout, "permissions: %d tried, %d missing, %d not tried\n", view.Tried, len(view.Missing), len(view.Untried))
	if len(view.Missing) == 0 {
		return nil
	}
	fmt.Fprintln(p.stdout)
	if err := p.table(rowsOf(reflect.ValueOf(view.Missing)), []string{"missing=permission", "reason"}); err != nil {
		return err
	}
	if view.Remedy != "" {
		fmt.Fprintf(p.stdout, "\nThis grants what is missing:\n%s", view.Remedy)
	}
	return nil
}
