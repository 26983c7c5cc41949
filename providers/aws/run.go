package aws

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// width is how many resources of a listing are read at the same time.
const width = 8

// plan is what the collectors of one account share.
type plan struct {
	*session
	want providers.Want
	full bool
	// buckets are listed once for all regions.
	buckets memo[[]object]
}

// run is the reading of one scope.
type run struct {
	*plan
	region  string
	service *service
	emit    providers.Emitter
	// memos are what one call told for many resources.
	memos sync.Map
}

// scopeName is that of the scope, for logs.
func (r *run) scopeName() string { return r.region + "/" + r.service.name }

// config is what a client of the scope's service is made of.
func (r *run) config() sdk.Config { return r.configOf(r.service.client) }

// configOf is what a client of another service in the scope's region is made of.
func (r *run) configOf(client string) sdk.Config {
	region := r.region
	if region == providers.Global {
		region = r.home()
	}
	return r.session.config(region, client)
}

// list reads a listing and emits what it finds. A listing that cannot be read is a gap; an error
// means that the scope cannot go on.
func (r *run) list(ctx context.Context, l *listing) error {
	if l.when != nil && !l.when(r.plan) {
		return nil
	}
	err := r.pages(ctx, l, nil, func(k *kind, items []object) error {
		found, err := r.lookAt(ctx, k, items)
		if err != nil {
			return err
		}
		return r.deliver(found)
	})
	if err == nil || r.fatal(ctx, err) {
		return stop(ctx, err)
	}
	return r.unlisted(ctx, l, err)
}

// unlisted makes gaps of a listing that could not be read to its end.
func (r *run) unlisted(ctx context.Context, l *listing, err error) error {
	if has(err, notEnabledCodes) { // what has never been turned on holds nothing
		r.logger().InfoContext(ctx, "service is not enabled", "scope", r.scopeName())
		return nil
	}
	if absent, err := r.unavailable(ctx, err); absent || err != nil {
		return stop(ctx, err)
	}
	for _, t := range l.types(r.plan) {
		if err := r.emitGap(r.gap(t, err)); err != nil {
			return err
		}
	}
	return nil
}

// gap is a gap of a type where a call failed.
func (r *run) gap(resourceType string, err error) providers.Gap {
	gap := providers.Gap{Region: r.region, Type: resourceType, Class: classify(err), Place: place(err), Reason: reason(err)}
	if gap.Class == providers.AccessDenied || gap.Class == providers.DeniedByOrg {
		gap.Permission = permission(err)
	}
	return gap
}

// emitError is an error of the emitter, which ends the scope.
type emitError struct{ error }

func (e emitError) Unwrap() error { return e.error }

func (r *run) emitGap(gap providers.Gap) error {
	if err := r.emit.Gap(gap); err != nil {
		return emitError{err}
	}
	return nil
}

// fatal tells whether the scope cannot go on after an error: its emitter wants no more, it was
// cancelled, or the credentials are gone.
func (r *run) fatal(ctx context.Context, err error) bool {
	var emitted emitError
	return err != nil && (errors.As(err, &emitted) || ctx.Err() != nil || classify(err) == providers.AuthExpired)
}

// stop gives the error that ends a scope.
func stop(ctx context.Context, err error) error {
	var emitted emitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &emitted):
		return emitted.error
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return explain(err)
}

// lookAt reads what takes calls of its own for each of some resources, several at once, and keeps
// their order.
func (r *run) lookAt(ctx context.Context, k *kind, items []object) ([]*found, error) {
	all := make([]*found, len(items))
	for i, o := range items {
		all[i] = &found{kind: k, answer: o, id: r.expand(k.id, r.region, o), pieces: map[string]object{}}
	}
	if err := r.tag(ctx, k, all); err != nil {
		return nil, err
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for _, f := range all {
		group.Go(func() error { return r.enrich(within, f) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	for _, f := range all {
		if k.tags != "" {
			f.tags, _ = shape.AWSTags(get(f.answer, k.tags))
		}
	}
	return all, err
}

// tag reads the tags of some resources.
func (r *run) tag(ctx context.Context, k *kind, all []*found) error {
	if k.tagged == nil {
		return nil
	}
	for chunk := range slices.Chunk(all, k.tagged.most) {
		ids := make([]string, len(chunk))
		for i, f := range chunk {
			ids[i] = f.id
		}
		tags, err := k.tagged.call(ctx, r, ids)
		switch {
		case r.fatal(ctx, err):
			return err
		case err != nil && gone(err) && len(chunk) == 1:
			chunk[0].gone = true
		case err != nil:
			gap := r.gap(k.name, err)
			gap.Facet, gap.Paths = "tags", []string{"/tags"}
			chunk[0].gaps = append(chunk[0].gaps, gap)
			for _, f := range chunk {
				f.unreadTags(gap.Class)
			}
		}
		for _, f := range chunk {
			f.tags = tags[f.id]
		}
	}
	return nil
}

// enrich reads the facets and the children of a resource.
func (r *run) enrich(ctx context.Context, f *found) error {
	for _, of := range f.kind.facets {
		if f.gone {
			return nil
		}
		if err := r.facet(ctx, f, of); err != nil {
			return err
		}
	}
	for _, child := range f.kind.children {
		if err := r.descend(ctx, f, child); err != nil {
			return err
		}
	}
	return nil
}

// facet reads a facet. One that cannot be read leaves what it would tell unread.
func (r *run) facet(ctx context.Context, f *found, of *facet) error {
	if !of.wanted(r, f.kind.name) || of.when != nil && !of.when(f.answer) {
		f.unreadFacet(of, providers.NotRead)
		return nil
	}
	if of.call.do == nil {
		f.pieces[providers.Piece(of.name)] = of.fields.apply(f.answer)
		return nil
	}
	answer, err := of.call.do(ctx, r, f.answer, nil)
	switch {
	case err == nil:
		f.learn(of, plainObject(answer))
	case has(err, of.absent):
		f.learn(of, object{})
	case r.fatal(ctx, err):
		return err
	case gone(err) && (of.always || has(err, itselfCodes)):
		f.gone = true
	default:
		gap := r.gap(f.kind.name, err)
		gap.Facet, gap.Paths = providers.Piece(of.name), of.paths()
		gap.Place += " " + f.id
		f.gaps = append(f.gaps, gap)
		f.unreadFacet(of, gap.Class)
	}
	return nil
}

// learn takes what a facet's answer says.
func (f *found) learn(of *facet, said object) {
	f.pieces[providers.Piece(of.name)] = of.fields.apply(said)
	if of.keep || of.tags {
		for key, value := range said {
			f.answer[key] = value
		}
	}
}

// descend lists what stands under a resource.
func (r *run) descend(ctx context.Context, f *found, l *listing) error {
	if l.when != nil && !l.when(r.plan) {
		return nil
	}
	err := r.pages(ctx, l, f.answer, func(k *kind, items []object) error {
		children, err := r.lookAt(ctx, k, items)
		f.children = append(f.children, children...)
		return err
	})
	if err == nil || r.fatal(ctx, err) || gone(err) {
		if gone(err) {
			return nil
		}
		return err
	}
	for _, t := range l.types(r.plan) {
		gap := r.gap(t, err)
		gap.Place += " " + f.id
		f.gaps = append(f.gaps, gap)
	}
	return nil
}

// deliver hands resources and their gaps to the emitter, in order.
func (r *run) deliver(all []*found) error {
	for _, f := range all {
		if f.gone {
			r.logger().Info("resource went while it was read", "scope", r.scopeName(), "type", f.kind.name)
			continue
		}
		for _, gap := range f.gaps {
			if err := r.emitGap(gap); err != nil {
				return err
			}
		}
		resource := r.resource(f)
		shape.Seal(resource)
		if err := r.emit.Resource(resource); err != nil {
			return emitError{err}
		}
		if err := r.deliver(f.children); err != nil {
			return err
		}
	}
	return nil
}

// last is the end of an ARN or path: its name.
func last(text string) string { return text[strings.LastIndexAny(text, "/:")+1:] }

// unavailable tells whether the service does not exist in the region: its host's name does not, while
// the name of the region's EC2 endpoint shows that names are found at all.
func (r *run) unavailable(ctx context.Context, err error) (bool, error) {
	var unknown *net.DNSError
	if !errors.As(err, &unknown) || !unknown.IsNotFound {
		return false, nil
	}
	at := strings.Index(unknown.Name, "."+r.region+".")
	if at < 0 {
		return false, nil
	}
	if _, err := r.provider.lookup(ctx, "ec2"+unknown.Name[at:]); err != nil {
		return false, ctx.Err()
	}
	r.logger().InfoContext(ctx, "service does not exist in the region", "scope", r.scopeName())
	return true, nil
}
