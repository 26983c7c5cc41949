package scanner

import (
	"context"
	"errors"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// ErrBusy tells that another process or goroutine is scanning the account. The error that wraps
// it says which.
var ErrBusy = errors.New("account is being scanned")

// ErrLeaseLost tells that a scan no longer owns its account: another took over after the lease
// ran out. The scan stops and writes nothing more.
var ErrLeaseLost = errors.New("lease of the scan was lost")

// ErrCancelled tells that somebody asked for the end of a scan.
var ErrCancelled = errors.New("scan was cancelled")

// Store is what the scanner needs remembered. Every writing method is one transaction that fails
// with ErrLeaseLost when the scan's lease has passed to another.
type Store interface {
	// Begin takes the account's lease and starts a scan, or fails with ErrBusy. If the account's last
	// scan did not come to its end, that one goes on: it is given back with what it did in Left. A new
	// one has in Last what the last one's End left, which is forgotten with that.
	Begin(ctx context.Context, account providers.Account, trigger Trigger) (*Scan, error)
	// Plan notes what the scan judges by, for whoever may have to go on with it.
	Plan(ctx context.Context, scan *Scan, digest string) error
	// Wanted fails with ErrCancelled once somebody asked for the end of the scan, and with
	// ErrLeaseLost once it belongs to another. It only reads.
	Wanted(ctx context.Context, scan *Scan) error
	// Assignments gives the groups that audit the account, with its region filters in Regions.
	Assignments(ctx context.Context, account providers.Account) ([]Assignment, error)
	// Pack gives the version of a pack that a group applies, complete with its archive.
	Pack(ctx context.Context, applied policy.Applied) (*policy.Pack, error)
	// Listed gives the names of the scopes that the account's last ended scan planned.
	Listed(ctx context.Context, account providers.Account) ([]string, error)

	// Log appends to the scan's log. Report replaces its progress and renews the lease.
	Log(ctx context.Context, scan *Scan, lines ...LogLine) error
	Report(ctx context.Context, scan *Scan, progress Progress) error

	// Ingest looks the records' resources up by type and identity, lets weigh decide about them and
	// writes what it gives. Unknown resources, and ones that are gone, get a row first, so that each
	// has a key; the head (id, name, region, tags, UID, ancestors) of a new row is the record's, and
	// it counts the record's parts as its versions. What is known is in the order of the records.
	Ingest(ctx context.Context, scan *Scan, records []*providers.Resource, weigh func([]Known) ([]PartWrite, error)) error
	// SaveParts writes changes of parts.
	SaveParts(ctx context.Context, scan *Scan, writes []PartWrite) error
	// Reopen forgets what the scan recorded of a scope, which is listed once more.
	Reopen(ctx context.Context, scan *Scan, scope string) error
	// EndScope records how a scope ended and which resources it held.
	EndScope(ctx context.Context, scan *Scan, result ScopeResult, seen Seen) error
	// Trail gives a chunk of a scope's trail as the last scan saved it, nil if there is none. SaveTrail
	// replaces it; without data the trail ends before it.
	Trail(ctx context.Context, scan *Scan, scope string, n int) ([]byte, error)
	SaveTrail(ctx context.Context, scan *Scan, scope string, n int, data []byte) error
	// Deferred gives the parts that were put aside by PartWrite.Defer, of each the one of the highest
	// rank, in pages by key; limit bounds the page.
	Deferred(ctx context.Context, scan *Scan, after DeferredKey, limit int) ([]DeferredPart, error)

	// Held gives the account's resources that are not gone, in order of their keys, with key > after.
	Held(ctx context.Context, scan *Scan, after int64, limit int) ([]Held, error)
	// HeldCount is how many there are.
	HeldCount(ctx context.Context, scan *Scan) (int, error)
	// HeldKeys is Held for the resources of these keys: a page at most.
	HeldKeys(ctx context.Context, scan *Scan, keys []int64) ([]Held, error)
	// HeldTypes gives the types of the resources that are not gone, sorted.
	HeldTypes(ctx context.Context, scan *Scan) ([]string, error)
	// Unsettled gives the keys of the resources that are missing or have stale parts, and of all of
	// these types; of none that is gone.
	Unsettled(ctx context.Context, scan *Scan, types []string) (*KeySet, error)
	// Load gives the resources of these keys as stored now, in the order of the keys: their current parts
	// without stale ones, of the values what is to be read, secrets as providers.Redacted.
	Load(ctx context.Context, scan *Scan, keys []int64, read *providers.Projection) ([]*providers.Resource, error)
	// Abandoned gives, by pack, the resources with open violations of packs that are not among these.
	Abandoned(ctx context.Context, scan *Scan, packs []string) (map[string]*KeySet, error)
	// ViolationsOf gives all violations of these resources, resolved ones included, by resource key.
	ViolationsOf(ctx context.Context, scan *Scan, keys []int64) (map[int64][]Violation, error)
	// HeldOf is Held for the resources of one type, in order of their identities, with identity > after.
	HeldOf(ctx context.Context, scan *Scan, resourceType, after string, limit int) ([]Held, error)
	// HeldAccount gives what is known of the account itself.
	HeldAccount(ctx context.Context, scan *Scan) (HeldAccount, error)
	// JudgeAccount writes what was decided about the account itself: its verdicts, all of them, and the
	// violations after the diff. It adds to the scan's counts.
	JudgeAccount(ctx context.Context, scan *Scan, verdicts []Verdict, changes []Change, counts Counts) error
	// Judge writes what was decided about a page of resources and adds to the scan's counts.
	Judge(ctx context.Context, scan *Scan, judgements []Judgement, counts Counts) error

	// Judged gives the account's last scan that came to its end, with how its scopes ended; it fails if
	// there is none.
	Judged(ctx context.Context, account providers.Account) (*Scan, []ScopeResult, error)

	// End records the result and coverage, keeps the day's score and what the next scan may know, and
	// gives the lease back. What only a running scan needs is dropped unless the result may be gone on
	// with. It is called for every scan that Begin started, also after the context has ended (with one of
	// its own).
	End(ctx context.Context, scan *Scan, result Result) error
}

// Assignment is a group that audits an account.
type Assignment struct {
	Group policy.Group
	// Regions are the regions by which the account is a member ("account/region"); none if the
	// whole account is.
	Regions []string
}

// Known is what the store knows of a resource that a scan reads.
type Known struct {
	Key int64
	// New tells that the resource had no row, or was gone.
	New   bool
	UID   string
	Parts []KnownPart
}

// part gives what is known of a part, nil if there is none.
func (k *Known) part(name string) *KnownPart {
	for i := range k.Parts {
		if k.Parts[i].Name == name {
			return &k.Parts[i]
		}
	}
	return nil
}

// KnownPart is the current version of a part.
type KnownPart struct {
	Name   string
	Hash   providers.Hash
	Unread string // as EncodeUnread gives it
	Rank   providers.Rank
	Stale  bool
	// From is the scan that wrote this version.
	From int64
}

// PartWrite is one change of a part. Exactly one of Version, Reread and Defer says what to do.
type PartWrite struct {
	Key  int64
	Part string
	// Head is the record that the part came in. The row's head is set from it when the part is the
	// main one, and kept otherwise.
	Head   *providers.Resource
	Body   []byte // JSON; nil for Reread
	Hash   providers.Hash
	Unread string
	Rank   providers.Rank
	// First tells that the record is the one that a new row was made from, so that the part has no
	// version before and the row tells of it already.
	First bool
	// Version opens a new version: the current one ends at this scan and the new one holds from it.
	// A version that this same scan opened is replaced in place, and if the content then equals the
	// version before, that one goes on as if nothing had happened.
	Version bool
	// Reread keeps the version's content and sets its unread paths, rank and freshness, and the
	// resource's UID if the part is the main one.
	Reread bool
	// Defer puts the part aside: a record of lower rank than the current version, which counts only
	// if the current version is not read again in this scan.
	Defer bool

	// Contends tells that another scope has a record of the part in this scan. Only one of them is kept,
	// so that after an interruption all scopes have to be listed anew. It may stand alone.
	Contends bool

	loses bool // to a record of higher rank that this scan already read
}

// DeferredKey is a place in the list of deferred parts.
type DeferredKey struct {
	Key  int64
	Part string
}

// DeferredPart is a part that was put aside, ready to be written as a Version.
type DeferredPart struct {
	Write PartWrite
	// Current is the rank of the version that is current now.
	Current providers.Rank
}

// Held is a resource as the judging pass sees it: hashes and states, no bodies.
type Held struct {
	Key      int64
	Type     string
	Identity string
	Region   string
	UID      string
	// Since is the scan that found it, in its present life; Changed the last one that changed it.
	Since   int64
	Changed int64
	// Missing is set while the resource could not be seen although it is not proved gone.
	Missing  providers.Class
	Parts    []HeldPart // sorted by name
	Verdicts []HeldVerdict
}

// HeldPart is the current version of a part.
type HeldPart struct {
	Name   string
	Hash   providers.Hash
	Unread string
	// Stale is the class of the gap since which the part was not read, empty while it is fresh.
	Stale providers.Class
	// From is the scan that opened the version.
	From int64
}

// VerdictKey names an audit's verdict on a resource.
type VerdictKey struct {
	PackDigest   string
	ConfigDigest string
}

// HeldVerdict is an earlier verdict: what it was a judgement of.
type HeldVerdict struct {
	VerdictKey
	Pack string
	// Content is the hash of the resource as it was judged, Judged of everything that the verdict
	// depends on.
	Content providers.Hash
	Judged  providers.Hash
}

// HeldAccount is the account as its account policies judged it.
type HeldAccount struct {
	Verdicts []HeldVerdict
	// Violations are all that were ever known of the account itself.
	Violations []Violation
}

// Verdict is what an audit said of a resource, or of the account.
type Verdict struct {
	VerdictKey
	Pack     string
	Content  providers.Hash
	Judged   providers.Hash
	Outcomes []policy.Outcome // Reports, Detail do not count
}

// Judgement is everything that a scan decided about one resource.
type Judgement struct {
	Key      int64
	Presence Presence
	// Missing is the class of the gap while Presence is Missing.
	Missing providers.Class
	// Stale, Fresh and Ended change the states of parts: not read again (by class), read again, and
	// empty now, which ends the part's version.
	Stale map[string]providers.Class
	Fresh []string
	Ended []string
	// Put replaces verdicts, Drop removes them. The counters follow.
	Put  []Verdict
	Drop []VerdictKey
	// Changes are the violations after the diff.
	Changes []Change

	moved bool // is missing, or missed by another reason, or present, and was not before
}

// Presence is what a scan proved about a resource's existence.
type Presence string

// A resource is Present when it was read, Missing when it was not and nothing is proved, Gone when
// every listing that could hold it was complete, and Outside when no planned listing holds its
// type any more.
const (
	Present Presence = "present"
	Missing Presence = "missing"
	Gone    Presence = "gone"
	Outside Presence = "out_of_scope"
)

// Violation is a violation as the diff sees it.
type Violation struct {
	ID         string
	Pack       string
	Policy     string
	Key        string
	Severity   policy.Severity
	Message    string
	State      policy.State
	Resolution policy.Resolution
	Triage     policy.Triage
	// UID is the resource's when the violation last opened.
	UID string
	// Unverified tells that the last scans could not verify it.
	Unverified bool
	// Rows are the groups that report it now; none when it is resolved.
	Rows []Row
}

// Row is a group's report of a violation.
type Row struct {
	Group       string
	Level       policy.Level
	PackVersion int
	Message     string
}

// Change is a violation after the diff. The store writes it over what it has: rows of groups that
// are not in Rows end, new ones begin, messages change in place without an event.
type Change struct {
	Violation
	// Level is the strictest of the rows'.
	Level policy.Level
	// Was is the state before; empty for a violation that was never known.
	Was policy.State
	// NewTriage tells that people's triage starts over.
	NewTriage bool
}
