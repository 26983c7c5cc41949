// Package cel runs policy packs written in CEL: YAML documents in the manner of Kubernetes'
// ValidatingAdmissionPolicy. What could not be read of a resource is unknown to an expression, and
// so is every result that depends on it.
package cel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"cloudaudit/policy"
)

// revision changes whenever the same input would be judged differently.
const revision = "cel/2"

// maxCached bounds how many packs stay compiled. Others are compiled again when they are opened.
const maxCached = 64

// Engine is the policy.Engine of CEL packs. It is safe for concurrent use.
type Engine struct {
	mu    sync.Mutex
	packs map[string]*unit // by digest
}

// unit is a compiled pack: immutable, shared by all sessions.
type unit struct {
	adapter  *adapter
	policies []*compiled
}

// New makes an engine.
func New() *Engine { return &Engine{packs: map[string]*unit{}} }

// Revision implements policy.Engine.
func (e *Engine) Revision() string { return revision }

// Load implements policy.Engine. Every fault of every policy is reported, with its place.
func (e *Engine) Load(ctx context.Context, manifest policy.Manifest, files fs.FS) (*policy.Pack, error) {
	pack, unit, err := compile(ctx, manifest, files, running)
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

// mode is how expressions are compiled: to run in scans, to be watched part by part, or to note which
// branches were taken.
type mode int

const (
	running mode = iota
	watched
	counting
)

func compile(ctx context.Context, manifest policy.Manifest, files fs.FS, mode mode) (*policy.Pack, *unit, error) {
	root := manifest.Main
	if root == "" {
		root = "."
	}
	documents, err := readDocuments(files, root)
	faults := []error{err}
	c, err := newCompiler()
	if err != nil {
		return nil, nil, err
	}
	c.mode = mode
	pack := &policy.Pack{
		Name: manifest.Name, DisplayName: manifest.DisplayName, Description: manifest.Description,
		Runtime: policy.RuntimeCEL, VersionTag: manifest.Version, Initial: manifest.Initial,
	}
	u := &unit{adapter: c.adapter}
	for _, d := range documents {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		p, compiled, err := c.policy(d)
		faults = append(faults, err)
		pack.Policies = append(pack.Policies, p)
		u.policies = append(u.policies, compiled)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, nil, err
	}
	if len(documents) == 0 {
		return nil, nil, fmt.Errorf("no policies: no .yaml files in folder %q", root)
	}
	return pack, u, nil
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
// archive.
func (e *Engine) Open(ctx context.Context, pack *policy.Pack, options policy.SessionOptions) (policy.Session, error) {
	u, ok := e.find(pack.Digest)
	if !ok {
		var err error
		if u, err = recompile(ctx, pack, running); err != nil {
			return nil, err
		}
		e.keep(pack.Digest, u)
	}
	return newSession(u, options)
}

// recompile compiles a loaded pack from its archive.
func recompile(ctx context.Context, pack *policy.Pack, mode mode) (*unit, error) {
	files, err := policy.Unpack(pack.Archive)
	if err != nil {
		return nil, fmt.Errorf("open policy pack %s: %w", pack.Name, err)
	}
	manifest, err := policy.ReadManifest(files)
	if err != nil {
		return nil, fmt.Errorf("open policy pack %s: %w", pack.Name, err)
	}
	_, u, err := compile(ctx, manifest, files, mode)
	if err != nil {
		return nil, fmt.Errorf("open policy pack %s: %w", pack.Name, err)
	}
	return u, nil
}
