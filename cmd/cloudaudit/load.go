package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/policy/packs"
	"cloudaudit/policy/rego"
	"cloudaudit/store"
)

// load reads the configuration and checks it. Commands that only ask leave packs in files alone,
// so that they answer while an author is at work.
func (p *program) load(ctx context.Context, withPacks bool) (*config.Config, error) {
	path, err := config.Find(p.configFile, os.LookupEnv)
	if err != nil {
		return nil, usage(err)
	}
	builtin, err := packs.All()
	if err != nil {
		return nil, err
	}
	options := config.Options{Env: os.LookupEnv, Flags: map[string]config.Flag{"store.path": {Name: "db", Value: p.database}}, Builtin: []string{}}
	for _, pack := range builtin {
		options.Builtin = append(options.Builtin, pack.Name)
	}
	if withPacks {
		options.LoadPack = func(path string) (string, error) {
			pack, err := p.packs.path(ctx, path)
			if err != nil {
				return "", err
			}
			return pack.Name, nil
		}
	}
	loaded, err := config.Load(path, options)
	if err != nil {
		return nil, usage(err)
	}
	return loaded, nil
}

// packLoader loads each pack once, by the engines that run it later. The zero value is ready.
type packLoader struct {
	engines map[string]policy.Engine
	byPath  map[string]*policy.Pack
}

// running gives the engines of all runtimes.
func (l *packLoader) running() map[string]policy.Engine {
	if l.engines == nil {
		l.engines = map[string]policy.Engine{policy.RuntimeCEL: cel.New(), policy.RuntimeOPA: rego.New()}
		l.byPath = map[string]*policy.Pack{}
	}
	return l.engines
}

func (l *packLoader) path(ctx context.Context, path string) (*policy.Pack, error) {
	loader := policy.Loader{Engines: l.running()}
	if pack, known := l.byPath[path]; known {
		return pack, nil
	}
	pack, err := loader.Path(ctx, path)
	if err == nil {
		l.byPath[path] = pack
	}
	return pack, err
}

// builtin loads a pack that comes with the program; nil if there is none of that name.
func (l *packLoader) builtin(ctx context.Context, name string) (*policy.Pack, error) {
	all, err := packs.All()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(b packs.Builtin) bool { return b.Name == name })
	if at < 0 {
		return nil, nil
	}
	pack, err := policy.Loader{Engines: l.running()}.FS(ctx, name, all[at].Files)
	if err != nil {
		return nil, err
	}
	pack.Builtin = true
	return pack, nil
}

// declared gives what the configuration declares in the words of the store, its packs loaded.
func (p *program) declared(ctx context.Context, c *config.Config) (store.Declared, error) {
	declared := store.Declared{ConfigID: c.Store.ConfigID, At: places(c)}
	for _, account := range c.Accounts {
		one, err := declaredAccount(ctx, account)
		if err != nil {
			return declared, err
		}
		declared.Accounts = append(declared.Accounts, one)
	}
	loaded, err := p.declaredPacks(ctx, c)
	if err != nil {
		return declared, err
	}
	declared.Packs = loaded
	if declared.Exceptions, err = declaredExceptions(c); err != nil {
		return declared, err
	}
	declared.Groups, err = declaredGroups(c, loaded)
	return declared, err
}

// places tells where an object stands in the file, for messages of the store.
func places(c *config.Config) func(noun, name string) string {
	return func(noun, name string) string {
		for i := range max(len(c.Accounts), len(c.PolicyGroups), len(c.Exceptions)) {
			switch {
			case noun == "account" && i < len(c.Accounts) && c.Accounts[i].Name == name:
				return c.At("accounts", i)
			case noun == "policy group" && i < len(c.PolicyGroups) && c.PolicyGroups[i].Name == name:
				return c.At("policyGroups", i)
			case noun == "exception" && i < len(c.Exceptions) && c.Exceptions[i].Name == name:
				return c.At("exceptions", i)
			}
		}
		return ""
	}
}

func declaredExceptions(c *config.Config) ([]policy.Exception, error) {
	var exceptions []policy.Exception
	for _, declared := range c.Exceptions {
		e := policy.Exception{
			Name: declared.Name, Scope: policy.ExceptionScope(declared.Scope),
			Owner: declared.Owner, Reason: declared.Reason, Ticket: declared.Ticket, Approver: declared.Approver,
		}
		if declared.Expires != "" {
			at, err := config.Moment(declared.Expires)
			if err != nil {
				return nil, err
			}
			e.Expires = &at
		}
		exceptions = append(exceptions, e)
	}
	return exceptions, nil
}

func declaredAccount(ctx context.Context, account config.Account) (store.DeclaredAccount, error) {
	schedule, err := json.Marshal(account.Schedule)
	if err != nil {
		return store.DeclaredAccount{}, err
	}
	connected, err := connectedAccount(ctx, account)
	if err != nil {
		return store.DeclaredAccount{}, usage(fmt.Errorf("account %s: %w", account.Name, err))
	}
	connected.Name, connected.Provider, connected.Tags = account.Name, account.Provider, account.Tags
	return store.DeclaredAccount{Account: connected, RenamedFrom: account.RenamedFrom, Schedule: schedule}, nil
}

// declaredPacks loads the packs of the file, and the built-in ones that only groups name.
func (p *program) declaredPacks(ctx context.Context, c *config.Config) ([]*policy.Pack, error) {
	var loaded []*policy.Pack
	for _, declared := range c.PolicyPacks {
		pack, err := p.declaredPack(ctx, declared)
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, pack)
	}
	for _, group := range c.PolicyGroups {
		for _, applied := range group.PolicyPacks {
			if find(loaded, applied.Name) != nil {
				continue
			}
			pack, err := p.packs.builtin(ctx, applied.Name)
			if err != nil {
				return nil, err
			}
			if pack != nil {
				loaded = append(loaded, pack)
			}
		}
	}
	return loaded, nil
}

func (p *program) declaredPack(ctx context.Context, declared config.Pack) (*policy.Pack, error) {
	if declared.Path != "" {
		return p.packs.path(ctx, declared.Path)
	}
	pack, err := p.packs.builtin(ctx, declared.Name)
	if err == nil && pack == nil {
		err = fmt.Errorf("policy pack %s is not built in", declared.Name)
	}
	return pack, err
}

func find(loaded []*policy.Pack, name string) *policy.Pack {
	for _, pack := range loaded {
		if pack.Name == name {
			return pack
		}
	}
	return nil
}

// declaredGroups gives the file's groups and holds their configs against the packs. All problems
// are told together, each with its place.
func declaredGroups(c *config.Config, loaded []*policy.Pack) ([]policy.Group, error) {
	var groups []policy.Group
	var faults []error
	for i, declared := range c.PolicyGroups {
		group := policy.Group{
			Name: declared.Name, Entity: policy.Entity(declared.EntityType), Mode: policy.Mode(declared.Mode), Accounts: declared.Accounts,
		}
		for j, applied := range declared.PolicyPacks {
			given, err := groupConfig(applied, find(loaded, applied.Name))
			if err != nil {
				faults = append(faults, usage(fmt.Errorf("%s: %w", c.At("policyGroups", i, "policyPacks", j, "config"), err)))
			}
			group.Packs = append(group.Packs, policy.Applied{Name: applied.Name, VersionTag: applied.VersionTag, Config: given})
		}
		groups = append(groups, group)
	}
	return groups, errors.Join(faults...)
}

func groupConfig(applied config.Applied, pack *policy.Pack) (policy.Config, error) {
	given := policy.Config{}
	if len(applied.Config) > 0 {
		if err := json.Unmarshal(applied.Config, &given); err != nil {
			return nil, err
		}
	}
	if pack == nil {
		return nil, fmt.Errorf("no policy pack %q is built in or declared", applied.Name)
	}
	_, err := policy.Reconcile(pack, given)
	return given, err
}
