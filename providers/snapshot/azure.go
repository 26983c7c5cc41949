package snapshot

import (
	"cmp"
	"path"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// azureResource maps a row of Resource Graph or an object of Resource Manager.
func azureResource(row map[string]any, region string) (*providers.Resource, string) {
	written := text(row, "id")
	id, ok := shape.ParseARMID(written)
	resource := &providers.Resource{Type: shape.ARMType(cmp.Or(text(row, "type"), id.Type))}
	resource.ID, resource.Identity = written, shape.ARMIdentity(written)
	// Ids of a kind that is not understood are ids all the same where the row tells its type.
	if !ok && (resource.Type == "" || !strings.HasPrefix(written, "/") || resource.Identity == "") {
		return resource, "the record has no resource id"
	}
	resource.Name = cmp.Or(text(row, "name"), id.Name, path.Base(resource.Identity))
	resource.Region = cmp.Or(shape.ARMRegion(text(row, "location")), shape.ARMRegion(region), providers.Global)
	resource.UID = azureUID(row)
	resource.Ancestors = shape.ARMAncestors(id)
	resource.Tags = shape.Labels(object(row, "tags"))
	for _, key := range []string{"id", "name", "type"} {
		delete(row, key)
	}
	resource.Parts = map[string]providers.Part{providers.Properties: {Value: row}}
	return resource, ""
}

// azureUID tells a resource from an earlier one of its id, where Azure gives an id or a time of
// creation that the id does not repeat.
func azureUID(row map[string]any) string {
	properties := object(row, "properties")
	return cmp.Or(
		text(properties, "vmId"), text(properties, "resourceGuid"), text(properties, "uniqueId"),
		text(properties, "timeCreated"), text(properties, "creationTime"), text(properties, "creationDate"),
		text(object(row, "systemData"), "createdAt"),
	)
}
