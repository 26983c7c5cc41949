package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"
	"cloud.google.com/go/compute/metadata"

	"cloudaudit/providers"
)

// authScope is what tokens are good for; what they may do, the roles say.
const authScope = "https://www.googleapis.com/auth/cloud-platform"

// impersonation is the permission to stand in for a service account.
const impersonation = "iam.serviceAccounts.getAccessToken"

// credentialTypes are the kinds of credentials that gcp.credentials.json may refer to.
var credentialTypes = []credentials.CredType{
	credentials.ServiceAccount, credentials.ExternalAccount, credentials.ExternalAccountAuthorizedUser,
	credentials.ImpersonatedServiceAccount, credentials.AuthorizedUser,
}

// credentials gives those of the settings: the application default ones, or those that are referred to,
// and the service account that they stand in for. They were good a moment ago.
func (s *session) credentials(ctx context.Context) (*auth.Credentials, error) {
	base, err := s.baseCredentials()
	if err != nil {
		return nil, err
	}
	if _, err := base.Token(ctx); err != nil {
		return nil, noToken(ctx, err)
	}
	if s.impersonates() == "" {
		return base, nil
	}
	return s.impersonated(ctx, base)
}

func (s *session) impersonated(ctx context.Context, base *auth.Credentials) (*auth.Credentials, error) {
	found, err := impersonate.NewCredentials(&impersonate.CredentialsOptions{
		TargetPrincipal: s.impersonates(), Delegates: s.settings.Credentials.Delegates,
		Scopes: []string{authScope}, Credentials: base, Client: s.provider.client,
	})
	if err != nil {
		return nil, failure(providers.Failure, "stand in for %s: check gcp.credentials", s.impersonates())
	}
	_, err = found.Token(ctx)
	var network net.Error
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil || errors.As(err, &network):
		return nil, noToken(ctx, err)
	}
	return nil, &providers.Error{
		Class: providers.AccessDenied, Permission: impersonation,
		Err: fmt.Errorf("get a token for %s: there is no such service account, or the caller may not impersonate it", s.impersonates()),
	}
}

// noToken explains why credentials gave no token. What was answered is not repeated: it may hold secrets.
func noToken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answered *auth.Error
	if !errors.As(err, &answered) || answered.Response == nil {
		return failure(providers.AuthExpired, "get a token for the credentials: no token came; check gcp.credentials and the way to the token server")
	}
	return failure(providers.AuthExpired, "get a token for the credentials: they are not valid (HTTP %d)", answered.Response.StatusCode)
}

func (s *session) baseCredentials() (*auth.Credentials, error) {
	options := &credentials.DetectOptions{Scopes: []string{authScope}, Client: s.provider.client}
	if s.settings.Credentials == nil || s.settings.Credentials.JSON == "" {
		found, err := credentials.DetectDefault(options)
		if err != nil {
			return nil, failure(providers.AuthExpired,
				"find application default credentials: there are none; set gcp.credentials.json, or run where Google Cloud gives them")
		}
		return found, nil
	}
	text, kind, err := s.referredTo()
	if err != nil {
		return nil, err
	}
	found, err := credentials.NewCredentialsFromJSON(kind, []byte(text), options)
	if err != nil {
		return nil, failure(providers.Failure, "read what gcp.credentials.json refers to: it is no complete %s", kind)
	}
	return found, nil
}

// referredTo gives the JSON that the settings refer to and what kind of credentials it is.
func (s *session) referredTo() (string, credentials.CredType, error) {
	text, err := s.provider.resolve(s.settings.Credentials.JSON)
	if err != nil {
		return "", "", failure(providers.Failure, "read what gcp.credentials.json refers to: %w", err)
	}
	var of struct{ Type credentials.CredType }
	if json.Unmarshal([]byte(text), &of) != nil || !slices.Contains(credentialTypes, of.Type) {
		return "", "", failure(providers.Failure,
			"read what gcp.credentials.json refers to: it is neither the key of a service account nor the configuration of workload identity federation")
	}
	return text, of.Type, nil
}

// impersonates gives the service account that the credentials stand in for, empty if they do not.
func (s *session) impersonates() string {
	if s.settings.Credentials == nil {
		return ""
	}
	return s.settings.Credentials.Impersonate
}

// identity tells who we are, as far as the credentials tell.
func (s *session) identity(ctx context.Context) string {
	if s.settings.Endpoint != "" {
		return "nobody: " + s.settings.Endpoint + " is a test server"
	}
	if account := s.impersonates(); account != "" {
		return account
	}
	base, err := s.baseCredentials()
	if err != nil {
		return ""
	}
	if len(base.JSON()) == 0 { // of the machine that we run on
		email, err := metadata.EmailWithContext(ctx, "default")
		if err != nil {
			return ""
		}
		return email
	}
	return named(base.JSON())
}

// named gives who credentials are of.
func named(text []byte) string {
	var of struct {
		Type          string
		ClientEmail   string `json:"client_email"`
		Impersonation string `json:"service_account_impersonation_url"`
		Audience      string
		Account       string
	}
	if json.Unmarshal(text, &of) != nil {
		return ""
	}
	_, account, _ := strings.Cut(of.Impersonation, "/serviceAccounts/")
	account, _, _ = strings.Cut(account, ":")
	for _, known := range []string{of.ClientEmail, account, of.Account, strings.TrimPrefix(of.Audience, "//iam.googleapis.com/")} {
		if known != "" {
			return known
		}
	}
	return of.Type
}
