package gcp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
)

// tokens answers what asks for tokens, and remembers who was asked.
type tokens struct {
	status int
	// only is the host that answers with the status, all by default.
	only  string
	mu    sync.Mutex
	asked []string
}

func (s *tokens) RoundTrip(request *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, request.URL.Host+request.URL.Path)
	status, answer := http.StatusOK, `{"access_token": "ya29.token", "accessToken": "ya29.token", "token_type": "Bearer", "issued_token_type": "x", "expires_in": 3600, "expireTime": "2099-01-01T00:00:00Z"}`
	if s.status != http.StatusOK && (s.only == "" || s.only == request.URL.Host) {
		status, answer = s.status, `{"error": "invalid_grant", "error_description": "hunter2"}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: request,
	}, nil
}

// serviceAccountKey is a key as Google Cloud gives it.
func serviceAccountKey(t *testing.T) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return marshalled(t, map[string]string{
		"type": "service_account", "client_email": "audit@shop-1.iam.gserviceaccount.com", "private_key_id": "1", "project_id": "shop-1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://oauth2.googleapis.com/token",
	})
}

// federation is the configuration of workload identity federation, with a token in a file.
func federation(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("subject"), 0o600); err != nil {
		t.Fatal(err)
	}
	return marshalled(t, map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
		"credential_source": map[string]string{"file": path},
	})
}

func marshalled(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// with makes a session whose credentials refer to a text.
func with(t *testing.T, server *tokens, text, impersonate string) *session {
	t.Helper()
	provider := New(Options{Resolve: func(reference string) (string, error) {
		if reference != "env:KEY" {
			return "", errors.New("the environment variable is not set")
		}
		return text, nil
	}})
	provider.client = &http.Client{Transport: server}
	settings := marshalled(t, Settings{
		Scope: "projects/shop-1", QuotaProject: "quota-1", Credentials: &Credentials{JSON: "env:KEY", Impersonate: impersonate},
	})
	s, err := provider.open(providers.Account{Settings: json.RawMessage(settings)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCredentials_AskForATokenWhereTheyAreFrom(t *testing.T) {
	t.Parallel()
	const sts, oauth, audit = "sts.googleapis.com/v1/token", "oauth2.googleapis.com/token", "audit@shop-1.iam.gserviceaccount.com"
	for name, c := range map[string]struct {
		text, impersonate string
		asked             []string
	}{
		"key":          {serviceAccountKey(t), "", []string{oauth}},
		"federation":   {federation(t), "", []string{sts}},
		"impersonated": {serviceAccountKey(t), audit, []string{oauth, "iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + audit + ":generateAccessToken"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &tokens{status: http.StatusOK}
			s := with(t, server, c.text, c.impersonate)
			client, err := s.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.asked, server.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCredentials_ThatAreNoGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status            int
		text, impersonate string
		class             providers.Class
		permission, says  string
	}{
		"refused":       {http.StatusUnauthorized, serviceAccountKey(t), "", providers.AuthExpired, "", "not valid (HTTP 401)"},
		"impersonation": {http.StatusForbidden, serviceAccountKey(t), "a@b.iam.gserviceaccount.com", providers.AccessDenied, impersonation, "may not impersonate it"},
		"no JSON":       {http.StatusOK, "hunter2", "", providers.Failure, "", "neither the key of a service account"},
		"another type":  {http.StatusOK, `{"type": "gdch_service_account"}`, "", providers.Failure, "", "neither the key of a service account"},
		"half a key":    {http.StatusOK, `{"type": "service_account", "private_key": "hunter2"}`, "", providers.Failure, "", "no complete service_account"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			server := &tokens{status: c.status}
			if c.impersonate != "" {
				server.only = "iamcredentials.googleapis.com"
			}
			_, err := with(t, server, c.text, c.impersonate).connect(t.Context())
			var known *providers.Error
			if !errors.As(err, &known) || known.Class != c.class || known.Permission != c.permission || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (%+v)", err, known)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("quotes a secret: %v", err)
			}
		})
	}
}

func TestCredentials_ReferenceThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	s := with(t, &tokens{}, "", "")
	s.settings.Credentials.JSON = "env:OTHER"
	if _, err := s.connect(t.Context()); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Error(err)
	}
	s.provider.resolving = nil
	if _, err := s.connect(t.Context()); err == nil {
		t.Error("a reference was resolved by nobody")
	}
}

func TestIdentity_IsWhatCredentialsTell(t *testing.T) {
	t.Parallel()
	const audit = "audit@shop-1.iam.gserviceaccount.com"
	for name, c := range map[string]struct{ text, impersonate, want string }{
		"key":          {serviceAccountKey(t), "", audit},
		"impersonated": {federation(t), "other@shop-1.iam.gserviceaccount.com", "other@shop-1.iam.gserviceaccount.com"},
		"federation":   {federation(t), "", "projects/1/locations/global/workloadIdentityPools/p/providers/x"},
		"none":         {"", "", ""},
	} {
		if got := with(t, &tokens{}, c.text, c.impersonate).identity(t.Context()); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	const url = `{"type": "external_account", "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.cc:generateAccessToken"}`
	for text, want := range map[string]string{url: "a@b.cc", `{"type": "authorized_user"}`: "authorized_user", `[]`: ""} {
		if got := named([]byte(text)); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
