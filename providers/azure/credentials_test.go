package azure_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/azure/azuretest"
)

// issuer gives tokens, and counts them.
type issuer struct {
	given atomic.Int64
	err   error
}

// GetToken gives a new token.
func (i *issuer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.given.Add(1)
	return azcore.AccessToken{Token: "e30.eyJhcHBpZCI6ImEiLCJvaWQiOiJvIn0.s", ExpiresOn: time.Now().Add(time.Hour)}, i.err
}

func TestFailure_TokenExpired(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		times, tokens int
		failed        bool
	}{"once": {1, 2, false}, "for_good": {azuretest.Everywhere, 3, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := cloud(t, "Microsoft.Compute/disks/d")
			c.Refuse(tt.times, azuretest.Asked(rowsQuery), http.StatusUnauthorized, "ExpiredAuthenticationToken", planted)
			tokens := &issuer{}
			r := scan(t, newProvider().As(tokens), account(c, "", shop), providers.Want{})
			if n := tokens.given.Load(); int(n) != tt.tokens {
				t.Errorf("%d tokens were asked for", n)
			}
			if !tt.failed {
				r.clean(t)
				r.only(t, "Microsoft.Compute/disks")
				return
			}
			if err := known(t, r.errs["resources"]); err.Class != providers.AuthExpired || c.Count(rowsQuery) != 2 {
				t.Errorf("%d queries, error %v", c.Count(rowsQuery), err)
			}
		})
	}
}

// TestFailure_TokenExpiredInARead holds that a scope ends where nothing can be read any more.
func TestFailure_TokenExpiredInARead(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t, "Microsoft.Sql/servers/s")
	c.Refuse(azuretest.Everywhere, azuretest.Asked("servers/s/"), http.StatusUnauthorized, "InvalidAuthenticationToken", planted)
	r := scan(t, newProvider(), account(c, full, shop), providers.Want{})
	if err := known(t, r.errs["resources"]); err.Class != providers.AuthExpired || len(r.of("Microsoft.Sql/servers")) > 0 || len(r.gaps) > 0 {
		t.Errorf("error %v, gaps %+v", err, r.gaps)
	}
}

func TestFailure_NoToken(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t)
	_, err := newProvider().As(&issuer{err: errors.New(planted)}).Collectors(t.Context(), account(c, "", shop), providers.Want{})
	if err := known(t, err); err.Class != providers.AuthExpired {
		t.Errorf("got %+v", err)
	}
	if n := c.Count("graph"); n > 0 {
		t.Errorf("%d calls without a token", n)
	}
}

// TestCredentials_AreMadeOfSettings makes credentials of every kind that needs nothing of the machine, and
// holds that secrets are resolved, and are in no error.
func TestCredentials_AreMadeOfSettings(t *testing.T) {
	t.Parallel()
	const id = `"tenantId": "` + azuretest.Tenant + `", "clientId": "` + shop + `"`
	for name, tt := range map[string]struct {
		credentials string
		asked       string
		fails       bool
	}{
		"secret":      {`{"kind": "clientSecret", ` + id + `, "clientSecret": "env:SECRET"}`, "env:SECRET", false},
		"certificate": {`{"kind": "clientCertificate", ` + id + `, "clientCertificate": "file:/c.pem"}`, "file:/c.pem", true}, // it is none
		"workload":    {`{"kind": "workloadIdentity", ` + id + `, "tokenFile": "/token"}`, "", false},
		"managed":     {`{"kind": "managedIdentity", "clientId": "` + shop + `"}`, "", false},
		"cli":         {`{"kind": "cli"}`, "", false},
		"default":     {`{}`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := ""
			provider := azure.New(azure.Options{Resolve: func(reference string) (string, error) {
				asked = reference
				return planted, nil
			}})
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // so that nothing is ever sent to Azure
			settings := `{"subscriptions": ["` + shop + `"], "credentials": ` + tt.credentials + `}`
			_, err := provider.Collectors(ctx, providers.Account{Name: "a", Settings: []byte(settings)}, providers.Want{})
			if asked != tt.asked || err == nil {
				t.Errorf("resolved %q, error %v", asked, err)
			}
			if !tt.fails && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if tt.fails && known(t, err).Class != providers.AuthExpired {
				t.Errorf("got %v", err)
			}
		})
	}
}
