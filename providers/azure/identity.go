package azure

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"cloudaudit/providers"
)

// worthless is the credential of emulators.
type worthless struct{}

// GetToken gives a token that opens nothing.
func (worthless) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "emulator", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// guarded is a credential whose errors are known as such. What the SDK says of them may hold anything.
type guarded struct {
	azcore.TokenCredential
	kind string
}

// GetToken gives a token, or says that there is none.
func (g guarded) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := g.TokenCredential.GetToken(ctx, options)
	if err == nil || ctx.Err() != nil {
		return token, err
	}
	var refused *azidentity.AuthenticationFailedError
	why := "there are none on this machine"
	if errors.As(err, &refused) {
		why = "they were refused, or their service did not answer"
	}
	return token, failure(providers.AuthExpired, "credentials of the kind %s gave no token: %s", g.kind, why)
}

// credential makes what the settings say; references to secrets are resolved here and nowhere else.
func (s *session) credential() (azcore.TokenCredential, error) {
	kind := s.settings.Credentials.kind()
	switch {
	case s.provider.credential != nil:
		return guarded{s.provider.credential, kind}, nil
	case s.settings.Endpoint != "":
		return worthless{}, nil
	}
	made, err := s.identity()
	if err != nil {
		return nil, failure(providers.AuthExpired, "prepare the credentials of the kind %s: %w", kind, err)
	}
	return guarded{made, kind}, nil
}

func (s *session) identity() (azcore.TokenCredential, error) {
	c, options := s.settings.Credentials, azcore.ClientOptions{Cloud: s.cloud}
	tenant := c.TenantID
	if tenant == "" {
		tenant = s.settings.Tenant
	}
	switch c.kind() {
	case ClientSecret:
		secret, err := s.provider.resolve(c.Secret)
		if err != nil {
			return nil, err
		}
		return azidentity.NewClientSecretCredential(tenant, c.ClientID, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	case ClientCertificate:
		return s.certificate(tenant, options)
	case WorkloadIdentity:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, TenantID: tenant, ClientID: c.ClientID, TokenFilePath: c.TokenFile,
		})
	case ManagedIdentity:
		chosen := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if c.ClientID != "" {
			chosen.ID = azidentity.ClientID(c.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(chosen)
	case CLI:
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: tenant})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options, TenantID: tenant})
}

func (s *session) certificate(tenant string, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	c := s.settings.Credentials
	data, err := s.provider.resolve(c.Certificate)
	if err != nil {
		return nil, err
	}
	password, err := s.provider.resolve(c.CertificatePassword)
	if err != nil {
		return nil, err
	}
	certificates, key, err := azidentity.ParseCertificates([]byte(data), []byte(password))
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(tenant, c.ClientID, certificates, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options})
}
