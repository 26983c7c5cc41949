package azure

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudaudit/providers/shape"
)

// Update has golden files written anew.
var Update bool

// TestDeploy_FollowsFromTheCalls holds the role in deploy/azure against the one that a check hands out.
func TestDeploy_FollowsFromTheCalls(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "deploy", "azure", "role.json")
	if Update {
		if err := os.WriteFile(file, []byte(Role()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Role() {
		t.Errorf("%s is not the role that follows from the calls, written anew with -update:\n%s", file, Role())
	}
}

// TestRole_AllowsWhatIsNeeded holds the role against every call that is made.
func TestRole_AllowsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	role := grants{{actions: []string{"*/read"}, except: closed}}
	for _, action := range slices.Concat(Actions(), ParentActions()) {
		if !role.allow(action) {
			t.Errorf("the role does not allow %s", action)
		}
		if !strings.HasSuffix(action, "/read") {
			t.Errorf("%s is more than reading", action)
		}
	}
	for _, action := range []string{
		"Microsoft.Storage/storageAccounts/listKeys/action", "Microsoft.Storage/storageAccounts/write", "Microsoft.Web/sites/config/list/action",
		"Microsoft.OperationalInsights/workspaces/query/SecurityEvent/read", "Microsoft.ContainerRegistry/registries/pull/read",
		"Microsoft.Resources/deployments/read", "microsoft.insights/logs/read",
	} {
		if role.allow(action) {
			t.Errorf("the role allows %s", action)
		}
	}
}

func TestGrants_Allow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "Microsoft.A/b/read", true},
		{"*/read", "Microsoft.A/b/read", true},
		{"*/read", "Microsoft.A/b/write", false},
		{"microsoft.a/*/READ", "Microsoft.A/b/c/read", true},
		{"Microsoft.A/b/read", "Microsoft.A/b/read", true},
		{"Microsoft.A/b/read", "Microsoft.A/b/reads", false},
		{"Microsoft.A/*/c/*", "Microsoft.A/b/c/read", true},
		{"Microsoft.A/*/d/*", "Microsoft.A/b/c/read", false},
		{"Microsoft.B/*", "Microsoft.A/b/read", false},
		{"", "Microsoft.A/b/read", false},
	} {
		if got := (grants{{actions: []string{tt.pattern}}}).allow(tt.action); got != tt.want {
			t.Errorf("%q allows %q: %v", tt.pattern, tt.action, got)
		}
	}
	two := grants{{actions: []string{"*/read"}, except: []string{"Microsoft.A/*"}}, {actions: []string{"Microsoft.A/b/read"}}}
	if !two.allow("Microsoft.A/b/read") || two.allow("Microsoft.A/c/read") {
		t.Error("an exception of one role takes away what another gives, or the other way round")
	}
}

var apiVersion = regexp.MustCompile(`^20[12][0-9]-[01][0-9]-[0-3][0-9](-preview)?$`)

// TestData_IsCanonical holds the spelling of types, and that no facet has the name of another.
func TestData_IsCanonical(t *testing.T) {
	t.Parallel()
	for _, known := range graphTypes {
		if canonical := shape.ARMType(strings.ToLower(known.name)); canonical != known.name {
			t.Errorf("data/types.txt has %s, which is %s", known.name, canonical)
		}
		if !slices.ContainsFunc(tables, func(of table) bool { return of.name == known.table }) {
			t.Errorf("data/types.txt has the unknown scope %s", known.table)
		}
	}
	for parent, of := range reads {
		names := map[string]bool{}
		for _, r := range of {
			for _, name := range []string{r.kind, parent} {
				if canonical := shape.ARMType(strings.ToLower(name)); canonical != name {
					t.Errorf("data/reads.txt has %s, which is %s", name, canonical)
				}
			}
			if !apiVersion.MatchString(r.version) {
				t.Errorf("data/reads.txt has the api-version %s of %s", r.version, r.kind)
			}
			if name := r.facet + r.kind; names[name] || r.facet != "" && names[r.facet] {
				t.Errorf("data/reads.txt has %s of %s twice", r.facet, parent)
			} else {
				names[name], names[r.facet] = true, r.facet != ""
			}
		}
	}
	for _, name := range []string{"Microsoft.Storage/storageAccounts", "Microsoft.Sql/servers", "Microsoft.Resources/subscriptions"} {
		if len(reads[name]) == 0 {
			t.Errorf("nothing is read of %s", name)
		}
	}
}
