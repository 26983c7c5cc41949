package providers

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Provider reads one kind of cloud account.
type Provider interface {
	// Collectors plans the listings of an account. An error means that nothing can be read.
	Collectors(ctx context.Context, account Account, want Want) ([]Collector, error)
}

// Want says what the account's policies read, so that a provider may fetch facets by need, and
// what the last scan listed, so that a provider may notice what is gone.
type Want struct {
	// Paths maps a resource type to the paths (JSON Pointers, "*" for any element) that policies
	// read of it. The type "*" stands for policies that match any type.
	Paths map[string][]string
	// Listed are the names of the scopes of the account's last scan.
	Listed []string
	// Log is the scan's log, for what people should know of how the account was read. May be nil.
	Log *slog.Logger
}

// Identifier is a Provider that can find out whose account the settings lead to.
type Identifier interface {
	// Identify gives the cloud's own id of the account (see Account.CloudID).
	Identify(ctx context.Context, account Account) (string, error)
}

// Scope is a unit of listing inside an account: a region and a service's types, or a file.
type Scope struct {
	// Name is unique in the account and the same in every scan.
	Name string
	// Region is the one region that is listed, Anywhere for all.
	Region string
	// Types are the types that the listing holds, none for any.
	Types []string
	// Whole names the facets whose absence in a complete listing means that they are empty. The
	// absence of any other facet means that it was not read.
	Whole []string
	// Revision identifies what is listed where it can change between a scan and its resumption
	// (a file's size and time); empty otherwise.
	Revision string
	// Lag is how long a listing may lack what exists, because it is not of the resources themselves but
	// of an inventory that follows them. What a complete listing lacks is gone only when listings have
	// lacked it for that long, and none before the second; with 0 the first is believed.
	Lag time.Duration
}

// Anywhere is the region of a scope that lists all regions.
const Anywhere = "*"

// AnyType stands for all types in coverage.
const AnyType = "*"

// Holds tells whether the scope could contain resources of the type.
func (s Scope) Holds(resourceType string) bool {
	return len(s.Types) == 0 || slices.Contains(s.Types, resourceType)
}

// Collector lists one scope.
type Collector struct {
	Scope Scope
	// Collect reads the scope and hands everything to emit, from one goroutine. An error means that
	// the scope failed; what was emitted before counts all the same, but absence proves nothing.
	// Collect stops soon after ctx ends.
	Collect func(ctx context.Context, emit Emitter) error
}

// Emitter takes what a collector reads. An error of an Emitter ends the listing.
type Emitter interface {
	// Resource takes a resource or some parts of one. The emitter owns it from then on.
	Resource(*Resource) error
	// Gap takes note of something that could not be read.
	Gap(Gap) error
}
