package scanner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
)

// inRegion lists resources of type "T" in a region, each of which is public.
func inRegion(region string, ids ...string) providertest.Listing {
	var found []*providers.Resource
	for _, id := range ids {
		resource := thing(id, map[string]any{"public": true})
		resource.Region = region
		found = append(found, resource)
	}
	return providertest.Listing{
		Scope:  providers.Scope{Name: region + "/t", Region: region, Types: []string{"T"}},
		Events: providertest.Resources(found...),
	}
}

// TestRule3_1_RegionsLeaveThePlan holds that what stood in a region which is not planned any more is out
// of scope and not deleted, and that a resource may move to another region.
func TestRule3_1_RegionsLeaveThePlan(t *testing.T) {
	t.Parallel()
	r := newRig(t, publicRule)
	r.fake.Set(inRegion("here", "a", "b", "moves"), inRegion("there", "c", "d"))
	r.mustScan(t)
	r.fake.Set(inRegion("here", "a"), inRegion("there", "c", "moves"))
	r.mustScan(t)
	resolved := `SELECT r.id || ' ' || v.resolution FROM violations v JOIN resources r ON r.key = v.resource_key WHERE v.state = 'resolved' ORDER BY 1`
	if diff := cmp.Diff([]string{"b resource_deleted", "d resource_deleted"}, r.rows(t, resolved)); diff != "" {
		t.Errorf("resolved where all regions are planned (-want +got):\n%s", diff)
	}
	r.fake.Set(inRegion("here", "a"))
	r.mustScan(t)
	want := []string{"b resource_deleted", "c out_of_scope", "d resource_deleted", "moves out_of_scope"}
	if diff := cmp.Diff(want, r.rows(t, resolved)); diff != "" {
		t.Errorf("resolved where a region left the plan (-want +got):\n%s", diff)
	}
	denied := inRegion("there")
	denied.Events = []providertest.Event{{Gap: &providers.Gap{Region: "there", Type: "T", Class: providers.AccessDenied, Place: "t:List"}}}
	r.fake.Set(inRegion("here"), denied)
	if result, err := r.scan(t.Context(), t); err != nil || result.Status != scanner.Partial {
		t.Errorf("scan %+v, %v", result, err)
	}
	if diff := cmp.Diff(want, r.rows(t, resolved)); diff != "" {
		t.Errorf("resolved where a region was denied (-want +got):\n%s", diff)
	}
}
