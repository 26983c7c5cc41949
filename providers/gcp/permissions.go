package gcp

import "cloudaudit/providers/shape"

// permissions are those that reading a content type needs, in the scope that is read.
var permissions = map[string]string{
	shape.CAIContentResource:     "cloudasset.assets.listResource",
	shape.CAIContentIAMPolicy:    "cloudasset.assets.listIamPolicy",
	shape.CAIContentOrgPolicy:    "cloudasset.assets.listOrgPolicy",
	shape.CAIContentAccessPolicy: "cloudasset.assets.listAccessPolicy",
}

func permissionOf(content string) string { return permissions[content] }
