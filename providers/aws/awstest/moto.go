// Package awstest runs an emulator of AWS for tests, fills accounts in it, and stands before it to answer
// calls as the emulator never would.
package awstest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The keys that the emulator takes for its own account, as the SDK's environment has them.
const (
	AccessKeyID     = "AKIAEXAMPLE"
	SecretAccessKey = "example"
)

// Keys are credentials of the emulator's own account.
func Keys() sdk.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(AccessKeyID, SecretAccessKey, "")
}

// accounts counts the accounts that tests have made.
var accounts atomic.Int64

// serve runs moto until its input ends, which it does with this process, however it ends.
const serve = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
`

var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

// emulator is moto, which all tests of a process share. Each test has accounts of its own in it.
var emulator = sync.OnceValues(func() (string, error) {
	server, output, err := start(context.Background())
	if err != nil {
		return "", err
	}
	lines := bufio.NewReader(output)
	var said strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if found := running.FindStringSubmatch(line); found != nil {
			go func() { _, _ = io.Copy(io.Discard, lines) }() // until the server ends
			return found[1], nil
		}
		said.WriteString(line)
		if err != nil {
			return "", fmt.Errorf("it ended (%w) and said: %s", server.Wait(), said.String())
		}
	}
})

// start starts moto; what it says comes out of the reader.
func start(ctx context.Context) (*exec.Cmd, io.Reader, error) {
	install := exec.CommandContext(ctx, filepath.Join(root(), ".tools", "moto", "install"))
	install.Stderr = os.Stderr
	python, err := install.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("install it: %w", err)
	}
	server := exec.CommandContext(ctx, strings.TrimSpace(string(python)), "-c", serve)
	// Certificates stay pending, so that none changes while a test looks on.
	server.Env = append(server.Environ(), "MOTO_EC2_LOAD_DEFAULT_AMIS=false", "MOTO_ACM_VALIDATION_WAIT=86400", "PYTHONUNBUFFERED=1")
	server.Stdin, _ = io.Pipe() // which nobody writes to or closes: it ends with this process
	server.WaitDelay = time.Second
	output, err := server.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := server.Start(); err != nil {
		return nil, nil, err
	}
	return server, output, nil
}

// root is the folder of the module.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Account is an account in the emulator, for tests to fill.
type Account struct {
	// ID is the account's, twelve digits.
	ID string
	// Endpoint is where the account is read: the emulator, or a Front before it.
	Endpoint string
}

// New makes an account that no other test has. It starts the emulator if that does not run.
func New(tb testing.TB) Account {
	tb.Helper()
	return At(tb, fmt.Sprintf("%012d", 100000000000+accounts.Add(1)))
}

// At gives the account of an id. It starts the emulator if that does not run.
func At(tb testing.TB, id string) Account {
	tb.Helper()
	endpoint, err := emulator()
	if err != nil {
		tb.Fatalf("start moto: %v", err)
	}
	return Account{ID: id, Endpoint: endpoint}
}

// Role is a role of the account that can be assumed: the emulator lets everybody.
func (a Account) Role() string { return "arn:aws:iam::" + a.ID + ":role/audit" }

// Config is the configuration of SDK clients for a region of the account.
func (a Account) Config(region string) sdk.Config {
	base := sdk.Config{Region: region, Credentials: Keys(), BaseEndpoint: &a.Endpoint, HTTPClient: http.DefaultClient}
	base.Credentials = sdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), a.Role()))
	return base
}
