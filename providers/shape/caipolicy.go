package shape

import (
	"slices"
	"strings"

	"cloudaudit/providers"
)

// caiFacets adds the policies of an asset and reports false if one has the wrong type.
func caiFacets(asset map[string]any, parts map[string]providers.Part) bool {
	ok := true
	add := func(facet string, value any, valid bool) {
		ok = ok && valid
		parts[facet] = providers.Part{Value: restSpelling(value)}
	}
	if policy := asset[either(asset, "iamPolicy", "iam_policy")]; policy != nil {
		_, valid := policy.(map[string]any)
		add(CAIIAMPolicy, policy, valid)
	}
	if policies := asset[either(asset, "orgPolicy", "org_policy")]; policies != nil {
		_, valid := policies.([]any)
		add(CAIOrgPolicy, policies, valid)
	}
	if policies := asset[either(asset, "v2OrgPolicies", "v2_org_policies")]; policies != nil {
		_, valid := policies.([]any)
		add(CAIOrgPolicies, policies, valid)
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
		add(CAIAccessPolicy, access, true)
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
