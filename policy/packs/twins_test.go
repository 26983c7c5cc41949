package packs_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	diff "github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/rego"
	"cloudaudit/providers"
)

// twins are the policies of a built-in pack that testdata/rego has once more in Rego. Both have to find
// the same: the same keys, and unknown where the other is.
type twins struct {
	cel  builtin
	rego *policy.Pack
	// engine runs the Rego pack, files are the pack and the cases of its twins.
	engine *rego.Engine
	files  fstest.MapFS
	names  map[string]string // of the CEL policy, by that of the Rego policy
}

// twinConfig is what policies need that find nothing by default.
var twinConfig = map[string]map[string]any{"resource-required-tags": {"tags": []any{"owner"}}}

func loadTwins(t *testing.T, b builtin) *twins {
	t.Helper()
	cloud := strings.TrimSuffix(b.Name, "-foundations")
	w := &twins{cel: b, engine: rego.New(), files: fstest.MapFS{}, names: map[string]string{}}
	for _, name := range []string{"PulumiPolicy.yaml", "rules.rego"} {
		data, err := os.ReadFile(filepath.Join("testdata", "rego", cloud, name))
		if err != nil {
			t.Fatal(err)
		}
		w.files[name] = &fstest.MapFile{Data: data}
	}
	w.load(t)
	schemas := map[string]*policy.Schema{}
	for _, p := range w.rego.Policies {
		name := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(p.Name, "stack_"), "deny_"), "_", "-")
		original, known := b.pack.Policy(name)
		if !known || original.Kind != p.Kind || !slices.Equal(slices.Sorted(slices.Values(original.Types)), slices.Sorted(slices.Values(p.Types))) {
			t.Fatalf("policy %s has no twin of its kind and types in %s", p.Name, b.Name)
		}
		w.names[p.Name] = name
		if original.Schema != nil {
			schemas[p.Name] = original.Schema
		}
		w.adoptCases(t, name, p.Name)
	}
	text, err := json.Marshal(schemas)
	if err != nil {
		t.Fatal(err)
	}
	w.files["config-schema.json"] = &fstest.MapFile{Data: text}
	w.load(t)
	return w
}

func (w *twins) load(t *testing.T) {
	t.Helper()
	pack, err := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeOPA: w.engine}}.FS(t.Context(), "twins", w.files)
	if err != nil {
		t.Fatal(err)
	}
	w.rego = pack
}

// adoptCases gives the Rego policy the cases of the other.
func (w *twins) adoptCases(t *testing.T, from, to string) {
	t.Helper()
	names, err := fs.Glob(w.cel.Files, path.Join("testdata", from, "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(w.cel.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		w.files[path.Join("testdata", to, path.Base(name))] = &fstest.MapFile{Data: data}
	}
}

// deciding are what policies read to see whether they apply, or whether there is anything to look at. If
// it was not read CEL says unknown, and Rego nothing if there would be nothing to say either way.
var deciding = map[string][]string{
	"deny_compute_firewall_open_admin_ports": {"/properties/direction", "/properties/disabled"},
	"deny_iam_service_account_key_age":       {"/properties/keyType", "/properties/disabled"},
	"deny_key_vault_object_expiry":           {"/properties/properties/attributes/enabled", "/properties/properties/contentType"},
	"deny_kms_key_rotation":                  {"/properties/purpose", "/properties/primary/state"},
	"deny_sql_instance_tls":                  {"/properties/instanceType"},
	"deny_storage_bucket_public_access":      {"/properties", "/properties/iamConfiguration/publicAccessPrevention"},
}

// element finds a path that leads into a list.
var element = regexp.MustCompile(`/[0-9]+(/|$)`)

// bothSay tells whether twins can be held to the same outcome: not where CEL refuses a malformed
// value, which is undefined in Rego, nor where an unread element hides the whole list from Rego, or what
// is unread of one resource all of an account.
func bothSay(name string, ours, theirs policy.Outcome) bool {
	switch {
	case ours.Reason == policy.ReasonError:
		return false
	case theirs.Verdict == policy.Unknown && ours.Verdict != policy.Unknown && theirs.Reason != policy.ReasonIncomplete:
		return !element.MatchString(theirs.Detail) && !strings.HasPrefix(name, "stack_")
	case ours.Verdict == policy.Unknown && theirs.Verdict == policy.Compliant:
		return !slices.Contains(deciding[name], ours.Detail)
	}
	return true
}

// told is what has to be the same: of an outcome that depends on several unread places either may be
// named, and a rule that does not apply says nothing in Rego.
func told(o policy.Outcome) policy.Outcome {
	if o.Verdict == policy.NotApplicable {
		o.Verdict = policy.Compliant
	}
	same := policy.Outcome{Verdict: o.Verdict, Remainder: o.Remainder, Reason: o.Reason}
	if o.Reason != "" && o.Reason != policy.ReasonIncomplete && o.Reason != policy.ReasonTooLarge {
		same.Reason = "unread"
	}
	for _, report := range o.Reports {
		same.Reports = append(same.Reports, policy.Report{Key: report.Key})
	}
	return same
}

// TestTwins_AgreeOnCases runs the cases of the built-in policies by their twins.
func TestTwins_AgreeOnCases(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		t.Run(b.Cloud, func(t *testing.T) {
			t.Parallel()
			w := loadTwins(t, b)
			ours, err := policy.RunCases(t.Context(), b.engine, b.pack, b.Files)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := policy.RunCases(t.Context(), w.engine, w.rego, w.files)
			if err != nil {
				t.Fatal(err)
			}
			byFile := map[string]policy.CaseResult{}
			for _, result := range ours {
				byFile[result.File] = result
			}
			for _, result := range theirs {
				want := byFile[path.Join("testdata", w.names[result.Policy], path.Base(result.File))].Got
				elsewhere := want.Verdict == policy.NotApplicable && strings.HasPrefix(result.Policy, "stack_") // of another cloud, which only CEL is told
				if elsewhere || !bothSay(result.Policy, want, result.Got) {
					continue
				}
				if d := diff.Diff(told(want), told(result.Got)); d != "" {
					t.Errorf("%s (-CEL +Rego):\n%s%s", result.File, d, result.Got.Detail)
				}
			}
		})
	}
}

// TestTwins_AgreeOnFaults judges by both languages the sample organization and a made-up inventory, as
// they are, with faults planted in everything that a policy reads, and with everything unread in turn.
func TestTwins_AgreeOnFaults(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		t.Run(b.Cloud, func(t *testing.T) {
			t.Parallel()
			s := loadTwins(t, b).open(t)
			counted := map[policy.Verdict]int{}
			for _, input := range twinResources(t, b) {
				for _, p := range s.twins.rego.Policies {
					if p.Kind == policy.OnResource && p.Matches(input.Resource.Type) {
						s.judge(t, p.Name, input, counted)
					}
				}
			}
			s.judgeAccounts(t, twinResources(t, b), counted)
			for _, verdict := range []policy.Verdict{policy.Violates, policy.Compliant, policy.Unknown} {
				if counted[verdict] < 400 {
					t.Errorf("only %d outcomes are %s", counted[verdict], verdict)
				}
			}
		})
	}
}

// twinSessions are both languages at work, policy by policy.
type twinSessions struct {
	twins *twins
	open  map[string][2]policy.Session // by the name of the Rego policy
}

func (w *twins) open(t *testing.T) *twinSessions {
	t.Helper()
	s := &twinSessions{w, map[string][2]policy.Session{}}
	one := func(engine policy.Engine, pack *policy.Pack, name string, properties map[string]any) policy.Session {
		of, _ := pack.Policy(name)
		config, err := policy.Reconcile(&policy.Pack{Name: pack.Name, Policies: []policy.Policy{of}}, policy.Config{name: {Level: policy.Advisory, Properties: properties}})
		if err != nil {
			t.Fatal(err)
		}
		session, err := engine.Open(t.Context(), pack, policy.SessionOptions{Config: config, Now: benchNow})
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	for theirs, ours := range w.names {
		s.open[theirs] = [2]policy.Session{one(w.cel.engine, w.cel.pack, ours, twinConfig[ours]), one(w.engine, w.rego, theirs, twinConfig[ours])}
	}
	return s
}

// twinResources are some resources of each type: the sample's, and made-up ones.
func twinResources(t *testing.T, b builtin) []policy.Input {
	t.Helper()
	account := &providers.Account{Cloud: b.Cloud, CloudID: "111122223333"}
	var all []policy.Input
	for _, sample := range readSample(t).Accounts {
		if sample.Snapshot["format"] == madeUpFormats[b.Cloud] {
			all = append(all, sampleResources(t, sample.Name, sample.Snapshot)...)
		}
	}
	made := madeUp(t, b.Cloud, 1_500)
	slices.SortFunc(made, func(a, b *providers.Resource) int { return strings.Compare(a.Identity, b.Identity) })
	for _, r := range made {
		all = append(all, asInput(account, r, []string{"iamPolicy", "orgPolicy", "accessPolicy"}))
	}
	const most = 25
	counts := map[string]int{}
	return slices.DeleteFunc(all, func(input policy.Input) bool {
		counts[input.Resource.Type]++
		return counts[input.Resource.Type] > most
	})
}

// planted are values that stand for faults, and for what clouds write in the place of a value.
var planted = []any{
	nil, true, false, "", "*", "Enabled", "0.0.0.0/0", json.Number("0"), json.Number("4"), []any{}, []any{"allUsers"}, map[string]any{},
	"2020-01-01T00:00:00Z", "roles/owner", map[string]any{"Statement": map[string]any{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}},
}

// judge compares what the twins say of a resource, as it is, with faults and with what was not read.
func (s *twinSessions) judge(t *testing.T, name string, input policy.Input, counted map[policy.Verdict]int) {
	t.Helper()
	original, _ := s.twins.cel.pack.Policy(s.twins.names[name])
	s.compare(t, name, input, counted)
	for _, read := range original.Reads {
		exact, whole := concrete(read)
		for _, value := range planted {
			s.compare(t, name, plant(input, exact, value), counted)
		}
		s.compare(t, name, plant(input, exact, providers.Redacted{}), nil)
		s.compare(t, name, hide(input, whole), counted)
		s.compare(t, name, hide(input, exact), counted)
	}
}

// concrete gives the first place that a path stands for, and what it is all in.
func concrete(read string) (exact, whole string) {
	whole, _, _ = strings.Cut(read, "/*")
	return strings.ReplaceAll(read, "/*", "/0"), whole
}

// hide makes a place of the resource unread.
func hide(input policy.Input, at string) policy.Input {
	input.Unread = append(slices.Clone(input.Unread), providers.Unread{Path: at, Class: providers.AccessDenied})
	slices.SortFunc(input.Unread, func(a, b providers.Unread) int { return strings.Compare(a.Path, b.Path) })
	return input
}

// plant puts a value at a place of a copy of the resource, if there is such a place.
func plant(input policy.Input, at string, value any) policy.Input {
	keys := providers.Segments(at)
	part := keys[0]
	if part == "facets" && len(keys) > 1 {
		part, keys = keys[1], keys[1:]
	}
	known, there := input.Resource.Parts[part]
	if !there {
		return input
	}
	r := *input.Resource
	r.Parts = maps.Clone(r.Parts)
	r.Parts[part] = providers.Part{Value: planting(known.Value, keys[1:], value), Unread: known.Unread}
	input.Resource = &r
	return input
}

func planting(tree any, keys []string, value any) any {
	if len(keys) == 0 {
		return value
	}
	switch tree := tree.(type) {
	case map[string]any:
		tree = maps.Clone(tree)
		tree[keys[0]] = planting(tree[keys[0]], keys[1:], value)
		return tree
	case []any:
		if keys[0] == "0" && len(tree) > 0 {
			tree = slices.Clone(tree)
			tree[0] = planting(tree[0], keys[1:], value)
		}
		return tree
	}
	return tree
}

// compare holds the twins to the same outcome.
func (s *twinSessions) compare(t *testing.T, name string, input policy.Input, counted map[policy.Verdict]int) {
	t.Helper()
	var got [2]policy.Outcome
	for i, session := range s.open[name] {
		outcomes, err := session.Evaluate(t.Context(), input)
		if err != nil || len(outcomes) != 1 {
			t.Fatal(outcomes, err)
		}
		got[i] = outcomes[0]
	}
	s.same(t, name, input.Resource.ID, input.Unread, got, counted)
}

func (s *twinSessions) same(t *testing.T, name, resource string, unread []providers.Unread, got [2]policy.Outcome, counted map[policy.Verdict]int) {
	t.Helper()
	if !bothSay(name, got[0], got[1]) {
		return
	}
	if counted != nil {
		counted[got[1].Verdict]++
	}
	if d := diff.Diff(told(got[0]), told(got[1])); d != "" {
		t.Errorf("%s of %s with %v unread (-CEL +Rego):\n%s%s, %s", name, resource, unread, d, got[0].Detail, got[1].Detail)
	}
}

// judgeAccounts compares what account policies say of all resources, with each type incomplete in turn,
// and with what they read of the first resource of each type not read.
func (s *twinSessions) judgeAccounts(t *testing.T, all []policy.Input, counted map[policy.Verdict]int) {
	t.Helper()
	for _, p := range s.twins.rego.Policies {
		if p.Kind != policy.OnAccount {
			continue
		}
		original, _ := s.twins.cel.pack.Policy(s.twins.names[p.Name])
		s.compareAccount(t, p.Name, whole(all), counted)
		for _, resourceType := range original.Types {
			without := slices.DeleteFunc(slices.Clone(all), func(input policy.Input) bool { return input.Resource.Type == resourceType })
			s.compareAccount(t, p.Name, whole(without), counted)
			first := slices.IndexFunc(all, func(input policy.Input) bool { return input.Resource.Type == resourceType })
			for _, read := range original.TypeReads[resourceType] {
				if first < 0 || !strings.HasPrefix(read, "/properties/") {
					continue
				}
				exact, whole := concrete(read)
				s.compareAccount(t, p.Name, changed(all, first, hide(all[first], whole)), counted)
				for _, value := range planted {
					s.compareAccount(t, p.Name, changed(all, first, plant(all[first], exact, value)), counted)
				}
			}
		}
	}
}

func changed(all []policy.Input, at int, input policy.Input) whole {
	all = slices.Clone(all)
	all[at] = input
	return all
}

func (s *twinSessions) compareAccount(t *testing.T, name string, inventory whole, counted map[policy.Verdict]int) {
	t.Helper()
	account := &providers.Account{Cloud: s.twins.cel.Cloud, CloudID: "111122223333"}
	var got [2]policy.Outcome
	for i, session := range s.open[name] {
		outcomes, err := session.(policy.AccountSession).EvaluateAccount(t.Context(), account, inventory)
		if err != nil || len(outcomes) != 1 {
			t.Fatal(outcomes, err)
		}
		got[i] = outcomes[0]
	}
	s.same(t, name, "the account", nil, got, counted)
}
