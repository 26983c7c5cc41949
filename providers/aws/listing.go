package aws

import (
	"context"
	"maps"
	"slices"

	"cloudaudit/providers"
)

// listing lists the resources of a kind.
type listing struct {
	kind *kind
	// items is the path of the resources in an answer, "" for the answer itself.
	items string
	// key makes an object of items that are texts: the member that holds the text.
	key string
	// token is the path of the next page's token, NextToken by default; "-" if there are no pages.
	token string
	// call asks for a page.
	call asked
	// describe asks for up to most of the listed items at once, whose names it finds as a list under
	// itemNames beside what was listed of the parent. In their place come those at described.
	describe  asked
	described string
	most      int
	// sections are more resources in the same answers.
	sections []section
	// keep tells which items are resources of ours; nil for all.
	keep func(r *run, o object) bool
	// prepare changes an item before anything is made of it.
	prepare func(r *run, parent, o object) object
	// off are the codes of errors that mean that there is nothing to list.
	off []string
	// when tells whether the listing is part of the plan; nil for always.
	when func(r *plan) bool
	// local lists what needs no call of the listing's own.
	local func(ctx context.Context, r *run, parent object) ([]object, error)
}

// section is a kind whose resources stand in the answers of another's listing.
type section struct {
	items string
	kind  *kind
}

// itemNames is where a call that describes several resources finds their names.
const itemNames = "names"

// namesIn gives the names that a call that describes several resources asks for.
func namesIn(o object) []string {
	all := []string{}
	for _, name := range list(o, itemNames) {
		if source, isText := name.(string); isText {
			all = append(all, source)
		}
	}
	return all
}

// types are the types that the listing may give.
func (l *listing) types(p *plan) []string {
	if l.when != nil && !l.when(p) {
		return nil
	}
	var types []string
	for _, s := range l.all() {
		types = append(types, s.kind.name)
		for _, child := range s.kind.children {
			types = append(types, child.types(p)...)
		}
	}
	return types
}

// all are the listing's sections, its own first.
func (l *listing) all() []section {
	if l.kind == nil {
		return l.sections
	}
	return append([]section{{l.items, l.kind}}, l.sections...)
}

// pages reads a listing page by page and hands on what stands in each, kind by kind.
func (r *run) pages(ctx context.Context, l *listing, parent object, take func(*kind, []object) error) error {
	if l.local != nil {
		items, err := l.local(ctx, r, parent)
		if err != nil {
			return off(err, l)
		}
		return take(l.kind, r.kept(l, parent, items))
	}
	seen := map[string]bool{}
	restarted := false
	var token *string
	for {
		answer, err := l.call.do(ctx, r, parent, token)
		if err != nil && token != nil && has(err, staleTokenCodes) && !restarted {
			// What was emitted comes again, which does no harm: it is the same.
			restarted, token = true, nil
			clear(seen)
			continue
		}
		if err != nil {
			return off(err, l)
		}
		said := plainObject(answer)
		if err := r.page(ctx, l, parent, said, take); err != nil {
			return err
		}
		if token, err = next(l, said, seen); token == nil {
			return err
		}
	}
}

// off gives no error where it means that there is nothing to list.
func off(err error, l *listing) error {
	if has(err, l.off) {
		return nil
	}
	return err
}

// page hands on what stands in an answer.
func (r *run) page(ctx context.Context, l *listing, parent, answer object, take func(*kind, []object) error) error {
	for _, s := range l.all() {
		items := objects(answer, s.items, l.key)
		if l.describe.do != nil {
			var err error
			if items, err = r.describe(ctx, l, parent, items); err != nil {
				return err
			}
		}
		if items = r.kept(l, parent, items); len(items) == 0 {
			continue
		}
		if err := take(s.kind, items); err != nil {
			return err
		}
	}
	return nil
}

// describe asks for what is to be known of listed items.
func (r *run) describe(ctx context.Context, l *listing, parent object, items []object) ([]object, error) {
	described := []object{}
	for chunk := range slices.Chunk(items, l.most) {
		about := maps.Clone(parent)
		if about == nil {
			about = object{}
		}
		about[itemNames] = names(chunk, l.key)
		answer, err := l.describe.do(ctx, r, about, nil)
		if err != nil {
			return nil, err
		}
		described = append(described, objects(plainObject(answer), l.described, "")...)
	}
	return described, nil
}

// kept leaves out what is no resource of ours, and prepares the others.
func (r *run) kept(l *listing, parent object, items []object) []object {
	kept := items[:0]
	for _, o := range items {
		if l.keep != nil && !l.keep(r, o) {
			continue
		}
		if l.prepare != nil {
			o = l.prepare(r, parent, o)
		}
		kept = append(kept, o)
	}
	return kept
}

// next gives the token of the next page, nil after the last. A token that came before would lead in
// circles.
func next(l *listing, answer object, seen map[string]bool) (*string, error) {
	if l.token == "-" {
		return nil, nil
	}
	path := l.token
	if path == "" {
		path = "NextToken"
	}
	token := text(answer, path)
	switch {
	case token == "" && answer["IsTruncated"] == true:
		return nil, failure(providers.Failure, "the service says that there is more and gives no token for it")
	case token == "":
		return nil, nil
	case seen[token]:
		return nil, failure(providers.Failure, "the service gave the token of a page that it had given before")
	}
	seen[token] = true
	return &token, nil
}

// objects gives the objects at a path of an answer; texts become objects with the text under key.
func objects(answer object, path, key string) []object {
	if path == "" {
		return []object{answer}
	}
	var all []object
	for _, element := range list(answer, path) {
		switch v := element.(type) {
		case object:
			all = append(all, v)
		case string:
			all = append(all, object{key: v})
		}
	}
	return all
}

func names(items []object, key string) []any {
	all := make([]any, len(items))
	for i, o := range items {
		all[i] = text(o, key)
	}
	return all
}

// gather reads all pages of something that is no listing of resources.
func (r *run) gather(ctx context.Context, parent object, items string, call asked) ([]object, error) {
	var all []object
	l := &listing{sections: []section{{items: items}}, call: call}
	err := r.pages(ctx, l, parent, func(_ *kind, found []object) error {
		all = append(all, found...)
		return nil
	})
	return all, err
}
