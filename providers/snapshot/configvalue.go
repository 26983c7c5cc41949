package snapshot

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// configValues are the words of the list that change a value. They report false for a value of which
// they cannot say what it is in CloudFormation, and give nil for one that is not set.
var configValues = map[string]func(any) (any, bool){
	"text":    asText,
	"number":  asNumber,
	"flag":    asFlag,
	"enabled": asEnabled,
	"off":     asOff,
	"json":    asJSON,
	"policy":  asPolicy,
	"name":    asName,
	"ingress": func(value any) (any, bool) { return securityRules(value, "Source") },
	"egress":  func(value any) (any, bool) { return securityRules(value, "Destination") },
	"version": defaultVersion,
}

func asText(value any) (any, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return nil, false
}

func asNumber(value any) (any, bool) {
	if number, ok := value.(json.Number); ok {
		return number, true
	}
	text, ok := value.(string)
	if _, err := strconv.ParseInt(text, 10, 64); !ok || err != nil {
		return nil, false
	}
	return json.Number(text), true
}

func asFlag(value any) (any, bool) {
	if flag, ok := value.(bool); ok {
		return flag, true
	}
	text, _ := value.(string)
	switch strings.ToLower(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return nil, false
}

func asEnabled(value any) (any, bool) {
	if state, ok := value.(map[string]any); ok {
		value = state["value"]
	}
	text, _ := value.(string)
	switch strings.ToLower(text) {
	case "enabled":
		return true, true
	case "disabled":
		return false, true
	}
	return nil, false
}

func asOff(value any) (any, bool) {
	text, ok := value.(string)
	if text == "Off" {
		return nil, true
	}
	return text, ok
}

// asJSON opens text that holds JSON; what is open already stays.
func asJSON(value any) (any, bool) {
	text, isText := value.(string)
	if !isText {
		return value, true
	}
	if text == "" {
		return nil, true
	}
	opened, err := providers.ParseValue([]byte(text))
	return opened, err == nil
}

// asPolicy opens a policy document as IAM gives it, with percent escapes.
func asPolicy(value any) (any, bool) {
	text, isText := value.(string)
	if !isText || !strings.HasPrefix(text, "%7B") {
		return asJSON(value)
	}
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return nil, false
	}
	return asJSON(plain)
}

func asName(value any) (any, bool) {
	text, _ := value.(string)
	arn, ok := shape.ParseARN(text)
	return arn.Short(), ok
}

// defaultVersion gives the document of a managed policy's default version.
func defaultVersion(value any) (any, bool) {
	versions, _ := value.([]any)
	for _, element := range versions {
		version, _ := element.(map[string]any)
		if isDefault, _ := version["isDefaultVersion"].(bool); isDefault && version["document"] != nil {
			return asPolicy(version["document"])
		}
	}
	return nil, false
}

// securityRules flattens the permissions of a security group as CloudFormation has them: one rule for
// each address range, prefix list and group. Side is how CloudFormation names the other end: Source
// or Destination. Records from before IPv6 do not prove that no other rule exists.
func securityRules(value any, side string) (any, bool) {
	permissions, ok := value.([]any)
	rules := []any{}
	for _, element := range permissions {
		permission, isObject := element.(map[string]any)
		for _, peer := range [...]struct{ list, member, property string }{
			{"ipv4Ranges", "cidrIp", "CidrIp"}, {"ipv6Ranges", "cidrIpv6", "CidrIpv6"},
			{"prefixListIds", "prefixListId", side + "PrefixListId"}, {"userIdGroupPairs", "groupId", side + "SecurityGroupId"},
		} {
			peers, isList := permission[peer.list].([]any)
			ok = ok && isObject && isList
			for _, one := range peers {
				rule, valid := securityRule(permission, one, peer.member, peer.property)
				ok = ok && valid
				rules = append(rules, rule)
			}
		}
	}
	return rules, ok
}

// securityRule is the rule of one peer.
func securityRule(permission map[string]any, one any, member, property string) (map[string]any, bool) {
	peer, _ := one.(map[string]any)
	rule := map[string]any{"IpProtocol": permission["ipProtocol"], property: peer[member]}
	for from, to := range map[string]string{"fromPort": "FromPort", "toPort": "ToPort"} {
		if port := permission[from]; port != nil {
			rule[to] = port
		}
	}
	if description := text(peer, "description"); description != "" {
		rule["Description"] = description
	}
	if owner := text(peer, "userId"); owner != "" && property == "SourceSecurityGroupId" {
		rule["SourceSecurityGroupOwnerId"] = owner
	}
	_, hasProtocol := permission["ipProtocol"].(string)
	_, hasPeer := peer[member].(string)
	return rule, hasProtocol && hasPeer
}

// tidy gives a value as CloudFormation would have it: without members that are null, and without
// the fraction of whole numbers, which Config's queries write as 60.0.
func tidy(value any) any {
	switch v := value.(type) {
	case json.Number:
		if whole, ok := strings.CutSuffix(v.String(), ".0"); ok && !strings.ContainsAny(whole, ".eE") {
			return json.Number(whole)
		}
	case map[string]any:
		tidied := make(map[string]any, len(v))
		for key, child := range v {
			if child != nil {
				tidied[key] = tidy(child)
			}
		}
		return tidied
	case []any:
		tidied := make([]any, len(v))
		for i, child := range v {
			tidied[i] = tidy(child)
		}
		return tidied
	}
	return value
}
