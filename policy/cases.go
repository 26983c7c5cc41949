package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudaudit/providers"
)

// casesRoot is the folder of a pack's test cases.
const casesRoot = "testdata"

// CaseResult is what a test case of a policy came to.
type CaseResult struct {
	Policy string
	// File is the case's path in the pack; empty where the fault is that there is none.
	File string
	Want Verdict
	Got  Outcome
	OK   bool
	// Problem says what is wrong if OK is false.
	Problem string
}

// caseKinds are the verdicts that the names of case files begin with.
var caseKinds = []struct {
	prefix  string
	verdict Verdict
	needed  bool
}{{"pass", Compliant, true}, {"fail", Violates, true}, {"unknown", Unknown, true}, {"na", NotApplicable, false}}

// RunCases runs the test cases of a pack, testdata/POLICY/{pass,fail,unknown,na}*.{json,yaml,yml}
// below its root. Results are sorted by policy and file; a policy without a pass, fail or unknown
// case gives a result of its own that is not OK. An error means that nothing could be run.
func RunCases(ctx context.Context, engine Opener, pack *Pack, files fs.FS) ([]CaseResult, error) {
	folders, err := fs.ReadDir(files, casesRoot)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("test cases of pack %s: %w", pack.Name, err)
	}
	var results []CaseResult
	for _, folder := range folders {
		if _, known := pack.Policy(folder.Name()); !known && !strings.HasPrefix(folder.Name(), ".") {
			results = append(results, CaseResult{
				Policy: folder.Name(), File: path.Join(casesRoot, folder.Name()),
				Problem: "the pack has no policy of this name" + hint(folder.Name(), policyNames(pack)),
			})
		}
	}
	for _, p := range pack.Policies {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := caseRunner{engine: engine, pack: pack, policy: p, files: files}
		found, err := r.all(ctx)
		if err != nil {
			return nil, fmt.Errorf("test cases of policy %s: %w", p.Name, err)
		}
		results = append(results, found...)
	}
	slices.SortStableFunc(results, func(a, b CaseResult) int {
		return cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.File, b.File))
	})
	return results, nil
}

// caseRunner runs the cases of one policy.
type caseRunner struct {
	engine Opener
	pack   *Pack
	policy Policy
	files  fs.FS
}

func (r caseRunner) all(ctx context.Context) ([]CaseResult, error) {
	folder := path.Join(casesRoot, r.policy.Name)
	entries, err := fs.ReadDir(r.files, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var results []CaseResult
	seen := map[Verdict]bool{}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		result := CaseResult{Policy: r.policy.Name, File: path.Join(folder, entry.Name())}
		if result.Want = caseVerdict(entry.Name()); result.Want == "" {
			result.Problem = "name the file pass*, fail*, unknown* or na*, with the extension .json, .yaml or .yml"
		} else if err := r.run(ctx, &result); err != nil {
			result.Problem = err.Error()
		}
		result.OK = result.Problem == ""
		seen[result.Want] = true
		results = append(results, result)
	}
	for _, kind := range caseKinds {
		// What reads nothing of a resource is never unknown; what reads an inventory may always be.
		if kind.needed && !seen[kind.verdict] && (kind.verdict != Unknown || len(r.policy.Reads) > 0 || r.policy.Kind == OnAccount) {
			results = append(results, CaseResult{
				Policy: r.policy.Name, Want: kind.verdict,
				Problem: fmt.Sprintf("has no %s case; add %s/%s.yaml", kind.prefix, folder, kind.prefix),
			})
		}
	}
	return results, nil
}

func caseVerdict(name string) Verdict {
	if extension := path.Ext(name); extension != ".json" && extension != ".yaml" && extension != ".yml" {
		return ""
	}
	for _, kind := range caseKinds {
		if strings.HasPrefix(name, kind.prefix) {
			return kind.verdict
		}
	}
	return ""
}

// testCase is a case file: of a resource policy a resource, of an account policy an inventory.
type testCase struct {
	Resource caseResource `yaml:"resource"`
	Unread   []caseUnread `yaml:"unread"`
	// Resources are the inventory, each with what is unread of it; Incomplete are the types whose
	// listing was not complete, with the class.
	Resources  []caseResource             `yaml:"resources"`
	Incomplete map[string]providers.Class `yaml:"incomplete"`
	Config     map[string]any             `yaml:"config"`
	Account    struct {
		Name     string            `yaml:"name"`
		Provider string            `yaml:"provider"`
		CloudID  string            `yaml:"cloudId"`
		Tags     map[string]string `yaml:"tags"`
	} `yaml:"account"`
	Now  string    `yaml:"now"`
	Keys *[]string `yaml:"keys"`
}

type caseResource struct {
	Type       string            `yaml:"type"`
	ID         string            `yaml:"id"`
	Name       string            `yaml:"name"`
	Region     string            `yaml:"region"`
	UID        string            `yaml:"uid"`
	Tags       map[string]string `yaml:"tags"`
	Ancestors  []string          `yaml:"ancestors"`
	Properties any               `yaml:"properties"`
	Facets     map[string]any    `yaml:"facets"`
	Unread     []caseUnread      `yaml:"unread"`
}

type caseUnread struct {
	Path  string          `yaml:"path"`
	Class providers.Class `yaml:"class"`
}

func (r caseRunner) run(ctx context.Context, result *CaseResult) error {
	c, err := readCase(r.files, result.File)
	if err != nil {
		return err
	}
	options, err := r.options(c)
	if err != nil {
		return err
	}
	session, err := r.engine.Open(ctx, r.pack, options)
	if err != nil {
		return err
	}
	outcomes, err := c.evaluate(ctx, session, r.policy)
	if err = errors.Join(err, session.Close()); err != nil {
		return err
	}
	result.Got = Outcome{Policy: r.policy.Name, Verdict: NotApplicable} // of a type that does not match
	for _, outcome := range outcomes {
		if outcome.Policy == r.policy.Name {
			result.Got = outcome
		}
	}
	result.Problem = c.compare(result.Want, result.Got)
	if result.Problem != "" && r.policy.Kind != OnAccount && !r.policy.Matches(c.Resource.Type) {
		result.Problem += fmt.Sprintf(": the policy is not about resources of type %q", c.Resource.Type)
	}
	return nil
}

func (c *testCase) evaluate(ctx context.Context, session Session, p Policy) ([]Outcome, error) {
	if p.Kind != OnAccount {
		input, err := c.input(p)
		if err != nil {
			return nil, err
		}
		return session.Evaluate(ctx, input)
	}
	judge, ok := session.(AccountSession)
	if !ok {
		return nil, errors.New("the pack's engine runs no account policies")
	}
	inventory, err := c.inventory(p)
	if err != nil {
		return nil, err
	}
	return judge.EvaluateAccount(ctx, c.account(), inventory)
}

func (c *testCase) account() *providers.Account {
	return &providers.Account{Name: c.Account.Name, Cloud: c.Account.Provider, CloudID: c.Account.CloudID, Tags: c.Account.Tags}
}

func readCase(files fs.FS, name string) (*testCase, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	var node *Node
	if path.Ext(name) == ".json" {
		if node, err = ParseJSON(name, data); err != nil {
			return nil, err
		}
	} else {
		nodes, err := ParseYAML(name, data)
		if err != nil {
			return nil, err
		}
		if len(nodes) != 1 {
			return nil, fmt.Errorf("%s: want one document, have %d", name, len(nodes))
		}
		node = nodes[0]
	}
	c := &testCase{}
	return c, node.Decode(c)
}

// options run the one policy, with the case's properties over the defaults.
func (r caseRunner) options(c *testCase) (SessionOptions, error) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if c.Now != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, c.Now); err != nil {
			return SessionOptions{}, fmt.Errorf("now %q: use a time such as 2026-01-01T00:00:00Z", c.Now)
		}
	}
	alone := Pack{Name: r.pack.Name, Policies: []Policy{r.policy}, Initial: r.pack.Initial}
	config, err := Reconcile(&alone, Config{r.policy.Name: {Level: Advisory, Properties: c.Config}})
	return SessionOptions{Config: config, Now: now}, err
}

func (c *testCase) input(p Policy) (Input, error) {
	if len(c.Resources) > 0 || len(c.Incomplete) > 0 {
		return Input{}, errors.New("resources and incomplete are for account policies: give resource and unread")
	}
	if c.Resource.Type == "" {
		if len(p.Types) != 1 {
			return Input{}, errors.New("give resource.type: the policy has not exactly one type")
		}
		c.Resource.Type = p.Types[0]
	}
	c.Resource.Unread = append(c.Resource.Unread, c.Unread...)
	return c.Resource.input(c.account())
}

func (r caseResource) input(account *providers.Account) (Input, error) {
	resource := &providers.Resource{
		Type: r.Type, ID: r.ID, Identity: r.ID, Name: r.Name, Region: r.Region,
		UID: r.UID, Tags: r.Tags, Ancestors: r.Ancestors, Parts: map[string]providers.Part{},
	}
	tree := map[string]any{"facets": r.Facets}
	if r.Properties != nil {
		tree[providers.Properties] = r.Properties
	}
	input := Input{Resource: resource, Account: account}
	for _, unread := range r.Unread {
		if unread.Class == "" || unread.Path != "" && !strings.HasPrefix(unread.Path, "/") {
			return Input{}, fmt.Errorf("unread %q: give a JSON Pointer as path, and a class", unread.Path)
		}
		if unread.Class == providers.RedactedValue {
			if err := redact(tree, unread.Path); err != nil {
				return Input{}, err
			}
		}
		input.Unread = append(input.Unread, providers.Unread{Path: unread.Path, Class: unread.Class})
	}
	slices.SortFunc(input.Unread, func(a, b providers.Unread) int { return strings.Compare(a.Path, b.Path) })
	if properties, ok := tree[providers.Properties]; ok {
		resource.Parts[providers.Properties] = providers.Part{Value: properties}
	}
	for name, value := range r.Facets {
		resource.Parts[name] = providers.Part{Value: value}
	}
	return input, nil
}

// redact puts a secret's placeholder into the tree, as a provider would have.
func redact(tree any, pointer string) error {
	keys := strings.Split(pointer, "/")
	last := len(keys) - 1
	for i, key := range keys[1:] {
		key = strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
		var next any
		set := func(any) {}
		switch container := tree.(type) {
		case map[string]any:
			next, set = container[key], func(v any) { container[key] = v }
		case []any:
			if index, err := strconv.Atoi(key); err == nil && index >= 0 && index < len(container) {
				next, set = container[index], func(v any) { container[index] = v }
			}
		}
		if next == nil {
			return fmt.Errorf("unread %q: a redacted value must be in the resource; give it any text, or none for an empty secret", pointer)
		}
		if i+1 == last {
			set(providers.Redacted{Empty: next == ""})
		}
		tree = next
	}
	return nil
}

// compare says how the outcome differs from what the case wants.
func (c *testCase) compare(want Verdict, got Outcome) string {
	if got.Verdict != want {
		return fmt.Sprintf("want %s, got %s", want, describe(got))
	}
	if c.Keys == nil {
		return ""
	}
	var keys []string
	for _, report := range got.Reports {
		keys = append(keys, report.Key)
	}
	wanted := slices.Sorted(slices.Values(*c.Keys))
	if !slices.Equal(keys, wanted) {
		return fmt.Sprintf("want keys %q, got %q", wanted, keys)
	}
	return ""
}

func describe(o Outcome) string {
	text := string(o.Verdict)
	if o.Reason != "" {
		text += " (" + o.Reason + ")"
	}
	detail := o.Detail
	if len(o.Reports) > 0 {
		detail = o.Reports[0].Message
	}
	if detail != "" {
		text += ": " + detail
	}
	return text
}
