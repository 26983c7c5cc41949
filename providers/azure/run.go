package azure

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// width is how many resources of a page are read at the same time.
const width = 8

// run is the reading of one scope.
type run struct {
	*plan
	table table
	types []string
	emit  providers.Emitter
	// strangers are types that were not there when the account was planned.
	strangers map[string]bool
}

// collect reads the table. A batch of subscriptions that cannot be read does not keep the others.
func (r *run) collect(ctx context.Context) error {
	r.strangers = map[string]bool{}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.emitGaps(slices.Concat(r.doubts, r.unreadable(r.types))); err != nil {
		return stop(ctx, err)
	}
	questions := r.questions(r.table)
	for _, q := range questions {
		err := r.batch(ctx, q)
		if r.fatal(ctx, err) || err != nil && len(questions) == 1 {
			return stop(ctx, err)
		}
		if err != nil {
			if err := r.emitGaps([]providers.Gap{gapOf("", err)}); err != nil {
				return stop(ctx, err)
			}
		}
	}
	r.conclude(ctx)
	return ctx.Err()
}

// conclude tells the log what has no other place.
func (r *run) conclude(ctx context.Context) {
	if len(r.strangers) > 0 {
		r.logger().InfoContext(ctx, "types that came while the account was read are left for the next scan",
			"scope", r.table.name, "types", strings.Join(slices.Sorted(maps.Keys(r.strangers)), ", "))
	}
	r.logger().InfoContext(ctx, "calls were made for the account so far", "scope", r.table.name, "calls", r.calls.Load(), "refused", r.refused.Load())
}

// batch reads the rows of a question, and what Resource Manager knows of them.
func (r *run) batch(ctx context.Context, q question) error {
	return r.pages(ctx, q, func(rows []json.RawMessage) error {
		all := make([]*found, 0, len(rows))
		for _, data := range rows {
			f, err := r.found(data)
			if err != nil {
				return err
			}
			if f != nil {
				all = append(all, f)
			}
		}
		if err := r.enrich(ctx, all); err != nil {
			return err
		}
		return r.deliver(all)
	})
}

// found makes a resource of a row. One that cannot be understood is a gap.
func (r *run) found(data json.RawMessage) (*found, error) {
	row, err := anObject(graphCall, data)
	if err != nil {
		return nil, r.emitGaps([]providers.Gap{gapOf("", err)})
	}
	resource, fault := shape.ARMResource(row, "")
	if fault != "" {
		return nil, r.emitGaps([]providers.Gap{gapOf(resource.Type, &callError{graphCall, failure(providers.Decode, "%s", fault)})})
	}
	if !slices.Contains(r.types, resource.Type) {
		r.strangers[resource.Type] = true
		return nil, nil
	}
	return &found{resource: resource}, nil
}

// enrich asks Resource Manager about resources, several at once.
func (r *run) enrich(ctx context.Context, all []*found) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for _, f := range all {
		if len(reads[f.resource.Type]) > 0 {
			group.Go(func() error { return r.look(within, f) })
		}
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// deliver hands resources and their gaps to the emitter, in order.
func (r *run) deliver(all []*found) error {
	for _, f := range all {
		if f.gone {
			r.logger().Info("resource went while it was read", "scope", r.table.name, "type", f.resource.Type)
			continue
		}
		if err := r.emitGaps(f.gaps); err != nil {
			return err
		}
		for _, resource := range append([]*providers.Resource{f.resource}, f.children...) {
			shape.Seal(resource)
			if err := r.emit.Resource(resource); err != nil {
				return emitError{err}
			}
		}
	}
	return nil
}

func (r *run) emitGaps(gaps []providers.Gap) error {
	for _, gap := range gaps {
		if err := r.emit.Gap(gap); err != nil {
			return emitError{err}
		}
	}
	return nil
}

// emitError is an error of the emitter, which ends the scope.
type emitError struct{ error }

func (e emitError) Unwrap() error { return e.error }

// fatal tells whether the scope cannot go on after an error: its emitter wants no more, it was cancelled,
// or the credentials are gone.
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
