package azure_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/azure/azuretest"
)

// The subscriptions of tests.
const (
	shop = "0d404722-eb29-453b-a974-bcd38636c212"
	blog = "38ce4280-c6f4-4800-af76-9af68e669ddf"
)

// full reads everything.
const full = `, "inventory": "full"`

// account is the account of some subscriptions of a cloud.
func account(c *azuretest.Cloud, more string, ids ...string) providers.Account {
	c.Helper()
	list, err := json.Marshal(ids)
	if err != nil {
		c.Fatal(err)
	}
	return providers.Account{
		Name: "test", Key: "key", Provider: providers.Azure, Cloud: providers.Azure, Settings: c.Settings(`"subscriptions": ` + string(list) + more),
	}
}

// cloud is a cloud with the subscription shop, which has these resources in a group.
func cloud(t *testing.T, resources ...string) (c *azuretest.Cloud, group string) {
	t.Helper()
	c = azuretest.New(t)
	group = c.Subscription(shop) + "/resourceGroups/web"
	for _, path := range resources {
		c.Add(row(group + "/providers/" + path))
	}
	return c, group
}

// row is a resource of Resource Graph in westeurope whose type is in its id.
func row(id string) azuretest.Row {
	parts := strings.Split(id[strings.LastIndex(id, "/providers/")+len("/providers/"):], "/")
	kind, name := parts[0], parts[len(parts)-1]
	for i := 1; i < len(parts); i += 2 {
		kind += "/" + parts[i]
	}
	return azuretest.Row{
		"id": id, "name": name, "type": kind, "location": "westeurope", "tags": azuretest.Row{"team": "shop"}, "properties": azuretest.Row{"number": 1},
	}
}

// read is what an account was read as.
type read struct {
	scopes    map[string]providers.Scope
	resources []*providers.Resource
	gaps      []providers.Gap
	errs      map[string]error
}

// Resource takes note of a resource.
func (r *read) Resource(resource *providers.Resource) error {
	r.resources = append(r.resources, resource)
	return nil
}

// Gap takes note of a gap.
func (r *read) Gap(gap providers.Gap) error {
	r.gaps = append(r.gaps, gap)
	return nil
}

func scan(t *testing.T, provider *azure.Provider, account providers.Account, want providers.Want) *read {
	t.Helper()
	collectors, err := provider.Collectors(t.Context(), account, want)
	if err != nil {
		t.Fatal(err)
	}
	r := &read{scopes: map[string]providers.Scope{}, errs: map[string]error{}}
	for _, c := range collectors {
		r.scopes[c.Scope.Name] = c.Scope
		if err := c.Collect(t.Context(), r); err != nil {
			r.errs[c.Scope.Name] = err
		}
	}
	return r
}

// of gives the resources of a type.
func (r *read) of(name string) []*providers.Resource {
	return slices.DeleteFunc(slices.Clone(r.resources), func(resource *providers.Resource) bool { return resource.Type != name })
}

// only gives the one resource of a type.
func (r *read) only(t *testing.T, name string) *providers.Resource {
	t.Helper()
	of := r.of(name)
	if len(of) != 1 {
		t.Fatalf("read %d resources of the type %s, gaps %+v, errors %v", len(of), name, r.gaps, r.errs)
	}
	return of[0]
}

// gapsOf gives the gaps of a type without their words.
func (r *read) gapsOf(name string) []providers.Gap {
	gaps := []providers.Gap{}
	for _, gap := range r.gaps {
		if gap.Type == name {
			gap.Reason = ""
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// clean fails the test where anything could not be read.
func (r *read) clean(t *testing.T) {
	t.Helper()
	if len(r.gaps) > 0 || len(r.errs) > 0 {
		t.Errorf("gaps %+v, errors %v", r.gaps, r.errs)
	}
}

// unread gives the class of a path of a resource that is unread, "" if it is not.
func unread(resource *providers.Resource, path string) providers.Class {
	for _, u := range resource.Parts[providers.Properties].Unread {
		if u.Path == path {
			return u.Class
		}
	}
	return ""
}

// body is a part as JSON.
func body(t *testing.T, resource *providers.Resource, part string) string {
	t.Helper()
	data, err := providers.FormatValue(resource.Parts[part].Value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// reads wants types, or of "type path" the path of a type.
func reads(wanted ...string) providers.Want {
	paths := map[string][]string{}
	for _, want := range wanted {
		name, path, _ := strings.Cut(want, " ")
		paths[name] = append(paths[name], path)
	}
	return providers.Want{Paths: paths}
}

func newProvider() *azure.Provider { return azure.New(azure.Options{}) }

// sub is the n-th of many subscriptions.
func sub(n int) string { return fmt.Sprintf("0d404722-eb29-453b-a974-%012d", n) }
