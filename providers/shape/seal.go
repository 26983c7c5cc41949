package shape

import (
	"fmt"

	"cloudaudit/providers"
)

// Seal redacts the secrets of a resource in place, notes in each part where they stood and
// computes each part's hash. Sealing twice changes nothing. It must be the last thing that a
// provider does with a resource before it is emitted.
func Seal(resource *providers.Resource) {
	tags := redactTags(resource.Tags)
	for name, part := range resource.Parts {
		redactPart(resource, name, &part)
		if name == providers.Properties && len(tags) > 0 {
			part.Unread = append(part.Unread, tags...)
			sortUnread(part.Unread)
		}
		part.Hash = hashPart(resource, name, part.Value)
		resource.Parts[name] = part
	}
}

// Reseal seals a stored part again, after the redaction list has changed. The resource holds what
// is stored about it (type, id, name, region, tags, ancestors); body and unread are the part's as
// they were stored. It gives the body to be stored instead; the part's new hash and unread paths
// are in the resource's Parts, and its Tags may have changed.
func Reseal(resource *providers.Resource, part string, body []byte, unread []providers.Unread) ([]byte, error) {
	value, err := providers.ParseValue(body)
	if err != nil {
		return nil, fmt.Errorf("seal stored part %q again: it %w", part, err)
	}
	value = providers.Restore(part, value, unread)
	resource.Parts = map[string]providers.Part{part: {Value: value, Unread: unread}}
	Seal(resource)
	return providers.FormatValue(resource.Parts[part].Value)
}
