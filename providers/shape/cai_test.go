package shape_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers/shape"
)

func TestParseCAIName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]shape.CAIName{
		"//compute.googleapis.com/projects/p/zones/z-a/instances/i": {Service: "compute.googleapis.com", Project: "p", Location: "z-a", Short: "i"},
		"//storage.googleapis.com/my-bucket":                        {Service: "storage.googleapis.com", Short: "my-bucket"},
		"//cloudresourcemanager.googleapis.com/projects/413985786043": {
			Service: "cloudresourcemanager.googleapis.com", Project: "413985786043", Short: "413985786043",
		},
		"//iam.googleapis.com/projects/p/serviceAccounts/a@p.iam.gserviceaccount.com/keys/1e": {
			Service: "iam.googleapis.com", Project: "p", Short: "1e",
		},
		"//apikeys.googleapis.com/v2/projects/p/locations/global/keys/k": {
			Service: "apikeys.googleapis.com", Project: "p", Location: "global", Short: "k",
		},
		"//compute.googleapis.com/projects/p/global/": {Service: "compute.googleapis.com", Project: "p", Short: "global"},
		"compute.googleapis.com/projects/p":           {},
		"//compute.googleapis.com":                    {},
		"///p":                                        {},
		"":                                            {},
	} {
		got, ok := shape.ParseCAIName(name)
		if diff := cmp.Diff(want, got); diff != "" || ok != (want != shape.CAIName{}) {
			t.Errorf("%s: %v %s", name, ok, diff)
		}
	}
}

func TestCAIService(t *testing.T) {
	t.Parallel()
	for assetType, want := range map[string]string{
		"compute.googleapis.com/Instance":            "compute.googleapis.com",
		"datamigration.googleapis.com.MigrationJob":  "datamigration.googleapis.com",
		"rbac.authorization.k8s.io/ClusterRole":      "rbac.authorization.k8s.io",
		"unheard-of":                                 "unheard-of",
		"cloudresourcemanager.googleapis.com/Folder": "cloudresourcemanager.googleapis.com",
	} {
		if got := shape.CAIService(assetType); got != want {
			t.Errorf("%s: %q, want %q", assetType, got, want)
		}
	}
}

func TestCAIAncestors(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"organization/1/folder/2/project/3":    {"projects/3", "folders/2", "organizations/1"},
		"organizations/1/folders/2/project/my": {"projects/my", "folders/2", "organizations/1"},
		"organization/1":                       {"organizations/1"},
		"organization/1/project":               {"organizations/1"},
		"":                                     nil,
		"//":                                   nil,
	} {
		if diff := cmp.Diff(want, shape.CAIAncestors(path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func FuzzCAI(f *testing.F) {
	f.Add("//compute.googleapis.com/projects/p/zones/z/instances/i")
	f.Add("organization/1/folder/2")
	f.Fuzz(func(t *testing.T, name string) {
		parsed, ok := shape.ParseCAIName(name)
		if ok && (parsed.Service == "" || parsed.Short == "") {
			t.Errorf("%q has no service or no short name: %+v", name, parsed)
		}
		shape.CAIService(name)
		shape.CAIAncestors(name)
	})
}
