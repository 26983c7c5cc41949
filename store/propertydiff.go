package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"cloudaudit/providers"
)

// diffResources compares what two moments show of a resource, path by path.
func diffResources(before, after ResourceDetail) ([]PropertyChange, error) {
	trees := [2]any{}
	for i, r := range []ResourceDetail{before, after} {
		tree, err := r.tree()
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", after.ID, err)
		}
		trees[i] = tree
	}
	d := differ{changes: []PropertyChange{}}
	if err := d.compare("", trees[0], trees[1]); err != nil {
		return nil, fmt.Errorf("resource %s: %w", after.ID, err)
	}
	return d.changes, nil
}

// tree gives the resource as one value, in the layout that paths count in; nothing if it was not there.
func (r ResourceDetail) tree() (any, error) {
	if r.ID == "" || r.Properties == nil {
		return map[string]any{}, nil
	}
	tree := map[string]any{"name": r.Name, "region": r.Region, "tags": anyMap(r.Tags), "ancestors": anyList(r.Ancestors)}
	facets := map[string]any{}
	for name, body := range r.Facets {
		value, err := providers.ParseValue(body)
		if err != nil {
			return nil, fmt.Errorf("facet %s %w", name, err)
		}
		facets[name] = value
	}
	tree["facets"] = facets
	value, err := providers.ParseValue(r.Properties)
	if err != nil {
		return nil, fmt.Errorf("properties %w", err)
	}
	if value != nil {
		tree[providers.Properties] = value
	}
	return tree, nil
}

func anyMap(m map[string]string) map[string]any {
	result := make(map[string]any, len(m))
	for key, value := range m {
		result[key] = value
	}
	return result
}

func anyList(list []string) []any {
	result := make([]any, len(list))
	for i, text := range list {
		result[i] = text
	}
	return result
}

// differ collects the deepest paths at which two values differ.
type differ struct{ changes []PropertyChange }

// absent stands for a value that is not there.
type absent struct{}

func (d *differ) compare(path string, before, after any) error {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	was, wasObject := before.(map[string]any)
	is, isObject := after.(map[string]any)
	if wasObject && isObject {
		return d.objects(path, was, is)
	}
	wasList, ok := before.([]any)
	isList, both := after.([]any)
	if ok && both {
		return d.lists(path, wasList, isList)
	}
	return d.add(path, before, after)
}

func (d *differ) objects(path string, was, is map[string]any) error {
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if err := d.compare(providers.Pointer(path, key), valueAt(was, key), valueAt(is, key)); err != nil {
			return err
		}
	}
	return nil
}

func valueAt(object map[string]any, key string) any {
	if value, there := object[key]; there {
		return value
	}
	return absent{}
}

// lists compares element by element.
func (d *differ) lists(path string, was, is []any) error {
	for i := range max(len(was), len(is)) {
		before, after := any(absent{}), any(absent{})
		if i < len(was) {
			before = was[i]
		}
		if i < len(is) {
			after = is[i]
		}
		if err := d.compare(path+"/"+strconv.Itoa(i), before, after); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) add(path string, before, after any) error {
	change := PropertyChange{Path: path, Change: "changed"}
	for i, value := range []any{before, after} {
		data := []byte("null")
		if _, missing := value.(absent); missing {
			change.Change = [2]string{"added", "removed"}[i]
		} else {
			var err error
			if data, err = providers.FormatValue(value); err != nil {
				return err
			}
		}
		if i == 0 {
			change.Before = json.RawMessage(data)
		} else {
			change.After = json.RawMessage(data)
		}
	}
	d.changes = append(d.changes, change)
	return nil
}
