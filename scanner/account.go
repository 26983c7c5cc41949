package scanner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"iter"
	"slices"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// judgeAccount judges the account as a whole, once all of its resources are settled (design rule 3.6).
// Policies that see an inventory depend on other resources and are never skipped.
func (j *judging) judgeAccount(ctx context.Context) error {
	held, err := j.Store.HeldAccount(ctx, j.scan)
	if err != nil {
		return fmt.Errorf("read what is known of account %s: %w", j.scan.Account.Name, err)
	}
	subject := Subject{
		Presence: Present, Groups: j.plan.groups, Violations: held.Violations,
		Resource: policy.Identity{Organization: j.scan.Organization, Account: j.scan.Account.Key},
	}
	var put []Verdict
	for _, audit := range j.plan.audits {
		if !audit.Pack.SeesAccounts() && audit.session != nil {
			continue
		}
		if !audit.onAccount() && audit.session != nil { // its groups report nothing any more
			subject.Judged = append(subject.Judged, Judged{Audit: &audit.Audit})
			continue
		}
		verdict, judged, err := j.auditAccount(ctx, audit, held)
		if err != nil {
			return fmt.Errorf("evaluate pack %s over account %s: %w", audit.Pack.Name, j.scan.Account.Name, err)
		}
		put = append(put, verdict)
		subject.Judged = append(subject.Judged, judged)
	}
	subject.Dropped = j.droppedFromAccount(held, put)
	changes := Diff(subject)
	if len(put)+len(held.Verdicts)+len(changes) == 0 {
		return nil
	}
	counts := countChanges(changes)
	if err := j.Store.JudgeAccount(ctx, j.scan, put, changes, counts); err != nil {
		return fmt.Errorf("store the judgement of account %s: %w", j.scan.Account.Name, err)
	}
	j.result.Counts.add(counts)
	return nil
}

// onAccount tells whether the audit has account policies that run.
func (a *auditing) onAccount() bool {
	return slices.ContainsFunc(a.Pack.Policies, func(p policy.Policy) bool { return p.Kind == policy.OnAccount && a.Config.Enabled(p.Name) })
}

func (j *judging) auditAccount(ctx context.Context, audit *auditing, held HeldAccount) (Verdict, Judged, error) {
	inventory := &inventory{judging: j, audit: audit, content: sha256.New()}
	verdict := Verdict{VerdictKey: VerdictKey{audit.Pack.Digest, audit.ConfigDigest}, Pack: audit.Pack.Name}
	session, able := audit.session.(policy.AccountSession)
	if able {
		var err error
		if verdict.Outcomes, err = session.EvaluateAccount(ctx, &j.scan.Account, inventory); err != nil {
			return verdict, Judged{}, err
		}
	} else {
		verdict.Outcomes = audit.silent()
	}
	copy(verdict.Content[:], inventory.content.Sum(nil))
	fmt.Fprintf(inventory.content, "%s", audit.revision)
	copy(verdict.Judged[:], inventory.content.Sum(nil))
	if audit.session == nil {
		verdict.Content = audit.lastContent(held.Verdicts)
	}
	same := slices.ContainsFunc(held.Verdicts, func(v HeldVerdict) bool { return v.Pack == verdict.Pack && v.Content == verdict.Content })
	return verdict, Judged{Audit: &audit.Audit, Outcomes: verdict.Outcomes, Silent: audit.session == nil, Same: same}, nil
}

// droppedFromAccount finds the packs that judged the account and do so no more.
func (j *judging) droppedFromAccount(held HeldAccount, put []Verdict) (dropped []string) {
	for _, verdict := range held.Verdicts {
		judges := slices.ContainsFunc(put, func(v Verdict) bool { return v.Pack == verdict.Pack })
		if !judges {
			dropped = append(dropped, verdict.Pack)
		}
	}
	for pack := range j.abandoned {
		if !slices.Contains(dropped, pack) {
			dropped = append(dropped, pack)
		}
	}
	return dropped
}

// inventory is the account as account policies see it: it streams from the store and holds a page at
// most.
type inventory struct {
	*judging
	audit *auditing
	// content covers everything that was read.
	content hash.Hash
}

var _ policy.Inventory = (*inventory)(nil)

// Incomplete implements policy.Inventory. What no listing holds is as little known as what a listing
// failed to hold.
func (i *inventory) Incomplete(resourceType string) (providers.Class, bool) {
	end := i.state(resourceType).listed
	incomplete := !end.planned || end.listing != Complete
	fmt.Fprintf(i.content, "incomplete %q %v\n", resourceType, incomplete)
	if !incomplete {
		return "", false
	}
	return cmp.Or(end.class, providers.NotRead), true
}

// Resources implements policy.Inventory.
func (i *inventory) Resources(ctx context.Context, resourceType string, read *providers.Projection) iter.Seq2[policy.Input, error] {
	return func(yield func(policy.Input, error) bool) {
		for after := ""; ; {
			page, err := i.Store.HeldOf(ctx, i.scan, resourceType, after, pageSize)
			if err != nil || len(page) == 0 {
				if err != nil {
					yield(policy.Input{}, fmt.Errorf("read the resources of type %s: %w", resourceType, err))
				}
				return
			}
			after = page[len(page)-1].Identity
			inputs, err := i.inputs(ctx, page, read)
			if err != nil {
				yield(policy.Input{}, err)
				return
			}
			for _, input := range inputs {
				if !yield(input, nil) {
					return
				}
			}
		}
	}
}

// inputs loads a page of resources of a type, as far as policies read it, with everything of them that is
// unread.
func (i *inventory) inputs(ctx context.Context, page []Held, read *providers.Projection) ([]policy.Input, error) {
	keys := make([]int64, len(page))
	for n, held := range page {
		keys[n] = held.Key
	}
	facts := i.audit.ofInventory(page[0].Type)
	resources, err := i.Store.Load(ctx, i.scan, keys, read)
	if err != nil {
		return nil, fmt.Errorf("load %d resources: %w", len(keys), err)
	}
	inputs := make([]policy.Input, len(page))
	for n := range page {
		held := &page[n]
		resources[n].Join()
		unread := i.unread(facts, held)
		content, _ := hashes(i.audit, held, unread)
		fmt.Fprintf(i.content, "%q %x\n", held.Identity, content)
		for _, part := range resources[n].Parts {
			unread = append(unread, part.Unread...)
		}
		sortUnread(unread)
		inputs[n] = policy.Input{Account: &i.scan.Account, Resource: resources[n], Unread: unread}
	}
	return inputs, nil
}
