package packs_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

var update = flag.Bool("update", false, "write what the sample organization violates, to be reviewed")

const sampleRoot = "../../deploy/sample"

// sampleConfig is the sample's configuration. Reading is strict, so that it names every key there.
type sampleConfig struct {
	Organization string         `yaml:"organization"`
	Store        map[string]any `yaml:"store"`
	Server       map[string]any `yaml:"server"`
	PolicyPacks  []any          `yaml:"policyPacks"`
	Accounts     []struct {
		Name     string         `yaml:"name"`
		Provider string         `yaml:"provider"`
		Snapshot map[string]any `yaml:"snapshot"`
		Tags     map[string]any `yaml:"tags"`
	} `yaml:"accounts"`
	Groups []struct {
		Name     string   `yaml:"name"`
		Accounts []string `yaml:"accounts"`
		Packs    []struct {
			Name   string         `yaml:"name"`
			Config map[string]any `yaml:"config"`
		} `yaml:"policyPacks"`
	} `yaml:"policyGroups"`
}

func readSample(t *testing.T) sampleConfig {
	t.Helper()
	name := filepath.Join(sampleRoot, "cloudaudit.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := policy.ParseYAML(name, data)
	if err != nil || len(nodes) != 1 {
		t.Fatalf("%d documents, %v", len(nodes), err)
	}
	var config sampleConfig
	if err := nodes[0].Decode(&config); err != nil {
		t.Fatal(err)
	}
	return config
}

// found is a line of expected.tsv, or of expected-unknown.tsv if it has a reason.
type found struct{ account, policy, resource, key, severity, reason string }

func (f found) line() string {
	fields := []string{f.account, f.policy, f.resource, f.key, f.severity}
	if f.reason != "" {
		fields = []string{f.account, f.policy, f.resource, f.reason}
	}
	return strings.Join(fields, "\t") + "\n"
}

func compareFound(a, b found) int {
	return cmp.Or(strings.Compare(a.account, b.account), strings.Compare(a.policy, b.policy),
		strings.Compare(a.resource, b.resource), strings.Compare(a.key, b.key))
}

// foundByGroup is what the groups of the sample find.
type foundByGroup map[string]map[found]bool

func (g foundByGroup) add(group string, f found) {
	if g[group] == nil {
		g[group] = map[found]bool{}
	}
	g[group][f] = true
}

func TestSample_HoldsTheFaultsThatWerePlanted(t *testing.T) {
	t.Parallel()
	config, byName := readSample(t), map[string]builtin{}
	for _, b := range loadAll(t) {
		byName[b.Name] = b
	}
	violations, unknowns := foundByGroup{}, foundByGroup{}
	for _, account := range config.Accounts {
		resources := sampleResources(t, account.Name, account.Snapshot)
		for _, group := range config.Groups {
			for _, used := range group.Packs {
				for _, f := range judge(t, account.Name, byName[used.Name], used.Config, resources) {
					if f.reason != "" {
						unknowns.add(group.Name, f)
					} else {
						violations.add(group.Name, f)
					}
				}
			}
		}
	}
	compareSample(t, "expected.tsv", "account\tpolicy\tresource\tkey\tseverity\n", violations["production"])
	compareSample(t, "expected-unknown.tsv", "account\tpolicy\tresource\treason\n", unknowns["production"])
	for name, group := range violations {
		for f := range group {
			if !violations["production"][f] {
				t.Errorf("group %s finds %v, which is not in expected.tsv", name, f)
			}
		}
	}
}

// judge evaluates a pack with a group's config over the resources.
func judge(t *testing.T, account string, b builtin, given map[string]any, resources []policy.Input) []found {
	t.Helper()
	session := openSession(t, b, given)
	defer session.Close()
	var all []found
	add := func(resource string, outcomes []policy.Outcome, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, outcome := range outcomes {
			p, _ := b.pack.Policy(outcome.Policy)
			for _, report := range outcome.Reports {
				all = append(all, found{account, outcome.Policy, resource, report.Key, string(p.Severity), ""})
			}
			if outcome.Verdict == policy.Unknown || outcome.Remainder {
				all = append(all, found{account, outcome.Policy, resource, "", "", outcome.Reason})
			}
		}
	}
	for _, input := range resources {
		outcomes, err := session.Evaluate(context.Background(), input)
		add(input.Resource.ID, outcomes, err)
	}
	outcomes, err := session.(policy.AccountSession).EvaluateAccount(context.Background(), resources[0].Account, whole(resources))
	add("", outcomes, err)
	return all
}

// whole is an account that was read to the end, sorted by identity.
type whole []policy.Input

// Resources implements policy.Inventory.
func (w whole) Resources(_ context.Context, resourceType string, _ *providers.Projection) iter.Seq2[policy.Input, error] {
	return func(yield func(policy.Input, error) bool) {
		for _, input := range w {
			if input.Resource.Type == resourceType && !yield(input, nil) {
				return
			}
		}
	}
}

// Incomplete implements policy.Inventory. What no file holds was never listed, as in a scan.
func (w whole) Incomplete(resourceType string) (providers.Class, bool) {
	listed := slices.ContainsFunc(w, func(input policy.Input) bool { return input.Resource.Type == resourceType })
	return providers.NotRead, !listed
}

func openSession(t testing.TB, b builtin, given map[string]any) policy.Session {
	t.Helper()
	data, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	var config policy.Config
	if err := json.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	reconciled, err := policy.Reconcile(b.pack, config)
	if err != nil {
		t.Fatal(err)
	}
	options := policy.SessionOptions{Config: reconciled, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	session, err := b.engine.Open(context.Background(), b.pack, options)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// inventory merges the parts of resources, as a scan does.
type inventory struct {
	t         testing.TB
	resources map[string]*providers.Resource
}

// Resource takes a resource or parts of one.
func (i *inventory) Resource(r *providers.Resource) error {
	key := r.Type + "\x00" + r.Identity
	known, ok := i.resources[key]
	if !ok {
		i.resources[key] = r
		return nil
	}
	for name, part := range r.Parts {
		if _, double := known.Parts[name]; double {
			i.t.Errorf("%s has its %s twice", r.ID, name)
		}
		known.Parts[name] = part
	}
	if _, main := r.Parts[providers.Properties]; main {
		parts := known.Parts
		*known = *r
		known.Parts = parts
	}
	return nil
}

// Gap takes note of what could not be read: nothing of the sample.
func (i *inventory) Gap(gap providers.Gap) error {
	i.t.Errorf("gap of %s at %s: %s", gap.Type, gap.Place, gap.Reason)
	return nil
}

// sampleResources reads an account of the sample. What the files hold wholly is empty where it is
// missing, everything else was not read.
func sampleResources(t *testing.T, account string, settings map[string]any) []policy.Input {
	t.Helper()
	absolute, err := filepath.Abs(filepath.Join(sampleRoot, fmt.Sprint(settings["path"])))
	if err != nil {
		t.Fatal(err)
	}
	settings = maps.Clone(settings)
	settings["path"] = absolute
	data, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	subject := &providers.Account{Name: account, Provider: providers.Snapshot, Cloud: snapshot.Cloud(fmt.Sprint(settings["format"])), Settings: data}
	subject.CloudID, _ = settings["accountId"].(string)
	collectors, err := snapshot.New().Collectors(context.Background(), *subject, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	read := &inventory{t: t, resources: map[string]*providers.Resource{}}
	var whole []string
	for _, c := range collectors {
		if err := c.Collect(context.Background(), read); err != nil {
			t.Fatal(errors.Join(fmt.Errorf("file %s", c.Scope.Name), err))
		}
		whole = c.Scope.Whole
	}
	var inputs []policy.Input
	for _, key := range slices.Sorted(maps.Keys(read.resources)) {
		inputs = append(inputs, asInput(subject, read.resources[key], whole))
	}
	return inputs
}

func asInput(account *providers.Account, r *providers.Resource, whole []string) policy.Input {
	input := policy.Input{Account: account, Resource: r}
	for _, part := range r.Parts {
		input.Unread = append(input.Unread, part.Unread...)
	}
	for _, name := range []string{providers.Properties, "iamPolicy", "orgPolicy", "accessPolicy"} {
		if _, ok := r.Parts[name]; !ok && !slices.Contains(whole, name) {
			input.Unread = append(input.Unread, providers.Unread{Path: providers.PartPath(name), Class: providers.NotRead})
		}
	}
	slices.SortFunc(input.Unread, func(a, b providers.Unread) int { return strings.Compare(a.Path, b.Path) })
	return input
}

func compareSample(t *testing.T, name, head string, got map[found]bool) {
	t.Helper()
	var text strings.Builder
	text.WriteString(head)
	for _, f := range slices.SortedFunc(maps.Keys(got), compareFound) {
		text.WriteString(f.line())
	}
	file := filepath.Join(sampleRoot, name)
	if *update {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(strings.Split(string(want), "\n"), strings.Split(text.String(), "\n")); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}
