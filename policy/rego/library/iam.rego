# METADATA
# title: IAM policy documents of AWS
# description: Documents are objects or JSON in a string.
package cloudaudit.iam

# statements: the statements in one form, with lists and without spellings; see the README.
statements(document) := cloudaudit.iam.statements(document)

# public_statements: the statements that let anybody in. They allow, their principal is anybody or
# everybody but some, and no condition keeps strangers out. What is no document leaves it undefined.
public_statements(document) := found if {
	all := statements(document)
	found := [s |
		some s in all
		s.effect == "Allow"
		open_to_anybody(s)
		not narrows(s.condition)
	]
}

# is_public: the document lets anybody in.
is_public(document) := count(public_statements(document)) > 0

# open_to_anybody: the statement's principal is anybody, or it is everybody but some.
open_to_anybody(statement) if "*" in statement.principals

open_to_anybody(statement) if count(statement.notPrincipals) > 0

# narrows: the condition keeps strangers out.
narrows(condition) := cloudaudit.iam.narrows(condition)

# grants: the statement is about the action, as one of its actions or as none of its notActions.
grants(statement, action) if {
	some pattern in statement.actions
	matches(pattern, lower(action))
}

grants(statement, action) if {
	count(statement.notActions) > 0
	every pattern in statement.notActions {
		not matches(pattern, lower(action))
	}
}

# reaches: the statement is about the resource.
reaches(statement, resource) if {
	some pattern in statement.resources
	matches(pattern, resource)
}

reaches(statement, resource) if {
	count(statement.notResources) > 0
	every pattern in statement.notResources {
		not matches(pattern, resource)
	}
}

# is_admin: the statement allows everything on everything, as far as its conditions go.
is_admin(statement) if {
	statement.effect == "Allow"
	"*" in statement.resources
	some action in statement.actions
	action in {"*", "*:*"}
}

# matches: the text fits the pattern, in which * stands for any text and ? for one character.
matches(pattern, text) := cloudaudit.iam.matches(pattern, text)
