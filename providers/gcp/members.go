package gcp

import (
	"cmp"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/asset/apiv1/assetpb"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// projectType is the type of projects.
const projectType = "cloudresourcemanager.googleapis.com/Project"

// project is a project below a parent.
type project struct {
	id, number string
	active     bool
	labels     map[string]string
	ancestors  []string
}

// Members lists the projects below a folder or organization, in the order of their ids: those that are
// active and that the settings leave in. Each is named parent/<project id>. Their keys are the caller's
// to give. A project has no members, and an account with gcp.members none holds its projects itself.
func (p *Provider) Members(ctx context.Context, account providers.Account) ([]providers.Account, error) {
	s, err := p.open(account, nil)
	if err != nil || !s.settings.parent() {
		return nil, err
	}
	found, err := s.projects(ctx)
	if err != nil {
		return nil, err
	}
	members := make([]providers.Account, 0, len(found))
	for _, of := range found {
		member, err := s.member(account, of)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

var _ providers.Organization = (*Provider)(nil)

// Identify gives the id of the account. Only a project that the settings name by its number has to be
// asked for.
func (p *Provider) Identify(ctx context.Context, account providers.Account) (string, error) {
	s, err := p.open(account, nil)
	if err != nil {
		return "", err
	}
	if id := s.settings.CloudID(); id != "" {
		return id, nil
	}
	found, err := s.listProjects(ctx)
	if err != nil {
		return "", err
	}
	for _, of := range found {
		if "projects/"+of.number == s.settings.Scope {
			return of.id, nil
		}
	}
	return "", failure(providers.Failure, "find the id of %s: it is not listed", s.settings.Scope)
}

var _ providers.Identifier = (*Provider)(nil)

// projects gives the projects that are members. One listing tells all content types of them.
func (s *session) projects(ctx context.Context) ([]project, error) {
	return s.members.get(ctx, func(ctx context.Context) ([]project, error) {
		all, err := s.listProjects(ctx)
		return slices.DeleteFunc(all, func(p project) bool { return !s.settings.Projects.chooses(p) }), err
	})
}

// listProjects lists the projects in the scope, each once.
func (s *session) listProjects(ctx context.Context) ([]project, error) {
	found := map[string]project{}
	never := func(string) error { return nil } // it is a type that is known
	l := &listing{session: s, content: shape.CAIContentResource}
	err := l.list(ctx, []string{projectType}, never, func(asset *assetpb.Asset) error {
		if of, ok := readProject(asset); ok {
			found[of.id] = of
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]project, 0, len(found))
	for _, of := range found {
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b project) int { return cmp.Compare(a.id, b.id) })
	return all, nil
}

// readProject reads a project as either version of its API writes it.
func readProject(asset *assetpb.Asset) (project, bool) {
	number := asset.GetName()[strings.LastIndexByte(asset.GetName(), '/')+1:]
	fields := asset.GetResource().GetData().GetFields()
	of := project{
		id: fields["projectId"].GetStringValue(), number: number, ancestors: asset.GetAncestors(), labels: map[string]string{},
		active: cmp.Or(fields["lifecycleState"].GetStringValue(), fields["state"].GetStringValue()) == "ACTIVE",
	}
	for key, value := range fields["labels"].GetStructValue().GetFields() {
		of.labels[key] = value.GetStringValue()
	}
	return of, projectID.MatchString(of.id) && number != "" && allDigits(number)
}

// chooses tells whether a project is a member.
func (p *Projects) chooses(of project) bool {
	if !of.active {
		return false
	}
	if p == nil {
		return true
	}
	below := func(folder string) bool { return contains(of.ancestors, folder) }
	for key, value := range p.Labels {
		if found, there := of.labels[key]; !there || found != value {
			return false
		}
	}
	for _, pattern := range p.Exclude {
		if excluded, _ := path.Match(pattern, of.id); excluded { // patterns were checked before
			return false
		}
	}
	return (len(p.Folders) == 0 || slices.ContainsFunc(p.Folders, below)) && !slices.ContainsFunc(p.ExcludeFolders, below)
}

// member makes the account of a project.
func (s *session) member(parent providers.Account, of project) (providers.Account, error) {
	settings := s.settings
	settings.Scope, settings.Via = "projects/"+of.id, &Via{Scope: s.settings.Scope, Number: of.number}
	settings.Members, settings.Projects = "", nil
	settings.Content = slices.DeleteFunc(slices.Clone(settings.Content), func(content string) bool { return content == shape.CAIContentAccessPolicy })
	data, err := json.Marshal(settings)
	if err != nil {
		return providers.Account{}, failure(providers.Failure, "write the settings of project %s: %w", of.id, err)
	}
	return providers.Account{
		Name: parent.Name + "/" + of.id, Provider: providers.GCP, Cloud: providers.GCP, CloudID: of.id, Tags: parent.Tags, Settings: data,
	}, nil
}

// memo remembers what was found out once. What failed is tried again.
type memo[T any] struct {
	mu    sync.Mutex
	known bool
	value T
}

func (m *memo[T]) get(ctx context.Context, find func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known {
		return m.value, nil
	}
	value, err := find(ctx)
	m.value, m.known = value, err == nil
	return value, err
}
