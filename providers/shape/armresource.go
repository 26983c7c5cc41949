package shape

import (
	"cmp"
	"path"
	"strings"

	"cloudaudit/providers"
)

// ARMResource maps a row of Resource Graph or an object of Resource Manager: the main part is the row
// itself without id, type and name, so that policies find properties, sku, kind, identity and so on where
// Azure has them. The row is changed in place. The region is that of a resource without a location,
// global if empty. With a fault, the resource tells no more than its type, if that.
func ARMResource(row map[string]any, region string) (resource *providers.Resource, fault string) {
	written := rooted(text(row, "id"))
	id, ok := ParseARMID(written)
	resource = &providers.Resource{Type: ARMType(cmp.Or(text(row, "type"), id.Type))}
	resource.ID, resource.Identity = written, ARMIdentity(written)
	// Ids of a kind that is not understood are ids all the same where the row tells its type.
	if !ok && (resource.Type == "" || !strings.HasPrefix(written, "/") || resource.Identity == "") {
		return resource, "the record has no resource id"
	}
	resource.Name = cmp.Or(text(row, "name"), id.Name, path.Base(resource.Identity))
	resource.Region = cmp.Or(ARMRegion(text(row, "location")), ARMRegion(region), providers.Global)
	resource.UID = armUID(row)
	resource.Ancestors = ARMAncestors(id)
	resource.Tags = Labels(object(row, "tags"))
	for _, key := range []string{"id", "name", "type"} {
		delete(row, key)
	}
	resource.Parts = map[string]providers.Part{providers.Properties: {Value: row}}
	return resource, ""
}

// rooted gives an id with the slash at its beginning, which answers about the diagnostic settings of
// subscriptions lack.
func rooted(id string) string {
	const container = "subscriptions/"
	if len(id) > len(container) && strings.EqualFold(id[:len(container)], container) {
		return "/" + id
	}
	return id
}

// armUID tells a resource from an earlier one of its id, where Azure gives an id or a time of
// creation that the id does not repeat.
func armUID(row map[string]any) string {
	properties := object(row, "properties")
	return cmp.Or(
		text(properties, "vmId"), text(properties, "resourceGuid"), text(properties, "uniqueId"),
		text(properties, "timeCreated"), text(properties, "creationTime"), text(properties, "creationDate"),
		text(object(row, "systemData"), "createdAt"),
	)
}
