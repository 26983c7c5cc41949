package azure

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/policy"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"cloudaudit/providers"
)

// session is the access to one account.
type session struct {
	provider *Provider
	name     string
	settings Settings
	// log is the scan's, nil outside of one.
	log      *slog.Logger
	cloud    cloud.Configuration
	token    azcore.TokenCredential
	pipeline runtime.Pipeline
	// calls and refused count what was asked, and which answers asked for fewer calls.
	calls, refused atomic.Int64
}

// open gets access to an account. Another account than the known one is refused.
func (p *Provider) open(account providers.Account, log *slog.Logger) (*session, error) {
	settings, err := ParseSettings(account.Settings)
	if err != nil {
		return nil, err
	}
	if id := settings.AccountID(); account.CloudID != "" && id != "" && !strings.EqualFold(account.CloudID, id) {
		return nil, failure(providers.Failure, "the section azure leads to %s, but %q is %s: correct the section or the account's id", id, account.Name, account.CloudID)
	}
	s := &session{provider: p, name: account.Name, settings: settings, log: log, cloud: cloudOf(settings)}
	if s.token, err = s.credential(); err != nil {
		return nil, err
	}
	s.pipeline, err = armruntime.NewPipeline("cloudaudit", "", s.token, runtime.PipelineOptions{
		PerCall:  []azpolicy.Policy{step(renewing)},
		PerRetry: []azpolicy.Policy{step(s.limiting)},
	}, s.clientOptions())
	if err != nil {
		return nil, failure(providers.Failure, "prepare calls to Azure: %w", err)
	}
	return s, nil
}

// How often a call is tried before it counts as refused, and how long it rests between.
const (
	retries    = 6
	firstPause = 800 * time.Millisecond
	longPause  = time.Minute
)

// emulatorPause is how long calls to an emulator wait: nothing gets better there by waiting.
const emulatorPause = time.Millisecond

func (s *session) clientOptions() *policy.ClientOptions {
	return &policy.ClientOptions{
		// Registering a resource provider would be a change.
		DisableRPRegistration: true,
		ClientOptions: azpolicy.ClientOptions{
			Cloud:     s.cloud,
			Telemetry: azpolicy.TelemetryOptions{ApplicationID: "cloudaudit"},
			Retry: azpolicy.RetryOptions{
				MaxRetries: retries, RetryDelay: s.shorter(firstPause), MaxRetryDelay: s.shorter(longPause),
			},
			// Only an emulator on this machine has an endpoint without TLS, and its token is worth nothing.
			InsecureAllowCredentialWithHTTP: s.settings.Endpoint != "",
		},
	}
}

// shorter gives the time to wait for a service.
func (s *session) shorter(wait time.Duration) time.Duration {
	if s.settings.Endpoint != "" {
		return min(wait, emulatorPause)
	}
	return wait
}

func (s *session) logger() *slog.Logger {
	if s.log != nil {
		return s.log
	}
	return s.provider.log.With("account", s.name)
}

// endpoint is where Resource Manager is, without a slash at its end.
func (s *session) endpoint() string {
	return strings.TrimSuffix(s.cloud.Services[cloud.ResourceManager].Endpoint, "/")
}
