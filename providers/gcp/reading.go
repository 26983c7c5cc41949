package gcp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloud.google.com/go/asset/apiv1/assetpb"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// reading is the listing of a content type on its way to an emitter.
type reading struct {
	*session
	content string
	scope   string
	emit    providers.Emitter
	// refused is the emitter's error, which ends the listing.
	refused error
	// line counts what was listed.
	line int
	used usage
}

// collect lists the content type and hands everything on.
func (r *reading) collect(ctx context.Context) error {
	err := r.read(ctx)
	r.log.InfoContext(ctx, "calls were made", "scope", r.scope, "calls", r.used.calls, "refused", r.used.refused)
	switch {
	case r.refused != nil:
		return r.refused
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return nil
	}
	return r.failed(ctx, err)
}

// failed says what a listing leaves unknown that was not read to its end. Where the listing told facets,
// the resources are proven by the one that told them, unless nothing can be read at all.
func (r *reading) failed(ctx context.Context, err error) error {
	facet := facetOf(r.content)
	if facet == "" || r.line == 0 && !r.readable(ctx) {
		return err
	}
	return r.emit.Gap(r.gap("", err))
}

// readable tells whether resources can be read.
func (r *reading) readable(ctx context.Context) bool {
	l := &listing{session: r.session, content: shape.CAIContentResource}
	defer l.close()
	_, _, err := l.page(ctx, 1, nil, "")
	return err == nil
}

// gap is of what could not be read of a type, or of all with the empty one.
func (r *reading) gap(resourceType string, err error) providers.Gap {
	gap := providers.Gap{
		Region: providers.Anywhere, Type: resourceType, Facet: facetOf(r.content),
		Class: providers.Failure, Place: "cloudasset.ListAssets " + r.content, Reason: err.Error(),
	}
	if gap.Facet != "" {
		gap.Paths = []string{providers.PartPath(gap.Facet)}
	}
	var known *providers.Error
	if errors.As(err, &known) {
		gap.Class, gap.Permission = known.Class, known.Permission
	}
	return gap
}

// read lists what is the account's own: of a parent what is in no project, of a member what its parent has
// just listed of it, of all others the whole scope.
func (r *reading) read(ctx context.Context) error {
	if r.settings.parent() {
		return r.sweep(ctx)
	}
	if found, err := r.swept(ctx); found {
		return err
	}
	return r.list(ctx, r.unknown, r.take)
}

// list lists the scope.
func (r *reading) list(ctx context.Context, unknown func(string) error, take func(*assetpb.Asset) error) error {
	l := &listing{session: r.session, content: r.content}
	err := l.list(ctx, sorted(r.settings.AssetTypes), unknown, take)
	r.used.calls += l.used.calls
	r.used.refused += l.used.refused
	return err
}

// unknown notes a type that Google Cloud does not know.
func (r *reading) unknown(resourceType string) error {
	r.refused = r.emit.Gap(r.gap(resourceType, failure(providers.Failure,
		"Cloud Asset Inventory has no such type with the content %s: correct or remove it in gcp.assetTypes", r.content)))
	return r.refused
}

// take maps an asset and hands it on.
func (r *reading) take(asset *assetpb.Asset) error {
	r.line++
	// To the API, the name of a type is a regular expression that may match others.
	if len(r.settings.AssetTypes) > 0 && !contains(r.settings.AssetTypes, asset.GetAssetType()) {
		return nil
	}
	resource, fault := resourceOf(asset)
	if fault != "" {
		r.refused = r.emit.Gap(r.gap(resource.Type, failure(providers.Decode, "%s", fault)))
		return r.refused
	}
	resource.Rank.Scope, resource.Rank.Line = r.scope, r.line
	shape.Seal(resource)
	r.refused = r.emit.Resource(resource)
	return r.refused
}

// projectOf gives the number of the project that an asset is in, empty outside of projects.
func projectOf(asset *assetpb.Asset) string {
	if len(asset.GetAncestors()) == 0 {
		return ""
	}
	number, _ := strings.CutPrefix(asset.GetAncestors()[0], "projects/")
	if number == asset.GetAncestors()[0] {
		return ""
	}
	return number
}

func contains(list []string, text string) bool { return slices.Contains(list, text) }

// sorted gives a list in order, each once.
func sorted(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}
