package gcptest

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/protobuf/encoding/protojson"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
)

// Feed gives the assets that have a content type.
type Feed func(assetpb.ContentType) iter.Seq[*assetpb.Asset]

// Records serves assets as exports write them: lines of JSON. An asset is listed with every content type
// of which its record tells something.
func Records(tb testing.TB, records ...string) Feed {
	tb.Helper()
	assets := make([]*assetpb.Asset, 0, len(records))
	for _, record := range records {
		asset, err := Asset([]byte(record))
		if err != nil {
			tb.Fatalf("%s: %v", record, err)
		}
		assets = append(assets, asset)
	}
	return Assets(assets...)
}

// Asset reads a record as exports write it.
func Asset(record []byte) (*assetpb.Asset, error) {
	asset := &assetpb.Asset{}
	return asset, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(record, asset)
}

// Assets serves assets.
func Assets(assets ...*assetpb.Asset) Feed {
	return func(content assetpb.ContentType) iter.Seq[*assetpb.Asset] {
		return func(yield func(*assetpb.Asset) bool) {
			for _, asset := range assets {
				if only := with(content, asset); only != nil && !yield(only) {
					return
				}
			}
		}
	}
}

// with gives what an asset is listed as with a content type, nil if it has nothing of it.
func with(content assetpb.ContentType, asset *assetpb.Asset) *assetpb.Asset {
	only := &assetpb.Asset{Name: asset.GetName(), AssetType: asset.GetAssetType(), UpdateTime: asset.GetUpdateTime(), Ancestors: asset.GetAncestors()}
	switch content {
	case assetpb.ContentType_RESOURCE:
		only.Resource = asset.GetResource()
	case assetpb.ContentType_IAM_POLICY:
		only.IamPolicy = asset.GetIamPolicy()
	case assetpb.ContentType_ORG_POLICY:
		only.OrgPolicy = asset.GetOrgPolicy()
	case assetpb.ContentType_ACCESS_POLICY:
		only.AccessContextPolicy = asset.GetAccessContextPolicy()
	}
	if only.Resource == nil && only.IamPolicy == nil && only.OrgPolicy == nil && only.AccessContextPolicy == nil {
		return nil
	}
	return only
}

// Many serves small assets with IAM policies, all but the number of them the same.
func Many(size int, ancestors ...string) Feed {
	return func(content assetpb.ContentType) iter.Seq[*assetpb.Asset] {
		return func(yield func(*assetpb.Asset) bool) {
			for i := range size {
				asset := with(content, &assetpb.Asset{
					Name: fmt.Sprintf("//pubsub.googleapis.com/projects/shop-1/topics/t%d", i), AssetType: "pubsub.googleapis.com/Topic",
					Ancestors: ancestors, Resource: &assetpb.Resource{Location: "global"}, IamPolicy: &iampb.Policy{Version: 1},
				})
				if asset != nil && !yield(asset) {
					return
				}
			}
		}
	}
}

// Inventory serves a made-up inventory, without ever holding it whole.
func Inventory(v providertest.Inventory) Feed {
	v.Cloud = providers.GCP
	return func(content assetpb.ContentType) iter.Seq[*assetpb.Asset] {
		switch content {
		case assetpb.ContentType_RESOURCE:
			return read(v.Resources())
		case assetpb.ContentType_IAM_POLICY:
			return read(v.Policies())
		}
		return func(func(*assetpb.Asset) bool) {}
	}
}

// InventoryScope is the organization of made-up inventories.
const InventoryScope = "organizations/482913507721"

func read(records iter.Seq[[]byte]) iter.Seq[*assetpb.Asset] {
	return func(yield func(*assetpb.Asset) bool) {
		for record := range records {
			asset, err := Asset(record)
			if err != nil {
				panic(err) // made-up inventories are good
			}
			if !yield(asset) {
				return
			}
		}
	}
}

// Organization serves a made-up inventory with the projects in which its resources are, in the place of those
// that it makes up, and makes these known to the server. It gives their numbers by id.
func (s *Server) Organization(tb testing.TB, v providertest.Inventory) map[string]string {
	tb.Helper()
	inventory, found := withoutProjects(Inventory(v)), map[string][]string{}
	for asset := range inventory(assetpb.ContentType_RESOURCE) {
		found[asset.GetAncestors()[0]] = asset.GetAncestors()
	}
	var records []string
	numbers := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		number := strings.TrimPrefix(name, "projects/")
		id := "shop-" + number
		numbers[id] = number
		s.Project(id, number)
		records = append(records, Project(id, number, found[name][1:]...))
	}
	projects := Records(tb, records...)
	s.Serve(func(content assetpb.ContentType) iter.Seq[*assetpb.Asset] {
		return both(projects(content), inventory(content))
	})
	return numbers
}

func withoutProjects(feed Feed) Feed {
	return func(content assetpb.ContentType) iter.Seq[*assetpb.Asset] {
		return func(yield func(*assetpb.Asset) bool) {
			for asset := range feed(content) {
				if asset.GetAssetType() != projectType && !yield(asset) {
					return
				}
			}
		}
	}
}

const projectType = "cloudresourcemanager.googleapis.com/Project"

// Project is the record of a project that is active, below its ancestors, the closest first.
func Project(id, number string, ancestors ...string) string {
	quoted := make([]string, 0, len(ancestors)+1)
	for _, ancestor := range append([]string{"projects/" + number}, ancestors...) {
		quoted = append(quoted, fmt.Sprintf("%q", ancestor))
	}
	return fmt.Sprintf(`{"name": "//cloudresourcemanager.googleapis.com/projects/%s", "assetType": "cloudresourcemanager.googleapis.com/Project",
		"ancestors": [%s], "updateTime": "2026-01-01T00:00:00Z",
		"resource": {"data": {"projectId": %q, "projectNumber": %q, "lifecycleState": "ACTIVE", "labels": {"env": "prod"}}}}`,
		number, strings.Join(quoted, ","), id, number)
}

func both(first, second iter.Seq[*assetpb.Asset]) iter.Seq[*assetpb.Asset] {
	return func(yield func(*assetpb.Asset) bool) {
		for _, seq := range []iter.Seq[*assetpb.Asset]{first, second} {
			for asset := range seq {
				if !yield(asset) {
					return
				}
			}
		}
	}
}

// cursor stands in a listing.
type cursor struct {
	about   string
	next    func() (*assetpb.Asset, bool)
	stop    func()
	matches func(*assetpb.Asset) bool
	ahead   *assetpb.Asset
}

func newCursor(about string, assets iter.Seq[*assetpb.Asset], matches func(*assetpb.Asset) bool) *cursor {
	c := &cursor{about: about, matches: matches}
	c.next, c.stop = iter.Pull(assets)
	c.ahead = c.find()
	return c
}

// find gives the next asset that is listed, nil after the last.
func (c *cursor) find() *assetpb.Asset {
	for {
		asset, more := c.next()
		if !more {
			return nil
		}
		if c.matches(asset) {
			return asset
		}
	}
}

// take gives so many assets, and whether there are more.
func (c *cursor) take(size int) ([]*assetpb.Asset, bool) {
	var assets []*assetpb.Asset
	for c.ahead != nil && len(assets) < size {
		assets = append(assets, c.ahead)
		c.ahead = c.find()
	}
	return assets, c.ahead != nil
}
