package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
	"cloudaudit/policy/packs"
	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// finding is something that `policy lint` found.
type finding struct {
	Policy string `json:"policy"`
	Place  string `json:"place"`
	// Level is error or warning; Rule names what is looked for.
	Level   string `json:"level"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

const lintLong = `lint looks for what loading a pack does not refuse. Rules, of which the first three are errors:

  control    a control that stands in no framework's table
  match      a type that no cloud has in this spelling, so that the policy never looks at anything
  path       a property that the provider's published shape of the type does not have
  case       a policy without a pass, fail or unknown case
  metadata   a policy without description, remediation steps or url

It exits 1 if there is an error.`

func (p *program) policyLint() *cobra.Command {
	return command(about{
		use: "lint [DIR]", short: "Look for mistakes that loading a pack does not refuse", long: lintLong,
		example: "  cloudaudit policy lint packs/own",
	}, cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		pack, engine, files, err := p.packIn(ctx, folder(args))
		if err != nil {
			return err
		}
		findings, err := lint(ctx, pack, engine, files)
		if err != nil {
			return err
		}
		errs := 0
		for _, f := range findings {
			if f.Level == "error" {
				errs++
			}
		}
		if len(findings) == 0 && p.output == "table" {
			_, err := fmt.Fprintf(p.stdout, "found nothing to mend in %s: policies %d\n", pack.Name, len(pack.Policies))
			return err
		}
		if err := p.print(findings, "policy", "place", "level", "rule", "message"); err != nil {
			return err
		}
		if errs > 0 {
			return fmt.Errorf("%d errors", errs)
		}
		return nil
	})
}

func lint(ctx context.Context, pack *policy.Pack, engine policy.Engine, files fs.FS) ([]finding, error) {
	table, err := packs.Controls()
	if err != nil {
		return nil, err
	}
	findings := []finding{}
	add := func(of policy.Policy, level, rule, message string) {
		findings = append(findings, finding{of.Name, of.Place, level, rule, message})
	}
	for _, of := range pack.Policies {
		for _, control := range of.Controls {
			if !table.Known(control) {
				add(of, "error", "control", fmt.Sprintf("%s stands in no table of controls", control))
			}
		}
		for _, name := range of.Types {
			if fault := wrongType(name); fault != "" {
				add(of, "error", "match", fault)
			}
		}
		for _, fault := range wrongPaths(of) {
			add(of, "error", "path", fault)
		}
		for _, fault := range missingWords(of) {
			add(of, "warning", "metadata", fault)
		}
	}
	results, err := policy.RunCases(ctx, engine, pack, files)
	for _, r := range results {
		if !r.OK && r.Got.Verdict == "" { // those that fail are told by `policy test`
			of, _ := pack.Policy(r.Policy)
			add(policy.Policy{Name: r.Policy, Place: cmp.Or(of.Place, r.File)}, "warning", "case", r.Problem)
		}
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Policy, b.Policy)) })
	return findings, err
}

// wrongType tells what is wrong with a resource type; empty for nothing.
func wrongType(name string) string {
	switch {
	case strings.HasPrefix(name, "AWS::"):
		if strings.Count(name, "::") != 2 {
			return fmt.Sprintf("%s is no CloudFormation type such as AWS::S3::Bucket", name)
		}
	case strings.Contains(name, ".googleapis.com"):
	case strings.Contains(name, "/"):
		if spelled := shape.ARMType(name); spelled != name {
			return fmt.Sprintf("%s is spelled %s", name, spelled)
		}
	default:
		return fmt.Sprintf("%s is no type of AWS (AWS::S3::Bucket), GCP (storage.googleapis.com/Bucket) or Azure (Microsoft.Storage/storageAccounts)", name)
	}
	return ""
}

// wrongPaths tells of properties that the policy reads and its types do not have, as far as their
// shape is known.
func wrongPaths(of policy.Policy) (faults []string) {
	for _, name := range of.Types {
		known, ok := shape.CFN(name)
		if !ok {
			continue
		}
		for _, path := range of.Reads {
			segments := providers.Segments(path)
			if len(segments) < 2 || segments[0] != providers.Properties || segments[1] == "*" || strings.HasPrefix(segments[1], "_") {
				continue
			}
			if !slices.Contains(known.Properties, segments[1]) {
				faults = append(faults, fmt.Sprintf("%s has no property %s", name, segments[1]))
			}
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

func missingWords(of policy.Policy) (faults []string) {
	for _, word := range []struct{ name, text string }{
		{"description", of.Description}, {"remediation steps", of.RemediationSteps}, {"url", of.URL},
	} {
		if strings.TrimSpace(word.text) == "" {
			faults = append(faults, "has no "+word.name)
		}
	}
	return faults
}
