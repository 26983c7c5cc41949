package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

const goodFile = `organization: test
accounts:
  - name: gcp
    provider: snapshot
    snapshot: {format: gcp-cai, path: inventory.ndjson, content: [RESOURCE]}
policyPacks: [{path: pack}]
policyGroups:
  - {name: all, accounts: [gcp], policyPacks: [{name: own}]}
`

const rule = `name: key-rotation
severity: medium
description: Keys rotate.
message: never rotates
match: {types: [cloudkms.googleapis.com/CryptoKey]}
validations:
  - expression: has(resource.properties.rotationPeriod)
`

const record = `{"name":"//cloudkms.googleapis.com/projects/p/locations/eu/keyRings/r/cryptoKeys/a",` +
	`"assetType":"cloudkms.googleapis.com/CryptoKey","resource":{"data":{"purpose":"ENCRYPT_DECRYPT"}}}` + "\n"

// organization lays out a configuration with one account and one policy, and gives its path.
func organization(t *testing.T, inventory string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"cloudaudit.yaml": goodFile, "inventory.ndjson": inventory, "pack/key-rotation.yaml": rule,
		"pack/PulumiPolicy.yaml": "name: own\nruntime: cel\n", "bad.yaml": "organization: ''\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "cloudaudit.yaml")
}

func TestRun_ExitCodes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inventory string
		args      []string
		want      int
	}{
		"done":                  {record, []string{"scan"}, exitDone},
		"not_so_bad":            {record, []string{"scan", "--fail-on", "high"}, exitDone},
		"violations":            {record, []string{"scan", "--fail-on", "medium"}, exitViolations},
		"partial":               {record + `{"name":`, []string{"scan"}, exitPartial},
		"partial_and_too_bad":   {record + `{"name":`, []string{"scan", "--fail-on", "low"}, exitViolations},
		"unknown_account":       {record, []string{"scan", "gpc"}, exitUsage},
		"unknown_severity":      {record, []string{"scan", "--fail-on", "awful"}, exitUsage},
		"unknown_flag":          {record, []string{"scan", "--fail"}, exitUsage},
		"unknown_command":       {record, []string{"scam"}, exitUsage},
		"unknown_subcommand":    {record, []string{"db", "shrink"}, exitUsage},
		"missing_argument":      {record, []string{"violations", "show"}, exitUsage},
		"unknown_output":        {record, []string{"packs", "list", "--builtin", "-o", "xml"}, exitUsage},
		"negative_workers":      {record, []string{"scan", "--workers", "-1"}, exitUsage},
		"help":                  {record, []string{"help", "scan"}, exitDone},
		"family_without_a_verb": {record, []string{"violations"}, exitDone},
		"no_database":           {record, []string{"violations", "list"}, exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			args := append([]string{"--config", organization(t, test.inventory)}, test.args...)
			if got := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); got != test.want {
				t.Errorf("exit %d, want %d\n%s%s", got, test.want, &stdout, &stderr)
			}
		})
	}
}

func TestRun_ExitCodesOfFiles(t *testing.T) {
	t.Parallel()
	file := organization(t, record)
	folder := filepath.Dir(file)
	if err := os.Remove(filepath.Join(folder, "inventory.ndjson")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		config string
		want   int
	}{
		"nothing_to_read":       {file, exitFailed},
		"bad_configuration":     {filepath.Join(folder, "bad.yaml"), exitUsage},
		"missing_configuration": {filepath.Join(folder, "absent.yaml"), exitUsage},
	} {
		if got := run(t.Context(), []string{"scan", "--config", test.config}, strings.NewReader(""), io.Discard, io.Discard); got != test.want {
			t.Errorf("%s: exit %d, want %d", name, got, test.want)
		}
	}
}

func TestRun_SignalsGiveTheirCode(t *testing.T) {
	t.Parallel()
	for received, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(signalled{received})
		var stderr bytes.Buffer
		args := []string{"scan", "--config", organization(t, record)}
		if got := run(ctx, args, strings.NewReader(""), io.Discard, &stderr); got != want {
			t.Errorf("%v: exit %d, want %d\n%s", received, got, want, &stderr)
		}
	}
}

// TestRun_AskingWritesNothing holds that reading commands leave the file as it is.
func TestRun_AskingWritesNothing(t *testing.T) {
	t.Parallel()
	file := organization(t, record)
	database := filepath.Join(filepath.Dir(file), "cloudaudit.db")
	do := func(args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		if code := run(t.Context(), append(args, "--config", file), strings.NewReader(""), io.Discard, &stderr); code != exitDone {
			t.Fatalf("%v: exit %d\n%s", args, code, &stderr)
		}
	}
	do("scan")
	before, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"violations", "list"}, {"violations", "export"}, {"resources", "list"}, {"coverage"}, {"coverage", "--unknown"}, {"scans", "list"},
		{"accounts", "list"}, {"groups", "list"}, {"packs", "list"}, {"packs", "show", "own"}, {"db", "check"},
	} {
		do(args...)
	}
	after, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("a command that only asks has changed the database")
	}
}

// TestHelp_IsComplete walks all commands.
func TestHelp_IsComplete(t *testing.T) {
	t.Parallel()
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		if command.Name() == "help" || command.Name() == "completion" {
			return // cobra's own
		}
		for what, text := range map[string]string{"Short": command.Short, "Long": command.Long, "Example": command.Example} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no %s", command.CommandPath(), what)
			}
		}
		if !strings.Contains(command.Example, strings.TrimPrefix(command.CommandPath(), "cloudaudit ")) {
			t.Errorf("the example of %s does not show it", command.CommandPath())
		}
		if strings.HasSuffix(command.Short, ".") || len(command.Short) > 70 {
			t.Errorf("%s: Short is one short phrase without a period, not %q", command.CommandPath(), command.Short)
		}
		if command.Run == nil && command.RunE == nil {
			t.Errorf("%s does nothing", command.CommandPath())
		}
		for _, child := range command.Commands() {
			walk(child)
		}
	}
	walk(newRoot(io.Discard, io.Discard))
}

func TestColors_Precedence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag     string
		terminal bool
		env      map[string]string
		want     bool
	}{
		"piped":          {"auto", false, nil, false},
		"terminal":       {"auto", true, nil, true},
		"never":          {"never", true, map[string]string{"CLICOLOR_FORCE": "1"}, false},
		"always":         {"always", false, map[string]string{"NO_COLOR": "1"}, true},
		"no_color":       {"auto", true, map[string]string{"NO_COLOR": "1"}, false},
		"empty_no_color": {"auto", true, map[string]string{"NO_COLOR": ""}, true},
		"no_color_wins":  {"auto", true, map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, false},
		"forced":         {"auto", false, map[string]string{"CLICOLOR_FORCE": "1"}, true},
		"not_forced":     {"auto", false, map[string]string{"CLICOLOR_FORCE": "0"}, false},
		"dumb":           {"auto", true, map[string]string{"TERM": "dumb"}, false},
	} {
		if got := colors(test.flag, test.terminal, func(key string) string { return test.env[key] }); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestPercent_OnlyTheWholeIsHundred(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		share  float64
		digits int
		want   string
	}{{1, 0, "100%"}, {0.999999, 0, "99%"}, {0.99999, 1, "99.9%"}, {0, 1, "0.0%"}, {0.785, 1, "78.5%"}, {0.29, 0, "29%"}, {2.0 / 3, 1, "66.6%"}} {
		if got := percent(test.share, test.digits); got != test.want {
			t.Errorf("%v with %d digits: %s, want %s", test.share, test.digits, got, test.want)
		}
	}
}
