package shape

import (
	"encoding/json"
	"strings"

	"cloudaudit/providers"
)

// awsGlobal are beginnings of types whose resources belong to no region.
var awsGlobal = [...]string{
	"AWS::Account::", "AWS::Budgets::", "AWS::CE::", "AWS::CloudFront::", "AWS::GlobalAccelerator::", "AWS::IAM::",
	"AWS::NetworkManager::", "AWS::Organizations::", "AWS::Route53::", "AWS::S3::AccountPublicAccessBlock",
	"AWS::SavingsPlans::", "AWS::Shield::", "AWS::ShieldRegional::", "AWS::WAF::",
}

// AWSGlobal tells whether resources of a type belong to no region.
func AWSGlobal(resourceType string) bool {
	for _, beginning := range awsGlobal {
		if strings.HasPrefix(resourceType, beginning) {
			return true
		}
	}
	return false
}

// awsTypes maps names of AWS Config to those of CloudFormation where they differ.
var awsTypes = map[string]string{
	"AWS::ACM::Certificate":   "AWS::CertificateManager::Certificate",
	"AWS::IAM::Policy":        "AWS::IAM::ManagedPolicy",
	"AWS::OpenSearch::Domain": "AWS::OpenSearchService::Domain",
}

// AWSConfigType gives the CloudFormation name of a type of AWS Config; of types that CloudFormation
// does not have, Config's own. Config's AWS::IAM::Policy is a managed policy, CloudFormation's is an
// inline one, so that the mapping holds for what Config wrote only.
func AWSConfigType(name string) string {
	if known, ok := awsTypes[name]; ok {
		return known
	}
	return name
}

// AWSRegion gives the region of a resource: Global for types that belong to none, else the first
// candidate that tells one.
func AWSRegion(resourceType string, candidates ...string) string {
	if AWSGlobal(resourceType) {
		return providers.Global
	}
	for _, region := range candidates {
		if region != "" {
			return strings.ToLower(region)
		}
	}
	return providers.Global
}

// AWSAncestors gives the container of a resource of an account, none if the account is not known.
func AWSAncestors(account string) []string {
	if account == "" {
		return nil
	}
	return []string{"accounts/" + account}
}

// AWSTags reads tags in any of the shapes that AWS has for them: a list of objects with Key and Value
// (key and value, TagKey and TagValue, tagKey and tagValue), or an object of keys and values. It gives
// nil for no tags and reports false for a value that is none of these.
func AWSTags(value any) (map[string]string, bool) {
	tags := map[string]string{}
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for key, child := range v {
			text, ok := scalar(child)
			if !ok {
				return nil, false
			}
			tags[key] = text
		}
	case []any:
		for _, element := range v {
			key, text, ok := awsTag(element)
			if !ok {
				return nil, false
			}
			tags[key] = text
		}
	default:
		return nil, false
	}
	if len(tags) == 0 {
		return nil, true
	}
	return tags, true
}

// awsTag reads one element of a list of tags; a tag without a value has an empty one.
func awsTag(element any) (key, value string, ok bool) {
	tag, _ := element.(map[string]any)
	for _, names := range [...][2]string{{"Key", "Value"}, {"key", "value"}, {"TagKey", "TagValue"}, {"tagKey", "tagValue"}} {
		if key, ok = tag[names[0]].(string); ok {
			value, ok = scalar(tag[names[1]])
			return key, value, ok
		}
	}
	return "", "", false
}

// scalar writes a value that is no list or object as text.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}
