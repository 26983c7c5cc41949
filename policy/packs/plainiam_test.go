package packs_test

import (
	"slices"
	"strings"

	"cloudaudit/policy"
)

func everybody(binding any) bool {
	members := list(binding, "members")
	return slices.Contains(members, any("allUsers")) || slices.Contains(members, any("allAuthenticatedUsers"))
}

// public finds roles that are given to everyone.
func public(before, after string) func(*subject) ([]policy.Report, bool) {
	return func(s *subject) (reports []policy.Report, _ bool) {
		for _, b := range s.bindings {
			if role := str(b, "role"); everybody(b) {
				reports = append(reports, policy.Report{Key: role, Message: before + role + after})
			}
		}
		return reports, true
	}
}

func publicInvoker(s *subject) ([]policy.Report, bool) {
	if s.resource.Tags["public"] == "true" {
		return nil, true
	}
	return public("everyone has ", "")(s)
}

func bucketPublic(s *subject) ([]policy.Report, bool) {
	if str(s.properties, "iamConfiguration", "publicAccessPrevention") == "enforced" {
		return nil, true
	}
	return public("the bucket gives ", " to everyone")(s)
}

func datasetPublic(s *subject) (reports []policy.Report, _ bool) {
	for _, everyone := range []string{"allUsers", "allAuthenticatedUsers"} {
		shared := slices.ContainsFunc(list(s.properties, "access"), func(a any) bool {
			return str(a, "specialGroup") == everyone || str(a, "iamMember") == everyone
		}) || slices.ContainsFunc(s.bindings, func(b any) bool { return slices.Contains(list(b, "members"), any(everyone)) })
		reports = append(reports, unless(!shared, everyone, "the dataset is shared with "+everyone)...)
	}
	return reports, true
}

// grant is one member of a binding.
type grant struct{ role, member string }

func grants(s *subject) (all []grant) {
	for _, b := range s.bindings {
		for _, m := range list(b, "members") {
			member, _ := m.(string)
			all = append(all, grant{str(b, "role"), member})
		}
	}
	return all
}

// kind is the kind of the member, "allUsers" and its like by themselves.
func (g grant) kind() string {
	kind, _, _ := strings.Cut(g.member, ":")
	return kind
}

func (g grant) public() bool { return g.member == "allUsers" || g.member == "allAuthenticatedUsers" }

func (g grant) text() string { return g.member + " has " + g.role }

func publicGrants(s *subject) (reports []policy.Report, _ bool) {
	for _, g := range grants(s) {
		reports = append(reports, unless(!g.public(), g.role, g.text())...)
	}
	return reports, true
}

func hierarchyPublic(s *subject) (reports []policy.Report, _ bool) {
	for _, g := range grants(s) {
		reports = append(reports, unless(!g.public(), g.role+" "+g.member, g.text())...)
	}
	return reports, true
}

func primitiveRoles(s *subject) (reports []policy.Report, _ bool) {
	if state := str(s.properties, "lifecycleState"); state != "" && state != "ACTIVE" {
		return nil, false
	}
	for _, g := range grants(s) {
		primitive := g.role == "roles/owner" || g.role == "roles/editor"
		person := slices.Contains([]string{"user", "group", "domain"}, g.kind())
		reports = append(reports, unless(!primitive || !person, g.role+" "+g.member, g.text())...)
	}
	return reports, true
}

func accountAdmin(s *subject) (reports []policy.Report, _ bool) {
	for _, g := range grants(s) {
		admin := g.role == "roles/owner" || g.role == "roles/editor" ||
			strings.HasPrefix(g.role, "roles/") && (strings.HasSuffix(g.role, ".admin") || strings.HasSuffix(g.role, "Admin"))
		_, domain, _ := strings.Cut(g.member, "@")
		own := g.kind() == "serviceAccount" && strings.HasSuffix(domain, ".iam.gserviceaccount.com") &&
			!strings.HasPrefix(domain, "gcp-sa-") && domain != "gs-project-accounts.iam.gserviceaccount.com"
		reports = append(reports, unless(!admin || !own, g.role+" "+g.member, g.text())...)
	}
	return reports, true
}

func impersonation(s *subject) (reports []policy.Report, _ bool) {
	roles := []string{"roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator", "roles/iam.workloadIdentityUser"}
	for _, g := range grants(s) {
		fault := slices.Contains(roles, g.role) && (g.public() || slices.Contains([]string{"user", "group", "domain"}, g.kind()))
		reports = append(reports, unless(!fault, g.role+" "+g.member, g.text()+" on the project")...)
	}
	return reports, true
}
