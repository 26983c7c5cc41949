package providers

import "context"

// Organization is a Provider whose accounts may be parents of others.
type Organization interface {
	// Members lists the member accounts of a parent in an order that stays: those that are to be read
	// now. Each has a name, parent/<id of the account in the cloud>, that id and its own settings; the
	// caller gives it its key. An account that is no parent has none. An error means that the members
	// are not known, not that there are none.
	Members(ctx context.Context, account Account) ([]Account, error)
}
