//go:build corpus

package azure_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/azure/azuretest"
	"cloudaudit/providers/shape"
)

var (
	ofSubscription = regexp.MustCompile(`(?i)([/"])subscriptions/[^/"?\\]+`)
	secretLooks    = regexp.MustCompile(`PRIVATE KEY-----|AccountKey=[A-Za-z0-9+/]{20}|[?&]sig=[A-Za-z0-9%]{20}|eyJ[A-Za-z0-9_-]{16,}\.eyJ|FAKEFAKEFAKE`)
)

// lines gives the lines of a recorded file, with everything in one subscription.
func lines(t *testing.T, name string) [][]byte {
	t.Helper()
	root := os.Getenv("CLOUDAUDIT_TESTDATA")
	if root == "" {
		t.Fatal("set CLOUDAUDIT_TESTDATA to the folder with the recorded inventories")
	}
	data, err := os.ReadFile(filepath.Join(root, "azure", name))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, len(data))
	for scanner.Scan() {
		all = append(all, ofSubscription.ReplaceAll(bytes.Clone(scanner.Bytes()), []byte("${1}subscriptions/"+shop)))
	}
	return all
}

// exchange is an answer of Resource Manager as it was recorded.
type exchange struct {
	URL    string
	Status int
	Body   json.RawMessage
}

// recorded fills a cloud with recorded resources and answers.
func recorded(t *testing.T) (c *azuretest.Cloud, rows int) {
	t.Helper()
	c, _ = cloud(t)
	known := map[string]bool{"/subscriptions/" + shop: true}
	for _, line := range lines(t, "resources.ndjson") {
		var row azuretest.Row
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		id, _ := row["id"].(string)
		kind, _ := row["type"].(string)
		parsed, isID := shape.ParseARMID(id)
		identity := shape.ARMIdentity(id)
		nested := strings.Count(shape.ARMType(kind), "/") > 1 || strings.HasPrefix(parsed.Type, "Microsoft.Insights/diagnostic")
		if !isID || parsed.Subscription == "" || kind == "" || nested || known[identity] || strings.HasPrefix(parsed.Type, "Microsoft.Security/") || parsed.Type == "Microsoft.Authorization/locks" {
			continue
		}
		known[identity] = true
		c.AddJSON(line)
		if !strings.HasPrefix(parsed.Type, "Microsoft.Authorization/") && !strings.HasPrefix(parsed.Type, "Microsoft.Resources/") {
			rows++
		}
	}
	answers := map[string]exchange{}
	for _, line := range lines(t, "arm-exchanges.ndjson") {
		var x exchange
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatal(err)
		}
		if parsed, err := url.Parse(x.URL); err == nil && !strings.Contains(parsed.RawQuery, "NextLink") {
			answers[shape.ARMIdentity(parsed.Path)] = x
		}
	}
	c.Answer(azuretest.Everywhere, func(call azuretest.Call) bool { _, is := answers[shape.ARMIdentity(call.URL.Path)]; return is }, func(w http.ResponseWriter, call azuretest.Call) {
		x := answers[shape.ARMIdentity(call.URL.Path)]
		w.WriteHeader(x.Status)
		_, _ = w.Write(x.Body)
	})
	return c, rows
}

// TestCorpus_RecordedAnswers reads what real accounts answered.
func TestCorpus_RecordedAnswers(t *testing.T) {
	t.Parallel()
	c, rows := recorded(t)
	r := scan(t, newProvider(), account(c, full, shop), providers.Want{})
	if len(r.errs) > 0 {
		t.Errorf("errors %v", r.errs)
	}
	read := 0
	for _, resource := range r.resources {
		if !strings.HasPrefix(resource.Type, "Microsoft.Authorization/") && !strings.HasPrefix(resource.Type, "Microsoft.Resources/") {
			read++
		}
		for name := range resource.Parts {
			if found := secretLooks.FindString(body(t, resource, name)); found != "" {
				t.Errorf("%s holds something like a secret in %s", resource.Type, name)
			}
		}
	}
	if read < rows || rows < 150 {
		t.Errorf("read %d of %d rows", read, rows)
	}
	for name, least := range map[string]int{
		"Microsoft.Sql/servers/firewallRules": 1, "Microsoft.Insights/diagnosticSettings": 1, "Microsoft.Security/pricings": 5, "Microsoft.Security/autoProvisioningSettings": 1,
		"Microsoft.Security/securityContacts": 1, "Microsoft.Authorization/roleAssignments": 10,
	} {
		if n := len(r.of(name)); n < least {
			t.Errorf("read %d resources of the type %s", n, name)
		}
	}
	refused := map[string]bool{}
	for _, gap := range r.gaps {
		refused[gap.Permission] = true
		if gap.Class != providers.AccessDenied {
			t.Errorf("gap %+v", gap)
		}
	}
	for _, permission := range []string{
		"Microsoft.Sql/servers/auditingSettings/read", "Microsoft.Sql/servers/encryptionProtector/read", "Microsoft.Sql/servers/securityAlertPolicies/read",
		"Microsoft.Sql/servers/vulnerabilityAssessments/read",
	} {
		if !refused[permission] {
			t.Errorf("no gap names the permission %s", permission)
		}
	}
	for _, log := range r.of("Microsoft.Insights/diagnosticSettings") {
		if !strings.HasPrefix(log.ID, "/subscriptions/"+shop+"/") {
			t.Errorf("the activity log is exported by %s", log.ID)
		}
	}
	for _, server := range r.of("Microsoft.Sql/servers") {
		if server.Name == "server-4-purview" && (unread(server, "/properties/_azure/auditingSettings") != providers.AccessDenied || !strings.Contains(body(t, server, "properties:administrators"), "sid")) {
			t.Errorf("the server is %+v", server)
		}
	}
}
