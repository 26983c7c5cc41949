package main_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hostileConfig = `organization: test
accounts:
  - {name: hostile, provider: snapshot, snapshot: {format: gcp-cai, path: inventory, content: [RESOURCE]}}
policyPacks: [{path: pack}]
policyGroups:
  - {name: all, accounts: [hostile], policyPacks: [{name: own}]}
`

const rotationRule = `name: key-rotation
severity: medium
description: Keys rotate.
match: {types: [cloudkms.googleapis.com/CryptoKey]}
validations:
  - {expression: has(resource.properties.rotationPeriod), message: never rotates}
`

func key(name, data string) string {
	return `{"name":"//cloudkms.googleapis.com/projects/p/locations/eu/keyRings/r/cryptoKeys/` + name +
		`","assetType":"cloudkms.googleapis.com/CryptoKey","resource":{"data":` + data + `}}` + "\n"
}

// estateOf lays out an estate of one account and one policy.
func estateOf(t *testing.T, config string, files map[string][]byte) estate {
	t.Helper()
	e := estate{t.TempDir()}
	e.write(t, "cloudaudit.yaml", []byte(config))
	e.write(t, "pack/PulumiPolicy.yaml", []byte("name: own\nruntime: cel\n"))
	e.write(t, "pack/rules.yaml", []byte(rotationRule))
	for name, data := range files {
		e.write(t, name, data)
	}
	return e
}

// exits runs the program and gives its exit code and what it printed.
func (e estate) exits(t *testing.T, args ...string) (int, string) {
	t.Helper()
	output, err := e.program(args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("cloudaudit %s: %v", strings.Join(args, " "), err)
	}
	if exit == nil {
		return 0, string(output)
	}
	return exit.ExitCode(), string(output)
}

func zipped(t *testing.T, content io.Reader) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := io.Copy(writer, content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// endless gives n bytes of one letter.
func endless(letter string, n int64) io.Reader {
	return io.LimitReader(repeat(letter[0]), n)
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// TestHostileInventory scans what nobody means well with: each record that is in order is judged, and
// each that is not is a gap with its place.
func TestHostileInventory(t *testing.T) {
	t.Parallel()
	good := key("good", `{}`)
	truncated := zipped(t, strings.NewReader(strings.Repeat(good, 1000)))
	long := strings.Repeat("x", 10_000)
	e := estateOf(t, hostileConfig, map[string][]byte{
		"inventory/line.ndjson.gz": zipped(t, io.MultiReader(strings.NewReader(`{"name":"`), endless("x", 100<<20), strings.NewReader("\"}\n"+key("after-the-long-line", `{}`)))),
		"inventory/bomb.ndjson.gz": zipped(t, io.MultiReader(endless(" ", 200<<20), strings.NewReader("\n"+key("after-the-bomb", `{}`)))),
		"inventory/deep.ndjson":    []byte(key("deep", `{"a":`+strings.Repeat("[", 5_000)+strings.Repeat("]", 5_000)+`}`) + key("after-the-deep", `{}`)),
		"inventory/utf8.ndjson":    []byte(key("bad-\xff\xfe-letters", `{"a":"\xc3\x28"}`) + key("nul-\\u0000-letter", `{}`) + key("after-the-letters", `{}`)),
		"inventory/twice.ndjson":   []byte(key("twice", `{"rotationPeriod":"1s"}`) + key("twice", `{}`)),
		"inventory/long.ndjson":    []byte(key(long, `{}`)),
		"inventory/numbers.ndjson": []byte(key("numbers", `{"big":1e400,"long":`+strings.Repeat("9", 400)+`,"id":18446744073709551617}`)),
		"inventory/cut.ndjson.gz":  truncated[:len(truncated)/2],
		"inventory/types.ndjson":   []byte(strings.Repeat(`{"assetType":"x"}`+"\n"+`{"name":7}`+"\n"+`[]`+"\n", 5_000)),
		"inventory/keys.ndjson":    []byte(key("keys", `{"a":1,"a":2,"`+long+`":{"":""},"__proto__":{"a":null}}`)),
		"inventory/utf16.ndjson":   []byte("\xff\xfe{\x00}\x00"),
		"inventory/binary.ndjson":  []byte("\x00\x01\x02\n\x7fELF\n"),
	})
	code, output := e.exits(t, "scan")
	if code != 4 {
		t.Fatalf("exit %d, want 4\n%.3000s", code, output)
	}
	violations := e.run(t, "violations", "list", "-o", "csv", "--columns", "resourceName")
	for _, name := range []string{
		"after-the-long-line", "after-the-bomb", "after-the-deep", "after-the-letters", "twice", long, "numbers", "keys", "good",
	} {
		if !strings.Contains(violations, name) {
			t.Errorf("%.40s was not judged", name)
		}
	}
	scan := strings.TrimSpace(e.run(t, "scans", "list", "--columns", "id", "--no-headers"))
	log := e.run(t, "scans", "log", scan, "-o", "csv")
	for _, place := range []string{
		"line.ndjson.gz:1: ", "deep.ndjson:1: ", "types.ndjson:1: ", "binary.ndjson:1: ", "cut.ndjson.gz", "utf16.ndjson", "more gaps",
	} {
		if !strings.Contains(log, place) {
			t.Errorf("the log does not name %s", place)
		}
	}
	if shown := e.run(t, "resources", "show", "numbers"); !strings.Contains(shown, "18446744073709551617") || !strings.Contains(shown, strings.Repeat("9", 400)) {
		t.Error("numbers lost digits")
	}
	if check := e.run(t, "db", "check"); !strings.Contains(check, "is sound") {
		t.Error(check)
	}
	before := e.run(t, "scans", "list", "--columns", "resources", "--no-headers")
	e.exits(t, "scan")
	after := e.run(t, "scans", "list", "-o", "csv", "--columns", "resources,added,changed,removed,opened,resolved", "--limit", "1")
	if !strings.Contains(after, strings.TrimSpace(before)+",0,0,0,0,0") {
		t.Errorf("the second scan changed something: %s", after)
	}
}

// TestRule3_11_SecretsAreNowhere holds design rule 3.11: it plants secrets in inventories of every format, in records that cannot be read
// and in those that can, and looks for them in everything that is stored and printed.
func TestRule3_11_SecretsAreNowhere(t *testing.T) {
	t.Parallel()
	const secret = "pl4nted-s3cret"
	planted := func(n int) string { return secret + "-" + string(rune('a'+n)) }
	arm := func(kind, name, properties string) string {
		return `{"id":"/subscriptions/s/resourceGroups/g/providers/` + kind + `/` + name + `","type":"` + kind + `","location":"westeurope","properties":` + properties + "}\n"
	}
	cfn := func(kind, id, properties string) string {
		return `{"TypeName":"` + kind + `","Identifier":"` + id + `","Properties":` + properties + "}\n"
	}
	e := estateOf(t, `organization: test
accounts:
  - {name: gcp, provider: snapshot, snapshot: {format: gcp-cai, path: gcp.ndjson, content: [RESOURCE]}}
  - {name: azure, provider: snapshot, snapshot: {format: azure-resource-graph, path: azure.ndjson}}
  - {name: aws, provider: snapshot, snapshot: {format: aws-cloudcontrol, path: aws.ndjson, accountId: "111111111111", region: eu-west-1}}
policyPacks: [{path: pack}]
policyGroups:
  - {name: all, accounts: [gcp, azure, aws], policyPacks: [{name: own}, {name: gcp-foundations}, {name: azure-foundations}]}
`, map[string][]byte{
		"gcp.ndjson": []byte(key("a", `{"password":"`+planted(0)+`","env":[{"name":"DB_PASSWORD","value":"`+planted(1)+`"}]}`) +
			`{"name":"//compute.googleapis.com/projects/p/zones/z/instances/i","assetType":"compute.googleapis.com/Instance","resource":{"data":{"metadata":{"items":[{"key":"startup-script","value":"export TOKEN=` + planted(2) + `"}]}}}}` + "\n" +
			`{"name":"//x","assetType":"` + planted(3) + `"` + "\n" +
			key("b", `{"privateKey":"-----BEGIN PRIVATE KEY-----\n`+planted(4)+`\n-----END PRIVATE KEY-----"}`)),
		"azure.ndjson": []byte(arm("Microsoft.Sql/servers", "s", `{"administratorLoginPassword":"`+planted(5)+`"}`) +
			arm("Microsoft.Web/sites", "w", `{"siteConfig":{"appSettings":[{"name":"API_KEY","value":"`+planted(6)+`"}],"connectionStrings":[{"name":"db","connectionString":"Server=x;Password=`+planted(7)+`"}]}}`) +
			arm("Microsoft.Compute/virtualMachines", "v", `{"osProfile":{"adminPassword":"`+planted(8)+`","customData":"`+planted(9)+`"}}`)),
		"aws.ndjson": []byte(cfn("AWS::EC2::Instance", "i-1", `{"UserData":"`+planted(10)+`"}`) +
			cfn("AWS::Lambda::Function", "f", `{"FunctionName":"f","Environment":{"Variables":{"ANY":"`+planted(11)+`"}}}`) +
			cfn("AWS::RDS::DBInstance", "d", `{"MasterUserPassword":"`+planted(12)+`"}`) +
			`{"TypeName":"AWS::S3::Bucket","Identifier":"x","Properties":"{\"Password\":\"` + planted(13) + `"}` + "\n"),
		"pack/quotes.yaml": []byte(`name: quotes
severity: low
description: Quotes what it finds.
validations:
  - {expression: "!has(resource.properties.password)", messageExpression: '"the password is " + string(resource.properties.password)'}
`),
	})
	_, printed := e.exits(t, "scan", "-v")
	for _, args := range [][]string{
		{"violations", "list", "-o", "json"}, {"violations", "export", "--format", "csv"}, {"resources", "list", "-o", "ndjson"},
		{"coverage", "-o", "json"}, {"coverage", "--unknown", "-o", "json"}, {"resources", "export", "gcp"}, {"resources", "export", "azure"},
		{"resources", "export", "aws"}, {"resources", "show", "a"}, {"resources", "show", "f", "-o", "json"}, {"scans", "list", "-o", "json"},
	} {
		_, output := e.exits(t, args...)
		printed += output
	}
	for id := range strings.FieldsSeq(e.run(t, "scans", "list", "--columns", "id", "--no-headers")) {
		printed += e.run(t, "scans", "log", id)
	}
	if i := strings.Index(printed, secret); i >= 0 {
		t.Errorf("printed: %.200s", printed[max(0, i-100):])
	}
	for name, data := range e.stored(t) {
		if i := bytes.Index(data, []byte(secret)); i >= 0 {
			t.Errorf("%s holds %q", name, data[max(0, i-80):min(len(data), i+40)])
		}
	}
	if !strings.Contains(printed, "ANY") || !strings.Contains(printed, "DB_PASSWORD") {
		t.Error("the names of secrets went with their values")
	}
}

// stored reads the files of the database.
func (e estate) stored(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(e.folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(name, "cloudaudit.db") {
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(e.folder, name))
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the database: %d, %v", len(files), err)
	}
	return files
}

// TestFullDisk lets the database grow to its limit in the middle of scans: the error says what to do,
// nothing that was stored is lost, and once there is room the state is that of undisturbed scans.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	calm := newEstate(t)
	calm.run(t, "scan", "-q")
	calm.fill(t, 2)
	calm.run(t, "scan", "-q")
	want := calm.state(t, stateQueries)

	e := newEstate(t)
	e.run(t, "scan", "-q")
	e.fill(t, 2)
	before := e.run(t, "violations", "list", "-o", "csv", "--columns", "id,resourceId,firstSeen")
	size := len(e.stored(t)["cloudaudit.db"])
	full := strings.Replace(estateConfig, "{configId: the estate}", "{configId: the estate, maxBytes: "+strconv.Itoa(size)+"}", 1)
	e.write(t, "cloudaudit.yaml", []byte(full))
	code, output := e.exits(t, "scan")
	if code != 1 || !strings.Contains(output, "make room on it, lower the retention, or raise store.maxBytes") {
		t.Errorf("exit %d, want 1 and a remedy:\n%s", code, output)
	}
	if after := e.run(t, "violations", "list", "--state", "all", "-o", "csv", "--columns", "id,resourceId,firstSeen"); !strings.HasPrefix(after, before[:200]) {
		t.Errorf("violations were lost:\n%.500s", after)
	}
	if check := e.run(t, "db", "check"); !strings.Contains(check, "is sound") {
		t.Error(check)
	}
	e.write(t, "cloudaudit.yaml", []byte(estateConfig))
	e.run(t, "scan", "-q")
	if diff := cmp.Diff(want, e.state(t, stateQueries)); diff != "" {
		t.Errorf("undisturbed scans store another state (-undisturbed +full):\n%.3000s", diff)
	}
}
