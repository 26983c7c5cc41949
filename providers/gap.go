package providers

// Class says why something could not be read, or why a path has no trustworthy value.
type Class string

// The classes of gaps. NotRead and RedactedValue only ever stand in Unread.
const (
	AccessDenied   Class = "access_denied"
	DeniedByOrg    Class = "denied_by_org"
	Throttled      Class = "throttled"
	NotEnabled     Class = "not_enabled"
	RegionDisabled Class = "region_disabled"
	AuthExpired    Class = "auth_expired"
	Timeout        Class = "timeout"
	Decode         Class = "decode"
	Failure        Class = "error"
	NotRead        Class = "not_read"
	RedactedValue  Class = "redacted"
	// Stale marks a facet whose last value is known but was not read again.
	Stale Class = "stale"
)

// Gap is something that a collector could not read. A gap makes the listing of its type
// incomplete; one without a type makes the whole scope incomplete; one with a facet concerns only
// that facet.
type Gap struct {
	Region string
	Type   string
	Facet  string
	Class  Class
	// Permission is the missing permission, if the provider named it.
	Permission string
	// Place is where it happened: "gcp.ndjson:17", "s3:GetBucketPolicy".
	Place string
	// Reason is in our own words and never quotes input, which may hold secrets.
	Reason string
	// Paths are what a facet would tell, as JSON Pointers from the resource's root, for those who ask which
	// policies miss it. They are not stored; none stand for all of the resource.
	Paths []string
}

// Error is an error of a collector that knows its class.
type Error struct {
	Class      Class
	Permission string
	Err        error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
