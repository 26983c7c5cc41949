package scanner

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// pageSize is how many resources are judged, and committed, at once.
const pageSize = 500

// judging is the second half of a scan: a pass over the account's resources in pages, those left out
// that nothing concerns, in which each is settled, evaluated if anything that its verdicts depend on changed, and diffed.
type judging struct {
	*run
	types map[string]*typeState
	// abandoned are, by pack, the resources whose violations no group's pack reports any more.
	abandoned map[string]*KeySet
}

func (r *run) judge(ctx context.Context) error {
	j := &judging{run: r, types: map[string]*typeState{}}
	if err := j.findAbandoned(ctx); err != nil {
		return err
	}
	keys, err := j.restless(ctx)
	if err != nil {
		return err
	}
	if keys != nil {
		err = j.some(ctx, keys)
	} else {
		err = j.all(ctx)
	}
	if err != nil {
		return err
	}
	if r.held, err = r.Store.HeldTypes(ctx, r.scan); err != nil {
		return fmt.Errorf("read the types of account %s: %w", r.scan.Account.Name, err)
	}
	return j.judgeAccount(ctx)
}

// all judges every resource of the account.
func (j *judging) all(ctx context.Context) error {
	total, err := j.Store.HeldCount(ctx, j.scan)
	if err != nil {
		return fmt.Errorf("count the resources of %s: %w", j.scan.Account.Name, err)
	}
	j.progress.set(func(p *Progress) { p.Phase, p.Total = Judging, total })
	for after := int64(0); ; {
		page, err := j.Store.Held(ctx, j.scan, after, pageSize)
		if err != nil {
			return fmt.Errorf("read the resources of %s: %w", j.scan.Account.Name, err)
		}
		if len(page) == 0 {
			return nil
		}
		after = page[len(page)-1].Key
		if err := j.page(ctx, page); err != nil {
			return err
		}
	}
}

// some judges those of these keys. The others are there, and as they were.
func (j *judging) some(ctx context.Context, keys *KeySet) error {
	j.progress.set(func(p *Progress) { p.Phase, p.Total = Judging, keys.Len() })
	j.result.Counts.Resources = j.ingest.seen.others(keys)
	for chunk := range keys.pages(pageSize) {
		page, err := j.Store.HeldKeys(ctx, j.scan, chunk)
		if err != nil {
			return fmt.Errorf("read %d resources of %s: %w", len(chunk), j.scan.Account.Name, err)
		}
		if err := j.page(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

// subject is a resource on its way through a page.
type subject struct {
	held      *Held
	judgement Judgement
	content   map[*auditing]providers.Hash
	unread    map[*auditing][]providers.Unread
	evaluate  []*auditing
	dropped   []string // packs
	outcomes  map[*auditing][]policy.Outcome
	resource  *providers.Resource
}

func (j *judging) page(ctx context.Context, page []Held) error {
	subjects := make([]*subject, len(page))
	for i := range page {
		subjects[i] = j.compare(&page[i])
	}
	if err := j.evaluate(ctx, subjects); err != nil {
		return err
	}
	if err := j.diff(ctx, subjects); err != nil {
		return err
	}
	var judgements []Judgement
	var counts Counts
	for _, s := range subjects {
		j.meet(s)
		counts.add(s.counts())
		if s.judgement.matters() {
			judgements = append(judgements, s.judgement)
		}
	}
	if len(judgements) > 0 {
		if err := j.Store.Judge(ctx, j.scan, judgements, counts); err != nil {
			return fmt.Errorf("store the judgement of %d resources: %w", len(judgements), err)
		}
	}
	j.result.Counts.add(counts)
	j.progress.set(func(p *Progress) {
		p.Judged += len(page)
		p.Opened, p.Resolved = j.result.Counts.Opened, j.result.Counts.Resolved
	})
	return nil
}

// meet counts a resource that the pass comes by.
func (j *judging) meet(s *subject) {
	counts := &j.result.Counts
	if s.judgement.Presence == Gone || s.judgement.Presence == Outside {
		return
	}
	counts.Resources++
	switch {
	case s.held.Since == j.scan.Seq:
		counts.Added++
	case s.held.Changed == j.scan.Seq || len(s.judgement.Ended) > 0:
		counts.Changed++
	}
}

// matters tells whether there is anything to write.
func (jd Judgement) matters() bool {
	return jd.Presence == Gone || jd.Presence == Outside || jd.moved || len(jd.Stale)+len(jd.Fresh)+len(jd.Ended)+len(jd.Put)+len(jd.Drop)+len(jd.Changes) > 0
}

// compare settles a resource and finds the audits whose verdict no longer holds. For an unchanged
// resource that is one comparison of hashes per audit.
func (j *judging) compare(held *Held) *subject {
	was := held.Missing
	s := &subject{held: held, judgement: j.settle(held)}
	s.judgement.moved = was != held.Missing
	if s.judgement.Presence == Gone || s.judgement.Presence == Outside {
		return s
	}
	s.content = map[*auditing]providers.Hash{}
	s.unread = map[*auditing][]providers.Unread{}
	packs := map[string]bool{} // with something to evaluate
	for _, audit := range j.plan.audits {
		if facts := audit.of(held.Type); len(facts.policies) > 0 {
			unread := j.unread(facts, held)
			content, judged := hashes(audit, held, unread)
			if audit.session == nil {
				content = audit.lastContent(held.Verdicts)
			}
			s.content[audit], s.unread[audit] = content, unread
			s.judgement.Put = append(s.judgement.Put, Verdict{
				VerdictKey: VerdictKey{audit.Pack.Digest, audit.ConfigDigest},
				Pack:       audit.Pack.Name, Content: content, Judged: judged,
			})
			packs[audit.Pack.Name] = packs[audit.Pack.Name] || j.Full || facts.clock || !held.judgedBy(audit, judged)
		}
	}
	j.drop(s, packs)
	// Of a pack all audits are judged together, so that a violation that several groups report is
	// seen whole.
	s.judgement.Put = slices.DeleteFunc(s.judgement.Put, func(v Verdict) bool { return !packs[v.Pack] })
	for _, audit := range j.plan.audits {
		if packs[audit.Pack.Name] {
			s.evaluate = append(s.evaluate, audit)
		}
	}
	return s
}

func (h *Held) judgedBy(audit *auditing, judged providers.Hash) bool {
	return slices.ContainsFunc(h.Verdicts, func(v HeldVerdict) bool {
		return v.PackDigest == audit.Pack.Digest && v.ConfigDigest == audit.ConfigDigest && v.Judged == judged
	})
}

// drop finds the verdicts of audits that are no more.
func (j *judging) drop(s *subject, packs map[string]bool) {
	for _, verdict := range s.held.Verdicts {
		current := slices.ContainsFunc(j.plan.audits, func(a *auditing) bool {
			return a.Pack.Digest == verdict.PackDigest && a.ConfigDigest == verdict.ConfigDigest
		})
		switch {
		case current:
			continue
		case slices.ContainsFunc(j.plan.audits, func(a *auditing) bool { return a.Pack.Name == verdict.Pack }):
			packs[verdict.Pack] = true
		default:
			s.dropped = append(s.dropped, verdict.Pack)
		}
		s.judgement.Drop = append(s.judgement.Drop, verdict.VerdictKey)
	}
	for pack, keys := range j.abandoned {
		if keys.Has(s.held.Key) && !slices.Contains(s.dropped, pack) {
			s.dropped = append(s.dropped, pack)
		}
	}
}

// findAbandoned finds what a pack found that no group applies any more. Mostly its verdicts tell, but
// not of one that could not run before it was removed.
func (j *judging) findAbandoned(ctx context.Context) (err error) {
	var packs []string
	for _, audit := range j.plan.audits {
		packs = append(packs, audit.Pack.Name)
	}
	if j.abandoned, err = j.Store.Abandoned(ctx, j.scan, packs); err != nil {
		return fmt.Errorf("read whose violations are left of account %s: %w", j.scan.Account.Name, err)
	}
	return nil
}

// hashes gives what the verdict is a judgement of: the resource's content as far as it was read,
// and everything that the verdict depends on (design rule 3.9).
func hashes(audit *auditing, held *Held, unread []providers.Unread) (content, judged providers.Hash) {
	hash := sha256.New()
	for _, part := range held.Parts {
		fmt.Fprintf(hash, "%q %x %q %q\n", part.Name, part.Hash, part.Unread, part.Stale)
	}
	copy(content[:], hash.Sum(nil))
	for _, u := range unread {
		fmt.Fprintf(hash, "%q %q\n", u.Path, u.Class)
	}
	fmt.Fprintf(hash, "%q %s", held.UID, audit.revision)
	copy(judged[:], hash.Sum(nil))
	return content, judged
}

// evaluate loads the resources of a page that need it and runs their audits, several at once.
func (j *judging) evaluate(ctx context.Context, subjects []*subject) error {
	if err := j.load(ctx, subjects); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(j.Workers)
	for chunk := range slices.Chunk(subjects, 64) {
		group.Go(func() error {
			for _, s := range chunk {
				if err := j.judgeOne(ctx, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (j *judging) load(ctx context.Context, subjects []*subject) error {
	var keys []int64
	for _, s := range subjects {
		if len(s.evaluate) > 0 && s.held.Missing == "" {
			keys = append(keys, s.held.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	resources, err := j.Store.Load(ctx, j.scan, keys, nil)
	if err != nil {
		return fmt.Errorf("load %d resources: %w", len(keys), err)
	}
	for _, s := range subjects {
		if len(s.evaluate) > 0 && s.held.Missing == "" {
			s.resource, resources = resources[0], resources[1:]
			s.strip()
		}
	}
	return nil
}

// strip takes away the parts that this scan found to have ended or could not read again, which the
// store still gives, and joins the pieces that are left with the main part.
func (s *subject) strip() {
	for _, part := range s.judgement.Ended {
		delete(s.resource.Parts, part)
	}
	for part := range s.judgement.Stale {
		delete(s.resource.Parts, part)
	}
	s.resource.Join()
}

// judgeOne runs the audits of one resource.
func (j *judging) judgeOne(ctx context.Context, s *subject) error {
	s.outcomes = map[*auditing][]policy.Outcome{}
	for _, audit := range s.evaluate {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		outcomes, err := j.outcomes(ctx, audit, s)
		if err != nil {
			return fmt.Errorf("evaluate pack %s: %w", audit.Pack.Name, err)
		}
		s.outcomes[audit] = outcomes
	}
	return nil
}

func (j *judging) outcomes(ctx context.Context, audit *auditing, s *subject) ([]policy.Outcome, error) {
	facts := audit.byType[s.held.Type]
	if len(facts.policies) == 0 {
		return nil, nil
	}
	if s.held.Missing != "" {
		return unknown(facts.policies, string(s.held.Missing)), nil
	}
	if audit.session == nil {
		return unknown(facts.policies, policy.ReasonNoPack), nil
	}
	return audit.session.Evaluate(ctx, j.input(s.unread[audit], s.resource))
}

// input is a resource as policies see it, with what of it is unread beside what its parts tell.
func (j *judging) input(unread []providers.Unread, resource *providers.Resource) policy.Input {
	for _, part := range resource.Parts {
		unread = append(unread, part.Unread...)
	}
	sortUnread(unread)
	return policy.Input{Account: &j.scan.Account, Resource: resource, Unread: unread}
}

// unknown is what can be said of a resource that could not be seen, or by a pack that cannot run.
func unknown(policies []string, reason string) []policy.Outcome {
	outcomes := make([]policy.Outcome, len(policies))
	for i, name := range policies {
		outcomes[i] = policy.Outcome{Policy: name, Verdict: policy.Unknown, Reason: reason}
	}
	return outcomes
}

// diff compares what was judged with the violations that are known of the page's resources.
func (j *judging) diff(ctx context.Context, subjects []*subject) error {
	var keys []int64
	for _, s := range subjects {
		if s.diffs() {
			keys = append(keys, s.held.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	known, err := j.Store.ViolationsOf(ctx, j.scan, keys)
	if err != nil {
		return fmt.Errorf("read the violations of %d resources: %w", len(keys), err)
	}
	for _, s := range subjects {
		if s.diffs() {
			s.judgement.Changes = Diff(j.subject(s, known[s.held.Key]))
		}
	}
	return nil
}

func (s *subject) diffs() bool {
	return s.judgement.Presence == Gone || s.judgement.Presence == Outside || len(s.evaluate)+len(s.dropped) > 0
}

func (j *judging) subject(s *subject, known []Violation) Subject {
	diff := Subject{
		Presence: s.judgement.Presence,
		Resource: policy.Identity{
			Organization: j.scan.Organization, Account: j.scan.Account.Key,
			ResourceType: s.held.Type, ResourceID: s.held.Identity,
		},
		Region: s.held.Region, UID: s.held.UID,
		Violations: known, Dropped: s.dropped, Groups: j.plan.groups,
	}
	for _, audit := range s.evaluate {
		outcomes := s.outcomes[audit]
		diff.Judged = append(diff.Judged, Judged{Audit: &audit.Audit, Outcomes: outcomes, Silent: audit.session == nil, Same: s.same(audit)})
		for i := range s.judgement.Put {
			if put := &s.judgement.Put[i]; put.PackDigest == audit.Pack.Digest && put.ConfigDigest == audit.ConfigDigest {
				put.Outcomes = outcomes
				if slices.ContainsFunc(outcomes, hadNoTime) { // which is no judgement of the resource
					put.Judged, j.hurried = providers.Hash{}, true
				}
			}
		}
	}
	return diff
}

func hadNoTime(o policy.Outcome) bool {
	return o.Verdict == policy.Unknown && o.Reason == policy.ReasonDeadline
}

// same tells whether the pack judged the same content before, so that only the pack or its config
// can be why the outcome differs; as it is where the pack no longer matches the type at all.
func (s *subject) same(audit *auditing) bool {
	if _, matched := s.content[audit]; !matched {
		return true
	}
	return slices.ContainsFunc(s.held.Verdicts, func(v HeldVerdict) bool {
		return v.Pack == audit.Pack.Name && v.Content == s.content[audit]
	})
}

// counts tells what is done about the subject.
func (s *subject) counts() (counts Counts) {
	if s.judgement.Presence == Gone || s.judgement.Presence == Outside {
		counts.Removed++
	}
	if len(s.evaluate) > 0 {
		counts.Evaluated++
	}
	counts.add(countChanges(s.judgement.Changes))
	return counts
}

func countChanges(changes []Change) (counts Counts) {
	for _, change := range changes {
		switch {
		case change.State == policy.Open && change.Was != policy.Open:
			counts.Opened++
		case change.State == policy.Resolved && change.Was == policy.Open:
			counts.Resolved++
		}
	}
	return counts
}
