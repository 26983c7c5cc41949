package snapshot

import (
	"cmp"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// descriptions is the member of an answer of Cloud Control that lists resources.
const descriptions = "ResourceDescriptions"

const foreignAccount = "the record belongs to another account than snapshot.accountId: give each account its own files"

// controlResource maps a resource as Cloud Control describes it: by itself, in the answer to
// get-resource, or in one to list-resources, where the type stands beside the list.
func controlResource(record map[string]any, found piece, settings Settings) (*providers.Resource, string) {
	around := record
	if found.around != nil {
		around = found.around.members
	}
	if one := object(record, "ResourceDescription"); one != nil {
		record = one
	}
	of := func(key string) string { return cmp.Or(text(record, key), text(around, key)) }
	described := shape.CFNRecord{
		Type: of("TypeName"), Identifier: text(record, "Identifier"),
		Region: of("Region"), Account: cmp.Or(of("AccountId"), settings.AccountID),
		Elsewhere: settings.Region, Partial: found.list == descriptions,
	}
	if strings.Count(described.Type, "::") != 2 {
		return &providers.Resource{}, "the record has no type name such as AWS::S3::Bucket, and the answer around it names none"
	}
	resource := &providers.Resource{Type: described.Type}
	if described.Identifier == "" {
		return resource, "the record has no identifier"
	}
	if settings.AccountID != "" && described.Account != settings.AccountID {
		return resource, foreignAccount
	}
	properties, ok := embedded(record["Properties"])
	if !ok {
		return resource, "the record's properties are neither an object nor the JSON of one"
	}
	described.Properties = properties
	return described.Resource(), ""
}

// embedded gives an object that may be written as a string of JSON, nil if there is none.
func embedded(value any) (map[string]any, bool) {
	if text, isText := value.(string); isText {
		if strings.TrimSpace(text) == "" {
			return nil, true
		}
		parsed, err := providers.ParseValue([]byte(text))
		if err != nil {
			return nil, false
		}
		value = parsed
	}
	if value == nil {
		return nil, true
	}
	object, ok := value.(map[string]any)
	return object, ok
}
