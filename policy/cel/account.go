package cel

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/common/types"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

const (
	// maxInventory bounds what one account policy may hold: values of all resources of its types, of
	// which only what it and the other policies of the pack read is kept. A bucket of which ten
	// properties are read has about twenty values.
	maxInventory = 1_000_000
	// maxAccountTime bounds one account policy.
	maxAccountTime = 20 * time.Second
	// maxGaps bounds how many unread paths of a type are told apart.
	maxGaps = 100
)

// EvaluateAccount implements policy.AccountSession.
func (s *session) EvaluateAccount(ctx context.Context, account *providers.Account, inventory policy.Inventory) ([]policy.Outcome, error) {
	outcomes := make([]policy.Outcome, len(s.accounts))
	h := &holding{session: s, inventory: inventory, lists: map[string]*held{}}
	for i, p := range s.accounts {
		h.drop(s.accounts[i:])
		outcome, err := h.judge(ctx, account, p)
		if err != nil {
			return nil, fmt.Errorf("read the inventory for account policy %s: %w", p.name, err)
		}
		outcomes[i] = outcome
	}
	return outcomes, ctx.Err()
}

// holding is what the account policies of a session hold of an account: the types that one of them is
// about to read or that a later one reads, too.
type holding struct {
	session   *session
	inventory policy.Inventory
	lists     map[string]*held
	gaps      []providers.Unread // by the id of their unknown, from 1; paths name the resource
}

// held is the resources of a type.
type held struct {
	list  []any
	size  int // in values
	large bool
}

// drop lets go of the types that none of the policies reads.
func (h *holding) drop(policies []*enabled) {
	for resourceType := range h.lists {
		if !slices.ContainsFunc(policies, func(p *enabled) bool { return slices.Contains(p.compiled.account.types, resourceType) }) {
			delete(h.lists, resourceType)
		}
	}
}

// judge evaluates one policy. Its condition comes first, as long as that reads no inventory: what is
// not applicable is so whatever could be listed.
func (h *holding) judge(ctx context.Context, account *providers.Account, p *enabled) (policy.Outcome, error) {
	e := &evaluation{session: h.session, outer: ctx, input: policy.Input{Account: account}}
	defer e.close()
	e.within(maxAccountTime)
	e.start(p)
	if p.condition != nil && !p.compiled.account.condition && e.run(p.condition) == types.False {
		return policy.Outcome{Policy: p.name, Verdict: policy.NotApplicable}, nil
	}
	if unknown, incomplete := h.incomplete(p); incomplete {
		return unknown, nil
	}
	tooLarge, err := h.load(ctx, p)
	switch {
	case err != nil:
		return policy.Outcome{}, err
	case tooLarge:
		return policy.Outcome{
			Policy: p.name, Verdict: policy.Unknown, Reason: policy.ReasonTooLarge,
			Detail: fmt.Sprintf("what the policy reads of the resources has more than %d values", maxInventory),
		}, nil
	}
	e.within(maxAccountTime) // reading the inventory has its own time
	e.inventory, e.input.Unread = map[string]any{}, h.gaps
	for _, resourceType := range p.compiled.account.types {
		e.inventory[resourceType] = h.lists[resourceType].list
	}
	return e.judge(p), nil
}

// incomplete gives the outcome of a policy that reads a type whose listing proves nothing.
func (h *holding) incomplete(p *enabled) (policy.Outcome, bool) {
	for _, resourceType := range p.compiled.account.types {
		if class, incomplete := h.inventory.Incomplete(resourceType); incomplete {
			return policy.Outcome{
				Policy: p.name, Verdict: policy.Unknown, Reason: policy.ReasonIncomplete, Detail: fmt.Sprintf("%s: %s", resourceType, class),
			}, true
		}
	}
	return policy.Outcome{}, false
}

// load reads the types of a policy that are not held yet and tells whether they are too large.
func (h *holding) load(ctx context.Context, p *enabled) (tooLarge bool, err error) {
	size := 0
	for _, resourceType := range p.compiled.account.types {
		if h.lists[resourceType] == nil {
			if h.lists[resourceType], err = h.read(ctx, resourceType); err != nil {
				return false, err
			}
		}
		l := h.lists[resourceType]
		if size += l.size; l.large || size > maxInventory {
			return true, nil
		}
	}
	return false, nil
}

// read reads a type, as far as the session's policies read of its resources.
func (h *holding) read(ctx context.Context, resourceType string) (*held, error) {
	kept, packer := h.session.kept(resourceType), newPacker(h.session.adapter)
	l := &held{list: []any{}}
	gaps := map[providers.Unread]int64{}
	for input, err := range h.inventory.Resources(ctx, resourceType, kept) {
		if err != nil {
			return nil, err
		}
		element := h.element(input, kept, gaps)
		if l.size += count(element); l.size > maxInventory {
			return &held{large: true}, nil
		}
		if object, ok := element.(map[string]any); ok {
			element = packer.pack(object)
		}
		l.list = append(l.list, element)
	}
	return l, ctx.Err()
}

// element is a resource as expressions see it: what is kept of it, with unknowns in the place of what
// is unread.
func (h *holding) element(input policy.Input, kept *providers.Projection, gaps map[providers.Unread]int64) any {
	unread := relevant(kept, input.Unread)
	if len(unread) > 0 && unread[0].Path == "" {
		return types.NewUnknown(h.gap(input.Resource, unread[0], gaps), nil)
	}
	fields, facets := map[string]any{}, map[string]any{}
	fill(fields, facets, input.Resource)
	pruned, _ := kept.Of(fields).(map[string]any)
	if len(unread) == 0 {
		return pruned
	}
	return markAs(pruned, unread, func(index int) int64 { return h.gap(input.Resource, unread[index], gaps) })
}

// gap gives the id of an unread path's unknown. Resources of a type share it, and the first of them is
// named, so that thousands of resources without some right are not thousands of unknowns.
func (h *holding) gap(r *providers.Resource, unread providers.Unread, gaps map[providers.Unread]int64) int64 {
	if id, known := gaps[unread]; known {
		return id
	}
	if len(gaps) < maxGaps {
		h.gaps = append(h.gaps, providers.Unread{Path: r.Type + " " + r.ID + " " + unread.Path, Class: unread.Class})
	}
	gaps[unread] = int64(len(h.gaps))
	return gaps[unread]
}

// kept is what is held of the resources of a type: what the policies read, and the id, so that an
// outcome can name the resource.
func (s *session) kept(resourceType string) *providers.Projection {
	return providers.NewProjection(append([]string{"/id"}, s.reads[resourceType]...)...)
}

// relevant gives the unread paths that matter to what is kept.
func relevant(kept *providers.Projection, unread []providers.Unread) (found []providers.Unread) {
	for _, gap := range unread {
		if kept.Touches(gap.Path) {
			found = append(found, gap)
		}
	}
	return found
}

// count is how many values a value holds, itself included.
func count(value any) int {
	total := 1
	switch value := value.(type) {
	case map[string]any:
		for _, element := range value {
			total += count(element)
		}
	case openMap:
		total += count(map[string]any(value))
	case []any:
		for _, element := range value {
			total += count(element)
		}
	case map[string]string:
		total += len(value)
	case []string:
		total += len(value)
	}
	return total
}
