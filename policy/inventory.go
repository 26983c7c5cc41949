package policy

import (
	"context"
	"iter"

	"cloudaudit/providers"
)

// Inventory is an account as its account policies see it, once its scan has ended. It reads from the
// store, so that nothing holds an account whole.
type Inventory interface {
	// Resources gives the resources of a type that are there, sorted by identity, each with its unread
	// paths. An error ends the sequence, and makes every policy that reads the type unusable.
	Resources(ctx context.Context, resourceType string) iter.Seq2[Input, error]
	// Complete tells whether the type's listing was complete in every planned region. A policy that
	// reads a type which was not can prove nothing (design rule 3.6).
	Complete(resourceType string) bool
}

// AccountSession is a Session whose pack has account policies.
type AccountSession interface {
	Session
	// EvaluateAccount judges the account by every enabled account policy and gives an outcome for
	// each, in the pack's order. It reads only the types that the policies ask for, once. An error
	// means that the session is unusable or the inventory cannot be read; the failure of one policy is
	// an outcome.
	EvaluateAccount(ctx context.Context, account *providers.Account, inventory Inventory) ([]Outcome, error)
}
