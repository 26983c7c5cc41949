package snapshot

import (
	"context"

	"cloudaudit/providers"
)

// Provider reads accounts whose inventory comes from files.
type Provider struct{}

var _ providers.Provider = (*Provider)(nil)

// New makes a provider. It holds no state and may be used for any number of accounts at once.
func New() *Provider { return &Provider{} }

// Collectors plans one collector for every file, in the order of their names. A file that the last
// scan listed and that is gone, or a path that leads to nothing, gives a collector that fails: what
// it held is unknown, not deleted. An error means that the settings are wrong.
func (p *Provider) Collectors(ctx context.Context, account providers.Account, want providers.Want) ([]providers.Collector, error) {
	settings, err := ParseSettings(account.Settings)
	if err != nil {
		return nil, err
	}
	files := find(settings.Path, want.Listed)
	var deleted *deletions
	if settings.Format == Config {
		deleted = &deletions{files: files, settings: settings}
	}
	var collectors []providers.Collector
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		collectors = append(collectors, collector(f, settings, deleted))
	}
	return collectors, nil
}

func collector(f file, settings Settings, deleted *deletions) providers.Collector {
	scope := providers.Scope{
		Name:     f.name,
		Region:   providers.Anywhere,
		Types:    settings.planned(),
		Whole:    settings.whole(),
		Revision: f.revision,
	}
	return providers.Collector{Scope: scope, Collect: func(ctx context.Context, emit providers.Emitter) error {
		if f.err != nil {
			return f.err
		}
		return collect(ctx, f, settings, deleted, emit)
	}}
}
