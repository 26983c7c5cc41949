package cel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// inventoryName is the variable that inventory("Type") selects from; no author can write it.
// inventoryRoot begins the paths of what is read through it: @/TYPE/*/properties/….
const (
	inventoryName = "@inventory"
	inventoryRoot = "@"
)

// forAccounts gives account policies their inventory, and nothing to resource policies but a reason.
func forAccounts() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Variable(inventoryName, cel.MapType(cel.StringType, cel.ListType(object))),
		cel.Macros(cel.GlobalMacro("inventory", 1, selectInventory)),
	}
}

func forResources() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Variable("resource", object),
		cel.Macros(cel.GlobalMacro("inventory", 1, func(helper parser.ExprHelper, _ ast.Expr, arguments []ast.Expr) (ast.Expr, *cel.Error) {
			return nil, helper.NewError(arguments[0].ID(), "inventory(...) is for account policies: give the policy kind: account")
		})),
	}
}

// selectInventory writes inventory("Type") as a selection, so that the types a policy reads are known
// before it runs.
func selectInventory(helper parser.ExprHelper, _ ast.Expr, arguments []ast.Expr) (ast.Expr, *cel.Error) {
	resourceType := types.String("")
	if arguments[0].Kind() == ast.LiteralKind {
		resourceType, _ = arguments[0].AsLiteral().(types.String)
	}
	if resourceType == "" {
		return nil, helper.NewError(arguments[0].ID(), "inventory(...) takes a type in quotes, so that it is known what the policy reads")
	}
	return helper.NewCall("_[_]", helper.NewIdent(inventoryName), arguments[0]), nil
}

// inventoryType gives the type whose list a path is.
func inventoryType(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, inventoryRoot+"/")
	if !ok || strings.Contains(name, "/") {
		return "", false
	}
	return providers.Segments("/" + name)[0], true
}

// byType splits the paths read of an inventory by type, and finds fields that resources do not have.
func (r *reads) byType() (map[string][]string, error) {
	found := map[string][]string{}
	for resourceType := range r.types {
		found[resourceType] = nil
	}
	for _, path := range slices.Sorted(maps.Keys(r.paths)) {
		keys := strings.SplitN(path, "/", 4)
		if keys[0] != inventoryRoot || len(keys) < 2 {
			continue
		}
		resourceType, read := providers.Segments("/" + keys[1])[0], ""
		if len(keys) > 3 {
			read = "/" + keys[3]
			if field, _, _ := strings.Cut(keys[3], "/"); field != "*" && !slices.Contains(fields["resource"], field) {
				return nil, fmt.Errorf("resources of inventory(%q) have no field %q; they have %s", resourceType, field, strings.Join(fields["resource"], ", "))
			}
		}
		found[resourceType] = append(found[resourceType], read)
	}
	for resourceType, paths := range found {
		slices.Sort(paths)
		found[resourceType] = outermost(slices.Compact(paths))
	}
	return found, nil
}

// inventory tells whether anything was read of an inventory.
func (r *reads) inventory() bool {
	for path := range r.paths {
		if strings.HasPrefix(path, inventoryRoot) {
			return true
		}
	}
	return len(r.types) > 0
}

// accountReads is what an account policy reads.
type accountReads struct {
	condition bool                // its condition reads the inventory
	types     []string            // sorted
	paths     map[string][]string // by type
}

// finish takes over what the expressions read, when all of them are compiled.
func (a *accountReads) finish(p *policy.Policy, r *reads) (err error) {
	if a.paths, err = r.byType(); err != nil {
		return err
	}
	a.types = slices.Sorted(maps.Keys(a.paths))
	p.Types, p.TypeReads, p.Reads = a.types, a.paths, union(a.paths)
	if len(a.types) == 0 {
		return errors.New("an account policy reads at least one type: inventory(\"…\")")
	}
	return nil
}

// union gives all paths of all types.
func union(byType map[string][]string) []string {
	var all []string
	for _, paths := range byType {
		all = append(all, paths...)
	}
	slices.Sort(all)
	return outermost(slices.Compact(all))
}
