package library

import (
	"maps"
	"slices"
	"strings"
)

// keyKind is what the values of a condition key are, which decides when one stands for somebody in
// particular.
type keyKind int

const (
	accountKey keyKind = iota + 1
	arnKey
	orgKey
	networkKey
	userKey
	rangeKey
	tokenKey
	flagKey
)

// narrowing are the condition keys that say who calls or from where, in lower case. The conditions of
// all others, such as aws:SecureTransport, anybody can meet.
var narrowing = map[string]keyKind{
	"aws:principalaccount": accountKey, "aws:sourceaccount": accountKey, "aws:sourceowner": accountKey, "aws:vpceaccount": accountKey,
	"kms:calleraccount": accountKey, "s3:dataaccesspointaccount": accountKey,
	"aws:principalarn": arnKey, "aws:sourcearn": arnKey, "s3:dataaccesspointarn": arnKey, "lambda:sourcefunctionarn": arnKey,
	"aws:principalorgid": orgKey, "aws:principalorgpaths": orgKey, "aws:sourceorgid": orgKey, "aws:sourceorgpaths": orgKey,
	"aws:vpceorgid": orgKey, "aws:vpceorgpaths": orgKey,
	"aws:sourcevpc": networkKey, "aws:sourcevpce": networkKey,
	"aws:userid":   userKey,
	"aws:sourceip": rangeKey, "aws:vpcsourceip": rangeKey,
	"lambda:eventsourcetoken":   tokenKey,
	"aws:principalisawsservice": flagKey, "elasticfilesystem:accessedviamounttarget": flagKey,
}

// comparing are the operators that hold only where the key is there and has one of the values, in
// lower case; excluding are their opposites, which also hold where the key is missing.
var (
	comparing = []string{"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
	excluding = []string{"stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotequals", "arnnotlike", "notipaddress"}
)

// Narrows tells whether a condition keeps strangers out: one of its operators compares a narrowing
// key with values that each stand for somebody in particular. An operator that also holds where the
// key is missing (…IfExists, ForAllValues:, Null) or that only excludes (Not…) does not narrow.
func Narrows(condition map[string]any) bool {
	for operator, block := range condition {
		keys, _ := block.(map[string]any)
		operator = strings.ToLower(operator)
		flag := operator == "bool"
		if !flag && !slices.Contains(comparing, strings.TrimPrefix(operator, "foranyvalue:")) {
			continue
		}
		for key, values := range keys {
			if kind := narrowing[strings.ToLower(key)]; kind != 0 && flag == (kind == flagKey) && specific(kind, list(values), "true") {
				return true
			}
		}
	}
	return false
}

// excludes tells whether the condition of a denial spares none but somebody in particular: every
// operator excludes narrowing keys with particular values, so that whoever is spared is one of them.
func excludes(condition map[string]any) bool {
	for operator, block := range condition {
		keys, ok := block.(map[string]any)
		operator, _ = strings.CutSuffix(strings.ToLower(operator), "ifexists")
		flag := operator == "bool"
		if !ok || !flag && !slices.Contains(excluding, strings.TrimPrefix(operator, "forallvalues:")) {
			return false
		}
		for key, values := range keys {
			kind := narrowing[strings.ToLower(key)]
			if kind == 0 || flag != (kind == flagKey) || !specific(kind, list(values), "false") {
				return false
			}
		}
	}
	return true
}

// specific tells whether every value stands for somebody in particular. Of flags, it is the wanted
// value that does.
func specific(kind keyKind, values []any, flag string) bool {
	for _, value := range values {
		if on, ok := value.(bool); ok && kind == flagKey {
			value = map[bool]string{true: "true", false: "false"}[on]
		}
		written, ok := text(value)
		if !ok || !particular(kind, strings.TrimSpace(written), flag) {
			return false
		}
	}
	return len(values) > 0
}

func particular(kind keyKind, value, flag string) bool {
	if before, variable, found := strings.Cut(value, "${"); found && kind != flagKey {
		// The account or organization of the resource itself is as particular as its number.
		return before == "" && strings.HasPrefix(strings.ToLower(variable), "aws:resource")
	}
	fixed := value
	if at := strings.IndexAny(value, "*?"); at >= 0 {
		fixed = value[:at]
	}
	switch kind {
	case rangeKey:
		return narrowRange(value)
	case arnKey:
		return particularARN(value)
	case orgKey:
		organization, _, path := strings.Cut(value, "/")
		return organization != "" && (fixed == value || path && len(fixed) > len(organization))
	case userKey:
		return value != "" && (fixed == value || strings.Contains(fixed, ":"))
	case flagKey:
		return strings.EqualFold(value, flag)
	}
	return value != "" && fixed == value
}

// Ranges of the internet wider than these are nobody in particular.
const (
	widest4 = 1 << 24 // a /8
	widest6 = 32      // the length of a prefix
)

func narrowRange(value string) bool {
	found, err := ParseRange(value)
	if err != nil {
		return false
	}
	if !found.Public() {
		return true
	}
	for _, s := range found {
		if s.from.Is4() && s.size() > widest4 {
			return false
		}
		if prefix, err := s.from.Prefix(widest6); !s.from.Is4() && (err != nil || !prefix.Contains(s.to)) {
			return false
		}
	}
	return true
}

// particularARN tells whether an ARN names an account, or, where the service's ARNs have none, a thing
// whose name is written out.
func particularARN(value string) bool {
	parts := strings.SplitN(value, ":", 6)
	if len(parts) < 6 {
		return false
	}
	account, thing := parts[4], parts[5]
	if account != "" {
		return !strings.ContainsAny(account, "*?")
	}
	if at := strings.IndexAny(thing, "/:"); at >= 0 {
		thing = thing[:at]
	}
	return thing != "" && !strings.ContainsAny(thing, "*?")
}

// accountsOf lists the accounts that the values of narrowing keys name.
func accountsOf(condition map[string]any) []string {
	var found []string
	for _, operator := range slices.Sorted(maps.Keys(condition)) {
		keys, _ := condition[operator].(map[string]any)
		if !slices.Contains(comparing, strings.TrimPrefix(strings.ToLower(operator), "foranyvalue:")) {
			continue
		}
		for key, values := range keys {
			kind := narrowing[strings.ToLower(key)]
			for _, value := range list(values) {
				written, _ := text(value)
				if account := accountIn(written); account != "" && (kind == accountKey || kind == arnKey) {
					found = append(found, account)
				}
			}
		}
	}
	return found
}

// accountIn gives the account that an id or an ARN names, empty if there is none.
func accountIn(value string) string {
	if parts := strings.SplitN(value, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		value = parts[4]
	}
	if len(value) != 12 || strings.Trim(value, "0123456789") != "" {
		return ""
	}
	return value
}
