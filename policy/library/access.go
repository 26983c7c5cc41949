package library

import (
	"slices"
	"strings"
)

// Public gives the statements that let anybody in: they allow; their principal is anybody, everybody
// but some, or an identity provider that serves everybody; their condition does not narrow; and no
// other statement of the document denies the same to all but somebody in particular.
func Public(all []Statement) []Statement {
	var found []Statement
	for _, s := range all {
		if s.Effect == "Allow" && s.open() && !denied(all, s) {
			found = append(found, s)
		}
	}
	return found
}

// open tells whether somebody that the statement does not know may meet it.
func (s Statement) open() bool {
	if (slices.Contains(s.Principals, "*") || len(s.NotPrincipals) > 0) && !Narrows(s.Condition) {
		return true
	}
	return slices.ContainsFunc(s.Principals, func(principal string) bool {
		provider, federated := strings.CutPrefix(principal, "Federated:")
		return federated && openProvider(provider, s.Condition)
	})
}

// denied tells whether another statement takes away all that the statement gives to strangers.
func denied(all []Statement, s Statement) bool {
	return slices.ContainsFunc(all, func(d Statement) bool {
		return d.Effect == "Deny" && d.forStrangers() && excludes(d.Condition) &&
			coverAll(d.Actions, s.Actions, s.NotActions) && coverAll(d.Resources, s.Resources, s.NotResources)
	})
}

// forStrangers tells whether a denial is for all but somebody in particular.
func (s Statement) forStrangers() bool {
	return slices.Contains(s.Principals, "*") || len(s.NotPrincipals) > 0 || len(s.Principals) == 0
}

// coverAll tells whether the patterns hold all that others hold. No pattern at all, as in a document
// of a service that has no resources, is about everything.
func coverAll(patterns, others, excluded []string) bool {
	if len(patterns) == 0 {
		return len(others) == 0 && len(excluded) == 0
	}
	if anything(patterns) {
		return true
	}
	if len(others) == 0 || len(excluded) > 0 {
		return false
	}
	for _, other := range others {
		if !anyMatches(patterns, other) {
			return false
		}
	}
	return true
}

// Admins gives the statements that allow everything on everything, unless the document denies it.
func Admins(all []Statement) []Statement {
	var found []Statement
	for _, s := range all {
		if s.Admin() && !denied(all, s) {
			found = append(found, s)
		}
	}
	return found
}

// Accounts lists the accounts that a document lets in by name: as principals, or in conditions that
// narrow anybody. A statement that is public lets in more than it names.
func Accounts(all []Statement) []string {
	var found []string
	for _, s := range all {
		if s.Effect != "Allow" {
			continue
		}
		for _, principal := range s.Principals {
			id, aws := strings.CutPrefix(principal, "AWS:")
			if account := accountIn(id); aws && account != "" {
				found = append(found, account)
			}
		}
		if slices.Contains(s.Principals, "*") {
			found = append(found, accountsOf(s.Condition)...)
		}
	}
	return sorted(found)
}

// RequiresTLS tells whether a document denies everybody, on all of the resources, every action of
// their service over a connection without TLS.
func RequiresTLS(all []Statement, service string, resources []string) bool {
	for _, resource := range resources {
		if !slices.ContainsFunc(all, func(s Statement) bool {
			return s.deniesPlain() && s.Reaches(resource) && (anything(s.Actions) || slices.Contains(s.Actions, strings.ToLower(service)+":*"))
		}) {
			return false
		}
	}
	return len(resources) > 0
}

// deniesPlain tells whether the statement denies everybody what comes without TLS, and looks at
// nothing else.
func (s Statement) deniesPlain() bool {
	if s.Effect != "Deny" || !slices.Contains(s.Principals, "*") || len(s.Condition) != 1 {
		return false
	}
	for operator, block := range s.Condition {
		keys, _ := block.(map[string]any)
		operator, _ = strings.CutSuffix(strings.ToLower(operator), "ifexists")
		if operator != "bool" || len(keys) != 1 {
			return false
		}
		for key, values := range keys {
			if !strings.EqualFold(key, "aws:SecureTransport") || !specific(flagKey, list(values), "false") {
				return false
			}
		}
	}
	return true
}

// publicProviders are identity providers that give a token to anybody, with the keys that tell whose
// it is. Those of the first kind are for anybody's applications, the others for anybody's pipelines.
var publicProviders = map[string][]string{
	"cognito-identity.amazonaws.com": {"aud", "sub"}, "accounts.google.com": {"aud", "oaud", "sub"},
	"graph.facebook.com": {"app_id", "id"}, "www.amazon.com": {"app_id", "user_id"},
	"token.actions.githubusercontent.com": {"sub", "repository", "repository_owner", "job_workflow_ref"},
	"gitlab.com":                          {"sub", "namespace_path", "project_path"}, "app.terraform.io": {"sub"},
}

// openProvider tells whether an identity provider serves everybody and the condition does not say whom
// it may send.
func openProvider(provider string, condition map[string]any) bool {
	if _, host, ok := strings.Cut(provider, ":oidc-provider/"); ok {
		provider = host
	}
	keys, public := publicProviders[provider]
	if !public {
		return provider == "*"
	}
	for operator, block := range condition {
		compared, _ := block.(map[string]any)
		if !slices.Contains(comparing, strings.TrimPrefix(strings.ToLower(operator), "foranyvalue:")) {
			continue
		}
		for key, values := range compared {
			claim, ok := strings.CutPrefix(strings.ToLower(key), provider+":")
			if ok && slices.Contains(keys, claim) && claimed(list(values)) {
				return false
			}
		}
	}
	return true
}

// claimed tells whether every value of a claim names an owner: "repo:acme/*" does, "repo:*" and
// "repo:acme*" do not.
func claimed(values []any) bool {
	for _, value := range values {
		written, _ := text(value)
		at := strings.IndexAny(written, "*?")
		if at < 0 && written != "" {
			continue
		}
		_, owner, prefixed := strings.Cut(written[:max(at, 0)], ":")
		if !prefixed {
			owner = written[:max(at, 0)]
		}
		if first, _, complete := strings.Cut(owner, "/"); complete && first != "" {
			continue
		}
		if first, _, complete := strings.Cut(owner, ":"); !complete || first == "" {
			return false
		}
	}
	return len(values) > 0
}
