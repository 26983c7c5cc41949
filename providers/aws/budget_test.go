package aws_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/packs"
	"cloudaudit/providers"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/aws/awstest"
)

// most is how many calls may be made for a thousand resources of a mixed account, those about buckets left
// out, where all settings are read, and where only those are that the built-in policies read.
var most = cost{all: 1300, needed: 350}

// cost is a number of calls, with all settings read and with those that the built-in policies read.
type cost struct{ all, needed int }

// spending is what reading an account took, by service.
type spending struct {
	calls     map[string]cost
	resources map[string]int
}

// spent is what a mixed account took, which is read once for all tests.
var spent struct {
	sync.Once
	spending
}

func spentOnce(tb testing.TB) spending {
	tb.Helper()
	spent.Do(func() { spent.spending = spend(tb) })
	return spent.spending
}

func spend(tb testing.TB) spending {
	tb.Helper()
	account := awstest.New(tb)
	account.Seed(tb, "eu-west-1").Mixed()
	all, r := count(tb, connected(account, full, "eu-west-1"), providers.Want{})
	needed, _ := count(tb, connected(account, "", "eu-west-1"), providers.Want{Paths: builtin(tb)})
	s := spending{calls: map[string]cost{}, resources: map[string]int{}}
	for service, n := range all {
		s.calls[service] = cost{all: n, needed: needed[service]}
	}
	for _, resource := range r.resources {
		s.resources[serviceOf(resource.Type)]++
	}
	return s
}

// count reads an account and counts the calls by service, retries of what the emulator lacks aside.
func count(tb testing.TB, account providers.Account, want providers.Want) (map[string]int, *read) {
	tb.Helper()
	var mu sync.Mutex
	calls := map[string]int{}
	provider := aws.New(aws.Options{}).As(awstest.Keys(), func(call, _ string) {
		mu.Lock()
		defer mu.Unlock()
		service, _, _ := strings.Cut(call, ".")
		calls[service]++
	})
	r := scan(tb, provider, account, want)
	return calls, r
}

// serviceOf is the service of a type, as calls name it.
func serviceOf(resourceType string) string {
	service := strings.ToLower(strings.Split(resourceType, "::")[1])
	return cmp.Or(map[string]string{
		"logs": "cloudwatchlogs", "opensearchservice": "opensearch", "certificatemanager": "acm", "config": "configservice",
	}[service], service)
}

// builtin are the paths that the policies of aws-foundations read.
func builtin(tb testing.TB) map[string][]string {
	tb.Helper()
	all, err := packs.All()
	if err != nil {
		tb.Fatal(err)
	}
	at := slices.IndexFunc(all, func(b packs.Builtin) bool { return b.Name == "aws-foundations" })
	pack, err := policy.Loader{Engines: map[string]policy.Engine{policy.RuntimeCEL: cel.New()}}.FS(tb.Context(), "aws-foundations", all[at].Files)
	if err != nil {
		tb.Fatal(err)
	}
	config, err := policy.Reconcile(pack, nil)
	if err != nil {
		tb.Fatal(err)
	}
	paths := map[string][]string{}
	for _, rule := range pack.Policies {
		for _, t := range rule.Types {
			if reads, apart := rule.TypeReads[t]; config.Enabled(rule.Name) && apart {
				paths[t] = append(paths[t], reads...)
			} else if config.Enabled(rule.Name) {
				paths[t] = append(paths[t], rule.Reads...)
			}
		}
	}
	return paths
}

// per gives calls for a thousand resources.
func per(calls, resources int) int { return (calls*1000 + resources - 1) / resources }

// rows are the lines of the table: the account, the account without the calls about buckets, and each
// service.
func (s spending) rows() (rows []row) {
	var account, apart row
	for _, service := range slices.Sorted(maps.Keys(s.calls)) {
		one := row{name: service, resources: s.resources[service], calls: s.calls[service]}
		account.add(one)
		apart.resources += one.resources
		if service != "s3" {
			apart.calls.add(one.calls)
		}
		if one.resources >= 10 { // of fewer, what does not depend on their number hides it
			rows = append(rows, one)
		}
	}
	account.name, apart.name = "the account", "the account, calls about buckets left out"
	return append([]row{account, apart}, rows...)
}

// row is a line of the table.
type row struct {
	name      string
	resources int
	calls     cost
}

func (r *row) add(o row) {
	r.resources += o.resources
	r.calls.add(o.calls)
}

func (c *cost) add(o cost) {
	c.all += o.all
	c.needed += o.needed
}

// perThousand is what a thousand of the row's resources cost.
func (r row) perThousand() cost {
	return cost{per(r.calls.all, r.resources), per(r.calls.needed, r.resources)}
}

func (r row) String() string {
	cost := r.perThousand()
	return fmt.Sprintf("| %s | %d | %d | %d |", r.name, r.resources, cost.all, cost.needed)
}

// TestCalls_AreWithinTheBudget holds how many calls an account costs, and the README's table of it.
func TestCalls_AreWithinTheBudget(t *testing.T) {
	t.Parallel()
	rows := spentOnce(t).rows()
	if account := rows[0]; account.resources < 950 || account.resources > 1200 {
		t.Errorf("the account has %d resources, which is not about a thousand", account.resources)
	}
	if cost := rows[1].perThousand(); cost.all > most.all || cost.needed > most.needed {
		t.Errorf("a thousand resources take %+v calls without those about buckets, more than %+v", cost, most)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "| calls for 1,000 resources |")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, r := range rows {
		want = append(want, r.String())
	}
	lines := strings.Split(table, "\n")
	if diff := gocmp.Diff(want, lines[min(2, len(lines)):]); diff != "" {
		t.Errorf("the README's table of calls (-measured +README):\n%s\n%s", diff, strings.Join(want, "\n"))
	}
}

// BenchmarkCalls prints how many calls a thousand resources of a mixed account take.
func BenchmarkCalls(b *testing.B) {
	for _, r := range spentOnce(b).rows() {
		b.Run(strings.NewReplacer(" ", "_", ",", "").Replace(r.name), func(b *testing.B) {
			for b.Loop() { // the account was read already; calls are counted, not timed
			}
			cost := r.perThousand()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(r.resources), "resources")
			b.ReportMetric(float64(cost.all), "calls/1000-all")
			b.ReportMetric(float64(cost.needed), "calls/1000-needed")
		})
	}
}
