package azure

import "strings"

const subscriptionCall = "Microsoft.Resources/subscriptions/read"

// subscriptionQuery lists subscriptions.
var subscriptionQuery = ordered("resourcecontainers | where type =~ 'microsoft.resources/subscriptions'")

// subscriptionOf gives the subscription that a row is of.
func subscriptionOf(row map[string]any) string { return strings.ToLower(text(row, "subscriptionId")) }

// below asks about all that is below a parent.
func (s *session) below(query string) question {
	if s.settings.ManagementGroup != "" {
		return question{Query: query, ManagementGroups: []string{s.settings.ManagementGroup}}
	}
	return question{Query: query}
}
