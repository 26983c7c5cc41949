// Package snapshot reads inventories from files: exports of Google Cloud's Cloud Asset Inventory
// (format gcp-cai), answers of Azure Resource Graph or Resource Manager (azure-resource-graph), and
// descriptions of AWS Cloud Control (aws-cloudcontrol).
//
// Every file is a scope of its own. A file may be NDJSON, one or several JSON arrays, pretty
// printed or not, or API answers that hold their records under data, value or assets (of AWS, as
// below); plain or compressed with gzip or zstandard. It is read as a stream: memory depends on the
// largest record, never on the file. A record that cannot be understood becomes a gap with its line,
// and the rest is read.
//
// # Google Cloud
//
// The main part of an asset is resource.data, untouched. The facets are iamPolicy, orgPolicy (the
// list of legacy organization policies), v2OrgPolicies (the list of current ones) and accessPolicy.
// An inventory gives access policies, access levels and service perimeters as three fields of which
// a record has one; the facet accessPolicy is an object with that one field (accessPolicy,
// accessLevel or servicePerimeter). Exports to a bucket spell the fields of facets in snake case
// and the API in camel case; facets are kept in camel case, so that both give the same resource.
//
// A record with some content types only is a resource with those parts alone. A missing policy
// means that there is none only where snapshot.content declares that the files hold such policies.
//
// # Azure
//
// The main part is the row itself without id, type and name, so that a policy finds properties,
// sku, kind, identity, location, tags and so on where Azure has them:
// /properties/properties/minimumTlsVersion. Types are in the API's spelling, however the file
// writes them, and identities in lower case.
//
// # AWS Cloud Control
//
// A record has a TypeName, an Identifier and Properties (an object, or the JSON of one in a string, as
// the API gives it), and may have a Region and an AccountId. It may also stand in the answer to
// get-resource (ResourceDescription) or list-resources (ResourceDescriptions), with one TypeName
// beside, before or behind it. The main part is Properties, untouched. The id is the ARN that the
// type's read-only properties or the identifier hold, else TypeName/Identifier. snapshot.accountId and
// snapshot.region fill in what records lack; the region of a resource is the record's, else that of
// its ARN, else the setting's, and global for services without regions. A record of another account
// than snapshot.accountId is a gap.
//
// Properties that CloudFormation's schema calls write-only are never read back, so that they are
// unread where they are missing. Of a record in an answer to list-resources every missing property
// is unread, because AWS leaves out what it likes there: ask for each resource by get-resource, and
// put the answers into one file, to have absence proven.
package snapshot
