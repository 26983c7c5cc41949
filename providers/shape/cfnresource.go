package shape

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"cloudaudit/providers"
)

// CFNRecord is a resource as the Cloud Control API describes it, in CloudFormation's names.
type CFNRecord struct {
	Type string
	// Identifier is the primary identifier, its parts joined by "|".
	Identifier string
	// Region and Account are where the resource was listed, empty if that is not known.
	Region  string
	Account string
	// Elsewhere is the region of a resource that tells none itself.
	Elsewhere string
	// Properties is nil if none were read.
	Properties map[string]any
	// Partial tells that properties may be missing from Properties although they are set, as in
	// answers that list resources.
	Partial bool
}

// Resource maps the record. Properties stay as they are; what their absence does not prove is marked
// as unread: properties that are never read back, and of a partial record every one that it lacks.
// The result is not sealed.
func (r CFNRecord) Resource() *providers.Resource {
	known, isKnown := CFN(r.Type)
	id := CFNID(r.Type, r.Identifier, r.Properties)
	arn, _ := ParseARN(id)
	tags, tagged := cfnTags(r.Type, known, r.Properties)
	resource := &providers.Resource{
		Type: r.Type, ID: id, Identity: id,
		Name:      cfnName(r.Type, r.Identifier, r.Properties, tags),
		Region:    AWSRegion(r.Type, r.Region, arn.Region, bucketRegion(r.Properties), r.Elsewhere),
		UID:       cfnUID(r.Properties),
		Ancestors: AWSAncestors(cmp.Or(r.Account, digitsOnly(arn.Account))),
		Tags:      tags,
	}
	part := providers.Part{Value: r.Properties}
	switch {
	case r.Properties == nil:
		part.Value = map[string]any{}
		part.Unread = unreadPaths(providers.PartPath(providers.Properties), "/tags")
	case r.Partial && !isKnown:
		part.Unread = unreadPaths(providers.PartPath(providers.Properties), "/tags")
	case r.Partial:
		part.Unread = known.missing(r.Properties, tagged)
	}
	if r.Properties != nil {
		part.Unread = append(part.Unread, known.hidden(r.Properties)...)
	}
	sortUnread(part.Unread)
	part.Unread = slices.Compact(part.Unread)
	resource.Parts = map[string]providers.Part{providers.Properties: part}
	return resource
}

// CFNID is the id of a resource: its own ARN where the type's read-only properties or the identifier
// hold it, else the type and the primary identifier.
func CFNID(resourceType, identifier string, properties map[string]any) string {
	names := []string{"Arn", "ARN", lastName(resourceType) + "Arn"}
	if known, ok := CFN(resourceType); ok {
		names = []string{known.ARN}
	}
	for _, name := range names {
		text, _ := properties[name].(string)
		if _, ok := ParseARN(text); ok && name != "" {
			return text
		}
	}
	if _, ok := ParseARN(identifier); ok {
		return identifier
	}
	return resourceType + "/" + identifier
}

// lastName is the last part of a type's name: Bucket of AWS::S3::Bucket.
func lastName(resourceType string) string {
	return resourceType[strings.LastIndexByte(resourceType, ':')+1:]
}

// cfnTags finds the tags and tells whether the property that holds them is there. Types that are not
// known hold them under one of the usual names.
func cfnTags(resourceType string, known CFNType, properties map[string]any) (map[string]string, bool) {
	names := []string{"Tags", lastName(resourceType) + "Tags", "TagList", "ResourceTags"}
	if known.Tags != "" {
		names = []string{known.Tags}
	}
	for _, name := range names {
		if value, there := properties[name]; there {
			if tags, ok := AWSTags(value); ok {
				return tags, true
			}
		}
	}
	return nil, false
}

// cfnName is short and for people: the property named so, the Name tag of things that have only an
// id, else the end of the identifier.
func cfnName(resourceType, identifier string, properties map[string]any, tags map[string]string) string {
	for _, key := range [...]string{lastName(resourceType) + "Name", "Name"} {
		if name, _ := properties[key].(string); name != "" {
			return name
		}
	}
	if name := tags["Name"]; name != "" && strings.HasPrefix(resourceType, "AWS::EC2::") {
		return name
	}
	if arn, ok := ParseARN(identifier); ok {
		return arn.Short()
	}
	return identifier
}

// bucketRegion reads the region out of a bucket's regional domain name, because a bucket's ARN has
// none: name.s3.eu-west-1.amazonaws.com.
func bucketRegion(properties map[string]any) string {
	domain, _ := properties["RegionalDomainName"].(string)
	_, rest, ok := strings.Cut(domain, ".s3.")
	region, _, dotted := strings.Cut(rest, ".amazonaws.")
	if !ok || !dotted || strings.Contains(region, ".") {
		return ""
	}
	return region
}

// cfnUID tells a resource from an earlier one of its id, by the service's unique id or else the time
// of creation, where there is one.
func cfnUID(properties map[string]any) string {
	for _, key := range [...]string{
		"RoleId", "PolicyId", "DbiResourceId", "DBClusterResourceId", "SamlProviderUUID",
		"CreationTime", "CreationTimestamp", "CreateDate", "InstanceCreateTime", "JoinedTimestamp",
	} {
		if uid, _ := properties[key].(string); uid != "" {
			return uid
		}
	}
	return ""
}

// digitsOnly gives an account id, empty for "aws" and the like.
func digitsOnly(account string) string {
	if strings.Trim(account, "0123456789") != "" {
		return ""
	}
	return account
}

func unreadPaths(paths ...string) []providers.Unread {
	unread := make([]providers.Unread, 0, len(paths))
	for _, path := range paths {
		unread = append(unread, providers.Unread{Path: path, Class: providers.NotRead})
	}
	return unread
}

// missing marks every property that a partial record lacks.
func (t CFNType) missing(properties map[string]any, tagged bool) []providers.Unread {
	var paths []string
	for _, name := range t.Properties {
		if _, there := properties[name]; !there {
			paths = append(paths, providers.Pointer("/properties", name))
		}
	}
	if !tagged {
		paths = append(paths, "/tags")
	}
	return unreadPaths(paths...)
}

// hidden marks the properties that are never read back, where the object that could hold them is
// there.
func (t CFNType) hidden(properties map[string]any) []providers.Unread {
	var unread []providers.Unread
	for _, path := range t.Hidden {
		unread = append(unread, unreadPaths(Absent(properties, path, "/properties")...)...)
	}
	return unread
}

// Absent gives the pointers at which a path ends in an object that lacks its last key.
func Absent(value any, path []string, at string) []string {
	switch parent := value.(type) {
	case map[string]any:
		child, there := parent[path[0]]
		at = providers.Pointer(at, path[0])
		switch {
		case len(path) == 1 && !there:
			return []string{at}
		case len(path) > 1 && there:
			return Absent(child, path[1:], at)
		}
	case []any:
		if path[0] != "*" || len(path) == 1 {
			return nil
		}
		var all []string
		for i, child := range parent {
			all = append(all, Absent(child, path[1:], at+"/"+strconv.Itoa(i))...)
		}
		return slices.Clip(all)
	}
	return nil
}
