package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/snapshot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// options stand for a program with two built-in packs, and one pack in files named own.
func options() config.Options {
	return config.Options{
		Builtin: []string{"azure-foundations", "gcp-foundations"},
		LoadPack: func(path string) (string, error) {
			if filepath.Base(path) == "broken" {
				return "", errors.New("policy pack broken: rules.yaml:3:5: unknown key \"sevrity\"")
			}
			return filepath.Base(path), nil
		},
	}
}

func files(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in testdata/%s: %v", folder, err)
	}
	return found
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the tests with -update and read what it writes", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestLoad_TellsEveryMistake(t *testing.T) {
	t.Parallel()
	for _, path := range slices.Concat(files(t, "bad"), files(t, "unsound")) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(path, options())
			var problems config.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("got %v, want problems", err)
			}
			golden(t, path+".golden", err.Error()+"\n")
		})
	}
}

func TestLoad_TakesGoodFiles(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs(filepath.Join("testdata", "good"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files(t, "good") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			t.Parallel()
			loaded, err := config.Load(path, options())
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, entry := range loaded.Effective() {
				value, err := json.Marshal(entry.Value)
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString(entry.Key + " = " + string(value) + " (" + entry.Source + ")\n")
			}
			golden(t, path+".golden", strings.ReplaceAll(text.String(), folder, "$DIR"))
		})
	}
}

func TestLoad_FillsStructs(t *testing.T) {
	t.Parallel()
	loaded, err := config.Load(filepath.Join("testdata", "good", "full.yaml"), options())
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs(filepath.Join("testdata", "good"))
	if err != nil {
		t.Fatal(err)
	}
	account, ok := loaded.Account("shop-gcp")
	want := config.Account{
		Name: "shop-gcp", RenamedFrom: "old-gcp", Provider: "snapshot", Tags: map[string]string{"team": "shop"},
		Snapshot: config.Snapshot{
			Format: "gcp-cai", Path: filepath.Join(folder, "inventory", "gcp"), Types: []string{"storage.googleapis.com/Bucket"},
			Content: []string{"RESOURCE", "IAM_POLICY"}, AccountID: "123456789012", Region: "europe-west1", MaxRecordBytes: 1048576,
		},
		Schedule: config.Schedule{Cron: "0 */6 * * mon-fri", Timezone: "Europe/Berlin", Jitter: "5m"},
	}
	if diff := cmp.Diff(want, account); diff != "" || !ok {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	if got := loaded.Credentials["infra/prod"]["aws"]["secretAccessKey"]; got != "env:AUDIT_SECRET" {
		t.Errorf("a reference became %q", got)
	}
	if got := string(loaded.PolicyGroups[0].PolicyPacks[0].Config); !strings.Contains(got, `"days":90`) {
		t.Errorf("config %s has lost its number", got)
	}
	if diff := cmp.Diff([]string{"shop-gcp", "shop-azure"}, loaded.AccountNames()); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestLoad_PrecedenceOfSources(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "cloudaudit.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := func(name string) (string, bool) {
		value, ok := map[string]string{"CLOUDAUDIT_SERVER_LISTEN": "127.0.0.1:2", "CLOUDAUDIT_STORE_CONFIG_ID": "from-env"}[name]
		return value, ok
	}
	flags := map[string]config.Flag{"server.listen": {Name: "listen", Value: "127.0.0.1:3"}}
	file := "organization: acme\nserver: {listen: '127.0.0.1:1'}\n"
	for name, test := range map[string]struct {
		text, want, source string
		options            config.Options
	}{
		"default": {"organization: acme\n", "127.0.0.1:8080", "default", config.Options{}},
		"file":    {file, "127.0.0.1:1", "cloudaudit.yaml:2", config.Options{}},
		"env":     {file, "127.0.0.1:2", "CLOUDAUDIT_SERVER_LISTEN", config.Options{Env: env}},
		"flag":    {file, "127.0.0.1:3", "--listen", config.Options{Env: env, Flags: flags}},
		"absent":  {"organization: acme\n", "127.0.0.1:3", "--listen", config.Options{Flags: flags}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loaded, err := config.Load(write(test.text), test.options)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Server.Listen != test.want {
				t.Errorf("listens at %s, want %s", loaded.Server.Listen, test.want)
			}
			for _, entry := range loaded.Effective() {
				if entry.Key == "server.listen" && !strings.HasSuffix(entry.Source, test.source) {
					t.Errorf("comes from %s, want %s", entry.Source, test.source)
				}
			}
		})
	}
	t.Run("bad_variable", func(t *testing.T) {
		t.Parallel()
		wrong := func(name string) (string, bool) { return "nowhere", name == "CLOUDAUDIT_SERVER_LISTEN" }
		_, err := config.Load(write(file), config.Options{Env: wrong})
		want := `CLOUDAUDIT_SERVER_LISTEN: server.listen: "nowhere" is not an address such as 127.0.0.1:8080`
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestLoad_MissingFileSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := config.Load("absent.yaml", config.Options{})
	if err == nil || !strings.Contains(err.Error(), "config init") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_RefusesHugeFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "huge.yaml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("# a comment\n"), 400_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, config.Options{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestStarter_IsSound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cloudaudit.yaml")
	if err := os.WriteFile(path, []byte(config.Starter()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, options()); err != nil {
		t.Error(err)
	}
	if err := conforms(t, path); err != nil {
		t.Error(err)
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// aboutAccounts are the examples that show accounts; those of packs are tested with the tools for authors.
var aboutAccounts = regexp.MustCompile(`^(organization:|accounts:|  - name:)`)

// TestExamples_AreSound loads the examples of the documentation.
func TestExamples_AreSound(t *testing.T) {
	t.Parallel()
	loaded := 0
	for _, document := range []string{"README.md", "deploy/aws/README.md", "deploy/gcp/README.md", "deploy/azure/README.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", document))
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			example := block[1]
			if !aboutAccounts.MatchString(example) {
				continue
			}
			if !strings.HasPrefix(example, "organization:") {
				example = "organization: acme\n" + strings.TrimPrefix(example, "accounts:\n")
				example = strings.Replace(example, "\n  - name:", "\naccounts:\n  - name:", 1)
			}
			path := filepath.Join(t.TempDir(), "cloudaudit.yaml")
			if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
				t.Fatal(err)
			}
			known := options()
			known.Builtin = append(known.Builtin, "aws-foundations")
			if _, err := config.Load(path, known); err != nil {
				t.Errorf("example %d of %s: %v", i+1, document, err)
			}
			if err := conforms(t, path); err != nil {
				t.Errorf("example %d of %s: %v", i+1, document, err)
			}
			loaded++
		}
	}
	if loaded < 8 {
		t.Errorf("only %d examples were found", loaded)
	}
}

func TestFind_Order(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	user := filepath.Join(home, ".config", "cloudaudit", "cloudaudit.yaml")
	if err := os.MkdirAll(filepath.Dir(user), 0o700); err != nil {
		t.Fatal(err)
	}
	env := func(pairs map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { value, ok := pairs[name]; return value, ok }
	}
	if _, err := config.Find("", env(map[string]string{"HOME": home})); err == nil || !strings.Contains(err.Error(), user) {
		t.Errorf("nothing is there: got %v, want the places", err)
	}
	if err := os.WriteFile(user, []byte("organization: acme\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flag, want string
		env        map[string]string
	}{
		"flag":     {"a.yaml", "a.yaml", map[string]string{"CLOUDAUDIT_CONFIG": "b.yaml", "HOME": home}},
		"variable": {"", "b.yaml", map[string]string{"CLOUDAUDIT_CONFIG": "b.yaml", "HOME": home}},
		"home":     {"", user, map[string]string{"HOME": home}},
		"xdg":      {"", user, map[string]string{"XDG_CONFIG_HOME": filepath.Join(home, ".config"), "HOME": "elsewhere"}},
	} {
		got, err := config.Find(test.flag, env(test.env))
		if err != nil || got != test.want {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, test.want)
		}
	}
}

// conforms holds a file against the JSON Schema.
func conforms(t *testing.T, path string) error {
	t.Helper()
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("cloudaudit.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("cloudaudit.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestSchema_AgreesWithLoad(t *testing.T) {
	t.Parallel()
	sample, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "deploy", "sample", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Concat(files(t, "good"), sample) {
		if err := conforms(t, path); err != nil {
			t.Errorf("%s is refused: %v", path, err)
		}
	}
	for _, path := range files(t, "bad") {
		if conforms(t, path) == nil {
			t.Errorf("%s is taken", path)
		}
	}
}

// TestSchema_KnowsTheFormatsOfSnapshots holds the lists of formats together, which may not import
// each other.
func TestSchema_KnowsTheFormatsOfSnapshots(t *testing.T) {
	t.Parallel()
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	names, err := json.Marshal(snapshot.Formats())
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, text); err != nil || !bytes.Contains(plain.Bytes(), names) {
		t.Errorf("the schema does not list the formats %s, %v", names, err)
	}
}

// TestAWS_AgreesWithItsProvider holds what the file may say together with what the provider takes,
// which may not import each other.
func TestAWS_AgreesWithItsProvider(t *testing.T) {
	t.Parallel()
	loaded, err := config.Load(filepath.Join("testdata", "good", "aws.yaml"), options())
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range loaded.Accounts {
		if _, err := aws.ParseSettings(account.AWS); err != nil {
			t.Errorf("account %s: %v", account.Name, err)
		}
	}
	var known aws.Settings
	if err := json.Unmarshal(loaded.Accounts[1].AWS, &known); err != nil || known.RoleARN == "" || known.Inventory != aws.Full {
		t.Errorf("settings %+v, %v", known, err)
	}
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, text); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{aws.Partitions(), {aws.Full, aws.Needed}} {
		names, err := json.Marshal(list)
		if err != nil || !bytes.Contains(plain.Bytes(), names) {
			t.Errorf("the schema does not list %s, %v", names, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"good", "bad", "unsound"} {
		found, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range found {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "fuzz.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := config.Load(path, options())
		if err == nil && loaded.Organization == "" {
			t.Error("a file without an organization was taken")
		}
		if err != nil && err.Error() == "" {
			t.Error("an error says nothing")
		}
	})
}
