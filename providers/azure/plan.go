package azure

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// plan is what the collectors of one account share.
type plan struct {
	*session
	want providers.Want
	full bool
	// subscriptions are those that answer; none for parents.
	subscriptions []string
	// present are the types that the account has in the open table.
	present map[string]bool
	// granted is what may be read, by place, as far as it is known.
	granted map[string]grants
	// doubts are gaps of the whole account.
	doubts []providers.Gap
}

// batch is how many subscriptions are asked about at once.
const batch = 200

// plan finds out what there is to read.
func (s *session) plan(ctx context.Context, want providers.Want) (*plan, error) {
	p := &plan{session: s, want: want, full: s.settings.Inventory == Full, present: map[string]bool{}, granted: map[string]grants{}}
	if !s.settings.parent() {
		if err := p.find(ctx); err != nil {
			return nil, err
		}
		if err := p.findTypes(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.findGrants(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// find notes which of the account's subscriptions answer. Resource Graph says nothing about the others.
func (p *plan) find(ctx context.Context) error {
	for ids := range slices.Chunk(p.settings.Subscriptions, batch) {
		rows, err := p.rows(ctx, question{Subscriptions: ids, Query: subscriptionQuery})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if id := subscriptionOf(row); !slices.Contains(p.subscriptions, id) {
				p.subscriptions = append(p.subscriptions, id)
			}
		}
	}
	for _, id := range p.settings.Subscriptions {
		if !slices.Contains(p.subscriptions, id) {
			p.doubts = append(p.doubts, missing(id))
		}
	}
	if len(p.subscriptions) == 0 {
		return &providers.Error{
			Class: providers.AccessDenied, Permission: subscriptionCall,
			Err: fmt.Errorf("none of the %d subscriptions of the account answers: check their ids, and that we have a role there", len(p.settings.Subscriptions)),
		}
	}
	return nil
}

// missing is the gap of a subscription that is silently missing from an answer.
func missing(id string) providers.Gap {
	return providers.Gap{
		Region: providers.Anywhere, Class: providers.AccessDenied, Permission: subscriptionCall, Place: graphCall + " /subscriptions/" + id,
		Reason: "the subscription is missing from the answer: it does not exist, or we have no role there",
	}
}

// findTypes notes which types the account has.
func (p *plan) findTypes(ctx context.Context) error {
	for ids := range slices.Chunk(p.subscriptions, batch) {
		rows, err := p.rows(ctx, question{Subscriptions: ids, Query: "resources | summarize count() by type"})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if name := text(row, "type"); name != "" {
				p.present[shape.ARMType(name)] = true
			}
		}
	}
	return nil
}

// reads tells whether something is read of Resource Manager. What Resource Graph turns out to hold need not
// be.
func (p *plan) reads(r read) bool {
	if r.facet == "" {
		return !p.present[r.kind] && p.wantsType(r.kind)
	}
	return p.full || p.wants(r.parent, r.pointer())
}

// wantsType tells whether a policy reads resources of a type.
func (p *plan) wantsType(name string) bool {
	_, read := p.want.Paths[name]
	return p.full || read
}

// wants tells whether a policy reads what stands at a path of a type, anything above it or below it.
func (p *plan) wants(name, path string) bool {
	for _, t := range []string{name, providers.AnyType} {
		for _, read := range p.want.Paths[t] {
			if providers.Overlap(read, path) {
				return true
			}
		}
	}
	return false
}

// collectors plans the reading of every table.
func (p *plan) collectors() []providers.Collector {
	var collectors []providers.Collector
	for _, t := range tables {
		if types := p.types(t); len(types) > 0 {
			collectors = append(collectors, p.collector(t, types))
		}
	}
	if p.settings.parent() {
		collectors = append(collectors, elsewhere())
	}
	return collectors
}

func (p *plan) collector(t table, types []string) providers.Collector {
	return providers.Collector{
		Scope: providers.Scope{Name: t.name, Region: providers.Anywhere, Types: types},
		Collect: func(ctx context.Context, emit providers.Emitter) error {
			r := &run{plan: p, table: t, types: types, emit: emit}
			return r.collect(ctx)
		},
	}
}

// elsewhere is the scope of all that a parent does not hold: what is in a subscription belongs to a member.
func elsewhere() providers.Collector {
	return providers.Collector{
		Scope:   providers.Scope{Name: "members", Region: providers.Anywhere},
		Collect: func(ctx context.Context, _ providers.Emitter) error { return ctx.Err() },
	}
}

// questions are what is asked to read a table, one for each batch of subscriptions.
func (p *plan) questions(t table) []question {
	query := p.query(t)
	if p.settings.parent() {
		return []question{p.below(query)}
	}
	var all []question
	for ids := range slices.Chunk(p.subscriptions, batch) {
		all = append(all, question{Subscriptions: ids, Query: query})
	}
	return all
}

// unreadable are the gaps of types that may not be read at some place, and are left out silently. Resource
// Manager is not silent about what it is asked for.
func (p *plan) unreadable(types []string) []providers.Gap {
	var gaps []providers.Gap
	for _, place := range slices.Sorted(maps.Keys(p.granted)) {
		for _, name := range types {
			if action := readAction(name); p.inGraph(name) && !p.granted[place].allow(action) {
				gaps = append(gaps, providers.Gap{
					Region: providers.Anywhere, Type: name, Class: providers.AccessDenied, Permission: action,
					Place: graphCall + " " + place, Reason: "Resource Graph leaves out silently what we have no role to read",
				})
			}
		}
	}
	return gaps
}

// inGraph tells whether resources of a type come from Resource Graph.
func (p *plan) inGraph(name string) bool {
	return p.present[name] || slices.ContainsFunc(graphTypes, func(known graphType) bool { return known.name == name })
}
