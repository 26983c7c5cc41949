package gcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloudaudit/providers/shape"
)

// What becomes of the projects in a folder or organization.
const (
	// MembersProjects makes every project a member account (the default).
	MembersProjects = "projects"
	// MembersNone leaves the projects' resources to the account itself.
	MembersNone = "none"
)

// DefaultDeletionLag is how long a resource has to be absent from listings before it counts as deleted,
// unless the settings say otherwise: Cloud Asset Inventory takes over nearly all changes within minutes.
const DefaultDeletionLag = 10 * time.Minute

// maxDeletionLag is as far back as Cloud Asset Inventory remembers.
const maxDeletionLag = 35 * 24 * time.Hour

// Settings is the section "gcp" of an account.
type Settings struct {
	// Scope is what is read: projects/ID, folders/NUMBER or organizations/NUMBER.
	Scope string `json:"scope"`
	// AssetTypes restricts the inventory to these types, all by default.
	AssetTypes []string `json:"assetTypes,omitempty"`
	// Content are the content types to read. By default these are RESOURCE and IAM_POLICY, and of an
	// organization ORG_POLICY and ACCESS_POLICY, too.
	Content []string `json:"content,omitempty"`
	// QuotaProject is the id of the project whose quota the calls count against and whose Cloud Asset API
	// is called; by default that of the credentials.
	QuotaProject string `json:"quotaProject,omitempty"`
	// Credentials says who calls; by default the application default credentials do.
	Credentials *Credentials `json:"credentials,omitempty"`
	// DeletionLag is how long a resource has to be absent from listings before it counts as deleted: a
	// duration such as 10m. With 0s the first listing without it is believed.
	DeletionLag string `json:"deletionLag,omitempty"`
	// Members is MembersProjects or MembersNone, for folders and organizations.
	Members string `json:"members,omitempty"`
	// Projects says which projects are members, all that are active by default.
	Projects *Projects `json:"projects,omitempty"`
	// Via is where a member's parent is read from. Members have it, nobody else.
	Via *Via `json:"via,omitempty"`
	// Endpoint is host and port of a test server on this machine, which is spoken to in clear text and
	// without credentials. Nothing but a loopback address is taken.
	Endpoint string `json:"endpoint,omitempty"`
}

// Credentials says who calls.
type Credentials struct {
	// JSON is a reference (env:, file:, cred:) to the key of a service account or to the configuration of
	// workload identity federation.
	JSON string `json:"json,omitempty"`
	// Impersonate is the service account that the credentials stand in for.
	Impersonate string `json:"impersonate,omitempty"`
	// Delegates are service accounts on the way to it, each of which may impersonate the next.
	Delegates []string `json:"delegates,omitempty"`
}

// Projects says which projects are members.
type Projects struct {
	// Folders restricts the members to projects below some of these folders; ExcludeFolders leaves those
	// below others out.
	Folders        []string `json:"folders,omitempty"`
	ExcludeFolders []string `json:"excludeFolders,omitempty"`
	// Labels restricts the members to projects that have all of these labels.
	Labels map[string]string `json:"labels,omitempty"`
	// Exclude are ids of projects to leave out, or patterns of them such as sys-*.
	Exclude []string `json:"exclude,omitempty"`
}

// Via is the parent of a member.
type Via struct {
	// Scope is the parent's. A listing of it that is under way, or has just ended, holds the member's
	// resources.
	Scope string `json:"scope"`
	// Number is the number of the member's project, by which a listing of the parent names it.
	Number string `json:"number"`
}

// ParseSettings decodes and checks settings. Unknown keys are errors.
func ParseSettings(data json.RawMessage) (Settings, error) {
	var settings Settings
	if len(bytes.TrimSpace(data)) == 0 {
		return Settings{}, errors.New("the section gcp is missing: give it a scope")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&settings); err != nil {
		return Settings{}, fmt.Errorf("read the section gcp: %w", err)
	}
	if err := settings.Validate(); err != nil {
		return Settings{}, err
	}
	settings.fill()
	return settings, nil
}

// fill sets what was left out.
func (s *Settings) fill() {
	if len(s.Content) == 0 {
		s.Content = []string{shape.CAIContentResource, shape.CAIContentIAMPolicy}
		if s.organization() {
			s.Content = Contents()
		}
	}
	if s.DeletionLag == "" {
		s.DeletionLag = DefaultDeletionLag.String()
	}
	if s.Members == "" && !s.project() {
		s.Members = MembersProjects
	}
}

// Contents lists the content types that can be read, in the order in which they are.
func Contents() []string {
	return []string{shape.CAIContentResource, shape.CAIContentIAMPolicy, shape.CAIContentOrgPolicy, shape.CAIContentAccessPolicy}
}

// CloudID gives the cloud's own id of the account as far as the settings tell it: a project's id, or a
// folder's or organization's name. It is empty for a project that is named by its number.
func (s Settings) CloudID() string {
	id, isProject := strings.CutPrefix(s.Scope, "projects/")
	switch {
	case !isProject:
		return s.Scope
	case allDigits(id):
		return ""
	}
	return id
}

func (s Settings) project() bool      { return strings.HasPrefix(s.Scope, "projects/") }
func (s Settings) organization() bool { return strings.HasPrefix(s.Scope, "organizations/") }

// parent tells whether the projects in the scope are members.
func (s Settings) parent() bool { return s.Members == MembersProjects }

// lag is DeletionLag as a duration. It was checked before.
func (s Settings) lag() time.Duration {
	lag, err := time.ParseDuration(s.DeletionLag)
	if err != nil {
		return DefaultDeletionLag
	}
	return lag
}

func allDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

var (
	scopeName     = regexp.MustCompile(`^(projects/` + projectPattern + `|(folders|organizations)/[0-9]{1,20})$`)
	projectID     = regexp.MustCompile(`^` + projectPattern + `$`)
	folderName    = regexp.MustCompile(`^folders/[0-9]{1,20}$`)
	assetTypeName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*\.[a-z]+[/.][A-Za-z0-9]+$`)
	emailAddress  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*@[a-z0-9][a-z0-9.-]*\.[a-z]+$`)
)

// projectPattern is of a project's id, which may begin with a domain, or number.
const projectPattern = `(([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{1,20})`

// Validate joins everything that is wrong with the settings.
func (s Settings) Validate() error {
	errs := []error{
		s.checkScope(),
		each(s.AssetTypes, assetTypeName, "gcp.assetTypes holds names of types such as storage.googleapis.com/Bucket, not %q"),
		s.checkContent(),
		s.checkLag(),
		s.checkMembers(),
		checkEndpoint(s.Endpoint),
	}
	if s.QuotaProject != "" && !projectID.MatchString(s.QuotaProject) {
		errs = append(errs, fmt.Errorf("gcp.quotaProject %q is no id of a project: write it without projects/", s.QuotaProject))
	}
	if s.Credentials != nil {
		errs = append(errs, s.Credentials.validate())
	}
	return errors.Join(errs...)
}

func (s Settings) checkScope() error {
	switch {
	case s.Scope == "":
		return errors.New("gcp.scope is missing: name what to read, as projects/ID, folders/NUMBER or organizations/NUMBER")
	case !scopeName.MatchString(s.Scope):
		return fmt.Errorf("gcp.scope %q is none: write projects/ID, folders/NUMBER or organizations/NUMBER", s.Scope)
	}
	return nil
}

func (s Settings) checkContent() error {
	var errs []error
	for _, content := range s.Content {
		if !slices.Contains(Contents(), content) {
			errs = append(errs, fmt.Errorf("gcp.content %q is unknown: use %s", content, strings.Join(Contents(), ", ")))
		}
	}
	if len(s.Content) > 0 && !slices.Contains(s.Content, shape.CAIContentResource) {
		errs = append(errs, fmt.Errorf("gcp.content lacks %s, without which resources have no properties: add it", shape.CAIContentResource))
	}
	if slices.Contains(s.Content, shape.CAIContentAccessPolicy) && !s.organization() {
		errs = append(errs, fmt.Errorf("gcp.content %s is of organizations: remove it, or set gcp.scope to the organization", shape.CAIContentAccessPolicy))
	}
	return errors.Join(errs...)
}

func (s Settings) checkLag() error {
	if s.DeletionLag == "" {
		return nil
	}
	lag, err := time.ParseDuration(s.DeletionLag)
	if err != nil || lag < 0 || lag > maxDeletionLag {
		return fmt.Errorf("gcp.deletionLag %q is no duration from 0s to %dh: write one such as %s", s.DeletionLag, int(maxDeletionLag.Hours()), "10m")
	}
	return nil
}

func (s Settings) checkMembers() error {
	var errs []error
	switch {
	case s.Members != "" && s.Members != MembersProjects && s.Members != MembersNone:
		errs = append(errs, fmt.Errorf("gcp.members %q is unknown: use %s or %s", s.Members, MembersProjects, MembersNone))
	case s.Members == MembersProjects && s.project():
		errs = append(errs, errors.New("gcp.members is for folders and organizations: remove it, a project has no members"))
	}
	if s.Projects != nil {
		if s.project() || s.Members == MembersNone {
			errs = append(errs, errors.New("gcp.projects chooses members: remove it, this account has none"))
		}
		errs = append(errs, s.Projects.validate())
	}
	if s.Via != nil && (!s.project() || !scopeName.MatchString(s.Via.Scope) || s.Via.Number == "" || !allDigits(s.Via.Number)) {
		errs = append(errs, errors.New("gcp.via is what members are given: remove it"))
	}
	return errors.Join(errs...)
}

func (p Projects) validate() error {
	errs := []error{each(append(slices.Clone(p.Folders), p.ExcludeFolders...), folderName,
		"gcp.projects.folders and gcp.projects.excludeFolders hold folders such as folders/123, not %q")}
	for _, pattern := range p.Exclude {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			errs = append(errs, fmt.Errorf("gcp.projects.exclude %q is no id of a project and no pattern of one: write one such as sys-*", pattern))
		}
	}
	return errors.Join(errs...)
}

func (c Credentials) validate() error {
	var errs []error
	// What is no reference is not repeated: it may be the key itself.
	if scheme, rest, _ := strings.Cut(c.JSON, ":"); c.JSON != "" && (rest == "" || !slices.Contains([]string{"env", "file", "cred"}, scheme)) {
		errs = append(errs, errors.New("gcp.credentials.json has to be a reference, never the key itself: write file:/path, env:NAME or cred:NAME"))
	}
	if c.Impersonate == "" && len(c.Delegates) > 0 {
		errs = append(errs, errors.New("gcp.credentials.delegates lead to an account: add gcp.credentials.impersonate"))
	}
	if c.Impersonate != "" {
		errs = append(errs, each(append(slices.Clone(c.Delegates), c.Impersonate), emailAddress,
			"gcp.credentials.impersonate and gcp.credentials.delegates hold e-mail addresses of service accounts, not %q"))
	}
	return errors.Join(errs...)
}

func each(values []string, pattern *regexp.Regexp, fault string) error {
	var errs []error
	for _, value := range values {
		if !pattern.MatchString(value) {
			errs = append(errs, fmt.Errorf(fault, value))
		}
	}
	return errors.Join(errs...)
}

func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || host == "" || port == "" {
		return errors.New("gcp.endpoint is no address of a test server: write 127.0.0.1:PORT")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("gcp.endpoint may only be a test server on this machine: %q is no loopback address", host)
	}
	return nil
}
