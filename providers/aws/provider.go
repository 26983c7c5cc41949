package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"cloudaudit/providers"
)

// Options are what a provider is made of.
type Options struct {
	// Resolve gives the value of an external id, which may be a reference (env:, file:, cred:). Without
	// it external ids are taken as they are.
	Resolve func(string) (string, error)
	// Calls caps the calls in flight over all accounts, 64 by default.
	Calls int
	// Log is told of rates that fall, of regions that are off and of what each scope took, where a scan has
	// no log of its own; nobody by default.
	Log *slog.Logger
}

const defaultCalls = 64

// Provider reads AWS accounts. It may be used for any number of accounts at once.
type Provider struct {
	log       *slog.Logger
	limits    *limiters
	resolving func(string) (string, error)

	// For tests: where base credentials come from, who is told of every call, and how names are found.
	credentials sdk.CredentialsProvider
	observe     func(call, region string)
	lookup      func(ctx context.Context, host string) ([]string, error)
}

var _ providers.Provider = (*Provider)(nil)

// New makes a provider.
func New(options Options) *Provider {
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Provider{log: log, limits: newLimiters(cmp.Or(options.Calls, defaultCalls)), resolving: options.Resolve, lookup: net.DefaultResolver.LookupHost}
}

// resolve gives the value of a setting that may be a reference.
func (p *Provider) resolve(reference string) (string, error) {
	if p.resolving == nil || reference == "" {
		return reference, nil
	}
	return p.resolving(reference)
}

// Collectors plans a collector for every service that is global, and for every other in each region
// that the account has turned on. Their order is mixed, differently for each account and the same in
// every scan, so that no region or service is always last when something ends a scan early.
func (p *Provider) Collectors(ctx context.Context, account providers.Account, want providers.Want) ([]providers.Collector, error) {
	s, err := p.openFor(ctx, account, want.Log)
	if err != nil {
		return nil, err
	}
	regions, err := s.regions(ctx)
	if err != nil {
		return nil, err
	}
	if len(regions) == 0 {
		return nil, errors.New("no region is left to read: aws.regions and aws.excludeRegions leave none that the account has turned on")
	}
	plan := &plan{session: s, want: want, full: s.settings.Inventory == Full}
	collectors := plan.collectors(regions)
	slices.SortFunc(collectors, func(a, b providers.Collector) int {
		return cmp.Or(cmp.Compare(mixed(account.Key, a.Scope.Name), mixed(account.Key, b.Scope.Name)), cmp.Compare(a.Scope.Name, b.Scope.Name))
	})
	return collectors, nil
}

// mixed gives a number that orders scopes in no order that means anything.
func mixed(key, name string) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(key + "\n" + name)) // a hash takes everything
	return sum.Sum64()
}

func (p *plan) collectors(regions []string) []providers.Collector {
	var collectors []providers.Collector
	for _, s := range append(slices.Clone(services), p.controlled()...) {
		where := regions
		if s.global {
			where = []string{providers.Global}
		}
		for _, region := range where {
			if c := p.collector(s, region); len(c.Scope.Types) > 0 {
				collectors = append(collectors, c)
			}
		}
	}
	return collectors
}

// collector plans the reading of a service in a region.
func (p *plan) collector(s *service, region string) providers.Collector {
	var types []string
	for _, l := range s.listings {
		types = append(types, l.types(p)...)
	}
	slices.Sort(types)
	return providers.Collector{
		Scope: providers.Scope{Name: region + "/" + s.name, Region: region, Types: slices.Compact(types)},
		Collect: func(ctx context.Context, emit providers.Emitter) error {
			r := &run{plan: p, region: region, service: s, emit: emit}
			return r.collect(ctx)
		},
	}
}

// collect reads every listing of the scope's service. What one of them lacks does not keep the others.
func (r *run) collect(ctx context.Context) error {
	limit := r.limiter(r.config().Region, r.service.client)
	before := limit.usage()
	for _, l := range r.service.listings {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.list(ctx, l); err != nil {
			return err
		}
	}
	used := limit.usage()
	r.logger().InfoContext(ctx, "calls were made", "scope", r.scopeName(), "calls", used.Calls-before.Calls, "refused", used.Refused-before.Refused, "rate", fmt.Sprintf("%.1f", used.Rate))
	return ctx.Err()
}
