package azure

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cloudaudit/providers"
)

// Options are what a provider is made of.
type Options struct {
	// Resolve gives the value of a reference to a secret (env:, file:, cred:). Without it references are
	// taken as they are.
	Resolve func(string) (string, error)
	// Calls caps the calls in flight over all accounts, 64 by default.
	Calls int
	// Log is told of what slows calls down and of what each scope took, where a scan has no log of its own;
	// nobody by default.
	Log *slog.Logger
}

const defaultCalls = 64

// Provider reads Azure accounts. It may be used for any number of accounts at once.
type Provider struct {
	log       *slog.Logger
	limits    *limiters
	resolving func(string) (string, error)

	// credential takes the place of the settings' in tests.
	credential azcore.TokenCredential
}

var _ providers.Provider = (*Provider)(nil)

// New makes a provider.
func New(options Options) *Provider {
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Provider{log: log, limits: newLimiters(cmp.Or(options.Calls, defaultCalls)), resolving: options.Resolve}
}

// resolve gives the value of a setting that is a reference.
func (p *Provider) resolve(reference string) (string, error) {
	if p.resolving == nil || reference == "" {
		return reference, nil
	}
	return p.resolving(reference)
}

// Collectors plans a collector for every group of tables. It asks which subscriptions answer, what may be
// read of them and which types they have.
func (p *Provider) Collectors(ctx context.Context, account providers.Account, want providers.Want) ([]providers.Collector, error) {
	s, err := p.open(account, want.Log)
	if err != nil {
		return nil, err
	}
	plan, err := s.plan(ctx, want)
	if err != nil {
		return nil, explain(err)
	}
	return plan.collectors(), nil
}
