package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloudaudit/providers"
)

// Exercise runs a provider over an account as scans do and fails the test where it breaks the
// contract: two runs give the same in the same order; scopes have unique names; resources are
// whole, hashed and of the documented kinds, with unread paths that lie in them; listings end with
// their context and with the errors of their emitter. The account must hold at least one resource.
func Exercise(t *testing.T, provider providers.Provider, account providers.Account) {
	t.Helper()
	first, second := list(t, provider, account), list(t, provider, account)
	if fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", second) {
		t.Errorf("two runs differ:\n%+v\n%+v", first, second)
	}
	resources := 0
	for _, listed := range first {
		resources += len(listed.Resources)
		for _, problem := range listed.problems() {
			t.Error(problem)
		}
	}
	if resources == 0 {
		t.Error("the account holds no resource")
	}
	names := map[string]bool{}
	for _, listed := range first {
		if listed.Scope.Name == "" || listed.Scope.Region == "" || names[listed.Scope.Name] {
			t.Errorf("scope %+v has no region or no name of its own", listed.Scope)
		}
		names[listed.Scope.Name] = true
	}
	cancelled(t, provider, account)
	refused(t, provider, account)
}

// listed is what one collector gave.
type listed struct {
	Scope     providers.Scope
	Resources []providers.Resource
	Gaps      []providers.Gap
	Err       string
}

// Resource takes note of a resource.
func (l *listed) Resource(resource *providers.Resource) error {
	l.Resources = append(l.Resources, *resource)
	return nil
}

// Gap takes note of a gap.
func (l *listed) Gap(gap providers.Gap) error {
	l.Gaps = append(l.Gaps, gap)
	return nil
}

func list(t *testing.T, provider providers.Provider, account providers.Account) []listed {
	t.Helper()
	var all []listed
	for _, c := range plan(t, provider, account) {
		l := listed{Scope: c.Scope}
		if err := c.Collect(t.Context(), &l); err != nil {
			l.Err = err.Error()
		}
		all = append(all, l)
	}
	return all
}

func plan(t *testing.T, provider providers.Provider, account providers.Account) []providers.Collector {
	t.Helper()
	collectors, err := provider.Collectors(t.Context(), account, providers.Want{})
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	return collectors
}

func (l *listed) problems() []string {
	var all []string
	for i := range l.Resources {
		resource := &l.Resources[i]
		for _, problem := range problems(resource) {
			all = append(all, fmt.Sprintf("scope %q, resource %q: %s", l.Scope.Name, resource.ID, problem))
		}
		if !l.Scope.Holds(resource.Type) {
			all = append(all, fmt.Sprintf("scope %q does not hold type %q", l.Scope.Name, resource.Type))
		}
	}
	for _, gap := range l.Gaps {
		if gap.Class == "" || gap.Place == "" || gap.Reason == "" {
			all = append(all, fmt.Sprintf("scope %q: gap %+v has no class, place or reason", l.Scope.Name, gap))
		}
	}
	return all
}

// problems lists what is wrong with a resource.
func problems(resource *providers.Resource) []string {
	var all []string
	if resource.Type == "" || resource.ID == "" || resource.Identity == "" || resource.Region == "" {
		all = append(all, "has no type, id, identity or region")
	}
	for name, part := range resource.Parts {
		if part.Hash == (providers.Hash{}) {
			all = append(all, fmt.Sprintf("part %q has no hash", name))
		}
		root := providers.PartPath(name)
		unread := map[string]bool{}
		for _, u := range part.Unread {
			unread[u.Path] = u.Class == providers.RedactedValue
			if !lies(resource, name, u) {
				all = append(all, fmt.Sprintf("unread path %q lies outside of part %q", u.Path, name))
			}
		}
		all = append(all, leaves(part.Value, root, unread)...)
	}
	slices.Sort(all)
	return all
}

// leaves checks the kinds of all values and that each redacted one is marked.
func leaves(value any, path string, unread map[string]bool) []string {
	switch v := value.(type) {
	case nil, bool, string:
	case json.Number:
		if !json.Valid([]byte(v)) {
			return []string{path + " is not a number of JSON"}
		}
	case providers.Redacted:
		if !v.Empty && !unread[path] {
			return []string{path + " is redacted and not marked as unread"}
		}
	case []any:
		var all []string
		for i, child := range v {
			all = append(all, leaves(child, path+"/"+strconv.Itoa(i), unread)...)
		}
		return all
	case map[string]any:
		var all []string
		for key, child := range v {
			all = append(all, leaves(child, providers.Pointer(path, key), unread)...)
		}
		return all
	default:
		return []string{fmt.Sprintf("%s is a %T, which is no kind of JSON value", path, value)}
	}
	return nil
}

// lies tells whether an unread path is a pointer into a part, to the tags or to one of them, or the
// root, of a resource of which nothing may be trusted. A path whose value was redacted must exist;
// others may name what is missing.
func lies(resource *providers.Resource, part string, unread providers.Unread) bool {
	if unread.Path == "" || unread.Path == "/tags" && part == providers.Properties {
		return unread.Class != providers.RedactedValue
	}
	if key, ok := strings.CutPrefix(unread.Path, "/tags/"); ok && part == providers.Properties {
		_, exists := resource.Tags[providers.Segments("/" + key)[0]]
		return exists
	}
	root := providers.PartPath(part)
	rest, ok := strings.CutPrefix(unread.Path, root)
	if !ok || rest != "" && rest[0] != '/' {
		return false
	}
	if unread.Class != providers.RedactedValue {
		return true
	}
	value := resource.Parts[part].Value
	for _, key := range providers.Segments(rest) {
		switch parent := value.(type) {
		case map[string]any:
			value = parent[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(parent) {
				return false
			}
			value = parent[i]
		default:
			return false
		}
	}
	return value == providers.Redacted{}
}

// cancelled checks that a listing ends with its context.
func cancelled(t *testing.T, provider providers.Provider, account providers.Account) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range plan(t, provider, account) {
		if err := c.Collect(ctx, &listed{}); err == nil {
			t.Errorf("scope %q was listed to its end after its context", c.Scope.Name)
		}
	}
}

// errRefused is the error of an emitter that takes nothing.
var errRefused = errors.New("refused")

type refuser struct{ calls int }

func (r *refuser) Resource(*providers.Resource) error { r.calls++; return errRefused }

func (r *refuser) Gap(providers.Gap) error { r.calls++; return errRefused }

// refused checks that an error of the emitter ends a listing and comes back.
func refused(t *testing.T, provider providers.Provider, account providers.Account) {
	t.Helper()
	for _, c := range plan(t, provider, account) {
		emit := &refuser{}
		err := c.Collect(t.Context(), emit)
		if emit.calls > 1 || emit.calls == 1 && !errors.Is(err, errRefused) {
			t.Errorf("scope %q went on after its emitter refused %d times, and gave %v", c.Scope.Name, emit.calls, err)
		}
	}
}
