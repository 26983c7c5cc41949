package providers

import "context"

// Checker is a Provider that can tell whether an account is ready to be read.
type Checker interface {
	// Check tries what reading the account needs, without reading it. An error means that the account
	// cannot be entered at all.
	Check(ctx context.Context, account Account) (Check, error)
}

// Check is what there is to know before an account is read.
type Check struct {
	// Identity is who we are there: an ARN, a service account's name, a principal's id.
	Identity string
	// CloudID is the cloud's own id of the account.
	CloudID string
	// Regions are the regions of the account, by name; none where the provider does not read by region.
	Regions []CheckedRegion
	// Tried is how many permissions were tried.
	Tried int
	// Missing are permissions that the account does not give, by name.
	Missing []MissingPermission
	// Untried are permissions of which nothing is known, by name: trying them needs a resource.
	Untried []string
	// Grant is a policy that gives every permission that is needed, in the cloud's own format, and Remedy
	// one that gives those that are missing; empty where none is.
	Grant, Remedy string
}

// CheckedRegion is a region of an account.
type CheckedRegion struct {
	Name string
	// On tells that the account has the region turned on, Read that the settings leave it in.
	On, Read bool
}

// MissingPermission is a permission that an account does not give.
type MissingPermission struct {
	Permission string
	Class      Class
	// Reason is in our own words and never quotes input.
	Reason string
}
