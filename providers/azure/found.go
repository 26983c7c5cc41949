package azure

import (
	"cmp"
	"context"
	"slices"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// found is a resource on its way from a row to the emitter.
type found struct {
	resource *providers.Resource
	// children are resources that Resource Manager has below it.
	children []*providers.Resource
	gaps     []providers.Gap
	// gone tells that the resource went while it was read.
	gone bool
}

// look asks Resource Manager for all that is wanted of a resource.
func (r *run) look(ctx context.Context, f *found) error {
	for _, of := range reads[f.resource.Type] {
		switch {
		case f.gone:
			return nil
		case r.reads(of):
			if err := r.ask(ctx, f, of); err != nil {
				return err
			}
		case of.facet != "":
			f.unread(of, providers.NotRead)
		}
	}
	return nil
}

// ask makes one read. What cannot be read is a gap, and leaves a facet unread.
func (r *run) ask(ctx context.Context, f *found, of read) error {
	answers, err := r.answers(ctx, f.resource.ID, of)
	switch {
	case err == nil:
		f.learn(of, answers)
	case r.fatal(ctx, err):
		return err
	case gone(err, f.resource.ID):
		f.gone = true
	case absent(err):
		f.learn(of, nil)
	default:
		f.gaps = append(f.gaps, f.gap(of, err))
		f.unread(of, classify(err))
	}
	return nil
}

// answers gives what Resource Manager has there: any number of objects in a list, or one.
func (r *run) answers(ctx context.Context, id string, of read) ([]map[string]any, error) {
	path := id + "/" + of.path
	if of.list {
		return r.list(ctx, of.call(), path, of.version)
	}
	answer, err := r.get(ctx, of.call(), path, of.version)
	return []map[string]any{answer}, err
}

// gap is the gap of a read that failed: of a facet of the resource, or of the type of its children.
func (f *found) gap(of read, err error) providers.Gap {
	gap := gapOf(of.kind, err)
	if of.facet != "" {
		gap.Type, gap.Facet, gap.Paths = f.resource.Type, of.part(), []string{of.pointer()}
	}
	gap.Place += " " + f.resource.ID
	return gap
}

// learn takes what was answered.
func (f *found) learn(of read, answers []map[string]any) {
	slices.SortStableFunc(answers, func(a, b map[string]any) int { return cmp.Compare(text(a, "id"), text(b, "id")) })
	if of.facet != "" {
		f.resource.Parts[of.part()] = providers.Part{Value: map[string]any{extras: map[string]any{of.facet: of.value(answers)}}}
		return
	}
	for _, answer := range answers {
		child, fault := shape.ARMResource(answer, f.resource.Region)
		if fault != "" {
			f.gaps = append(f.gaps, f.gap(of, &callError{of.call(), failure(providers.Decode, "%s", fault)}))
			continue
		}
		child.Type = of.kind // some answers have another spelling, or none
		f.children = append(f.children, child)
	}
}

// value is what a facet tells: a list, or an object, which is empty where there is none.
func (r read) value(answers []map[string]any) any {
	if !r.list && len(answers) > 0 {
		return answers[0]
	}
	if !r.list {
		return map[string]any{}
	}
	list := make([]any, len(answers))
	for i, answer := range answers {
		list[i] = answer
	}
	return list
}

// unread notes that what a facet would tell is not known.
func (f *found) unread(of read, class providers.Class) {
	if of.facet == "" {
		return
	}
	main := f.resource.Parts[providers.Properties]
	main.Unread = append(main.Unread, providers.Unread{Path: of.pointer(), Class: class})
	f.resource.Parts[providers.Properties] = main
}
