package snapshot_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

func TestParseSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, settings, want string }{
		{"good", `{"format":"gcp-cai","path":"/a","types":["x"],"content":["RESOURCE","IAM_POLICY"],"accountId":"1","region":"eu","maxRecordBytes":5}`, ""},
		{"missing", ``, "the section snapshot is missing"},
		{"not_json", `{`, "read the section snapshot"},
		{"unknown_key", `{"format":"gcp-cai","path":"/a","pfad":"/b"}`, `unknown field "pfad"`},
		{"unknown_format", `{"format":"csv","path":"/a"}`, `"csv" is unknown: use one of aws-cloudcontrol, aws-config, azure-resource-graph, cloudaudit, gcp-cai`},
		{"no_path", `{"format":"gcp-cai"}`, "snapshot.path is missing"},
		{"relative_path", `{"format":"gcp-cai","path":"a"}`, `snapshot.path "a" is not absolute`},
		{"unknown_content", `{"format":"gcp-cai","path":"/a","content":["POLICY"]}`, `"POLICY" is unknown for gcp-cai: use RESOURCE, IAM_POLICY`},
		{"content_of_another_format", `{"format":"azure-resource-graph","path":"/a","content":["IAM_POLICY"]}`, "use RESOURCE"},
		{"content_of_aws", `{"format":"aws-config","path":"/a","content":["RESOURCE"]}`, ""},
		{"other_content_of_aws", `{"format":"aws-cloudcontrol","path":"/a","content":["IAM_POLICY"]}`, "use RESOURCE"},
		{"content_of_a_dump", `{"format":"cloudaudit","path":"/a","content":["RESOURCE"]}`, "a dump tells by itself what it holds"},
		{"empty_type", `{"format":"gcp-cai","path":"/a","types":[""]}`, "an empty name"},
		{"negative_size", `{"format":"gcp-cai","path":"/a","maxRecordBytes":-1}`, "is negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := snapshot.ParseSettings(json.RawMessage(c.settings))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseSettings_JoinsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := snapshot.ParseSettings(json.RawMessage(`{"format":"csv","path":"a","types":[""]}`))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestCloud(t *testing.T) {
	t.Parallel()
	for _, format := range snapshot.Formats() {
		if (snapshot.Cloud(format) == "") != (format == snapshot.Dump) {
			t.Errorf("format %q is of cloud %q", format, snapshot.Cloud(format))
		}
	}
	if snapshot.Cloud(snapshot.GCP) != providers.GCP || snapshot.Cloud(snapshot.Azure) != providers.Azure || snapshot.Cloud("csv") != "" {
		t.Error("clouds are mixed up")
	}
}

func TestContent_DeclaresWholeFacets(t *testing.T) {
	t.Parallel()
	got := run(t, snapshot.Settings{
		Format: snapshot.GCP, Path: testdata(t, "gcp.ndjson"), Content: []string{snapshot.OrgPolicy, snapshot.Resource, snapshot.IAMPolicy},
	}, providers.Want{})
	if diff := cmp.Diff([]string{"iamPolicy", "orgPolicy", "v2OrgPolicies"}, got.scopes[0].Whole); diff != "" {
		t.Error(diff)
	}
}
