# METADATA
# title: IAM policy documents of AWS
# description: What the functions mean stands in policy/library/README.md. What is malformed leaves a call undefined.
package cloudaudit.iam

statements(document) := cloudaudit.iam.statements(document)

public_statements(document) := cloudaudit.iam.public_statements(document)

is_public(document) := cloudaudit.iam.is_public(document)

narrows(condition) := cloudaudit.iam.narrows(condition)

accounts(document) := cloudaudit.iam.accounts(document)

admin_statements(document) := cloudaudit.iam.admin_statements(document)

is_admin(statement) := cloudaudit.iam.is_admin(statement)

grants(statement, action) := cloudaudit.iam.grants(statement, action)

reaches(statement, resource) := cloudaudit.iam.reaches(statement, resource)

requires_tls(document, service, resources) := cloudaudit.iam.requires_tls(document, service, resources)

matches(pattern, text) := cloudaudit.iam.matches(pattern, text)
