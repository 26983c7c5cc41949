# METADATA
# title: IAM policies of Google Cloud
package cloudaudit.gcp

# public_members are the members that stand for anybody.
public_members := {"allUsers", "allAuthenticatedUsers"}

# bindings: the policy's bindings as objects of role, members and condition, whatever is absent.
# What is no policy leaves it undefined.
bindings(policy) := found if {
	is_object(policy)
	found := [b |
		some binding in object.get(policy, "bindings", [])
		b := {
			"role": object.get(binding, "role", ""),
			"members": object.get(binding, "members", []),
			"condition": object.get(binding, "condition", null),
		}
	]
}

# public_bindings: one object of role, member and condition for every binding to anybody. A
# condition does not make it private: it can say when, not who.
public_bindings(policy) := found if {
	all := bindings(policy)
	found := [b |
		some binding in all
		some member in binding.members
		member in public_members
		b := {"role": binding.role, "member": member, "condition": binding.condition}
	]
}

# is_public: the policy lets anybody in.
is_public(policy) := count(public_bindings(policy)) > 0

# members: all members that have the role.
members(policy, role) := found if {
	all := bindings(policy)
	found := {member |
		some binding in all
		binding.role == role
		some member in binding.members
	}
}

# member_kind: user, group, serviceAccount, domain, deleted, …; anybody is public.
member_kind(member) := "public" if member in public_members

member_kind(member) := split(member, ":")[0] if not member in public_members

# member_domain: the domain of a user, a group or a domain.
member_domain(member) := lower(split(member, "@")[1]) if contains(member, "@")

member_domain(member) := lower(substring(member, count("domain:"), -1)) if startswith(member, "domain:")
