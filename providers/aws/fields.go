package aws

import "slices"

// field says how one member of a resource is made from an answer.
type field struct {
	to   string
	from string
	// how changes the value, nil for no change; a result of nil leaves the member out.
	how func(any) any
	// inner makes an object, or each object of a list, from what stands at from.
	inner fields
}

// fields make an object: the properties of a resource, in CloudFormation's names, from an answer of
// an API, in its own.
type fields []field

// Extra is the member of the properties that holds what policies need and CloudFormation has no name
// for. Below it, names are those of the API.
const Extra = "_aws"

// same takes members that have the same name in both.
func same(names ...string) fields {
	all := make(fields, 0, len(names))
	for _, name := range names {
		all = append(all, field{to: name, from: name})
	}
	return all
}

// as takes what stands at a path under another name.
func as(to, from string) fields { return fields{{to: to, from: from}} }

// by takes what stands at a path, changed.
func by(to, from string, how func(any) any) fields { return fields{{to: to, from: from, how: how}} }

// nest makes an object, or a list of them, out of what stands at a path; "" is the answer itself.
func nest(to, from string, inner ...fields) fields {
	return fields{{to: to, from: from, inner: join(inner...)}}
}

// set takes a list whose order says nothing.
func set(to, from string) fields { return by(to, from, sorted) }

// sets makes a list of objects whose order says nothing.
func sets(to, from string, inner ...fields) fields {
	return fields{{to: to, from: from, inner: join(inner...), how: sorted}}
}

// either takes what stands at the first of some paths that leads somewhere.
func either(to string, paths ...string) fields {
	return made(to, func(o object) any {
		for _, path := range paths {
			if value := get(o, path); value != nil {
				return value
			}
		}
		return nil
	})
}

// made computes a member from the whole answer.
func made(to string, how func(object) any) fields {
	return by(to, "", func(value any) any {
		o, _ := value.(object)
		return how(o)
	})
}

// always sets a member to what is true of all resources of the type.
func always(to string, value any) fields { return made(to, func(object) any { return value }) }

// extra puts members below Extra.
func extra(inner ...fields) fields { return nest(Extra, "", inner...) }

func join(all ...fields) fields { return slices.Concat(all...) }

// apply makes the object. Members without a value are left out, and so is an object without members.
func (fs fields) apply(answer any) object {
	made := object{}
	for _, f := range fs {
		value := get(answer, f.from)
		if f.inner != nil {
			value = f.inner.below(value)
		}
		if f.how != nil {
			value = f.how(value)
		}
		if value == nil {
			continue
		}
		if before, there := made[f.to].(object); there {
			value = mergeObjects(before, value)
		}
		made[f.to] = value
	}
	return made
}

// below applies the fields to an object, or to each in a list.
func (fs fields) below(value any) any {
	switch v := value.(type) {
	case object:
		if inner := fs.apply(v); len(inner) > 0 {
			return inner
		}
	case []any:
		made := make([]any, 0, len(v))
		for _, element := range v {
			made = append(made, fs.apply(element))
		}
		return made
	}
	return nil
}

// mergeObjects puts the members of value, if it is an object, beside those that are there.
func mergeObjects(into object, value any) any {
	from, isObject := value.(object)
	if !isObject {
		return value
	}
	for key, member := range from {
		into[key] = member
	}
	return into
}

// targets are the members that the fields may make, those of Extra one by one.
func (fs fields) targets() []string {
	var names []string
	for _, f := range fs {
		if f.to == Extra {
			for _, inner := range f.inner {
				names = append(names, Extra+"/"+inner.to)
			}
			continue
		}
		names = append(names, f.to)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
