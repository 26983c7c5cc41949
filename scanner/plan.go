package scanner

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// plan is what a scan judges an account by: the audits of its groups, each with an open session,
// and the packs that cannot run.
type plan struct {
	groups []string
	audits []*auditing
	broken []string // names of packs
}

// auditing is an audit under way.
type auditing struct {
	Audit
	session policy.Session // nil if the pack cannot run: all that its policies say is unknown
	fault   error          // why there is none
	engine  string         // its revision
	// revision covers what verdicts depend on beside the resource: the engine, who reports, and what
	// policies see of the account.
	revision string
	byType   map[string]*typePlan
	// inventory is what account policies read of a type.
	inventory map[string]*typePlan
}

// typePlan is what an audit says of a type, worked out once.
type typePlan struct {
	policies []string // enabled ones that match
	clock    bool
	facets   []string // that these policies read
	anyFacet bool     // they may read any
}

// newPlan reads the account's groups and opens a session per distinct pack and config. A pack that
// cannot run is noted and logged; everything else goes on.
func (r *run) newPlan(ctx context.Context) (*plan, error) {
	assignments, err := r.Store.Assignments(ctx, r.scan.Account)
	if err != nil {
		return nil, fmt.Errorf("read the groups of account %s: %w", r.scan.Account.Name, err)
	}
	p := &plan{}
	for _, assignment := range assignments {
		p.groups = append(p.groups, assignment.Group.Name)
		for _, applied := range assignment.Group.Packs {
			if err := r.addAudit(ctx, p, assignment, applied); err != nil {
				p.broken = append(p.broken, applied.Name)
				r.log(ctx, "error", "", fmt.Sprintf("pack %s of group %s cannot run: %v", applied.Name, assignment.Group.Name, err))
			}
		}
	}
	return p, ctx.Err()
}

func (r *run) addAudit(ctx context.Context, p *plan, assignment Assignment, applied policy.Applied) error {
	audit, config := r.auditOf(ctx, p, applied)
	levels := map[string]policy.Level{}
	for name, setting := range config {
		levels[name] = setting.Level
	}
	audit.Reporters = append(audit.Reporters, Reporter{Group: assignment.Group.Name, Regions: assignment.Regions, Levels: levels})
	audit.revision = audit.engine + "\n" + reportersDigest(audit.Reporters) + "\n" + accountFacts(r.scan.Account)
	return audit.fault
}

// auditOf gives the audit by a pack as a group applies it, with the group's config: groups of which the
// levels alone differ share an audit.
func (r *run) auditOf(ctx context.Context, p *plan, applied policy.Applied) (*auditing, policy.Reconciled) {
	pack, err := r.Store.Pack(ctx, applied)
	if err != nil {
		audit := p.silence(&policy.Pack{Name: applied.Name}, applied, err)
		return audit, audit.Config
	}
	config, err := policy.Reconcile(pack, applied.Config)
	if err != nil {
		audit := p.silence(pack, applied, err)
		return audit, audit.Config
	}
	return r.openAudit(ctx, p, pack, config), config
}

// audit gives the audit of this pack and config, which it makes the first time.
func (p *plan) audit(pack *policy.Pack, config policy.Reconciled, digest string) *auditing {
	for _, audit := range p.audits {
		if audit.Pack.Name == pack.Name && audit.Pack.Digest == pack.Digest && audit.ConfigDigest == digest {
			return audit
		}
	}
	p.audits = append(p.audits, &auditing{
		Audit:  Audit{Pack: pack, Config: config, ConfigDigest: digest},
		byType: map[string]*typePlan{}, inventory: map[string]*typePlan{},
	})
	return p.audits[len(p.audits)-1]
}

// openAudit gives the audit of this pack and config, opening its session the first time.
func (r *run) openAudit(ctx context.Context, p *plan, pack *policy.Pack, config policy.Reconciled) *auditing {
	audit := p.audit(pack, config, config.Digest())
	if audit.session != nil || audit.fault != nil {
		return audit
	}
	engine := r.Engines[pack.Runtime]
	if engine == nil {
		audit.fault = fmt.Errorf("runtime %q is not in this build", pack.Runtime)
		return audit
	}
	session, err := engine.Open(ctx, pack, policy.SessionOptions{Config: config, Now: r.scan.StartedAt})
	if err != nil {
		audit.fault = err
		return audit
	}
	audit.session, audit.engine = session, engine.Revision()
	return audit
}

func reportersDigest(reporters []Reporter) string {
	var text strings.Builder
	for _, reporter := range reporters {
		fmt.Fprintf(&text, "%q %q", reporter.Group, reporter.Regions)
		for _, name := range slices.Sorted(maps.Keys(reporter.Levels)) {
			fmt.Fprintf(&text, " %q=%s", name, reporter.Levels[name])
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text.String())))
}

// accountFacts are what policies see of an account.
func accountFacts(a providers.Account) string {
	return fmt.Sprintf("%q %q %q %q", a.Name, a.Cloud, a.CloudID, a.Tags)
}

func (p *plan) close() {
	for _, audit := range p.audits {
		if audit.session != nil {
			_ = audit.session.Close() // nothing is left to lose when a session ends
		}
	}
}

// audited tells whether any policy judges the account.
func (p *plan) audited() bool {
	return slices.ContainsFunc(p.audits, func(a *auditing) bool {
		return slices.ContainsFunc(a.Pack.Policies, func(rule policy.Policy) bool { return a.Config.Enabled(rule.Name) })
	})
}

// want says what the policies read, type by type.
func (p *plan) want() map[string][]string {
	paths := map[string][]string{}
	for _, audit := range p.audits {
		for _, rule := range audit.Pack.Policies {
			if !audit.Config.Enabled(rule.Name) {
				continue
			}
			types := rule.Types
			if len(types) == 0 {
				types = []string{providers.AnyType}
			}
			for _, t := range types {
				paths[t] = append(paths[t], rule.ReadsOf(t)...)
			}
		}
	}
	for t := range paths {
		slices.Sort(paths[t])
		paths[t] = slices.Compact(paths[t])
	}
	return paths
}

// of gives what the audit says of a type. It is called from one goroutine.
func (a *auditing) of(resourceType string) *typePlan {
	if known := a.byType[resourceType]; known != nil {
		return known
	}
	t := a.typePlan(policy.OnResource, resourceType)
	a.byType[resourceType] = t
	return t
}

// ofInventory gives what the audit's account policies read of a type.
func (a *auditing) ofInventory(resourceType string) *typePlan {
	known := a.inventory[resourceType]
	if known == nil {
		known = a.typePlan(policy.OnAccount, resourceType)
		a.inventory[resourceType] = known
	}
	return known
}

func (a *auditing) typePlan(kind policy.Kind, resourceType string) *typePlan {
	t := &typePlan{}
	for _, rule := range a.Pack.Policies {
		if (rule.Kind == policy.OnAccount) != (kind == policy.OnAccount) || !a.Config.Enabled(rule.Name) || !rule.Matches(resourceType) {
			continue
		}
		t.policies = append(t.policies, rule.Name)
		t.clock = t.clock || rule.Clock
		for _, path := range rule.ReadsOf(resourceType) {
			t.readFacet(path)
		}
	}
	slices.Sort(t.facets)
	t.facets = slices.Compact(t.facets)
	return t
}

func (t *typePlan) readFacet(path string) {
	segments := providers.Segments(path)
	switch {
	case len(segments) == 0, len(segments) == 1 && segments[0] == "facets", len(segments) > 1 && segments[0] == "facets" && segments[1] == "*":
		t.anyFacet = true
	case segments[0] == "facets":
		t.facets = append(t.facets, segments[1])
	}
}
