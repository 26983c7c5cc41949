package azure

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kinds of credentials.
const (
	// DefaultChain tries what the environment offers: variables, workload identity, managed identity, tools.
	DefaultChain = "default"
	// ClientSecret is a service principal with a secret.
	ClientSecret = "clientSecret"
	// ClientCertificate is a service principal with a certificate.
	ClientCertificate = "clientCertificate"
	// WorkloadIdentity is a service principal with a federated token from a file.
	WorkloadIdentity = "workloadIdentity"
	// ManagedIdentity is the identity of the machine that we run on.
	ManagedIdentity = "managedIdentity"
	// CLI is whoever is logged in with the Azure CLI.
	CLI = "cli"
)

// Kinds lists the kinds of credentials.
func Kinds() []string {
	return []string{DefaultChain, ClientSecret, ClientCertificate, WorkloadIdentity, ManagedIdentity, CLI}
}

// Credentials say who we are. Secrets stand there as references (env:, file:, cred:), never themselves.
type Credentials struct {
	// Kind is DefaultChain where it is left out.
	Kind string `json:"kind,omitempty"`
	// TenantID is where the identity is known; that of azure.tenant by default.
	TenantID string `json:"tenantId,omitempty"`
	// ClientID is the id of the service principal or of the managed identity.
	ClientID string `json:"clientId,omitempty"`
	// Secret refers to the secret of a service principal.
	Secret string `json:"clientSecret,omitempty"`
	// Certificate refers to a certificate with its key, in PEM or PKCS #12; CertificatePassword to the
	// password that opens it, if it has one.
	Certificate         string `json:"clientCertificate,omitempty"`
	CertificatePassword string `json:"certificatePassword,omitempty"`
	// TokenFile holds the federated token of a workload identity; what the environment says by default.
	TokenFile string `json:"tokenFile,omitempty"`
}

// members are the keys that kinds of credentials have beside the tenant: those in want have to be there.
var members = map[string]struct{ want, may []string }{
	DefaultChain:      {},
	ClientSecret:      {want: []string{"tenantId", "clientId", "clientSecret"}},
	ClientCertificate: {want: []string{"tenantId", "clientId", "clientCertificate"}, may: []string{"certificatePassword"}},
	WorkloadIdentity:  {may: []string{"clientId", "tokenFile"}},
	ManagedIdentity:   {may: []string{"clientId"}},
	CLI:               {},
}

func (c Credentials) kind() string {
	if c.Kind == "" {
		return DefaultChain
	}
	return c.Kind
}

// values are the keys that are there.
func (c Credentials) values() map[string]string {
	values := map[string]string{}
	for key, value := range map[string]string{
		"tenantId": c.TenantID, "clientId": c.ClientID, "clientSecret": c.Secret, "clientCertificate": c.Certificate,
		"certificatePassword": c.CertificatePassword, "tokenFile": c.TokenFile,
	} {
		if value != "" {
			values[key] = value
		}
	}
	return values
}

func (c Credentials) validate() error {
	known, is := members[c.kind()]
	if !is {
		return fmt.Errorf("azure.credentials.kind %q is unknown: use one of %s", c.Kind, strings.Join(Kinds(), ", "))
	}
	var errs []error
	values := c.values()
	for _, key := range known.want {
		if values[key] == "" {
			errs = append(errs, fmt.Errorf("azure.credentials of the kind %s need %s: add it", c.kind(), key))
		}
	}
	for _, key := range []string{"clientId", "clientSecret", "clientCertificate", "certificatePassword", "tokenFile"} {
		if values[key] != "" && !slices.Contains(known.want, key) && !slices.Contains(known.may, key) {
			errs = append(errs, fmt.Errorf("azure.credentials.%s is not for the kind %s: remove it, or choose another kind", key, c.kind()))
		}
	}
	return errors.Join(append(errs, c.checkValues())...)
}

// reference is how secrets are written.
var reference = regexp.MustCompile(`^(env|file|cred):.+`)

// checkValues holds that ids are ids, and that secrets are only referred to. It never repeats a value
// that could be a secret.
func (c Credentials) checkValues() error {
	var errs []error
	for key, id := range map[string]string{"tenantId": c.TenantID, "clientId": c.ClientID} {
		if id != "" && !guid.MatchString(id) {
			errs = append(errs, fmt.Errorf("azure.credentials.%s is no id: write it as 00000000-0000-0000-0000-000000000000", key))
		}
	}
	for key, secret := range map[string]string{"clientSecret": c.Secret, "clientCertificate": c.Certificate, "certificatePassword": c.CertificatePassword} {
		if secret != "" && !reference.MatchString(secret) {
			errs = append(errs, fmt.Errorf("azure.credentials.%s may not stand in the configuration: write env:NAME, file:/path or cred:name", key))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
