package aws_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/aws/awstest"
)

func TestMain(m *testing.M) {
	flag.BoolVar(&aws.Update, "update", false, "write golden files anew")
	flag.Parse()
	m.Run() // whose result is the process's
}

// connected is the account as cloudaudit knows it, in these regions.
func connected(a awstest.Account, settings string, regions ...string) providers.Account {
	if settings != "" {
		settings = ", " + settings
	}
	names, _ := json.Marshal(regions) // texts can be written
	text := fmt.Sprintf(`{"roleArn": %q, "endpoint": %q, "regions": %s%s}`, a.Role(), a.Endpoint, names, settings)
	return providers.Account{Name: "test", Key: "key-" + a.ID, Provider: providers.AWS, Cloud: providers.AWS, CloudID: a.ID, Settings: []byte(text)}
}

// newProvider makes a provider with the credentials of the emulator.
func newProvider() *aws.Provider { return aws.New(aws.Options{}).As(awstest.Keys(), nil) }

// read is what a scan of an account gave.
type read struct {
	mu        sync.Mutex
	resources []*providers.Resource
	gaps      []providers.Gap
	errs      map[string]error
	scopes    []providers.Scope
}

func (r *read) Resource(resource *providers.Resource) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resources = append(r.resources, resource)
	return nil
}

func (r *read) Gap(gap providers.Gap) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, gap)
	return nil
}

// of gives the resources of a type.
func (r *read) of(resourceType string) []*providers.Resource {
	var found []*providers.Resource
	for _, resource := range r.resources {
		if resource.Type == resourceType {
			found = append(found, resource)
		}
	}
	return found
}

// scan reads an account, eight scopes at a time.
func scan(tb testing.TB, provider providers.Provider, account providers.Account, want providers.Want, scopes ...string) *read {
	tb.Helper()
	collectors, err := provider.Collectors(tb.Context(), account, want)
	if err != nil {
		tb.Fatalf("plan: %v", err)
	}
	r := &read{errs: map[string]error{}}
	slots := make(chan struct{}, 8)
	var wait sync.WaitGroup
	for _, c := range collectors {
		if !chosen(c.Scope.Name, scopes) {
			continue
		}
		r.scopes = append(r.scopes, c.Scope)
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := c.Collect(context.WithoutCancel(tb.Context()), r); err != nil {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.errs[c.Scope.Name] = err
			}
		})
	}
	wait.Wait()
	return r
}

// chosen tells whether a scope's name ends like one of the given, if there are any.
func chosen(name string, scopes []string) bool {
	for _, s := range scopes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return len(scopes) == 0
}
