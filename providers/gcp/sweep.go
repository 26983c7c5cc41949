package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/protobuf/proto"
)

// sweepLife is how long members read what their parent has listed, from the end of the listing; later they
// list by themselves, so that nobody waits for a change to show.
const sweepLife = 15 * time.Minute

// sweep is a listing of a parent, with what it holds of each member put aside until the member reads it.
// So an organization is listed once, however many projects it has. The nil sweep keeps nothing.
type sweep struct {
	now   func() time.Time
	aside *spool
	// ended is closed when the listing has ended. From then on, at is when, whole tells whether it came to
	// its end, and unknown are the types that Google Cloud did not know.
	ended   chan struct{}
	at      time.Time
	whole   bool
	unknown []string
}

// sweepKey tells listings apart.
type sweepKey struct{ scope, content, types, endpoint, quota, credentials string }

// key is that of the listing that this reading is, or that a member's parent makes.
func (r *reading) key() sweepKey {
	key := sweepKey{
		scope: r.settings.Scope, content: r.content, types: strings.Join(sorted(r.settings.AssetTypes), " "),
		endpoint: r.settings.Endpoint, quota: r.settings.QuotaProject,
	}
	if r.settings.Via != nil {
		key.scope = r.settings.Via.Scope
	}
	credentials, _ := json.Marshal(r.settings.Credentials) // texts can be written
	key.credentials = string(credentials)
	return key
}

// sweep lists a parent: what is in no project is its own, and what is in a member's waits for the member.
// Other projects are nobody's.
func (r *reading) sweep(ctx context.Context) (err error) {
	projects, err := r.projects(ctx)
	if err != nil {
		// The members' own listings will tell what is wrong with them.
		r.log.WarnContext(ctx, "the projects cannot be listed, so that nothing is put aside for members", "reason", err.Error())
	}
	numbers := map[string]bool{}
	for _, of := range projects {
		numbers[of.number] = true
	}
	swept := r.provider.sweeps.begin(r.key(), numbers)
	defer func() { swept.end(err == nil) }()
	unknown := func(resourceType string) error {
		swept.lacks(resourceType)
		return r.unknown(resourceType)
	}
	return r.list(ctx, unknown, func(asset *assetpb.Asset) error {
		number := projectOf(asset)
		if number == "" {
			return r.take(asset)
		}
		if err := swept.put(number, asset); err != nil {
			r.log.WarnContext(ctx, "what members hold cannot be put aside, so that they are listed one by one", "reason", err.Error())
		}
		return ctx.Err()
	})
}

// put keeps an asset of a member, and nothing of other projects. The first error is the last: nothing is
// kept after it, and members list by themselves.
func (s *sweep) put(number string, asset *assetpb.Asset) error {
	if s == nil || !s.aside.holds(number) {
		return nil
	}
	data, err := proto.Marshal(asset)
	if err == nil {
		err = s.aside.put(number, data)
	}
	if err != nil {
		s.aside.close()
	}
	return err
}

func (s *sweep) lacks(resourceType string) {
	if s != nil {
		s.unknown = append(s.unknown, resourceType)
	}
}

func (s *sweep) end(whole bool) {
	if s != nil {
		s.at, s.whole = s.now(), whole
		close(s.ended)
	}
}

func (s *sweep) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// swept reads what the parent has listed of a member. It gives false if there is none such, or not all of
// it: what was handed on then comes again.
func (r *reading) swept(ctx context.Context) (found bool, err error) {
	if r.settings.Via == nil {
		return false, nil
	}
	from, err := r.provider.sweeps.await(ctx, r.key())
	if err != nil || from == nil {
		return err != nil, err
	}
	err = from.aside.take(r.settings.Via.Number, func(data []byte) error {
		asset := &assetpb.Asset{}
		if err := proto.Unmarshal(data, asset); err != nil {
			return errSpool
		}
		if err := r.take(asset); err != nil {
			return err
		}
		return ctx.Err()
	})
	if errors.Is(err, errSpool) {
		return false, nil
	}
	for _, resourceType := range from.unknown {
		if err == nil {
			err = r.unknown(resourceType)
		}
	}
	return true, err
}

// sweeps are the listings of parents whose members may still read them.
type sweeps struct {
	temp string
	now  func() time.Time

	mu    sync.Mutex
	known map[sweepKey]*sweep
}

// begin notes that a parent with members is being listed, and gives nil if it has none or if another listing
// of it is under way. The end of the sweep has to be told.
func (s *sweeps) begin(key sweepKey, numbers map[string]bool) *sweep {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	known := s.known[key]
	if len(numbers) == 0 || known != nil && !known.over() {
		return nil
	}
	if known != nil {
		known.aside.close()
	}
	if s.known == nil {
		s.known = map[sweepKey]*sweep{}
	}
	s.known[key] = &sweep{now: s.now, ended: make(chan struct{}), aside: newSpool(s.temp, numbers)}
	return s.known[key]
}

// forget lets go of listings that are too old.
func (s *sweeps) forget() {
	for key, known := range s.known {
		if known.over() && s.now().Sub(known.at) > sweepLife {
			known.aside.close()
			delete(s.known, key)
		}
	}
}

// await gives the listing of a parent once that has ended, and nil if there is none or if it did not come
// to its end.
func (s *sweeps) await(ctx context.Context, key sweepKey) (*sweep, error) {
	s.mu.Lock()
	s.forget()
	known := s.known[key]
	s.mu.Unlock()
	if known == nil {
		return nil, nil
	}
	select {
	case <-known.ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !known.whole {
		return nil, nil
	}
	return known, nil
}
