package cel

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"cloudaudit/policy/library"
)

// functions are those of our library that expressions may call; policy/library/README.md is their
// reference. All are strict: of an argument with something unknown in it the result is unknown.
func functions(a *adapter) []cel.EnvOption {
	return slices.Concat(a.netFunctions(), a.iamFunctions(), a.gcpFunctions(), a.otherFunctions())
}

var (
	text1  = []*cel.Type{cel.StringType}
	text2  = []*cel.Type{cel.StringType, cel.StringType}
	any1   = []*cel.Type{cel.DynType}
	any2   = []*cel.Type{cel.DynType, cel.DynType}
	anyKey = []*cel.Type{cel.DynType, cel.StringType}
	object = cel.MapType(cel.StringType, cel.DynType)
	lists  = cel.ListType(cel.DynType)
	names  = cel.ListType(cel.StringType)
)

// call is a function of the library in CEL's types.
func (a *adapter) call(name, overload string, takes []*cel.Type, gives *cel.Type, do func(args []any) (any, error)) cel.EnvOption {
	return cel.Function(name, a.overload(name, overload, takes, gives, do))
}

func (a *adapter) overload(name, overload string, takes []*cel.Type, gives *cel.Type, do func(args []any) (any, error)) cel.FunctionOpt {
	return cel.Overload(overload, takes, gives, cel.FunctionBinding(func(values ...ref.Val) ref.Val {
		arguments := make([]any, len(values))
		for i, value := range values {
			arguments[i] = native(value)
		}
		result, err := do(arguments)
		if err != nil {
			return types.WrapErr(&refusal{name, err})
		}
		return a.NativeToValue(result)
	}))
}

// refusal is a malformed argument. Its text quotes no value.
type refusal struct {
	function string
	err      error
}

// Error implements error.
func (r *refusal) Error() string { return r.function + ": " + r.err.Error() }

// Unwrap gives the cause.
func (r *refusal) Unwrap() error { return r.err }

func (a *adapter) netFunctions() []cel.EnvOption {
	ranges := func(do func(a, b library.Range) bool) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			left, err := library.ParseRanges(args[0])
			if err != nil {
				return nil, err
			}
			right, err := library.ParseRanges(args[1])
			return do(left, right), err
		}
	}
	one := func(do func(library.Range) any) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			found, err := library.ParseRanges(args[0])
			return do(found), err
		}
	}
	world := one(func(r library.Range) any { return r.World() })
	return []cel.EnvOption{
		a.call("net.covers", "net_covers", text2, cel.BoolType, ranges(library.Range.Covers)),
		a.call("net.overlaps", "net_overlaps", text2, cel.BoolType, ranges(library.Range.Overlaps)),
		cel.Function("net.isWorld",
			a.overload("net.isWorld", "net_is_world", text1, cel.BoolType, world),
			a.overload("net.isWorld", "net_is_world_list", []*cel.Type{lists}, cel.BoolType, world)),
		a.call("net.isPublic", "net_is_public", text1, cel.BoolType, one(func(r library.Range) any { return r.Public() })),
		a.call("net.size", "net_size", text1, cel.IntType, one(func(r library.Range) any { return r.Size() })),
		a.call("net.isRange", "net_is_range", any1, cel.BoolType, func(args []any) (any, error) {
			written, ok := args[0].(string)
			_, err := library.ParseRange(written)
			return ok && err == nil, nil
		}),
		a.call("net.ports", "net_ports", any2, cel.StringType, func(args []any) (any, error) { return library.Ports(args[0], args[1]) }),
		a.call("net.portsOverlap", "net_ports_overlap", any2, cel.BoolType, func(args []any) (any, error) {
			return library.PortsOverlap(args[0], args[1])
		}),
		a.call("net.hasProtocol", "net_has_protocol", anyKey, cel.BoolType, func(args []any) (any, error) {
			return library.HasProtocol(args[0], args[1].(string)) //nolint:errcheck // the overload takes nothing else
		}),
	}
}

func (a *adapter) gcpFunctions() []cel.EnvOption {
	bindings := func(do func([]library.Binding) any) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			all, err := library.Bindings(args[0])
			if err != nil {
				return nil, err
			}
			return do(all), nil
		}
	}
	grants := func(of func([]library.Binding) []library.Grant) func(args []any) (any, error) {
		return bindings(func(all []library.Binding) any {
			found := []any{}
			for _, grant := range of(all) {
				found = append(found, grant.Object())
			}
			return found
		})
	}
	member := func(do func(string) string) func(args []any) (any, error) {
		return func(args []any) (any, error) { return do(args[0].(string)), nil } //nolint:errcheck // the overload takes nothing else
	}
	return []cel.EnvOption{
		a.call("gcp.bindings", "gcp_bindings", any1, lists, bindings(func(all []library.Binding) any {
			found := []any{}
			for _, binding := range all {
				found = append(found, binding.Object())
			}
			return found
		})),
		a.call("gcp.grants", "gcp_grants", any1, lists, grants(library.Grants)),
		a.call("gcp.publicGrants", "gcp_public_grants", any1, lists, grants(library.PublicGrants)),
		a.call("gcp.isPublic", "gcp_is_public", any1, cel.BoolType, bindings(func(all []library.Binding) any {
			return len(library.PublicGrants(all)) > 0
		})),
		a.call("gcp.members", "gcp_members", anyKey, names, func(args []any) (any, error) {
			all, err := library.Bindings(args[0])
			role, _ := args[1].(string)
			return library.Members(all, role), err
		}),
		a.call("gcp.memberKind", "gcp_member_kind", text1, cel.StringType, member(library.MemberKind)),
		a.call("gcp.memberDomain", "gcp_member_domain", text1, cel.StringType, member(library.MemberDomain)),
	}
}

func (a *adapter) otherFunctions() []cel.EnvOption {
	compare := func(do func(order int) any) func(args []any) (any, error) {
		return func(args []any) (any, error) {
			first, _ := args[0].(string)
			second, _ := args[1].(string)
			order, err := library.CompareVersions(first, second)
			return do(order), err
		}
	}
	return []cel.EnvOption{
		cel.Macros(cel.GlobalMacro("ageDays", 1, againstNow)),
		cel.Function("@ageDays",
			cel.Overload("age_days_timestamp", []*cel.Type{cel.TimestampType, cel.TimestampType}, cel.IntType, cel.BinaryBinding(ageDays)),
			cel.Overload("age_days_string", []*cel.Type{cel.TimestampType, cel.StringType}, cel.IntType, cel.BinaryBinding(ageDays))),
		a.call("tags.of", "tags_of", any1, cel.MapType(cel.StringType, cel.StringType), func(args []any) (any, error) { return library.Tags(args[0]) }),
		a.call("tags.has", "tags_has", anyKey, cel.BoolType, func(args []any) (any, error) {
			tags, err := library.Tags(args[0])
			key, _ := args[1].(string)
			return library.HasTag(tags, key), err
		}),
		a.call("tags.missing", "tags_missing", []*cel.Type{cel.DynType, lists}, names, func(args []any) (any, error) {
			tags, err := library.Tags(args[0])
			if err != nil {
				return nil, err
			}
			keys, err := library.Texts(args[1])
			return library.MissingTags(tags, keys), err
		}),
		a.call("versions.compare", "versions_compare", text2, cel.IntType, compare(func(order int) any { return order })),
		a.call("versions.atLeast", "versions_at_least", text2, cel.BoolType, compare(func(order int) any { return order >= 0 })),
		a.call("versions.below", "versions_below", text2, cel.BoolType, compare(func(order int) any { return order < 0 })),
		a.call("versions.product", "versions_product", text1, cel.StringType, func(args []any) (any, error) {
			return library.Product(args[0].(string)), nil //nolint:errcheck // the overload takes nothing else
		}),
		a.call("sets.of", "sets_of", []*cel.Type{lists}, cel.MapType(cel.StringType, cel.BoolType), func(args []any) (any, error) {
			keys, err := library.Texts(args[0])
			set := make(map[string]bool, len(keys))
			for _, key := range keys {
				set[key] = true
			}
			return set, err
		}),
	}
}

// againstNow writes ageDays(t) as a call that reads the clock where everybody can see it, so that the
// policy is known to read the time.
func againstNow(helper parser.ExprHelper, _ ast.Expr, arguments []ast.Expr) (ast.Expr, *cel.Error) {
	return helper.NewCall("@ageDays", helper.NewIdent("now"), arguments[0]), nil
}

func ageDays(now, since ref.Val) ref.Val {
	at, isTime := now.(types.Timestamp)
	switch since := since.(type) {
	case types.Timestamp:
		if isTime {
			return types.Int(library.AgeDays(at.Time, since.Time))
		}
	case types.String:
		found, err := library.ParseTime(string(since))
		if err != nil {
			return types.WrapErr(&refusal{"ageDays", err})
		}
		return types.Int(library.AgeDays(at.Time, found))
	}
	return types.MaybeNoSuchOverloadErr(since)
}
