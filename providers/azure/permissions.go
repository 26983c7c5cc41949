package azure

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Actions lists the actions that reading subscriptions needs.
func Actions() []string {
	set := map[string]bool{grantsCall: true}
	for _, known := range graphTypes {
		if known.name != managementGroupType {
			set[readAction(known.name)] = true
		}
	}
	for _, of := range reads {
		for _, r := range of {
			set[r.call()] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// ParentActions lists the actions that reading a parent needs, and finding its members.
func ParentActions() []string {
	set := map[string]bool{grantsCall: true, subscriptionCall: true}
	for _, known := range graphTypes {
		if known.parent {
			set[readAction(known.name)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// closed is what a role that reads everything would allow beyond settings: contents of logs, images,
// outputs and histories, in which there may be secrets.
var closed = []string{
	"Microsoft.Automation/automationAccounts/jobs/output/read",
	"Microsoft.Automation/automationAccounts/jobs/streams/read",
	"Microsoft.Automation/automationAccounts/runbooks/content/read",
	"Microsoft.ContainerRegistry/registries/pull/read",
	"Microsoft.Insights/eventtypes/*",
	"Microsoft.Insights/logs/*",
	"Microsoft.Logic/workflows/runs/*",
	"Microsoft.OperationalInsights/workspaces/query/*",
	"Microsoft.Resources/deployments/*",
	"Microsoft.Web/sites/config/web/appsettings/*",
	"Microsoft.Web/sites/config/web/connectionstrings/*",
}

// role is a custom role of Azure, as its command line takes it.
type role struct {
	Name             string
	IsCustom         bool
	Description      string
	Actions          []string
	NotActions       []string
	DataActions      []string
	NotDataActions   []string
	AssignableScopes []string
}

// nowhere stands for where the role can be assigned, which is the user's to say.
const nowhere = "/subscriptions/00000000-0000-0000-0000-000000000000"

// Role is the custom role that allows what reading subscriptions and management groups needs. It reads the
// settings of everything: Resource Graph would leave out silently what it does not, which could not be
// told from what is not there.
func Role() string { return roleDocument([]string{"*/read"}, closed) }

func roleDocument(actions, except []string) string {
	document := role{
		Name: "cloudaudit", IsCustom: true, Description: "cloudaudit reads settings, and nothing else.",
		Actions: actions, NotActions: except, DataActions: []string{}, NotDataActions: []string{}, AssignableScopes: []string{nowhere},
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		panic("a document of texts cannot fail to encode: " + err.Error())
	}
	return text.String()
}
