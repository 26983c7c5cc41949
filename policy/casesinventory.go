package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"cloudaudit/providers"
)

// caseInventory is the inventory of a test case.
type caseInventory struct {
	resources  map[string][]Input
	incomplete map[string]providers.Class
}

func (c *testCase) inventory(p Policy) (caseInventory, error) {
	if c.Resource.Type != "" || c.Resource.Properties != nil || len(c.Unread) > 0 {
		return caseInventory{}, errors.New("resource and unread are for resource policies: give resources, each with its unread, and incomplete")
	}
	inventory := caseInventory{map[string][]Input{}, c.Incomplete}
	for i, r := range c.Resources {
		if r.Type == "" && len(p.Types) == 1 {
			r.Type = p.Types[0]
		}
		if r.Type == "" {
			return caseInventory{}, fmt.Errorf("give resources[%d].type: the policy has not exactly one type", i)
		}
		r.ID = cmp.Or(r.ID, fmt.Sprintf("%s/%d", r.Type, i))
		input, err := r.input(c.account())
		if err != nil {
			return caseInventory{}, fmt.Errorf("resources[%d]: %w", i, err)
		}
		inventory.resources[r.Type] = append(inventory.resources[r.Type], input)
	}
	for _, inputs := range inventory.resources {
		slices.SortFunc(inputs, func(a, b Input) int { return strings.Compare(a.Resource.Identity, b.Resource.Identity) })
	}
	for name := range c.Incomplete {
		if !slices.Contains(p.Types, name) {
			return caseInventory{}, fmt.Errorf("incomplete: the policy does not read %q%s", name, hint(name, p.Types))
		}
	}
	return inventory, nil
}

// Resources implements Inventory.
func (i caseInventory) Resources(_ context.Context, resourceType string, _ *providers.Projection) iter.Seq2[Input, error] {
	return func(yield func(Input, error) bool) {
		for _, input := range i.resources[resourceType] {
			if !yield(input, nil) {
				return
			}
		}
	}
}

// Incomplete implements Inventory.
func (i caseInventory) Incomplete(resourceType string) (providers.Class, bool) {
	class, incomplete := i.incomplete[resourceType]
	return class, incomplete
}
