package aws

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"cloudaudit/providers"
)

var _ providers.Checker = (*Provider)(nil)

// Check tells who we are in an account, which regions it has turned on, and which of the permissions
// that reading it needs are missing. IAM is asked to simulate them all; where it may not be asked, the
// listings of each service are tried in one region, which leaves the permissions untried that need a
// resource.
func (p *Provider) Check(ctx context.Context, account providers.Account) (providers.Check, error) {
	s, err := p.open(ctx, account)
	if err != nil {
		return providers.Check{}, err
	}
	check := providers.Check{Identity: s.identity, CloudID: s.id, Grant: s.grant()}
	tried := &trial{missing: map[string]providers.MissingPermission{}, tried: map[string]bool{}}
	on, err := s.enabled(ctx)
	if err != nil {
		tried.failed(explain(err))
	}
	for _, name := range slices.Sorted(maps.Keys(on)) {
		check.Regions = append(check.Regions, providers.CheckedRegion{Name: name, On: on[name], Read: on[name] && s.settings.selects(name)})
	}
	if err := s.simulate(ctx, tried); err != nil {
		s.logger().InfoContext(ctx, "permissions cannot be simulated: trying them", "reason", reason(err))
		s.try(ctx, check.Regions, tried)
	}
	check.Tried = len(tried.tried)
	for _, permission := range slices.Sorted(maps.Keys(tried.missing)) {
		check.Missing = append(check.Missing, tried.missing[permission])
	}
	for _, action := range s.needed() {
		if !tried.tried[action] {
			check.Untried = append(check.Untried, action)
		}
	}
	check.Remedy = remedy(check.Missing)
	return check, ctx.Err()
}

// needed are the actions that reading the account takes, and listing its members if it is a parent.
func (s *session) needed() []string {
	if s.settings.Organization == nil {
		return Actions()
	}
	actions := append(Actions(), actionsFor(useOrganization)...)
	slices.Sort(actions)
	return slices.Compact(actions)
}

// grant is the policy that allows all of it.
func (s *session) grant() string {
	if s.settings.Organization == nil {
		return Policy()
	}
	return policyDocument(append(readStatements(), parentStatements(s.settings.Organization.RoleName)...)...)
}

// remedy is the policy that allows what is missing.
func remedy(missing []providers.MissingPermission) string {
	if len(missing) == 0 {
		return ""
	}
	var actions []string
	for _, m := range missing {
		actions = append(actions, m.Permission)
	}
	return policyDocument(statementsFor("Missing", actions)...)
}

// trial gathers what is known of permissions.
type trial struct {
	mu      sync.Mutex
	tried   map[string]bool
	missing map[string]providers.MissingPermission
}

// failed notes what an error says of a permission.
func (t *trial) failed(err error) {
	var known *providers.Error
	if !errors.As(err, &known) || known.Permission == "" {
		return
	}
	t.lacks(known.Permission, known.Class)
}

func (t *trial) lacks(permission string, class providers.Class) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tried[permission] = true
	t.missing[permission] = providers.MissingPermission{Permission: permission, Class: class, Reason: reasons[class]}
}

// simulated is how many actions IAM is asked about at once.
const simulated = 50

// simulate asks IAM what it would say to every action.
func (s *session) simulate(ctx context.Context, t *trial) error {
	client := iam.NewFromConfig(s.config(s.home(), "iam"))
	source := s.principal()
	for actions := range slices.Chunk(s.needed(), simulated) {
		out, err := client.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: actions})
		if err != nil {
			return err
		}
		for _, result := range out.EvaluationResults {
			action := *result.EvalActionName
			t.hear(action)
			if result.EvalDecision == iamtypes.PolicyEvaluationDecisionTypeAllowed {
				continue
			}
			class := providers.AccessDenied
			if detail := result.OrganizationsDecisionDetail; detail != nil && !detail.AllowedByOrganizations {
				class = providers.DeniedByOrg
			}
			t.lacks(action, class)
		}
	}
	return nil
}

// principal is the identity whose policies count: of a session, its role.
func (s *session) principal() string {
	if s.settings.RoleARN != "" {
		return s.settings.RoleARN
	}
	return s.identity
}

// try makes the first call of every listing, in the first region that is read, and every call about the
// first resource that it finds.
func (s *session) try(ctx context.Context, regions []providers.CheckedRegion, t *trial) {
	region := s.home()
	for _, candidate := range regions {
		if candidate.Read {
			region = candidate.Name
			break
		}
	}
	s.heard = t.heard
	for _, of := range services {
		where := region
		if of.global {
			where = providers.Global
		}
		r := &run{plan: &plan{session: s, full: true}, region: where, service: of}
		for _, l := range of.listings {
			r.tryListing(ctx, l, t)
		}
	}
	if s.settings.Organization != nil {
		if _, err := s.members(ctx); err != nil {
			t.failed(explain(err))
		}
	}
}

// errTried ends a listing of which enough was seen.
var errTried = errors.New("tried")

func (r *run) tryListing(ctx context.Context, l *listing, t *trial) {
	err := r.pages(ctx, l, nil, func(k *kind, items []object) error {
		found, err := r.lookAt(ctx, k, items[:min(1, len(items))])
		if err != nil {
			return err
		}
		for _, f := range found {
			t.note(f)
		}
		return errTried
	})
	if err != nil && !errors.Is(err, errTried) && ctx.Err() == nil {
		t.failed(explain(err))
	}
}

// note takes note of what could not be read of a resource and of what stands under it.
func (t *trial) note(f *found) {
	for _, gap := range f.gaps {
		if gap.Permission != "" {
			t.lacks(gap.Permission, gap.Class)
		}
	}
	for _, child := range f.children {
		t.note(child)
	}
}

// heard takes note of a call that was made.
func (t *trial) heard(call string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, action := range actionsOf(call) {
		t.tried[action] = true
	}
}

func (t *trial) hear(action string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tried[action] = true
}
