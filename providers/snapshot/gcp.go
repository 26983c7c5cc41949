package snapshot

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// Names of the facets of Google Cloud's assets.
const (
	facetIAM    = "iamPolicy"
	facetOrg    = "orgPolicy"
	facetOrgV2  = "v2OrgPolicies"
	facetAccess = "accessPolicy"
)

// gcpResource maps an asset as Cloud Asset Inventory writes it, in either spelling.
func gcpResource(asset map[string]any, region string) (*providers.Resource, string) {
	resource := &providers.Resource{Type: text(asset, either(asset, "assetType", "asset_type"))}
	id := text(asset, "name")
	if resource.Type == "" {
		return resource, "the record has no asset type"
	}
	name, ok := shape.ParseCAIName(id)
	if !ok {
		return resource, "the record has no full resource name"
	}
	resource.ID, resource.Identity, resource.Name = id, id, name.Short
	resource.Ancestors = gcpAncestors(asset)
	resource.Rank.Updated = gcpUpdated(asset)
	resource.Parts = map[string]providers.Part{}
	location := ""
	if envelope := object(asset, "resource"); envelope != nil {
		location = text(envelope, "location")
		data, ok := gcpData(envelope)
		if !ok {
			return resource, "the resource's data is not an object"
		}
		resource.Parts[providers.Properties] = providers.Part{Value: data}
		resource.Tags = gcpLabels(data)
		resource.UID = gcpUID(data)
	}
	resource.Region = gcpRegion(location, name.Location, region)
	if !gcpFacets(asset, resource.Parts) {
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

// gcpData gives the data of a resource; a resource without any has none to show, but was read.
func gcpData(envelope map[string]any) (map[string]any, bool) {
	if envelope["data"] == nil {
		return map[string]any{}, true
	}
	data, ok := envelope["data"].(map[string]any)
	return data, ok
}

// gcpFacets adds the policies of an asset and reports false if one has the wrong type.
func gcpFacets(asset map[string]any, parts map[string]providers.Part) bool {
	ok := true
	add := func(facet string, value any, valid bool) {
		ok = ok && valid
		parts[facet] = providers.Part{Value: restSpelling(value)}
	}
	if policy := asset[either(asset, "iamPolicy", "iam_policy")]; policy != nil {
		_, valid := policy.(map[string]any)
		add(facetIAM, policy, valid)
	}
	if policies := asset[either(asset, "orgPolicy", "org_policy")]; policies != nil {
		_, valid := policies.([]any)
		add(facetOrg, policies, valid)
	}
	if policies := asset[either(asset, "v2OrgPolicies", "v2_org_policies")]; policies != nil {
		_, valid := policies.([]any)
		add(facetOrgV2, policies, valid)
	}
	access := map[string]any{}
	for rest, snake := range map[string]string{"accessPolicy": "access_policy", "accessLevel": "access_level", "servicePerimeter": "service_perimeter"} {
		if policy := asset[either(asset, rest, snake)]; policy != nil {
			_, valid := policy.(map[string]any)
			access[rest] = policy
			ok = ok && valid
		}
	}
	if len(access) > 0 {
		add(facetAccess, access, true)
	}
	return ok
}

// restSpelling turns the keys of a policy from snake case to camel case, but not below parameters,
// whose names are their author's.
func restSpelling(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = restSpelling(v[i])
		}
	case map[string]any:
		var snakes []string
		for key, child := range v {
			if key != "parameters" {
				v[key] = restSpelling(child)
			}
			if strings.Contains(key, "_") {
				snakes = append(snakes, key)
			}
		}
		slices.Sort(snakes)
		for _, key := range snakes {
			if camel := camelCase(key); camel != key {
				if _, ok := v[camel]; !ok {
					v[camel] = v[key]
				}
				delete(v, key)
			}
		}
	}
	return value
}

func camelCase(key string) string {
	var b strings.Builder
	upper := false
	for i := range len(key) {
		c := key[i]
		if c == '_' && b.Len() > 0 && i+1 < len(key) {
			upper = true
			continue
		}
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper = false
		b.WriteByte(c)
	}
	return b.String()
}

func gcpAncestors(asset map[string]any) []string {
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
	return shape.CAIAncestors(text(asset, either(asset, "ancestryPath", "ancestry_path")))
}

func gcpUpdated(asset map[string]any) time.Time {
	updated, err := time.Parse(time.RFC3339Nano, text(asset, either(asset, "updateTime", "update_time")))
	if err != nil {
		return time.Time{}
	}
	return updated.UTC()
}

// gcpRegion takes the first location that is known; some are written as a path.
func gcpRegion(candidates ...string) string {
	for _, location := range candidates {
		if location = location[strings.LastIndexByte(location, '/')+1:]; location != "" {
			return strings.ToLower(location)
		}
	}
	return providers.Global
}

// gcpLabels finds the labels where the services keep them.
func gcpLabels(data map[string]any) map[string]string {
	for _, labels := range []map[string]any{
		object(data, "labels"), object(data, "resourceLabels"), object(data, "userLabels"),
		object(object(data, "settings"), "userLabels"), object(object(data, "metadata"), "labels"),
	} {
		if tags := tags(labels); tags != nil {
			return tags
		}
	}
	return nil
}

// tags gives labels as text, nil for none.
func tags(labels map[string]any) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	found := make(map[string]string, len(labels))
	for key, value := range labels {
		switch v := value.(type) {
		case string:
			found[key] = v
		case json.Number:
			found[key] = v.String()
		case bool:
			found[key] = map[bool]string{true: "true", false: "false"}[v]
		case nil:
			found[key] = ""
		}
	}
	return found
}

// gcpUID tells a resource from an earlier one of its name: by the service's number or unique id,
// else by the time of creation. Other ids repeat the name.
func gcpUID(data map[string]any) string {
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
