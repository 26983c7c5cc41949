package policy

import (
	"context"
	"io/fs"
	"time"
)

// Engine runs the packs of one runtime.
type Engine interface {
	// Load reads a pack's files, compiles every policy and gives the pack with its metadata and
	// static facts (types, paths read, use of the clock), without Version, Digest and Archive. A
	// pack that is not fully sound is refused with the file, the line and the reason of each fault.
	Load(ctx context.Context, manifest Manifest, files fs.FS) (*Pack, error)
	// Open makes a session of a loaded pack with a reconciled config.
	Open(ctx context.Context, pack *Pack, options SessionOptions) (Session, error)
	// Revision changes whenever the engine would judge the same input differently.
	Revision() string
}

// SessionOptions are what a session is bound to.
type SessionOptions struct {
	Config Reconciled
	// Now is the scan's start, the only clock that policies see.
	Now time.Time
}

// Session evaluates one pack with one config. It is safe for concurrent use.
type Session interface {
	// Evaluate judges one resource by every enabled resource policy that matches its type and gives
	// an outcome for each, in the pack's order; policies of other types give none. An error means
	// that the session is unusable; the failure of one policy is an outcome.
	Evaluate(ctx context.Context, input Input) ([]Outcome, error)
	Close() error
}
