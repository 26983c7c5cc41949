package gcp_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers/gcp"
)

func TestParseSettings_FillsInWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]gcp.Settings{
		`{"scope": "projects/shop-1"}`: {Scope: "projects/shop-1", Content: []string{"RESOURCE", "IAM_POLICY"}, DeletionLag: "10m0s"},
		`{"scope": "organizations/1", "deletionLag": "0s"}`: {
			Scope: "organizations/1", Content: []string{"RESOURCE", "IAM_POLICY", "ORG_POLICY", "ACCESS_POLICY"}, DeletionLag: "0s", Members: "projects",
		},
		`{"scope": "projects/example.com:shop-1", "content": ["RESOURCE"], "credentials": {"json": "file:/etc/key.json", "impersonate": "audit@shop-1.iam.gserviceaccount.com"}}`: {
			Scope: "projects/example.com:shop-1", Content: []string{"RESOURCE"}, DeletionLag: "10m0s",
			Credentials: &gcp.Credentials{JSON: "file:/etc/key.json", Impersonate: "audit@shop-1.iam.gserviceaccount.com"},
		},
	} {
		got, err := gcp.ParseSettings(json.RawMessage(text))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", text, err, diff)
		}
	}
}

func TestParseSettings_NamesKeyAndRemedy(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		``:                               "the section gcp is missing: give it a scope",
		`{"scop": "projects/shop-1"}`:    `unknown field "scop"`,
		`{}`:                             "gcp.scope is missing: name what to read",
		`{"scope": "shop-1"}`:            `gcp.scope "shop-1" is none: write projects/ID`,
		`{"scope": "folders/shop"}`:      "gcp.scope",
		`{"scope": "projects/-"}`:        "gcp.scope",
		`{"scope": "projects/shop-1/x"}`: "gcp.scope",
		`{"scope": "folders/1", "assetTypes": ["compute.googleapis.com.*"]}`:   "gcp.assetTypes holds names of types",
		`{"scope": "folders/1", "assetTypes": [""]}`:                           "gcp.assetTypes holds names of types",
		`{"scope": "folders/1", "content": ["resource"]}`:                      `gcp.content "resource" is unknown: use RESOURCE`,
		`{"scope": "folders/1", "content": ["IAM_POLICY"]}`:                    "gcp.content lacks RESOURCE",
		`{"scope": "folders/1", "content": ["RESOURCE", "ACCESS_POLICY"]}`:     "gcp.content ACCESS_POLICY is of organizations",
		`{"scope": "folders/1", "quotaProject": "projects/shop-1"}`:            "gcp.quotaProject",
		`{"scope": "folders/1", "deletionLag": "soon"}`:                        `gcp.deletionLag "soon" is no duration from 0s to 840h`,
		`{"scope": "folders/1", "deletionLag": "-1s"}`:                         "gcp.deletionLag",
		`{"scope": "folders/1", "endpoint": "http://127.0.0.1:1"}`:             "gcp.endpoint is no address",
		`{"scope": "folders/1", "endpoint": "cloudasset.googleapis.com:443"}`:  "gcp.endpoint may only be a test server on this machine",
		`{"scope": "folders/1", "endpoint": "10.0.0.1:443"}`:                   "is no loopback address",
		`{"scope": "folders/1", "members": "all"}`:                             `gcp.members "all" is unknown: use projects or none`,
		`{"scope": "projects/shop-1", "members": "projects"}`:                  "a project has no members",
		`{"scope": "projects/shop-1", "projects": {}}`:                         "gcp.projects chooses members",
		`{"scope": "folders/1", "members": "none", "projects": {}}`:            "gcp.projects chooses members",
		`{"scope": "folders/1", "projects": {"folders": ["7"]}}`:               `hold folders such as folders/123, not "7"`,
		`{"scope": "folders/1", "projects": {"exclude": ["sys-["]}}`:           `gcp.projects.exclude "sys-["`,
		`{"scope": "folders/1", "via": {"scope": "folders/2", "number": "1"}}`: "gcp.via is what members are given",
		`{"scope": "folders/1", "credentials": {"json": "{}"}}`:                "gcp.credentials.json has to be a reference",
		`{"scope": "folders/1", "credentials": {"json": "file:"}}`:             "gcp.credentials.json has to be a reference",
		`{"scope": "folders/1", "credentials": {"impersonate": "ann"}}`:        "gcp.credentials.impersonate",
		`{"scope": "folders/1", "credentials": {"delegates": ["a@b.cc"]}}`:     "add gcp.credentials.impersonate",
	} {
		_, err := gcp.ParseSettings(json.RawMessage(text))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func TestParseSettings_NeverRepeatsAKey(t *testing.T) {
	t.Parallel()
	_, err := gcp.ParseSettings(json.RawMessage(`{"scope": "folders/1", "credentials": {"json": "{\"private_key\": \"hunter2\"}"}}`))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestParseSettings_TellsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := gcp.ParseSettings(json.RawMessage(`{"content": ["X"], "deletionLag": "x", "endpoint": "x"}`))
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Error(err)
	}
}

func TestSettings_CloudID(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		"projects/shop-1": "shop-1", "projects/12345": "", "folders/7": "folders/7", "organizations/1": "organizations/1",
	} {
		if got := (gcp.Settings{Scope: scope}).CloudID(); got != want {
			t.Errorf("%s: %q", scope, got)
		}
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add(`{"scope": "projects/shop-1", "deletionLag": "10m"}`)
	f.Add(`{"scope": "organizations/1", "credentials": {"json": "env:KEY"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := gcp.ParseSettings(json.RawMessage(text))
		if err != nil {
			return
		}
		data, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		again, err := gcp.ParseSettings(data)
		if diff := cmp.Diff(settings, again); diff != "" || err != nil {
			t.Errorf("%s reads otherwise the second time: %v %s", text, err, diff)
		}
	})
}
