package packs_test

import (
	"context"
	"iter"
	"net/url"
	"os"
	"strings"
	"testing"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/packs"
	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// builtin is a built-in pack, loaded.
type builtin struct {
	packs.Builtin
	engine *cel.Engine
	pack   *policy.Pack
}

func loadAll(t testing.TB) []builtin {
	t.Helper()
	all, err := packs.All()
	if err != nil {
		t.Fatal(err)
	}
	loaded := make([]builtin, len(all))
	for i, b := range all {
		engine := cel.New()
		loader := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: engine}}
		pack, err := loader.FS(context.Background(), b.Name, b.Files)
		if err != nil {
			t.Fatal(err)
		}
		loaded[i] = builtin{b, engine, pack}
	}
	return loaded
}

func TestAll_PacksDescribeThemselves(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		p := b.pack
		if p.Name != b.Name || p.DisplayName == "" || p.Description == "" || p.VersionTag == "" || p.Readme == "" {
			t.Errorf("pack %s lacks a name, description, version or README", b.Name)
		}
		if len(p.Policies) < 32 {
			t.Errorf("pack %s has %d policies", b.Name, len(p.Policies))
		}
		for _, q := range p.Policies {
			if !strings.Contains(p.Readme, q.Name) {
				t.Errorf("the README of %s does not name policy %s", b.Name, q.Name)
			}
		}
	}
}

func TestAll_PoliciesAreWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			if other, ok := seen[p.Name]; ok {
				t.Errorf("policy %s is in %s and %s", p.Name, other, b.Name)
			}
			seen[p.Name] = b.Name
			for _, fault := range faults(p) {
				t.Errorf("policy %s: %s", p.Name, fault)
			}
		}
	}
}

// faults tells what a reader of a policy would miss.
func faults(p policy.Policy) []string {
	var found []string
	check := func(ok bool, fault string) {
		if !ok {
			found = append(found, fault)
		}
	}
	check(p.DisplayName != p.Name, "no display name")
	check(len(p.Description) > 120, "the description does not say what and why")
	check(strings.Contains(p.Description, "hence") || strings.Contains(p.Description, "Medium,") || strings.Contains(p.Description, "Low,"),
		"the description does not say why the severity is what it is")
	for _, way := range []string{"Console: ", "\nCLI: ", "\nTerraform: "} {
		check(strings.Contains(p.RemediationSteps, way), "no remediation by "+strings.TrimSpace(way))
	}
	address, err := url.Parse(p.URL)
	check(err == nil && address.Scheme == "https" && address.Host != "", "no https address")
	check(len(p.Controls) > 0, "no control")
	check(len(p.Tags) > 0, "no tags")
	check(len(p.Types) > 0, "no types")
	for name, property := range schemaProperties(p) {
		object, _ := property.(map[string]any)
		check(object["description"] != nil && object["default"] != nil, "property "+name+" has no description or no default")
	}
	return found
}

func schemaProperties(p policy.Policy) map[string]any {
	if p.Schema == nil {
		return nil
	}
	return p.Schema.Properties
}

func TestAll_TypesAreCanonical(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			for _, name := range p.Types {
				if azure := strings.HasPrefix(name, "Microsoft."); azure != (b.Cloud == providers.Azure) {
					t.Errorf("policy %s: type %s is not of %s", p.Name, name, b.Cloud)
				} else if azure && shape.ARMType(name) != name {
					t.Errorf("policy %s: type %s is never found, it is written %s", p.Name, name, shape.ARMType(name))
				}
			}
		}
	}
}

// leastTaken is how much of each policy its cases have to take, in per cent. What is left out is defence
// that no resource can reach.
const leastTaken = 95

func TestAll_CasesPass(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		watch, err := b.engine.Watch(t.Context(), b.pack)
		if err != nil {
			t.Fatal(err)
		}
		results, err := policy.RunCases(t.Context(), watch, b.pack, b.Files)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range results {
			if !result.OK {
				t.Errorf("pack %s, policy %s, %s: %s %s", b.Name, result.Policy, result.File, result.Problem, result.Got.Detail)
			}
		}
		for _, p := range b.pack.Policies {
			of := policy.Branches{Policy: p.Name, All: watch.Branches(p.Name)}
			if of.Percent() < leastTaken {
				t.Errorf("pack %s: no case takes these branches of policy %s: %+v", b.Name, p.Name, of.Untaken())
			}
		}
	}
}

func TestControls_BuiltInPoliciesNameKnownOnes(t *testing.T) {
	t.Parallel()
	table, err := packs.Controls()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range loadAll(t) {
		for _, p := range b.pack.Policies {
			for _, control := range p.Controls {
				if !table.Known(control) || !table.KnownFor(b.Cloud, control) {
					t.Errorf("policy %s names %s, which the table does not have for %s", p.Name, control, b.Cloud)
				}
				if !strings.HasPrefix(table.Source(b.Cloud, control), "https://") {
					t.Errorf("control %s has no source", control)
				}
			}
		}
	}
}

func TestControls_RefusesOthers(t *testing.T) {
	t.Parallel()
	table, err := packs.Controls()
	if err != nil {
		t.Fatal(err)
	}
	known := policy.Control{Framework: "CIS", Version: "4.0", ID: "5.1"}
	if !table.Known(known) || !table.KnownFor(providers.GCP, known) || table.KnownFor(providers.Azure, known) {
		t.Errorf("%s is not known for Google Cloud alone", known)
	}
	for _, control := range []policy.Control{
		{}, {Framework: "CIS", Version: "4.0", ID: "99.9"}, {Framework: "CIS", ID: "5.1"}, {Framework: "cis", Version: "4.0", ID: "5.1"},
	} {
		if table.Known(control) {
			t.Errorf("%q is known", control)
		}
	}
}

// publishedPath is a row of published-paths.tsv: a property of a type that a policy reads, and
// where its vendor documents it.
type publishedPath struct {
	resourceType, path string
	// recorded tells that recorded data of the type has the property, too.
	recorded bool
	source   string
}

func publishedPaths(t *testing.T) []publishedPath {
	t.Helper()
	data, err := os.ReadFile("testdata/published-paths.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var paths []publishedPath
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) != 4 {
			t.Fatalf("published-paths.tsv:%d: want 4 columns, have %d", i+1, len(fields))
		}
		if i > 0 {
			paths = append(paths, publishedPath{fields[0], fields[1], fields[2] == "recorded", fields[3]})
		}
	}
	return paths
}

// nothing is an inventory in which nothing could be listed.
type nothing struct{}

// Resources implements policy.Inventory.
func (nothing) Resources(context.Context, string, *providers.Projection) iter.Seq2[policy.Input, error] {
	return func(func(policy.Input, error) bool) {}
}

// Incomplete implements policy.Inventory.
func (nothing) Incomplete(string) (providers.Class, bool) { return providers.AccessDenied, true }

// An account of another cloud has no trail and no sink, and that is no fault. In the cloud of the
// pack, what could not be listed proves nothing.
func TestAll_AccountPoliciesKnowTheirCloud(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		session, ok := openSession(t, b, nil).(policy.AccountSession)
		if !ok {
			t.Fatalf("pack %s judges no accounts", b.Name)
		}
		for _, cloud := range []string{providers.AWS, providers.GCP, providers.Azure, ""} {
			want := policy.NotApplicable
			if cloud == b.Cloud {
				want = policy.Unknown
			}
			outcomes, err := session.EvaluateAccount(context.Background(), &providers.Account{Cloud: cloud}, nothing{})
			if err != nil {
				t.Fatal(err)
			}
			for _, outcome := range outcomes {
				if outcome.Verdict != want {
					t.Errorf("policy %s is %s for an account of %q", outcome.Policy, outcome.Verdict, cloud)
				}
			}
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}
}
