package providertest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
)

// record is what the cloud's envelopes have in common.
type record struct {
	Name      string
	AssetType string
	ID        string
	Type      string
	Region    string `json:"location"`

	TypeName, Identifier string
}

// collect gives copies of the records of both kinds.
func collect(v providertest.Inventory) (resources, policies [][]byte) {
	for r := range v.Resources() {
		resources = append(resources, bytes.Clone(r))
	}
	for r := range v.Policies() {
		policies = append(policies, bytes.Clone(r))
	}
	return resources, policies
}

func TestInventory_IsRealistic(t *testing.T) {
	t.Parallel()
	for _, cloud := range []string{providers.AWS, providers.GCP, providers.Azure} {
		t.Run(cloud, func(t *testing.T) {
			t.Parallel()
			resources, policies := collect(providertest.Inventory{Cloud: cloud, Size: 10_000, Seed: 1})
			ids, types, size := map[string]bool{}, map[string]int{}, 0
			for _, text := range resources {
				var r record
				if err := json.Unmarshal(text, &r); err != nil {
					t.Fatalf("%v in %s", err, text)
				}
				if bytes.ContainsAny(text, "<\n") {
					t.Fatalf("a mark or a line break is left in %s", text)
				}
				switch cloud {
				case providers.AWS:
					r.ID, r.Type = r.Identifier, r.TypeName
				case providers.GCP:
					r.ID, r.Type = r.Name, r.AssetType
				}
				ids[r.Type+" "+r.ID] = true
				types[r.Type]++
				size += len(text)
			}
			if len(resources) != 10_000 || len(ids) != 10_000 {
				t.Errorf("%d resources with %d ids", len(resources), len(ids))
			}
			if average := size / len(resources); average < 1000 || average > 3000 {
				t.Errorf("a record has %d bytes on average", average)
			}
			if len(types) < 30 {
				t.Errorf("%d types: %v", len(types), types)
			}
			if share := float64(len(policies)) / 10_000; cloud == providers.GCP && (share < 0.1 || share > 0.5) {
				t.Errorf("%v of the resources have a record of their policy", share)
			}
		})
	}
}

func TestInventory_Changed(t *testing.T) {
	t.Parallel()
	for _, cloud := range []string{providers.AWS, providers.GCP, providers.Azure} {
		v := providertest.Inventory{Cloud: cloud, Size: 5_000, Seed: 7}
		before, _ := collect(v)
		if again, _ := collect(v); !slices.EqualFunc(before, again, bytes.Equal) {
			t.Errorf("%s: the same seed gave something else", cloud)
		}
		v.Version, v.Changed = 1, 10
		after, _ := collect(v)
		changed := 0
		for i := range before {
			if !bytes.Equal(before[i], after[i]) {
				changed++
			}
		}
		if changed < 400 || changed > 600 {
			t.Errorf("%s: %d of 5000 changed, want 10 %%", cloud, changed)
		}
		v.Changed = 100
		all, _ := collect(v)
		for i := range before {
			// This type is one setting, which may come out the same.
			if bytes.Equal(before[i], all[i]) && !bytes.Contains(all[i], []byte("AWS::EC2::SnapshotBlockPublicAccess")) {
				t.Fatalf("%s: did not change: %s", cloud, before[i])
			}
			if was, is := identity(t, before[i]), identity(t, all[i]); was != is {
				t.Fatalf("%s: %v became %v", cloud, was, is)
			}
		}
	}
}

// identity is what must not change with a resource: its name, and what tells it from one that is
// made anew.
func identity(t *testing.T, text []byte) [4]string {
	t.Helper()
	var r struct {
		Name, ID, Identifier string
		Properties           lasting
		Resource             struct {
			Data struct{ ID, UniqueID, UID, CreationTimestamp, CreateTime, TimeCreated any }
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return [4]string{r.Name, r.ID + r.Identifier, fmt.Sprint(r.Properties), fmt.Sprint(r.Resource)}
}

// lasting are properties of AWS and Azure by which we tell a resource from one that is made anew.
type lasting struct {
	ResourceGUID, VMID, UniqueID, TimeCreated, CreationTime                                     string
	RoleID, PolicyID, DbiResourceID, DBClusterResourceID, CreationTimestamp, InstanceCreateTime string
}

// UnmarshalJSON implements json.Unmarshaler: AWS's properties are JSON in a text.
func (l *lasting) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		data = []byte(text)
	}
	type plain lasting
	return json.Unmarshal(data, (*plain)(l))
}

func TestInventory_Write(t *testing.T) {
	t.Parallel()
	for cloud, want := range map[string]int{
		providers.AWS: providertest.Parts, providers.GCP: providertest.Parts + 1, providers.Azure: providertest.Parts,
	} {
		folder := t.TempDir()
		v := providertest.Inventory{Cloud: cloud, Size: 1_001, Seed: 3}
		if err := v.Write(folder); err != nil {
			t.Fatal(err)
		}
		resources, policies := collect(v)
		names, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(names) != want {
			t.Fatalf("files %v, %v", names, err)
		}
		total := 0
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			total += count(t, cloud, data)
		}
		if total != len(resources)+len(policies) {
			t.Errorf("%s: the files hold %d records, want %d", cloud, total, len(resources)+len(policies))
		}
	}
}

func count(t *testing.T, cloud string, data []byte) int {
	t.Helper()
	if cloud != providers.Azure {
		return bytes.Count(data, []byte("\n"))
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

func BenchmarkInventory(b *testing.B) {
	for b.Loop() {
		n := 0
		for r := range (providertest.Inventory{Cloud: providers.GCP, Size: 10_000, Seed: 1}).Resources() {
			n += len(r)
		}
		b.SetBytes(int64(n))
	}
}
