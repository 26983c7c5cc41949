package gcp

import (
	"fmt"
	"slices"
	"strings"

	"cloudaudit/providers/shape"
)

// permissions are those that reading a content type needs, in the scope that is read.
var permissions = map[string]string{
	shape.CAIContentResource:     "cloudasset.assets.listResource",
	shape.CAIContentIAMPolicy:    "cloudasset.assets.listIamPolicy",
	shape.CAIContentOrgPolicy:    "cloudasset.assets.listOrgPolicy",
	shape.CAIContentAccessPolicy: "cloudasset.assets.listAccessPolicy",
}

func permissionOf(content string) string { return permissions[content] }

// Permissions lists the permissions that reading some content types needs in the scope that is read.
func Permissions(contents ...string) []string {
	var all []string
	for _, content := range contents {
		all = append(all, permissionOf(content))
	}
	slices.Sort(all)
	return all
}

// Role is a custom role that allows to read what is found, and nothing else.
func Role(contents ...string) string {
	return role("cloudaudit", "Reads the settings of resources, and nothing else.", Permissions(contents...))
}

// QuotaRole is a custom role that allows to have calls count against a project.
func QuotaRole() string {
	return role("cloudaudit quota", "Has calls of cloudaudit count against a project.", []string{useQuota})
}

// role writes a custom role as `gcloud iam roles create --file` takes it.
func role(title, description string, permissions []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "title: %s\ndescription: %s\nstage: GA\nincludedPermissions:\n", title, description)
	for _, permission := range permissions {
		fmt.Fprintf(&b, "  - %s\n", permission)
	}
	return b.String()
}
