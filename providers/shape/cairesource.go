package shape

import (
	"encoding/json"
	"strings"
	"time"

	"cloudaudit/providers"
)

// Names of the facets of Google Cloud's assets.
const (
	CAIIAMPolicy    = "iamPolicy"
	CAIOrgPolicy    = "orgPolicy"
	CAIOrgPolicies  = "v2OrgPolicies"
	CAIAccessPolicy = "accessPolicy"
)

// Content types of Cloud Asset Inventory.
const (
	CAIContentResource     = "RESOURCE"
	CAIContentIAMPolicy    = "IAM_POLICY"
	CAIContentOrgPolicy    = "ORG_POLICY"
	CAIContentAccessPolicy = "ACCESS_POLICY"
)

// CAIFacets gives the facets that a content type tells, none for resources.
func CAIFacets(content string) []string {
	switch content {
	case CAIContentIAMPolicy:
		return []string{CAIIAMPolicy}
	case CAIContentOrgPolicy:
		return []string{CAIOrgPolicy, CAIOrgPolicies}
	case CAIContentAccessPolicy:
		return []string{CAIAccessPolicy}
	}
	return nil
}

// CAIResource maps an asset as Cloud Asset Inventory writes it, in either spelling. Region stands in for
// a location that the asset lacks. What is told besides says what is wrong with the asset, in words that
// never quote it; the resource tells no more than its type then, if that.
func CAIResource(asset map[string]any, region string) (*providers.Resource, string) {
	resource := &providers.Resource{Type: text(asset, either(asset, "assetType", "asset_type"))}
	id := text(asset, "name")
	if resource.Type == "" {
		return resource, "the record has no asset type"
	}
	name, ok := ParseCAIName(id)
	if !ok {
		return resource, "the record has no full resource name"
	}
	resource.ID, resource.Identity, resource.Name = id, id, name.Short
	resource.Ancestors = caiAncestors(asset)
	resource.Rank.Updated = caiUpdated(asset)
	resource.Parts = map[string]providers.Part{}
	location := ""
	if envelope := object(asset, "resource"); envelope != nil {
		location = text(envelope, "location")
		data, ok := caiData(envelope)
		if !ok {
			return resource, "the resource's data is not an object"
		}
		resource.Parts[providers.Properties] = providers.Part{Value: data}
		resource.Tags = caiLabels(data)
		resource.UID = caiUID(data)
	}
	resource.Region = caiRegion(location, name.Location, region)
	if !caiFacets(asset, resource.Parts) {
		return resource, "a policy of the record has the wrong type"
	}
	return resource, ""
}

// either gives the first of two names that an object has.
func either(object map[string]any, first, second string) string {
	if _, ok := object[first]; ok {
		return first
	}
	return second
}

// caiData gives the data of a resource; a resource without any has none to show, but was read.
func caiData(envelope map[string]any) (map[string]any, bool) {
	if envelope["data"] == nil {
		return map[string]any{}, true
	}
	data, ok := envelope["data"].(map[string]any)
	return data, ok
}

func caiAncestors(asset map[string]any) []string {
	listed, _ := asset["ancestors"].([]any)
	var ancestors []string
	for _, ancestor := range listed {
		if name, ok := ancestor.(string); ok {
			ancestors = append(ancestors, name)
		}
	}
	if len(ancestors) > 0 {
		return ancestors
	}
	return CAIAncestors(text(asset, either(asset, "ancestryPath", "ancestry_path")))
}

func caiUpdated(asset map[string]any) time.Time {
	updated, err := time.Parse(time.RFC3339Nano, text(asset, either(asset, "updateTime", "update_time")))
	if err != nil {
		return time.Time{}
	}
	return updated.UTC()
}

// caiRegion takes the first location that is known; some are written as a path.
func caiRegion(candidates ...string) string {
	for _, location := range candidates {
		if location = location[strings.LastIndexByte(location, '/')+1:]; location != "" {
			return strings.ToLower(location)
		}
	}
	return providers.Global
}

// caiLabels finds the labels where the services keep them.
func caiLabels(data map[string]any) map[string]string {
	for _, labels := range []map[string]any{
		object(data, "labels"), object(data, "resourceLabels"), object(data, "userLabels"),
		object(object(data, "settings"), "userLabels"), object(object(data, "metadata"), "labels"),
	} {
		if tags := Labels(labels); tags != nil {
			return tags
		}
	}
	return nil
}

// Labels gives labels as text, nil for none. What is a list or an object is no label.
func Labels(labels map[string]any) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	found := make(map[string]string, len(labels))
	for key, value := range labels {
		if text, ok := scalar(value); ok {
			found[key] = text
		}
	}
	return found
}

// caiUID tells a resource from an earlier one of its name: by the service's number or unique id,
// else by the time of creation. Other ids repeat the name.
func caiUID(data map[string]any) string {
	if id := digits(data["id"]); id != "" {
		return id
	}
	for _, uid := range []string{
		text(data, "uniqueId"), text(data, "uid"), text(object(data, "metadata"), "uid"),
		text(data, "creationTimestamp"), text(data, "createTime"), text(data, "timeCreated"), text(data, "creationTime"),
		text(object(data, "metadata"), "creationTimestamp"),
	} {
		if uid != "" {
			return uid
		}
	}
	return ""
}

// digits gives a number, written as one or as text.
func digits(value any) string {
	var written string
	switch v := value.(type) {
	case json.Number:
		written = v.String()
	case string:
		written = v
	}
	for i := range len(written) {
		if written[i] < '0' || written[i] > '9' {
			return ""
		}
	}
	return written
}

// text gives a member that is text, empty if it is anything else.
func text(object map[string]any, key string) string {
	value, _ := object[key].(string)
	return value
}

// object gives a member that is an object, nil if it is anything else.
func object(parent map[string]any, key string) map[string]any {
	value, _ := parent[key].(map[string]any)
	return value
}
