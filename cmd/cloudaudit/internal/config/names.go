package config

import (
	"fmt"
	"slices"
	"strings"
)

// names checks what only the file as a whole can tell: doubles and references.
func (c *checker) names(root *node) {
	accounts, parents := c.accounts(root), parents(root)
	packs, complete := c.packs(root)
	groups := map[string]int{}
	for i, group := range root.field("policyGroups").items() {
		path := fmt.Sprintf("policyGroups[%d]", i)
		c.once(path+".name", group.field("name"), groups, "a policy group")
		c.members(path, group, accounts, parents)
		c.entity(path, group)
		c.applied(path, group, packs, complete)
	}
	c.exceptions(root, accounts)
	c.secrets("credentials", root.field("credentials"))
}

// once reports a name that was there before.
func (c *checker) once(path string, name *node, seen map[string]int, noun string) {
	c.onceAs(path, name, name.text(), seen, noun+" in line %d; give this one another name")
}

// alone reports a name that was there before, in a list where it is enough once.
func (c *checker) alone(path string, name *node, seen map[string]int, noun string) {
	c.onceAs(path, name, name.text(), seen, noun+" in line %d; remove one of them")
}

func (c *checker) onceAs(path string, place *node, value string, seen map[string]int, message string) {
	if value == "" {
		return
	}
	if line, twice := seen[value]; twice {
		c.at(place, path, fmt.Sprintf("%q is already "+message, value, line))
		return
	}
	seen[value] = place.line
}

func (c *checker) accounts(root *node) []string {
	seen := map[string]int{}
	items := root.field("accounts").items()
	for i, account := range items {
		c.once(fmt.Sprintf("accounts[%d].name", i), account.field("name"), seen, "an account")
		c.content(fmt.Sprintf("accounts[%d].snapshot", i), account.field("snapshot"))
		c.aws(fmt.Sprintf("accounts[%d].aws", i), account.field("aws"))
		c.gcp(fmt.Sprintf("accounts[%d].gcp", i), account.field("gcp"))
		c.azure(fmt.Sprintf("accounts[%d].azure", i), account.field("azure"))
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	before := map[string]int{}
	for i, account := range items {
		path, old := fmt.Sprintf("accounts[%d].renamedFrom", i), account.field("renamedFrom")
		if line, alive := seen[old.text()]; alive && old.text() != "" {
			c.at(old, path, fmt.Sprintf("%q is an account in line %d, so nothing was renamed from it; remove one of them", old.text(), line))
		}
		c.once(path, old, before, "the earlier name of an account")
	}
	return names
}

// content refuses parts that the format does not have.
func (c *checker) content(path string, snapshot *node) {
	format, content := snapshot.field("format").text(), snapshot.field("content")
	switch format {
	case "cloudaudit":
		if len(content.items()) > 0 {
			c.at(content, path+".content", "a dump tells by itself what it holds; remove it")
		}
	case "aws-cloudcontrol", "aws-config", "azure-resource-graph":
		for i, item := range content.items() {
			if value := item.text(); value != "RESOURCE" && slices.Contains(snapshotContents, value) {
				c.at(item, fmt.Sprintf("%s.content[%d]", path, i), fmt.Sprintf("%q is unknown for %s; use RESOURCE", value, format))
			}
		}
	}
}

// packs gives the names that groups may use, and whether they are all.
func (c *checker) packs(root *node) (names []string, complete bool) {
	complete = true
	named, paths := map[string]int{}, map[string]int{}
	for i, pack := range root.field("policyPacks").items() {
		path := fmt.Sprintf("policyPacks[%d]", i)
		if name := pack.field("name"); name.text() != "" {
			c.alone(path+".name", name, named, "a policy pack")
			if c.options.Builtin != nil && !slices.Contains(c.options.Builtin, name.text()) {
				c.at(name, path+".name", fmt.Sprintf("%q is not built in, and a pack of your own needs a path%s",
					name.text(), Suggest(name.text(), c.options.Builtin)))
			}
		}
		if place := pack.field("path"); place.text() != "" {
			c.alone(path+".path", place, paths, "the path of a policy pack")
			complete = c.packInFiles(path, place, named) && complete
		}
	}
	for name := range named {
		names = append(names, name)
	}
	return append(names, c.options.Builtin...), complete && c.options.Builtin != nil
}

// packInFiles reads the pack and tells whether its name is known then.
func (c *checker) packInFiles(path string, place *node, named map[string]int) bool {
	if c.options.LoadPack == nil {
		return false
	}
	name, err := c.options.LoadPack(c.absolute(place.text()))
	if err != nil {
		c.at(place, path+".path", err.Error())
		return false
	}
	c.onceAs(path+".path", place, name, named, "the name of a policy pack in line %d; remove one of them, or rename it in its PulumiPolicy.yaml")
	return true
}

// parents gives the names of the accounts whose members are found by scans.
func parents(root *node) (names []string) {
	for _, account := range root.field("accounts").items() {
		if account.field("aws").field("organization") != nil || gcpParent(account.field("gcp")) || azureParent(account.field("azure")) {
			names = append(names, account.field("name").text())
		}
	}
	return names
}

func (c *checker) members(path string, group *node, accounts, parents []string) {
	seen := map[string]int{}
	for i, member := range group.field("accounts").items() {
		place, name := fmt.Sprintf("%s.accounts[%d]", path, i), member.text()
		if name == "" {
			continue
		}
		c.alone(place, member, seen, "a member of the group")
		if !known(name, accounts, parents) {
			c.at(member, place, fmt.Sprintf("no account %q is declared%s", name, Suggest(name, accounts)))
		}
	}
}

// known tells whether the name is an account's, account/region, or below a parent that of a member.
func known(name string, accounts, parents []string) bool {
	account, below, _ := strings.Cut(name, "/")
	deepest := 1
	if slices.Contains(parents, account) {
		deepest = 2
	}
	return slices.Contains(accounts, account) && len(strings.FieldsFunc(below, func(r rune) bool { return r == '/' })) <= deepest
}

// exceptions checks their names and the accounts that they name whole. Packs and policies may come
// later than the exception, and accounts of an organization are found by scans.
func (c *checker) exceptions(root *node, accounts []string) {
	seen := map[string]int{}
	for i, exception := range root.field("exceptions").items() {
		path := fmt.Sprintf("exceptions[%d]", i)
		c.once(path+".name", exception.field("name"), seen, "an exception")
		for j, account := range exception.field("scope").field("accounts").items() {
			if name := account.text(); name != "" && !strings.ContainsAny(name, "*/") && !slices.Contains(accounts, name) {
				c.at(account, fmt.Sprintf("%s.scope.accounts[%d]", path, j), fmt.Sprintf("no account %q is declared%s", name, Suggest(name, accounts)))
			}
		}
	}
}

// entity refuses members of the wrong kind.
func (c *checker) entity(path string, group *node) {
	stacks := group.field("entityType").text() == "stacks"
	wrong, want := "stacks", "accounts"
	if stacks {
		wrong, want = want, wrong
	}
	if members := group.field(wrong); len(members.items()) > 0 {
		c.at(members, path+"."+wrong, fmt.Sprintf("the group's entityType is %s; list %s, or make a second group", want, want))
	}
	if mode := group.field("mode"); !stacks && mode.text() == "preventative" {
		c.at(mode, path+".mode", "groups of accounts audit what exists; use audit, or entityType: stacks")
	}
	if name := group.field("name"); name.text() == "default-policy-group" && !stacks {
		c.at(name, path+".name", "the default group of stacks needs entityType: stacks and mode: preventative")
	}
}

func (c *checker) applied(path string, group *node, packs []string, complete bool) {
	seen := map[string]int{}
	for i, pack := range group.field("policyPacks").items() {
		place, name := fmt.Sprintf("%s.policyPacks[%d].name", path, i), pack.field("name")
		c.alone(place, name, seen, "a pack of the group")
		if value := name.text(); value != "" && complete && !slices.Contains(packs, value) {
			c.at(name, place, fmt.Sprintf("no policy pack %q is built in or declared%s", value, Suggest(value, packs)))
		}
	}
}
