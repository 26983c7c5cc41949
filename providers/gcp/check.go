package gcp

import (
	"context"
	"errors"

	"cloudaudit/providers"
)

var _ providers.Checker = (*Provider)(nil)

// Check tells who we are and which permissions are missing: every content type is asked for its first
// asset. An error means that nobody may ask at all.
func (p *Provider) Check(ctx context.Context, account providers.Account) (providers.Check, error) {
	s, err := p.open(account, nil)
	if err != nil {
		return providers.Check{}, err
	}
	check := providers.Check{Identity: s.identity(ctx), CloudID: s.settings.CloudID(), Grant: Role(s.settings.Content...)}
	var lacking []string
	for _, content := range Contents() {
		if !s.reads(content) {
			continue
		}
		missing, err := s.try(ctx, content)
		if err != nil {
			return check, err
		}
		check.Tried++
		if missing != nil {
			check.Missing = append(check.Missing, *missing)
			lacking = append(lacking, content)
		}
	}
	check.Remedy = remedy(lacking)
	return check, ctx.Err()
}

// try asks for the first asset of a content type, and gives the permission that is missing, if one is.
func (s *session) try(ctx context.Context, content string) (*providers.MissingPermission, error) {
	l := &listing{session: s, content: content}
	defer l.close()
	_, _, err := l.page(ctx, 1, nil, "")
	if err == nil {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	err = explained(err, content)
	var known *providers.Error
	if !errors.As(err, &known) || known.Permission == "" || known.Permission == useQuota || known.Permission == impersonation {
		return nil, err
	}
	return &providers.MissingPermission{Permission: known.Permission, Class: known.Class, Reason: reasons[known.Class]}, nil
}

// remedy is a role that gives what some content types need, empty for none.
func remedy(contents []string) string {
	if len(contents) == 0 {
		return ""
	}
	return Role(contents...)
}
