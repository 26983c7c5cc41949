package gcp

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// Options are what a provider is made of.
type Options struct {
	// Resolve gives what gcp.credentials.json refers to (env:, file:, cred:). Without it references cannot
	// be used.
	Resolve func(string) (string, error)
	// Temp is the folder for what does not fit into memory, the system's by default.
	Temp string
	// Log is told of rates that fall and of listings that begin anew, where a scan has no log of its own;
	// nobody by default.
	Log *slog.Logger
}

// Provider reads projects, folders and organizations of Google Cloud. It may be used for any number of
// accounts at once.
type Provider struct {
	log       *slog.Logger
	limits    limiters
	sweeps    sweeps
	resolving func(string) (string, error)

	// client asks for tokens; the library's own by default. For tests.
	client *http.Client
}

var _ providers.Provider = (*Provider)(nil)

// New makes a provider.
func New(options Options) *Provider {
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Provider{log: log, sweeps: sweeps{temp: options.Temp, now: time.Now}, resolving: options.Resolve}
}

// resolve gives what a reference refers to.
func (p *Provider) resolve(reference string) (string, error) {
	if p.resolving == nil {
		return "", failure(providers.Failure, "references cannot be resolved here")
	}
	return p.resolving(reference)
}

// session is one reading of an account.
type session struct {
	provider *Provider
	settings Settings
	log      *slog.Logger
	limit    *limiter
	// readTime is the moment of which all listings tell.
	readTime time.Time
	members  memo[[]project]
}

// behind is how long ago the moment is of which listings tell. Pages and content types agree on it, and no
// clock that goes a little wrong makes it one of the future, of which nothing can be told.
const behind = time.Minute

func (p *Provider) open(account providers.Account, log *slog.Logger) (*session, error) {
	settings, err := ParseSettings(account.Settings)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = p.log.With("account", account.Name)
	}
	s := &session{provider: p, settings: settings, log: log, readTime: time.Now().Add(-behind).Truncate(time.Second)}
	s.limit = p.limits.of(consumer{settings.Endpoint, settings.QuotaProject, s.credentialsKey()})
	return s, nil
}

// credentialsKey tells credentials from others. Those of a project that is named count against that one.
func (s *session) credentialsKey() string {
	if s.settings.Credentials == nil || s.settings.QuotaProject != "" {
		return ""
	}
	key, _ := json.Marshal(s.settings.Credentials) // texts can be written
	return string(key)
}

// Collectors plans a collector for every content type, resources first.
func (p *Provider) Collectors(ctx context.Context, account providers.Account, want providers.Want) ([]providers.Collector, error) {
	s, err := p.open(account, want.Log)
	if err != nil {
		return nil, err
	}
	var collectors []providers.Collector
	for _, content := range Contents() {
		if s.reads(content) {
			collectors = append(collectors, s.collector(content))
		}
	}
	return collectors, ctx.Err()
}

// reads tells whether a content type is read.
func (s *session) reads(content string) bool { return contains(s.settings.Content, content) }

// collector plans the listing of a content type. All listings hold all types, and what each tells is a
// facet that is empty where it tells nothing.
func (s *session) collector(content string) providers.Collector {
	scope := providers.Scope{
		Name: scopeNameOf(content), Region: providers.Anywhere, Types: sorted(s.settings.AssetTypes), Whole: s.facets(), Lag: s.settings.lag(),
	}
	return providers.Collector{
		Scope: scope,
		Collect: func(ctx context.Context, emit providers.Emitter) error {
			r := &reading{session: s, content: content, scope: scope.Name, emit: emit}
			return r.collect(ctx)
		},
	}
}

// scopeNameOf names the scope of a content type: resource, iam-policy and so on.
func scopeNameOf(content string) string {
	return strings.ReplaceAll(strings.ToLower(content), "_", "-")
}

// facets are those that are read.
func (s *session) facets() []string {
	var facets []string
	for _, content := range Contents() {
		if facet := facetOf(content); facet != "" && s.reads(content) {
			facets = append(facets, facet)
		}
	}
	return facets
}

// facetOf gives the facet that a content type tells, none for resources. Of organization policies the API
// only lists those of the first version.
func facetOf(content string) string {
	facets := shape.CAIFacets(content)
	if len(facets) == 0 {
		return ""
	}
	return facets[0]
}
