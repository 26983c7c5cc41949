// Package rego runs policy packs written in Rego: packs made for Pulumi, as they are, and our own,
// which say more in their METADATA. What could not be read of a resource is unknown to a policy,
// and so is every outcome that depends on it.
package rego

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	"github.com/open-policy-agent/opa/v1/version"

	"cloudaudit/policy"
)

// revision changes whenever the same input would be judged differently by our own code; the
// evaluator's version does the rest.
const revision = "rego/2+opa/"

// maxCached bounds how many packs stay compiled. Others are compiled again when they are opened.
const maxCached = 64

// Engine is the policy.Engine of Rego packs. It is safe for concurrent use.
type Engine struct {
	mu    sync.Mutex
	packs map[string]*unit // by digest
}

// New makes an engine.
func New() *Engine { return &Engine{packs: map[string]*unit{}} }

// Revision implements policy.Engine.
func (e *Engine) Revision() string { return revision + version.Version }

// Load implements policy.Engine. Every fault of every file is reported, with its place.
func (e *Engine) Load(ctx context.Context, manifest policy.Manifest, files fs.FS) (*policy.Pack, error) {
	pack, unit, err := compile(ctx, manifest, files)
	if err != nil {
		return nil, err
	}
	digest, err := policy.Digest(files)
	if err != nil {
		return nil, err
	}
	e.keep(digest, unit)
	return pack, nil
}

func (e *Engine) keep(digest string, u *unit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.packs) >= maxCached {
		clear(e.packs)
	}
	e.packs[digest] = u
}

func (e *Engine) find(digest string) (*unit, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u, ok := e.packs[digest]
	return u, ok
}

// Open implements policy.Engine. A pack that this engine has not loaded is compiled from its
// archive. The session is a policy.AccountSession.
func (e *Engine) Open(ctx context.Context, pack *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	s, err := e.open(ctx, pack, options)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (e *Engine) open(ctx context.Context, pack *policy.Pack, options policy.SessionOptions) (*session, error) {
	u, err := e.unit(ctx, pack)
	if err != nil {
		return nil, err
	}
	return newSession(ctx, u, options)
}

// unit gives a loaded pack as it was compiled, or compiles it again.
func (e *Engine) unit(ctx context.Context, pack *policy.Pack) (*unit, error) {
	if u, known := e.find(pack.Digest); known {
		return u, nil
	}
	files, err := policy.Unpack(pack.Archive)
	if err != nil {
		return nil, fmt.Errorf("open policy pack %s: %w", pack.Name, err)
	}
	manifest, err := policy.ReadManifest(files)
	if err != nil {
		return nil, fmt.Errorf("open policy pack %s: %w", pack.Name, err)
	}
	_, u, err := compile(ctx, manifest, files)
	if err != nil {
		return nil, fmt.Errorf("open policy pack %s: %w", pack.Name, err)
	}
	e.keep(pack.Digest, u)
	return u, nil
}
