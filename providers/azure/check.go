package azure

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"cloudaudit/providers"
)

var _ providers.Checker = (*Provider)(nil)

// Check tells who we are, which subscriptions do not answer, and which of the actions that reading the
// account needs are not allowed. Azure is asked what it allows; actions at places that may not be asked
// about are untried.
func (p *Provider) Check(ctx context.Context, account providers.Account) (providers.Check, error) {
	s, err := p.open(account, nil)
	if err != nil {
		return providers.Check{}, err
	}
	check := providers.Check{CloudID: s.settings.AccountID(), Grant: Role()}
	if check.Identity, err = s.whoAmI(ctx); err != nil {
		return providers.Check{}, err
	}
	plan := &plan{session: s, present: map[string]bool{}, granted: map[string]grants{}}
	needed := ParentActions()
	if !s.settings.parent() {
		needed = Actions()
		if err := plan.find(ctx); err != nil {
			return providers.Check{}, explain(err)
		}
	} else if _, err := s.members(ctx); err != nil {
		return providers.Check{}, explain(err)
	}
	if err := plan.findGrants(ctx); err != nil {
		return providers.Check{}, explain(err)
	}
	plan.judge(&check, needed)
	return check, ctx.Err()
}

// whoAmI tells whom the token is for.
func (s *session) whoAmI(ctx context.Context) (string, error) {
	scope := s.cloud.Services[cloud.ResourceManager].Audience + "/.default"
	token, err := s.token.GetToken(ctx, azpolicy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return "", err
	}
	return whoever(token.Token), nil
}

// whoever tells whom a token is for, as far as it says so. Tokens are read for people here, and trusted
// for nothing.
func whoever(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "unknown"
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Name        string `json:"upn"`
		Application string `json:"appid"`
		Object      string `json:"oid"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "unknown"
	}
	switch {
	case claims.Name != "":
		return claims.Name
	case claims.Application != "":
		return "application " + claims.Application + ", object " + claims.Object
	}
	return "object " + claims.Object
}

// judge fills in which actions are missing.
func (p *plan) judge(check *providers.Check, needed []string) {
	lacking := map[string]int{}
	for _, granted := range p.granted {
		for _, action := range needed {
			if !granted.allow(action) {
				lacking[action]++
			}
		}
	}
	for _, action := range slices.Sorted(maps.Keys(lacking)) {
		check.Missing = append(check.Missing, providers.MissingPermission{
			Permission: action, Class: providers.AccessDenied, Reason: fmt.Sprintf("no role allows it in %d of %d places", lacking[action], len(p.granted)),
		})
	}
	for _, doubt := range p.doubts {
		if doubt.Permission == "" {
			continue
		}
		check.Missing = append(check.Missing, providers.MissingPermission{Permission: doubt.Permission, Class: doubt.Class, Reason: doubt.Place + ": " + doubt.Reason})
	}
	if len(p.granted) > 0 {
		check.Tried = len(needed)
	} else {
		check.Untried = needed
	}
	if len(lacking) > 0 {
		check.Remedy = roleDocument(slices.Sorted(maps.Keys(lacking)), []string{})
	}
}
