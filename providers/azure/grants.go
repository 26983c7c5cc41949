package azure

import (
	"context"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"cloudaudit/providers"
)

const (
	grantsCall    = "Microsoft.Authorization/permissions/read"
	grantsPath    = "/providers/Microsoft.Authorization/permissions"
	grantsVersion = "2022-04-01"
)

// grants are what the roles that we have at a place allow. An action is allowed if one of them does.
type grants []grant

// grant is what one role allows: the actions that match a pattern, but none that matches one of except.
type grant struct{ actions, except []string }

// allow tells whether an action is allowed.
func (g grants) allow(action string) bool {
	for _, role := range g {
		if matches(role.actions, action) && !matches(role.except, action) {
			return true
		}
	}
	return false
}

func matches(patterns []string, action string) bool {
	for _, pattern := range patterns {
		if matchesOne(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// matchesOne matches an action with a pattern, in which "*" is any text.
func matchesOne(pattern, action string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == action
	}
	action, begins := strings.CutPrefix(action, first)
	if !begins {
		return false
	}
	for {
		next, more, again := strings.Cut(rest, "*")
		if !again {
			return strings.HasSuffix(action, rest)
		}
		at := strings.Index(action, next)
		if at < 0 {
			return false
		}
		action, rest = action[at+len(next):], more
	}
}

// grantsAt asks what we may do at a place.
func (s *session) grantsAt(ctx context.Context, scope string) (grants, error) {
	roles, err := s.list(ctx, grantsCall, scope+grantsPath, grantsVersion)
	if err != nil {
		return nil, err
	}
	all := make(grants, 0, len(roles))
	for _, role := range roles {
		all = append(all, grant{texts(role, "actions"), texts(role, "notActions")})
	}
	return all, nil
}

// places are where the account's roles are: its subscriptions, or what a parent is the parent of.
func (p *plan) places() []string {
	switch {
	case p.settings.ManagementGroup != "":
		return []string{managementGroupPath + p.settings.ManagementGroup}
	case p.settings.Tenant != "": // whose root group has its id
		return []string{managementGroupPath + p.settings.Tenant}
	}
	places := make([]string, len(p.subscriptions))
	for i, id := range p.subscriptions {
		places[i] = "/subscriptions/" + id
	}
	return places
}

const managementGroupPath = "/providers/" + managementGroupType + "/"

// findGrants asks what may be read at every place. Where that may not be asked, nobody can tell what
// Resource Graph leaves out.
func (p *plan) findGrants(ctx context.Context) error {
	places := p.places()
	granted, errs := make([]grants, len(places)), make([]error, len(places))
	var group errgroup.Group
	group.SetLimit(width)
	for i, place := range places {
		group.Go(func() error {
			granted[i], errs[i] = p.grantsAt(ctx, place)
			return nil
		})
	}
	_ = group.Wait() // the errors are in their places
	for i, place := range places {
		if errs[i] == nil {
			p.granted[place] = granted[i]
		} else if err := p.doubt(ctx, place, errs[i]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// doubt notes that nothing is known of what may be read at a place.
func (p *plan) doubt(ctx context.Context, place string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case classify(err) == providers.AuthExpired:
		return err
	case status(err) == http.StatusNotFound, status(err) == http.StatusBadRequest: // not every cloud can tell
		p.logger().InfoContext(ctx, "what may be read is not known", "place", place, "reason", reason(err))
		return nil
	}
	gap := gapOf("", err)
	gap.Place = grantsCall + " " + place
	gap.Reason = "nobody can tell what Resource Graph leaves out, as what may be read cannot be asked: " + gap.Reason
	p.doubts = append(p.doubts, gap)
	return nil
}
