// Package gcp reads projects, folders and organizations of Google Cloud through the Cloud Asset API.
//
// # Scopes
//
// A scope is a content type: resource, iam-policy, org-policy and access-policy. Each lists all types, or
// those of gcp.assetTypes, in all locations, in pages of a thousand assets, and all of a scan at one moment,
// a minute before the scan began.
//
// # Resources
//
// Types, ids (full resource names) and properties are those of Cloud Asset Inventory, the same as in an
// export that is read from a file; labels are tags, the location is the region. The properties are
// resource.data. The facets are iamPolicy, orgPolicy (the list of legacy organization policies; current
// ones are resources of the type orgpolicy.googleapis.com/Policy) and accessPolicy (an object with one
// member: accessPolicy, accessLevel or servicePerimeter). What the listing of a facet does not hold has
// none. Of an asset that is listed with a facet alone, the properties are unread.
//
// # Members
//
// The active projects in a folder or organization are member accounts, unless gcp.members says none; then
// the account holds all resources itself. A parent has what lies in no project: folders, the organization,
// its policies and roles. One listing of the parent is enough for all of them: what it tells of members is
// put aside, in memory and then in a file without a name, until each member reads its part. A member that
// is read without its parent, or long after it, lists its project itself.
//
// # Failures
//
// The resources of an account are as complete as the scope resource is. What the other scopes could not
// read is a gap of their facet, so that a denied permission for IAM policies leaves resources proven. If
// nothing can be read at all, all scopes fail. A type that Google Cloud does not know is a gap of its own,
// and the others are listed. An asset that cannot be understood is a gap of its type.
//
// A call that is too many is made again, at half the rate, until the quota has had time to fill again; a
// call that failed in passing is made again a few times; a token that has expired is renewed once. A page
// whose token is not taken any more has the listing begin anew, once.
//
// An inventory follows what it tells of: nearly all changes within minutes, a few types within hours. So
// what a listing lacks is gone only when listings have lacked it for gcp.deletionLag (Scope.Lag).
//
// # Calls
//
// Calls count against the quota project: that of the settings, else that of the credentials. Google Cloud
// allows a project 100 listings a minute; all accounts that name the same one share a limiter that stays
// below.
package gcp
