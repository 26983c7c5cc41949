package snapshot_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/snapshot"
)

var update = flag.Bool("update", false, "write the golden files")

func testdata(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// golden compares what was read with a golden file.
func golden(t *testing.T, name string, resources []*providers.Resource) {
	t.Helper()
	type part struct {
		Value  any
		Hash   string
		Unread []providers.Unread `json:",omitempty"`
	}
	type shown struct {
		Type, ID, Identity, Name, Region, UID string
		Ancestors                             []string          `json:",omitempty"`
		Tags                                  map[string]string `json:",omitempty"`
		Rank                                  providers.Rank
		Parts                                 map[string]part
	}
	var all []shown
	for _, r := range resources {
		s := shown{r.Type, r.ID, r.Identity, r.Name, r.Region, r.UID, r.Ancestors, r.Tags, r.Rank, map[string]part{}}
		for name, p := range r.Parts {
			s.Parts[name] = part{p.Value, p.Hash.String(), p.Unread}
		}
		all = append(all, s)
	}
	got, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := testdata(t, name+".golden")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Error(diff)
	}
}

func TestGCP_Golden(t *testing.T) {
	t.Parallel()
	got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: testdata(t, "gcp.ndjson")}, providers.Want{})
	if len(got.gaps) != 0 || len(got.errs) != 0 {
		t.Errorf("gaps %v, errors %v", got.gaps, got.errs)
	}
	golden(t, "gcp.ndjson", got.resources)
}

func TestGCP_BothSpellingsAreOne(t *testing.T) {
	t.Parallel()
	rest := run(t, snapshot.Settings{Format: snapshot.GCP, Path: testdata(t, "gcp.ndjson")}, providers.Want{})
	snake := run(t, snapshot.Settings{Format: snapshot.GCP, Path: testdata(t, "gcp-snake.ndjson")}, providers.Want{})
	for _, r := range snake.resources {
		r.Rank.Scope = "gcp.ndjson"
	}
	if diff := cmp.Diff(rest.resources, snake.resources); diff != "" {
		t.Error(diff)
	}
}

func TestAzure_Golden(t *testing.T) {
	t.Parallel()
	got := run(t, snapshot.Settings{Format: snapshot.Azure, Path: testdata(t, "azure.json")}, providers.Want{})
	if len(got.gaps) != 0 || len(got.errs) != 0 {
		t.Errorf("gaps %v, errors %v", got.gaps, got.errs)
	}
	golden(t, "azure.json", got.resources)
}

func TestProvider_PassesTheContract(t *testing.T) {
	t.Parallel()
	for _, settings := range []snapshot.Settings{
		{Format: snapshot.GCP, Path: testdata(t, "gcp.ndjson")},
		{Format: snapshot.GCP, Path: testdata(t, "gcp*.ndjson"), Types: []string{"storage.googleapis.com/Bucket"}},
		{Format: snapshot.Azure, Path: testdata(t, "azure.json"), Content: []string{snapshot.Resource}},
		{Format: snapshot.CloudControl, Path: testdata(t, "cloudcontrol*.*"), AccountID: "111111111111"},
		{Format: snapshot.Config, Path: testdata(t, "config-*.json"), Content: []string{snapshot.Resource}},
		{Format: snapshot.Config, Path: testdata(t, "config-*.json"), Types: []string{"AWS::IAM::Policy", "AWS::KMS::Key"}},
	} {
		providertest.Exercise(t, snapshot.New(), account(t, settings))
	}
}

func TestTypes_OthersArePassedOver(t *testing.T) {
	t.Parallel()
	got := run(t, snapshot.Settings{
		Format: snapshot.Azure, Path: testdata(t, "azure.json"), Types: []string{"microsoft.storage/storageaccounts"},
	}, providers.Want{})
	if len(got.resources) != 1 || got.resources[0].Type != "Microsoft.Storage/storageAccounts" {
		t.Errorf("read %v", got.resources)
	}
	if diff := cmp.Diff([]string{"Microsoft.Storage/storageAccounts"}, got.scopes[0].Types); diff != "" {
		t.Error(diff)
	}
}

func TestRegion_StandsInForMissingOnes(t *testing.T) {
	t.Parallel()
	got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: testdata(t, "gcp.ndjson"), Region: "EU"}, providers.Want{})
	regions := map[string]string{}
	for _, r := range got.resources {
		regions[r.Name] = r.Region
	}
	if regions["empty"] != "eu" || regions["web-1"] != "europe-west1-b" || regions["db"] != "europe-west3" {
		t.Errorf("regions %v", regions)
	}
}
