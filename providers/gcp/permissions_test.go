package gcp_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cloudaudit/providers/gcp"
)

// TestDeploy_FollowsFromWhatIsRead holds the roles in deploy/gcp against the content types.
func TestDeploy_FollowsFromWhatIsRead(t *testing.T) {
	t.Parallel()
	deploy := filepath.Join("..", "..", "deploy", "gcp")
	roles := map[string]string{
		"role.yaml": gcp.Role(gcp.Contents()...), "project-role.yaml": gcp.Role("RESOURCE", "IAM_POLICY"), "quota-role.yaml": gcp.QuotaRole(),
	}
	for name, role := range roles {
		golden(t, filepath.Join(deploy, name), role)
	}
	for _, name := range []string{"role.tf", "README.md"} {
		text, err := os.ReadFile(filepath.Join(deploy, name))
		if err != nil {
			t.Fatal(err)
		}
		for role := range roles {
			if !strings.Contains(string(text), role) {
				t.Errorf("%s does not mention %s", name, role)
			}
		}
	}
}

var reading = regexp.MustCompile(`^cloudasset\.assets\.list[A-Z][A-Za-z]+$`)

func TestPermissions_OnlyList(t *testing.T) {
	t.Parallel()
	permissions := gcp.Permissions(gcp.Contents()...)
	if len(permissions) != len(gcp.Contents()) {
		t.Errorf("%d permissions for %d content types", len(permissions), len(gcp.Contents()))
	}
	for _, permission := range permissions {
		if !reading.MatchString(permission) {
			t.Errorf("%s does more than list", permission)
		}
	}
}
