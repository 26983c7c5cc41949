package policy

import (
	"context"
	"iter"

	"cloudaudit/providers"
)

// Inventory is an account as its account policies see it, once its scan has ended. It reads from where
// the resources are kept, so that nothing holds an account whole.
type Inventory interface {
	// Resources gives the resources of a type that are there, sorted by identity, each with all of its
	// unread paths. Read is what the session looks at in a resource, of which no more need be there; nil
	// is all of it. An error ends the sequence; the session gives it back.
	Resources(ctx context.Context, resourceType string, read *providers.Projection) iter.Seq2[Input, error]
	// Incomplete gives the class of the gap if the type's listing was not complete in every planned
	// region. A policy that reads such a type proves nothing (design rule 3.6).
	Incomplete(resourceType string) (providers.Class, bool)
}

// AccountSession is a Session that can judge an account as a whole.
type AccountSession interface {
	Session
	// EvaluateAccount judges the account by every enabled account policy and gives an outcome for each,
	// in the pack's order. It asks only for types that these policies read. An error means that the
	// inventory could not be read or the session is unusable; the failure of one policy is an outcome.
	EvaluateAccount(ctx context.Context, account *providers.Account, inventory Inventory) ([]Outcome, error)
}
