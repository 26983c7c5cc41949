package providers

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Properties is the name of a resource's main part. All other parts are pieces of it or facets.
const Properties = "properties"

// piece begins the name of a piece of the main part.
const piece = Properties + ":"

// Piece is the name of a piece of the main part: a part that is read, hashed and stored on its own
// like a facet, and whose members stand among the properties where policies read them. The value of a
// piece is an object; Join puts it into the main part. While a piece is not read, the main part says
// so in its unread paths, one for each member that the piece would have.
func Piece(name string) string { return piece + name }

// IsPiece tells whether a part is a piece of the main part.
func IsPiece(part string) bool { return strings.HasPrefix(part, piece) }

// Resource is one discovered thing, or a piece of one: a record that carries only some parts of a
// resource (an inventory's IAM line, say) is a Resource with those parts alone, and the parts it
// lacks are left as they are known. What a complete listing never delivered is judged when the
// scan ends.
type Resource struct {
	// Type is the provider's own name of the type: AWS::S3::Bucket, storage.googleapis.com/Bucket,
	// Microsoft.Storage/storageAccounts.
	Type string
	// ID is the provider's own full name (ARN, CAI full resource name, ARM id), as written there.
	ID string
	// Identity is ID in the form in which the provider compares ids: ARM ids in lower case, all
	// others unchanged. Two resources of one type and Identity are the same.
	Identity string
	// Name is short and for people.
	Name string
	// Region is the provider's region or location, Global where it has none.
	Region string
	// UID tells a resource from an earlier one of the same ID: the provider's unique id or else the
	// creation time; empty where the provider gives neither.
	UID string
	// Ancestors are the containers, closest first ("projects/1", "folders/2", "organizations/3").
	Ancestors []string
	Tags      map[string]string
	// Parts are what was read, by name: Properties and facets.
	Parts map[string]Part
	// Rank decides between several records of the same part in one scan.
	Rank Rank
}

// Global is the region of resources that belong to none.
const Global = "global"

// Part is a piece of a resource that is read, hashed and stored on its own.
type Part struct {
	// Value is decoded JSON: nil, bool, string, json.Number, []any, map[string]any, and Redacted in
	// the place of a secret. Numbers keep their digits.
	Value any
	// Hash is over the canonical form of Value, and of the resource's name, region, tags and
	// ancestors for the main part. Volatile fields do not count.
	Hash Hash
	// Unread lists what is missing in this part, with paths from the resource's root.
	Unread []Unread
}

// Hash is a content hash, keyed by the revision of the redaction list.
type Hash [16]byte

// String gives the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Redacted stands where a secret stood. Empty tells that the secret was an empty string.
type Redacted struct{ Empty bool }

// RedactedText is the placeholder of a secret in stored JSON. An empty secret is stored as "".
const RedactedText = "[redacted]"

// MarshalJSON writes the placeholder, which keeps the type (a string) and the emptiness.
func (r Redacted) MarshalJSON() ([]byte, error) {
	if r.Empty {
		return []byte(`""`), nil
	}
	return json.Marshal(RedactedText)
}

// Unread is a path of a resource that has no value that a policy may trust.
type Unread struct {
	// Path is a JSON Pointer (RFC 6901) from the resource's root: "/properties/password",
	// "/facets/iamPolicy", "/properties/env/2/value", "/tags"; the empty one is the whole resource.
	Path  string `json:"path"`
	Class Class  `json:"class"`
}

// PartPath is the JSON Pointer of a part's root. The root of a piece is that of the main part.
func PartPath(part string) string {
	if part == Properties || IsPiece(part) {
		return "/" + Properties
	}
	return "/facets/" + part
}

// Join puts the pieces of the main part into it, values and unread paths, so that the resource is as
// policies and people see it. Hashes stay as they are. The values of the parts are changed in place.
func (r *Resource) Join() {
	main, read := r.Parts[Properties]
	for _, name := range slices.Sorted(maps.Keys(r.Parts)) {
		if !IsPiece(name) {
			continue
		}
		main.Value = merge(main.Value, r.Parts[name].Value)
		main.Unread = append(slices.Clip(main.Unread), r.Parts[name].Unread...)
		delete(r.Parts, name)
	}
	if read {
		r.Parts[Properties] = main
	}
}

// merge puts the members of one object into another, objects below them too.
func merge(into, from any) any {
	target, isObject := into.(map[string]any)
	source, fits := from.(map[string]any)
	if !isObject || !fits {
		if into == nil {
			return from
		}
		return into
	}
	for key, value := range source {
		target[key] = merge(target[key], value)
	}
	return target
}

// Rank orders records of one part that a scan reads more than once: the latest Updated counts,
// then the scope's name, then the Line. The zero Rank is the lowest.
type Rank struct {
	Updated time.Time
	Scope   string
	Line    int
}

// Compare gives -1, 0 or 1 as r ranks below, equal to or above o.
func (r Rank) Compare(o Rank) int {
	if c := r.Updated.Compare(o.Updated); c != 0 {
		return c
	}
	if r.Scope != o.Scope {
		if r.Scope < o.Scope {
			return -1
		}
		return 1
	}
	switch {
	case r.Line < o.Line:
		return -1
	case r.Line > o.Line:
		return 1
	}
	return 0
}
