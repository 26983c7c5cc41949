package azure

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
)

// typeList is data/types.txt, which explains itself at its top.
//
//go:embed data/types.txt
var typeList string

// graphTypes are the types that Resource Graph is known to hold. It is never changed.
var graphTypes = parseTypes(typeList)

// graphType is a type that Resource Graph is known to hold.
type graphType struct {
	table, name string
	// parent tells that it is also found outside of subscriptions.
	parent bool
}

func parseTypes(text string) []graphType {
	var all []graphType
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		all = append(all, graphType{fields[0], fields[1], len(fields) > 2})
	}
	return all
}

// table is a group of types that one query reads.
type table struct {
	// name is that of the scope, from the query's beginning.
	name, from string
	// but leaves rows out that are no resources of the account.
	but string
	// needed marks tables of which only types are read that policies read.
	needed bool
	// open marks the table of which all types are read, known or not.
	open bool
}

// tables are what is read of an account, in this order.
var tables = []table{
	{name: "containers", from: "resourcecontainers"},
	{name: "resources", from: "resources", open: true},
	{name: "authorization", from: "authorizationresources", but: "properties.type =~ 'BuiltInRole'"},
	{name: "policy", from: "policyresources", but: "properties.policyType in~ ('BuiltIn', 'Static')", needed: true},
	{name: "security", from: "securityresources", needed: true},
}

// types are what is read of a table, in order.
func (p *plan) types(t table) []string {
	types := map[string]bool{}
	for _, known := range graphTypes {
		if known.table == t.name && p.holds(known) && (!t.needed || p.settings.parent() || p.wantsType(known.name)) {
			types[known.name] = true
		}
	}
	if t.open && !p.settings.parent() {
		maps.Copy(types, p.present)
	}
	for _, parent := range slices.Sorted(maps.Keys(types)) {
		for _, r := range reads[parent] {
			if r.facet == "" && p.reads(r) {
				types[r.kind] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(types))
}

// holds tells whether the account can have resources of a type. Management groups are in no subscription.
func (p *plan) holds(known graphType) bool {
	if p.settings.parent() {
		return known.parent
	}
	return known.name != managementGroupType
}

const managementGroupType = "Microsoft.Management/managementGroups"

// query asks for the rows of some types of a table.
func (p *plan) query(t table) string {
	query, types := t.from, p.types(t)
	if !t.open {
		var names []string
		for _, known := range graphTypes {
			if known.table == t.name && slices.Contains(types, known.name) {
				names = append(names, "'"+strings.ToLower(graphName(known.name))+"'")
			}
		}
		query += " | where type in~ (" + strings.Join(names, ", ") + ")"
	}
	if t.but != "" {
		query += " | where not(" + t.but + ")"
	}
	if p.settings.parent() {
		query += " | where isempty(subscriptionId)"
	}
	return ordered(query)
}

// graphName is how Resource Graph names a type.
func graphName(name string) string {
	if name == "Microsoft.Resources/resourceGroups" {
		return "Microsoft.Resources/subscriptions/resourceGroups"
	}
	return name
}

// readAction is the permission without which Resource Graph leaves resources of a type out.
func readAction(name string) string { return graphName(name) + "/read" }
