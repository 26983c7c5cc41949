package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Names that the provider of GCP knows. What snapshots hold are the contents that it reads.
var gcpMembers = []string{"projects", "none"}

func gcpShape() *shape {
	return &shape{kind: structure, about: "the section that says what is read, and as whom", keys: []key{
		{name: "scope", required: true, shape: &shape{about: "what is read: projects/ID, folders/NUMBER or organizations/NUMBER", format: scopeFormat()}},
		{name: "assetTypes", shape: &shape{kind: list, about: "the only types to read", values: &shape{about: "a type", format: assetTypeFormat()}}},
		{name: "content", shape: &shape{kind: list, about: "the content types to read; RESOURCE and IAM_POLICY by default, all of an organization",
			values: &shape{about: "a content type", oneOf: snapshotContents}}},
		{name: "quotaProject", shape: &shape{about: "the project that calls count against, in which the Cloud Asset API is enabled", format: projectFormat()}},
		{name: "credentials", shape: gcpCredentialsShape()},
		{name: "deletionLag", shape: &shape{about: "how long a resource has to be absent from listings before it counts as deleted; 10m by default", format: lagFormat()}},
		{name: "members", shape: &shape{about: "whether the projects of a folder or organization are accounts of their own, which is the default", oneOf: gcpMembers}},
		{name: "projects", shape: gcpProjectsShape()},
		{name: "endpoint", shape: &shape{about: "host and port of a test server on this machine", format: serverFormat()}},
	}}
}

func gcpCredentialsShape() *shape {
	return &shape{kind: structure, about: "who reads; by default the application default credentials do", keys: []key{
		{name: "json", shape: &shape{about: "a reference to a service account's key or a configuration of workload identity federation", format: referenceFormat()}},
		{name: "impersonate", shape: &shape{about: "the service account to act as", format: serviceAccountFormat()}},
		{name: "delegates", shape: &shape{kind: list, about: "service accounts on the way to it, each of which may act as the next",
			values: &shape{about: "a service account", format: serviceAccountFormat()}}},
	}}
}

func gcpProjectsShape() *shape {
	folders := func(about string) *shape {
		return &shape{kind: list, about: about, values: &shape{about: "a folder", format: folderFormat()}}
	}
	return &shape{kind: structure, about: "which projects are accounts of their own; all that are active by default", keys: []key{
		{name: "folders", shape: folders("the only folders whose projects are read, with those below them")},
		{name: "excludeFolders", shape: folders("folders whose projects are left out, with those below them")},
		{name: "labels", shape: &shape{kind: dictionary, about: "labels that a project needs to be read", values: &shape{about: "a label's value"}}},
		{name: "exclude", shape: &shape{kind: list, about: "projects to leave out", values: &shape{about: "a project's id or a pattern", format: projectGlobFormat()}}},
	}}
}

// projectPattern is of a project's id, which may begin with a domain, or number.
const projectPattern = `(([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{1,20})`

func scopeFormat() *format {
	return &format{
		pattern: pattern(`^(projects/` + projectPattern + `|(folders|organizations)/[0-9]{1,20})$`),
		want:    "a scope: write projects/ID, folders/NUMBER or organizations/NUMBER",
	}
}

func projectFormat() *format {
	return &format{pattern: pattern(`^` + projectPattern + `$`), want: "the id of a project, without projects/"}
}

func folderFormat() *format {
	return &format{pattern: pattern(`^folders/[0-9]{1,20}$`), want: "a folder such as folders/123"}
}

func assetTypeFormat() *format {
	return &format{pattern: pattern(`^[a-z0-9][a-z0-9.-]*\.[a-z]+[/.][A-Za-z0-9]+$`), want: "a type such as storage.googleapis.com/Bucket"}
}

func serviceAccountFormat() *format {
	return &format{
		pattern: pattern(`^[a-z0-9][a-z0-9.-]*@[a-z0-9][a-z0-9.-]*\.[a-z]+$`),
		want:    "the e-mail address of a service account such as audit@audit-1.iam.gserviceaccount.com",
	}
}

// maxLag is as far back as Cloud Asset Inventory remembers.
const maxLag = 35 * 24 * time.Hour

func lagFormat() *format {
	lag := durationFormat()
	lag.check = func(text string) error {
		if duration, err := time.ParseDuration(text); err != nil || duration > maxLag {
			return errors.New("it is longer than 840h")
		}
		return nil
	}
	return lag
}

// serverFormat takes this machine alone, as endpointFormat does.
func serverFormat() *format {
	return &format{
		pattern: pattern(`^(localhost|127(\.[0-9]{1,3}){3}|\[::1\]):[0-9]{1,5}$`),
		want:    "the address of a test server on this machine such as 127.0.0.1:8085",
	}
}

// gcp checks what only the section as a whole can tell.
func (c *checker) gcp(path string, section *node) {
	credentials, content := section.field("credentials"), section.field("content")
	if delegates := credentials.field("delegates"); len(delegates.items()) > 0 && credentials.field("impersonate") == nil {
		c.at(delegates, path+".credentials.delegates", "delegates lead to a service account; add impersonate, or remove them")
	}
	c.gcpContent(path+".content", content, strings.HasPrefix(section.field("scope").text(), "organizations/"))
	c.gcpMembers(path, section)
	read := map[string]int{}
	for i, kind := range section.field("assetTypes").items() {
		c.alone(fmt.Sprintf("%s.assetTypes[%d]", path, i), kind, read, "a type to read")
	}
}

// gcpContent holds that resources are read, and access policies only of organizations.
func (c *checker) gcpContent(path string, content *node, organization bool) {
	var listed []string
	for i, item := range content.items() {
		listed = append(listed, item.text())
		if item.text() == "ACCESS_POLICY" && !organization {
			c.at(item, fmt.Sprintf("%s[%d]", path, i), "access policies are of organizations; remove it, or set scope to the organization")
		}
	}
	if len(listed) > 0 && !slices.Contains(listed, "RESOURCE") {
		c.at(content, path, "without RESOURCE resources have no properties; add it")
	}
}

// gcpMembers refuses to choose among projects where none is an account of its own.
func (c *checker) gcpMembers(path string, section *node) {
	project := strings.HasPrefix(section.field("scope").text(), "projects/")
	members, projects := section.field("members"), section.field("projects")
	if project && members.text() == "projects" {
		c.at(members, path+".members", "a project has no members; remove it")
	}
	if projects != nil && (project || members.text() == "none") {
		c.at(projects, path+".projects", "the section chooses members, and this account has none; remove it")
	}
}

// gcpParent tells whether the account of the section has members.
func gcpParent(section *node) bool {
	scope := section.field("scope").text()
	return scope != "" && !strings.HasPrefix(scope, "projects/") && section.field("members").text() != "none"
}
