package aws_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"cloudaudit/providers"
	"cloudaudit/providers/aws"
)

// moto is the emulator of AWS that all tests share. Each test has accounts of its own in it.
var moto struct {
	sync.Once
	endpoint string
	err      error
	stop     func()
	accounts atomic.Int64
}

func TestMain(m *testing.M) {
	flag.BoolVar(&aws.Update, "update", false, "write golden files anew")
	flag.Parse()
	m.Run() // whose result is the process's
	if moto.stop != nil {
		moto.stop()
	}
}

// serve runs moto until its input ends, which it does with this process, however it ends.
const serve = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
`

var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

// emulator starts moto, if it is not running, and gives its URL.
func emulator(tb testing.TB) string {
	tb.Helper()
	moto.Do(func() { moto.endpoint, moto.stop, moto.err = start() })
	if moto.err != nil {
		tb.Fatalf("start moto: %v", moto.err)
	}
	return moto.endpoint
}

func start() (endpoint string, stop func(), err error) {
	install := exec.CommandContext(context.Background(), "../../.tools/moto/install")
	install.Stderr = os.Stderr
	python, err := install.Output()
	if err != nil {
		return "", nil, fmt.Errorf("install it: %w", err)
	}
	server := exec.CommandContext(context.Background(), strings.TrimSpace(string(python)), "-c", serve)
	// Certificates stay pending, so that none changes while a test looks on.
	server.Env = append(os.Environ(), "MOTO_EC2_LOAD_DEFAULT_AMIS=false", "MOTO_ACM_VALIDATION_WAIT=86400", "PYTHONUNBUFFERED=1")
	input, err := server.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	output, err := server.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = input.Close() // which ends it
		_ = server.Wait()
	}
	lines := bufio.NewReader(output)
	var said strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if found := running.FindStringSubmatch(line); found != nil {
			go func() { _, _ = io.Copy(io.Discard, lines) }() // until the server ends
			return found[1], stop, nil
		}
		said.WriteString(line)
		if err != nil {
			stop()
			return "", nil, fmt.Errorf("it ended and said: %s", said.String())
		}
	}
}

// keys are credentials that moto takes for its default account.
var keys = credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "example", "")

// client is an account in the emulator, for tests to fill.
type client struct {
	id       string
	endpoint string
}

// newClient makes an account that no other test has.
func newClient(tb testing.TB) client {
	tb.Helper()
	return client{id: fmt.Sprintf("%012d", 100000000000+moto.accounts.Add(1)), endpoint: emulator(tb)}
}

func (c client) role() string { return "arn:aws:iam::" + c.id + ":role/audit" }

// in is the configuration of SDK clients for a region of the account.
func (c client) in(region string) sdk.Config {
	base := sdk.Config{Region: region, Credentials: keys, BaseEndpoint: &c.endpoint, HTTPClient: http.DefaultClient}
	base.Credentials = sdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), c.role()))
	return base
}

// account is the account as cloudaudit knows it, in these regions.
func (c client) account(settings string, regions ...string) providers.Account {
	if settings != "" {
		settings = ", " + settings
	}
	names, _ := json.Marshal(regions) // texts can be written
	text := fmt.Sprintf(`{"roleArn": %q, "endpoint": %q, "regions": %s%s}`, c.role(), c.endpoint, names, settings)
	return providers.Account{Name: "test", Key: "key-" + c.id, Provider: providers.AWS, Cloud: providers.AWS, CloudID: c.id, Settings: []byte(text)}
}

// newProvider makes a provider that is as fast as the emulator.
func newProvider() *aws.Provider { return aws.New(aws.Options{}).Hasten(keys, nil) }

// read is what a scan of an account gave.
type read struct {
	mu        sync.Mutex
	resources []*providers.Resource
	gaps      []providers.Gap
	errs      map[string]error
	scopes    []providers.Scope
}

func (r *read) Resource(resource *providers.Resource) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resources = append(r.resources, resource)
	return nil
}

func (r *read) Gap(gap providers.Gap) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, gap)
	return nil
}

// of gives the resources of a type.
func (r *read) of(resourceType string) []*providers.Resource {
	var found []*providers.Resource
	for _, resource := range r.resources {
		if resource.Type == resourceType {
			found = append(found, resource)
		}
	}
	return found
}

// scan reads an account, eight scopes at a time.
func scan(tb testing.TB, provider providers.Provider, account providers.Account, want providers.Want, scopes ...string) *read {
	tb.Helper()
	collectors, err := provider.Collectors(tb.Context(), account, want)
	if err != nil {
		tb.Fatalf("plan: %v", err)
	}
	r := &read{errs: map[string]error{}}
	slots := make(chan struct{}, 8)
	var wait sync.WaitGroup
	for _, c := range collectors {
		if !chosen(c.Scope.Name, scopes) {
			continue
		}
		r.scopes = append(r.scopes, c.Scope)
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := c.Collect(context.WithoutCancel(tb.Context()), r); err != nil {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.errs[c.Scope.Name] = err
			}
		})
	}
	wait.Wait()
	return r
}

// chosen tells whether a scope's name ends like one of the given, if there are any.
func chosen(name string, scopes []string) bool {
	for _, s := range scopes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return len(scopes) == 0
}
