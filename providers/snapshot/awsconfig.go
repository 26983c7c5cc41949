package snapshot

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// Members of answers of AWS Config.
const (
	queryResults = "Results"
	unprocessed  = "unprocessedResourceKeys"
)

// configRest is the member of the properties that holds what of an item has no CloudFormation name.
const configRest = "_config"

// configItem is what a configuration item tells of itself, in any of its spellings.
type configItem struct {
	resourceType, id, arn, name  string
	account, region, status, uid string
	// captured is zero if the item does not tell.
	captured time.Time
}

// itemOf reads an item as files of AWS Config (awsAccountId, ARN) and its API (accountId, arn) have it.
func itemOf(record map[string]any, settings Settings) configItem {
	created, _ := configTime(record["resourceCreationTime"])
	item := configItem{
		resourceType: shape.AWSConfigType(text(record, "resourceType")),
		id:           text(record, "resourceId"),
		arn:          cmp.Or(text(record, "ARN"), text(record, "arn")),
		name:         text(record, "resourceName"),
		account:      cmp.Or(text(record, "awsAccountId"), text(record, "accountId"), settings.AccountID),
		region:       text(record, "awsRegion"),
		status:       text(record, "configurationItemStatus"),
		uid:          created,
	}
	_, item.captured = configTime(record["configurationItemCaptureTime"])
	return item
}

// recorded tells whether the item holds the configuration of a resource that is there.
func (i configItem) recorded() bool {
	return !strings.Contains(i.status, "Deleted") && !strings.Contains(i.status, "NotRecorded")
}

// configTime reads a time, written as text or in seconds since 1970, and gives it in one form. What
// is none is no time.
func configTime(value any) (string, time.Time) {
	var at time.Time
	switch v := value.(type) {
	case string:
		at, _ = time.Parse(time.RFC3339Nano, v)
	case json.Number:
		if seconds, err := strconv.ParseFloat(v.String(), 64); err == nil && seconds > 0 && seconds < 1e11 {
			at = time.UnixMilli(int64(seconds * 1000))
		}
	}
	if at.IsZero() {
		return "", at
	}
	return at.UTC().Format(time.RFC3339Nano), at.UTC()
}

// configResource maps a configuration item. Of a resource that has several, the scan keeps the newest,
// by the time of capture.
func configResource(record map[string]any, found piece, settings Settings, deleted *deletions) (*providers.Resource, *problem) {
	item := itemOf(record, settings)
	resource := &providers.Resource{Type: item.resourceType}
	if problem := item.problem(found, settings); problem != nil {
		return resource, problem
	}
	if deleted.after(item) {
		return resource, notThere
	}
	part, ok := configPart(item, record, found)
	if !ok {
		return resource, decoding("the item's configuration is neither an object nor the JSON of one")
	}
	arn, _ := shape.ParseARN(item.arn)
	resource.ID = cmp.Or(item.arn, item.resourceType+"/"+item.id)
	resource.Identity = resource.ID
	resource.Region = shape.AWSRegion(item.resourceType, item.region, arn.Region, settings.Region)
	resource.UID = item.uid
	resource.Ancestors = shape.AWSAncestors(item.account)
	resource.Rank.Updated = item.captured
	if tags, ok := shape.AWSTags(record["tags"]); ok && record["tags"] != nil {
		resource.Tags = tags
	} else {
		part.Unread = append(part.Unread, providers.Unread{Path: "/tags", Class: providers.NotRead})
	}
	resource.Name = cmp.Or(item.name, resource.Tags["Name"], arn.Short(), item.id)
	resource.Parts = map[string]providers.Part{providers.Properties: part}
	return resource, nil
}

// problem says why an item is no resource, nil if it is one.
func (i configItem) problem(found piece, settings Settings) *problem {
	switch {
	case strings.Count(i.resourceType, "::") != 2:
		return decoding("the item has no resource type: a query has to select resourceType, resourceId, arn, accountId, awsRegion, tags, configuration and supplementaryConfiguration")
	case found.list == unprocessed:
		return &problem{providers.Failure, "AWS Config did not process this resource: ask for it again"}
	case i.id == "" && i.arn == "":
		return decoding("the item has neither a resource id nor an ARN")
	case settings.AccountID != "" && i.account != settings.AccountID:
		return decoding(foreignAccount)
	case strings.Contains(i.status, "Deleted"):
		return notThere
	case !i.recorded():
		return &problem{providers.NotEnabled, "AWS Config does not record this resource: switch its type on in the recorder"}
	}
	return nil
}

// configPart maps the configuration of an item. It reports false if that cannot be understood.
func configPart(item configItem, record map[string]any, found piece) (providers.Part, bool) {
	configuration, ok := embedded(record["configuration"])
	if !ok {
		return providers.Part{}, false
	}
	extra := supplement(record["supplementaryConfiguration"])
	fields, mapped := configTypes[item.resourceType]
	whole, wholeExtra := selected(record, found)
	if !mapped || !whole || configuration == nil {
		return providers.Part{
			Value:  map[string]any{configRest: rest(configuration, extra, nil, nil)},
			Unread: []providers.Unread{{Path: providers.PartPath(providers.Properties), Class: providers.NotRead}},
		}, true
	}
	m := configMapping{item: map[string]any{"arn": item.arn}, usedExtra: map[string]bool{}}
	if wholeExtra {
		m.extra = extra
	}
	used := map[string]bool{}
	properties := m.object(configuration, fields, "/properties", used)
	m.tags(item.resourceType, record["tags"], properties, used)
	m.unlisted(item.resourceType, fields)
	if left := rest(configuration, extra, used, m.usedExtra); len(left) > 0 {
		properties[configRest] = left
	}
	return providers.Part{Value: properties, Unread: m.unread}, true
}

// selected tells whether an item holds its whole configuration and supplementary configuration. Files
// of Config and items of its API do; rows of a query hold what was selected, which may be single
// members.
func selected(record map[string]any, found piece) (configuration, extra bool) {
	_, isText := record["configuration"].(string)
	_, inFile := record["awsAccountId"]
	_, versioned := record["configurationItemVersion"]
	if isText || inFile || versioned {
		_, extra = record["supplementaryConfiguration"]
		return true, extra
	}
	if found.around == nil {
		return false, false
	}
	query, _ := found.around.members["QueryInfo"].(map[string]any)
	fields, _ := query["SelectFields"].([]any)
	for _, element := range fields {
		field, _ := element.(map[string]any)
		configuration = configuration || text(field, "Name") == "configuration"
		extra = extra || text(field, "Name") == "supplementaryConfiguration"
	}
	return configuration, extra
}

// supplement opens the members of a supplementary configuration that are JSON in strings.
func supplement(value any) map[string]any {
	members, _ := embedded(value)
	opened := make(map[string]any, len(members))
	for name, member := range members {
		opened[name] = member
		if inner, ok := asJSON(member); ok {
			opened[name] = inner
		}
	}
	return opened
}

// rest is what of an item went into no property, under Config's own names.
func rest(configuration, extra map[string]any, used, usedExtra map[string]bool) map[string]any {
	left := map[string]any{}
	for name, members := range map[string]struct {
		all  map[string]any
		used map[string]bool
	}{"configuration": {configuration, used}, "supplementaryConfiguration": {extra, usedExtra}} {
		kept := maps.Clone(members.all)
		maps.DeleteFunc(kept, func(key string, _ any) bool { return members.used[key] })
		if len(kept) > 0 {
			left[name] = kept
		}
	}
	return left
}

// tags writes the item's tags as the type's property for tags has them. Whatever the configuration
// repeats of them is used then.
func (m *configMapping) tags(resourceType string, written any, properties map[string]any, used map[string]bool) {
	known, ok := shape.CFN(resourceType)
	if !ok || !slices.Contains(known.Properties, known.Tags) {
		return
	}
	tags, ok := shape.AWSTags(written)
	if !ok || written == nil {
		m.unread = append(m.unread, providers.Unread{Path: "/properties/" + known.Tags, Class: providers.NotRead})
		return
	}
	list, object := make([]any, 0, len(tags)), make(map[string]any, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"Key": key, "Value": tags[key]})
		object[key] = tags[key]
	}
	if properties[known.Tags] = list; known.TagMap {
		properties[known.Tags] = object
	}
	for _, name := range []string{known.Tags, "tags", "tagList"} {
		used[name] = true
	}
	m.usedExtra["Tags"] = true
}

// unlisted marks the properties of the type that the list says nothing of.
func (m *configMapping) unlisted(resourceType string, fields []*configField) {
	known, _ := shape.CFN(resourceType)
	for _, name := range known.Properties {
		listed := slices.ContainsFunc(fields, func(f *configField) bool { return f.property == name })
		if !listed && name != known.Tags {
			m.unread = append(m.unread, providers.Unread{Path: providers.Pointer("/properties", name), Class: providers.NotRead})
		}
	}
}
