package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/store"
)

// accounts gives the accounts to scan: those named, a parent with its members, or all. The members are
// asked for first.
func (s *scanning) accounts(ctx context.Context, declared store.Declared, names []string) ([]providers.Account, error) {
	if err := s.findMembers(ctx, declared, names); err != nil {
		return nil, err
	}
	all, err := s.store.Scannable(ctx)
	if err != nil || len(names) == 0 {
		return all, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(a providers.Account) bool { return a.Name == name }) {
			return nil, noMember(name)
		}
	}
	return slices.DeleteFunc(all, func(a providers.Account) bool { return !chosen(a.Name, names) }), nil
}

func noMember(name string) error {
	parent, _, _ := strings.Cut(name, "/")
	return usage(fmt.Errorf("account %s has no member %s that is to be read", parent, name))
}

// chosen tells whether the account is named, or its parent.
func chosen(account string, names []string) bool {
	parent, _, _ := strings.Cut(account, "/")
	return len(names) == 0 || slices.Contains(names, account) || slices.Contains(names, parent)
}

// wanted tells whether the account or some member of it is to be scanned.
func wanted(account string, names []string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name+"/", account+"/") })
}

// findMembers asks every parent for its members and lets the store take them over, and the groups that
// hold the parent take them in. Where a parent cannot be asked, its members stay as they are known.
func (s *scanning) findMembers(ctx context.Context, declared store.Declared, names []string) error {
	changed := false
	for i := range declared.Accounts {
		name := declared.Accounts[i].Name
		if !wanted(name, names) {
			continue
		}
		did, err := s.findMembersOf(ctx, name)
		if err != nil {
			return err
		}
		changed = changed || did
	}
	if !changed {
		return nil
	}
	return s.reconcile(ctx, declared)
}

// findMembersOf does so for one account, and tells whether anything changed.
func (s *scanning) findMembersOf(ctx context.Context, name string) (changed bool, err error) {
	parent, err := s.scannable(ctx, name)
	if err != nil {
		return false, err
	}
	provider, able := s.providers[parent.Provider].(providers.Organization)
	if !able {
		return false, nil
	}
	members, err := provider.Members(ctx, parent)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil:
		s.unlisted = true
		fmt.Fprintf(s.stderr, "warning: the members of account %s cannot be listed, so those known are scanned and none is taken for gone: %v\n", name, err)
		return false, nil
	}
	done, err := s.store.Members(ctx, parent, members)
	s.tell(done)
	return len(done.Changes) > 0, err
}

// scannable gives a stored account.
func (s *scanning) scannable(ctx context.Context, name string) (providers.Account, error) {
	all, err := s.store.Scannable(ctx)
	if err != nil {
		return providers.Account{}, err
	}
	at := slices.IndexFunc(all, func(a providers.Account) bool { return a.Name == name })
	if at < 0 {
		return providers.Account{}, fmt.Errorf("account %s: %w", name, store.ErrNotFound)
	}
	return all[at], nil
}
