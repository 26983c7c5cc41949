package aws

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// session is the access to one account: who we are there, and how its services are called.
type session struct {
	provider *Provider
	name     string
	settings Settings
	// log is the scan's, nil outside of one.
	log  *slog.Logger
	base sdk.Config
	// credentials are those of the account, renewed before they expire.
	credentials *sdk.CredentialsCache
	// id and partition are what STS says of the credentials.
	id        string
	partition string
	// identity is the ARN that the credentials stand for.
	identity string
	// heard is told of every call, if somebody listens.
	heard func(call string)
}

// open gets access to an account and finds out whose it is. Another account than the known one is
// refused.
func (p *Provider) open(ctx context.Context, account providers.Account) (*session, error) {
	return p.openFor(ctx, account, nil)
}

// openFor opens an account for somebody who has a log.
func (p *Provider) openFor(ctx context.Context, account providers.Account, log *slog.Logger) (*session, error) {
	settings, err := ParseSettings(account.Settings)
	if err != nil {
		return nil, err
	}
	s := &session{provider: p, name: account.Name, settings: settings, log: log}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.identify(ctx); err != nil {
		return nil, err
	}
	if account.CloudID != "" && account.CloudID != s.id {
		return nil, failure(providers.Failure, "the credentials are those of account %s, but %q is account %s: correct aws.roleArn or the account's id", s.id, account.Name, account.CloudID)
	}
	return s, nil
}

// Identify gives the id of the account that the settings lead to.
func (p *Provider) Identify(ctx context.Context, account providers.Account) (string, error) {
	s, err := p.open(ctx, account)
	if err != nil {
		return "", err
	}
	return s.id, nil
}

var _ providers.Identifier = (*Provider)(nil)

// home is the region of the partition's global services.
func (s *session) home() string { return homeRegions[s.settings.Partition] }

// connect loads the base credentials and puts the roles on top of them.
func (s *session) connect(ctx context.Context) error {
	client := awshttp.NewBuildableClient()
	if s.settings.Endpoint != "" {
		client = client.WithTransportOptions(only(s.settings.Endpoint))
	}
	options := []func(*config.LoadOptions) error{
		config.WithRegion(s.home()), config.WithHTTPClient(client),
		config.WithSharedConfigProfile(s.settings.Profile),
	}
	if s.provider.credentials != nil {
		options = append(options, config.WithCredentialsProvider(s.provider.credentials))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return failure(providers.AuthExpired, "load the SDK's configuration: %w", err)
	}
	s.base = base
	s.credentials = sdk.NewCredentialsCache(base.Credentials)
	if s.settings.Via != nil {
		if err := s.assume(s.settings.Via.RoleARN, s.settings.Via.ExternalID); err != nil {
			return err
		}
	}
	if s.settings.RoleARN != "" {
		return s.assume(s.settings.RoleARN, s.settings.ExternalID)
	}
	return nil
}

// only dials the emulator, whatever host a client asks for: some put the account or the bucket
// before its name.
func only(endpoint string) func(*http.Transport) {
	address := ""
	if parsed, err := url.Parse(endpoint); err == nil {
		address = parsed.Host
	}
	return func(t *http.Transport) {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		}
	}
}

// roleSession is how the sessions of assumed roles are named in the account's own logs.
const roleSession = "cloudaudit"

// assume replaces the credentials by those of a role, in sessions of an hour that are renewed five
// minutes before they end.
func (s *session) assume(role, externalID string) error {
	external, err := s.provider.resolve(externalID)
	if err != nil {
		return failure(providers.AuthExpired, "resolve the external id of %s: %w", role, err)
	}
	client := sts.NewFromConfig(s.config(s.home(), "sts"))
	source := stscreds.NewAssumeRoleProvider(client, role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration = roleSession, time.Hour
		if external != "" {
			o.ExternalID = &external
		}
	})
	s.credentials = sdk.NewCredentialsCache(source, func(o *sdk.CredentialsCacheOptions) {
		o.ExpiryWindow, o.ExpiryWindowJitterFrac = 5*time.Minute, 0.5
	})
	return nil
}

// identify asks STS who we are.
func (s *session) identify(ctx context.Context) error {
	out, err := sts.NewFromConfig(s.config(s.home(), "sts")).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case has(err, clockCodes):
		return failure(providers.Failure, "find out whose the credentials are: the service does not accept the signature's time: set this machine's clock")
	case err != nil:
		return s.refusedBy(err)
	}
	s.id, s.identity = sdk.ToString(out.Account), sdk.ToString(out.Arn)
	arn, ok := shape.ParseARN(s.identity)
	if !ok {
		return failure(providers.Decode, "find out whose the credentials are: the answer names no ARN")
	}
	s.partition = arn.Partition
	return nil
}

// refusedBy explains why the account cannot be entered.
func (s *session) refusedBy(err error) error {
	class := classify(err)
	if class == providers.RegionDisabled { // bad credentials look the same, and no region is off yet
		class = providers.AuthExpired
	}
	if s.settings.RoleARN != "" {
		refused := &providers.Error{Class: class, Err: fmt.Errorf("assume %s: %s", s.settings.RoleARN, reasonOf(class, err))}
		if class == providers.AccessDenied {
			refused.Permission = "sts:AssumeRole"
		}
		return refused
	}
	return failure(class, "find out whose the credentials are: %s", reasonOf(class, err))
}

// config is what a client of a service in a region is made of.
func (s *session) config(region, service string) sdk.Config {
	c := s.base.Copy()
	c.Region = region
	c.Credentials = s.credentials
	c.Retryer = func() sdk.Retryer { return s.retryer() }
	if s.settings.Endpoint != "" {
		c.BaseEndpoint = &s.settings.Endpoint
	}
	slowed := func(now float64) {
		s.logger().Warn("service asks for fewer calls", "region", region, "service", service, "rate", now)
	}
	c.APIOptions = append(slices.Clone(c.APIOptions), limiting(s.provider.limits, s.limiter(region, service), slowed), renewing(s.credentials), s.observing(region))
	return c
}

func (s *session) limiter(region, service string) *limiter {
	perSecond, known := startRates[service]
	if !known {
		perSecond = startRate
	}
	if s.settings.Endpoint != "" {
		perSecond = emulatorRate
	}
	key := limitKey{s.name + "/" + s.settings.RoleARN, region, service}
	return s.provider.limits.of(key, perSecond)
}

func (s *session) logger() *slog.Logger {
	if s.log != nil {
		return s.log
	}
	return s.provider.log.With("account", s.name)
}

// attempts is how often a call is tried before it counts as refused.
const attempts = 8

// An emulator bears all calls that come, and nothing gets better by waiting for it.
const (
	emulatorRate = 1e6
	emulatorWait = time.Millisecond
)

// retryer makes the retryer of one client: the SDK's own, with more patience.
func (s *session) retryer() sdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, s.shorter(o.MaxBackoff)
	})
}

// shorter gives the time to wait for a service.
func (s *session) shorter(wait time.Duration) time.Duration {
	if s.settings.Endpoint != "" {
		return min(wait, emulatorWait)
	}
	return wait
}

// regions are the regions to read: those that the account has turned on and the settings leave in.
// If the account may not list its regions, the settings have to name them.
func (s *session) regions(ctx context.Context) ([]string, error) {
	on, err := s.enabled(ctx)
	if err != nil && ctx.Err() == nil && len(s.settings.Regions) > 0 {
		s.logger().WarnContext(ctx, "regions cannot be listed: taking those of the settings", "reason", reason(err))
		return slices.DeleteFunc(slices.Sorted(slices.Values(s.settings.Regions)), func(r string) bool { return !s.settings.selects(r) }), nil
	}
	if err != nil {
		return nil, explain(err)
	}
	for _, region := range s.settings.Regions {
		if !on[region] {
			s.logger().WarnContext(ctx, "region is off for the account", "region", region)
		}
	}
	var regions []string
	for region, enabled := range on {
		if enabled && s.settings.selects(region) {
			regions = append(regions, region)
		}
	}
	slices.Sort(regions)
	return regions, nil
}

// enabled tells of every region of the partition whether the account has it turned on.
func (s *session) enabled(ctx context.Context) (map[string]bool, error) {
	all := true
	out, err := ec2.NewFromConfig(s.config(s.home(), "ec2")).DescribeRegions(ctx, &ec2.DescribeRegionsInput{AllRegions: &all})
	if err != nil {
		return nil, err
	}
	on := map[string]bool{}
	for _, region := range out.Regions {
		on[sdk.ToString(region.RegionName)] = sdk.ToString(region.OptInStatus) != "not-opted-in"
	}
	return on, nil
}

// expand fills in a pattern: {account}, {partition} and {region}, and the members of the object.
func (s *session) expand(pattern, region string, o object) string {
	var text strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "{")
		text.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return text.String()
		}
		text.WriteString(s.named(name, region, o))
		pattern = after
	}
}

func (s *session) named(name, region string, o object) string {
	switch name {
	case "account":
		return s.id
	case "partition":
		return s.partition
	case "region":
		return region
	}
	found, _ := asText(get(o, name)).(string)
	return found
}
