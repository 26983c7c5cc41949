// Package azure reads Azure subscriptions through Resource Graph and, where that leaves something out that
// policies read, through Resource Manager.
//
// # Accounts
//
// An account is one subscription or several. The parent of a management group or of a tenant has the
// subscriptions below it as member accounts, parent/<subscription id>; itself it holds what is in no
// subscription: management groups, and the roles and policies that are assigned there.
//
// # Scopes
//
// A scope is a group of tables of Resource Graph ("resources", "authorization"), for all regions and all
// subscriptions of the account, a batch of subscriptions after the other. Its types are those that the
// tables are known to hold (data/types.txt) and those that the account has. The tables of policies and of
// security are read where a policy reads one of their types, or the settings say inventory: full. Role and
// policy definitions that Azure brings along are not read.
//
// # Resources
//
// The main part is the row as Resource Graph gives it, or the object of Resource Manager, without id, type
// and name. Types are in the API's spelling, identities in lower case. A child is in the region of its
// parent where it has none of its own.
//
// What Resource Graph leaves out is read by Resource Manager, by a GET for each parent; data/reads.txt lists
// all of it with the api-version of each. What policies judge by itself (a firewall rule, the blob service
// of a storage account, a parameter of a database) is a resource of its own, listed where a policy reads
// its type. What only tells more of its parent (the auditing of a SQL server, the diagnostic settings of a
// vault) is a facet: the member _azure.<name> of the parent's properties, which holds the answer, a list of
// objects or one object. Facets are read where a policy reads them, all of them with inventory: full.
//
// A facet is a piece of the main part (providers.Piece): read, hashed and stored on its own. While it is not
// read, the main part marks it as unread, with the class not_read or that of the error. What does not exist
// (404) is absent, and its facet is read. Diagnostic settings of subscriptions are resources, all others
// facets.
//
// # What Resource Graph does not tell
//
// Resource Graph leaves out, without an error, the subscriptions and types that may not be read. So the
// subscriptions that answer are compared with those that are wanted, and what may be read is asked of
// Resource Manager once for each subscription: what is missing is a gap, and its absence proves nothing.
// A listing that gives fewer rows than it announced, that was cut off, or whose pages come again is not
// complete, either.
//
// # Failures
//
// A query that fails leaves its batch of subscriptions a gap, or ends the scope where there is no other. A
// read that fails is a gap of the facet, or of the type of the children, with its class and, where it was
// denied, the permission that is missing. A resource that is gone when it is looked at is left out. What a
// subscription has never registered does not exist. A token that is not taken is renewed once; after that
// the scope fails.
//
// # Calls
//
// Queries keep to the quota that every answer of Resource Graph tells, for each identity. Reads of Resource
// Manager are limited by subscription. Both wait for as long as a refusal asks for. Nothing is ever
// registered or changed. data/types.txt and data/reads.txt tell which permissions are needed; deploy/azure
// holds the role that follows from them.
//
// # Credentials
//
// Credentials come from azidentity, of the kind that the settings name. An account with an endpoint is
// read from an emulator on this machine with a token that is worth nothing.
package azure
