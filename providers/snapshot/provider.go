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
	plan := planOf(settings, account.Cloud, find(settings.Path, want.Listed))
	var collectors []providers.Collector
	for _, f := range plan.files {
		collectors = append(collectors, plan.collector(ctx, f))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return collectors, nil
}

// plan is what the collectors of an account share.
type plan struct {
	settings Settings
	cloud    string
	files    []file
	deleted  *deletions
}

func planOf(settings Settings, cloud string, files []file) plan {
	p := plan{settings: settings, cloud: cloud, files: files}
	if settings.Format == Config {
		p.deleted = &deletions{files: files, settings: settings}
	}
	return p
}

func (p plan) collector(ctx context.Context, f file) providers.Collector {
	if p.settings.Format == Dump {
		return p.dump(ctx, f)
	}
	return p.reading(f, listed{providers.Anywhere, p.settings.planned(), p.settings.whole()}, func(ctx context.Context, emit providers.Emitter) error {
		return collect(ctx, f, p.settings, p.deleted, emit)
	})
}

// dump plans the reading of a dump, whose own beginning says what it lists.
func (p plan) dump(ctx context.Context, f file) providers.Collector {
	scope := listed{region: providers.Anywhere, types: p.settings.planned()}
	if f.err == nil {
		var planned listed
		if planned, f.err = planDump(ctx, f, p.settings, p.cloud); f.err == nil {
			scope = planned
		}
	}
	return p.reading(f, scope, func(ctx context.Context, emit providers.Emitter) error {
		return collectDump(ctx, f, p.settings, p.cloud, scope, emit)
	})
}

// reading is the collector of a file. One that cannot be read fails.
func (p plan) reading(f file, scope listed, collect func(context.Context, providers.Emitter) error) providers.Collector {
	if f.err != nil {
		collect = func(context.Context, providers.Emitter) error { return f.err }
	}
	return providers.Collector{
		Scope:   providers.Scope{Name: f.name, Region: scope.region, Types: scope.types, Whole: scope.whole, Revision: f.revision},
		Collect: collect,
	}
}
