package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/providers"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/gcp"
)

// section is what a file says of an account of a cloud, and what becomes of it.
type section struct {
	provider, key string
	of            func(config.Account) json.RawMessage
	parse         func(json.RawMessage) error
}

func sections() []section {
	return []section{
		{
			providers.GCP, "gcp", func(a config.Account) json.RawMessage { return a.GCP },
			func(text json.RawMessage) error { _, err := gcp.ParseSettings(text); return err },
		},
		{
			providers.Azure, "azure", func(a config.Account) json.RawMessage { return a.Azure },
			func(text json.RawMessage) error { _, err := azure.ParseSettings(text); return err },
		},
	}
}

// TestSections_SuitTheirProviders holds what the file may say together with what the provider takes, which
// may not import each other.
func TestSections_SuitTheirProviders(t *testing.T) {
	t.Parallel()
	for _, s := range sections() {
		loaded, err := config.Load(filepath.Join("testdata", "good", s.key+".yaml"), options())
		if err != nil {
			t.Fatal(err)
		}
		for _, account := range loaded.Accounts {
			if err := s.parse(s.of(account)); err != nil || account.Provider != s.provider {
				t.Errorf("account %s of %s: %v", account.Name, account.Provider, err)
			}
		}
	}
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, text); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{gcp.Contents(), {gcp.MembersProjects, gcp.MembersNone}, azure.Clouds(), azure.Kinds(), {azure.Full, azure.Needed}} {
		names, err := json.Marshal(list)
		if err != nil || !bytes.Contains(plain.Bytes(), names) {
			t.Errorf("the schema does not list %s, %v", names, err)
		}
	}
}

// TestSections_AgreeWithTheirProviders holds that file and provider refuse the same combinations.
func TestSections_AgreeWithTheirProviders(t *testing.T) {
	t.Parallel()
	combinations := map[string][]string{"gcp": gcpCombinations(), "azure": azureCombinations()}
	for _, s := range sections() {
		refused := s.refused(t, combinations[s.key])
		for i, text := range combinations[s.key] {
			if err := s.parse(json.RawMessage(text)); (err == nil) != (refused[i] == "") {
				t.Errorf("%s\nthe file: %v\nthe provider: %v", text, refused[i], err)
			}
		}
		if len(refused) == 0 || len(refused) == len(combinations[s.key]) {
			t.Errorf("%d of %d combinations are refused", len(refused), len(combinations[s.key]))
		}
	}
}

// refused loads a file with all of these sections, one a line, and gives what is told of each.
func (s section) refused(t *testing.T, sections []string) map[int]string {
	t.Helper()
	const above = 2
	var file strings.Builder
	file.WriteString("organization: acme\naccounts:\n")
	for i, text := range sections {
		fmt.Fprintf(&file, "  - {name: a%d, provider: %s, %s: %s}\n", i, s.provider, s.key, text)
	}
	path := filepath.Join(t.TempDir(), "cloudaudit.yaml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path, options())
	var problems config.Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	told := map[int]string{}
	for _, problem := range problems {
		told[problem.Line-above-1] += problem.Message + "\n"
	}
	return told
}

// gcpCombinations are sections whose keys may contradict each other.
func gcpCombinations() []string {
	return combine(
		[]string{`"scope": "projects/shop-1"`, `"scope": "folders/1"`, `"scope": "organizations/1"`, ""},
		[]string{"", `"members": "projects"`, `"members": "none"`},
		[]string{"", `"projects": {"exclude": ["sys-*"]}`},
		[]string{"", `"content": ["RESOURCE", "ORG_POLICY"]`, `"content": ["RESOURCE", "ACCESS_POLICY"]`, `"content": ["IAM_POLICY"]`, `"content": []`},
		[]string{
			"", `"credentials": {"json": "file:/key"}`, `"credentials": {"json": "sesame"}`, `"credentials": {"delegates": ["a@b.iam.gserviceaccount.com"]}`,
			`"credentials": {"impersonate": "a@b.iam.gserviceaccount.com", "delegates": ["c@b.iam.gserviceaccount.com"]}`,
		},
	)
}

// azureCombinations are sections that say what to read by some keys, and credentials of some kind with some
// keys.
func azureCombinations() []string {
	const id = `"11111111-1111-1111-1111-111111111111"`
	scopes := [][]string{{"", `"subscriptions": [` + id + `]`}, {"", `"managementGroup": "acme"`}, {"", `"tenant": ` + id}, {"", `"excludeSubscriptions": [` + id + `]`}}
	kinds := []string{""}
	for _, kind := range azure.Kinds() {
		kinds = append(kinds, `"kind": "`+kind+`"`)
	}
	credentials := [][]string{kinds}
	keys := map[string]string{
		"tenantId": id, "clientId": id, "clientSecret": `"env:A"`, "clientCertificate": `"env:A"`, "certificatePassword": `"env:A"`, "tokenFile": `"/token"`,
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		credentials = append(credentials, []string{"", fmt.Sprintf("%q: %s", key, keys[key])})
	}
	all := combine(scopes...)
	for _, of := range combine(credentials...) {
		all = append(all, fmt.Sprintf(`{"tenant": %s, "credentials": %s}`, id, of))
	}
	return all
}

// combine makes every object that has one of the fields of each list; an empty one is left out.
func combine(lists ...[]string) []string {
	found := [][]string{nil}
	for _, list := range lists {
		var longer [][]string
		for _, fields := range found {
			for _, field := range list {
				longer = append(longer, append(slices.Clone(fields), field))
			}
		}
		found = longer
	}
	objects := make([]string, len(found))
	for i, fields := range found {
		given := slices.DeleteFunc(fields, func(field string) bool { return field == "" })
		objects[i] = "{" + strings.Join(given, ", ") + "}"
	}
	return objects
}
