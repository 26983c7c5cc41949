package aws

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// kind is a type of resources: how one is made from what the API lists.
type kind struct {
	// name is the CloudFormation name of the type, or ours where CloudFormation has none.
	name string
	// id is the pattern of the resource's id, its ARN wherever there is one.
	id string
	// title is the path of the name that people know; the end of the id by default.
	title string
	// uid is the path of what tells a resource from an earlier one with its id: the service's unique
	// id or the time of creation.
	uid string
	// region is the path of the resource's region where it is not the listing's.
	region string
	fields fields
	// facets are what takes calls of its own, in the order in which they are made.
	facets []*facet
	// tags is the path of the tags in the answer; tagged reads them where the answer has none.
	tags   string
	tagged *tagging
	// children are listed under each resource of the kind.
	children []*listing
	// global marks resources that belong to no region.
	global bool
	// control marks kinds that Cloud Control describes in CloudFormation's names already.
	control bool
}

// facet is what one more call tells of a resource. It becomes a piece of the resource's main part
// (see providers.Piece), so that it has a hash and a state of its own.
type facet struct {
	// name is that of the piece: "encryption" makes the part "properties:encryption".
	name string
	// fields make members of the properties from the answer.
	fields fields
	// call asks about the resource, of which it gets what was listed. Without a call, the facet is made
	// of that alone: what changes by itself and should not look like a change of the rest.
	call asked
	// absent are the codes of errors that mean that there is nothing.
	absent []string
	// always has the facet read whether a policy reads it or not.
	always bool
	// keep puts the answer beside what was listed, for the facets after it.
	keep bool
	// tags tells that the answer holds the resource's tags.
	tags bool
	// when tells whether it is worth a call, from what is known so far.
	when func(o object) bool
	// feeds is another type that is made of the answer too.
	feeds string
}

// asked is a call to AWS.
type asked struct {
	do func(ctx context.Context, r *run, o object, token *string) (any, error)
	// answer is the type of what comes back, which tests hold the fields against.
	answer reflect.Type
}

// ask makes a call out of a function. Of listings under a resource and of facets, o is what was listed
// of the resource; token is that of the page to ask for, nil for the first.
func ask[Answer any](do func(ctx context.Context, r *run, o object, token *string) (*Answer, error)) asked {
	return asked{
		do: func(ctx context.Context, r *run, o object, token *string) (any, error) {
			answer, err := do(ctx, r, o, token)
			if err != nil {
				return nil, err
			}
			return answer, nil
		},
		answer: reflect.TypeFor[Answer](),
	}
}

// tagging reads the tags of several resources at once.
type tagging struct {
	// most is how many resources one call takes.
	most int
	// call gives the tags by id of the resource.
	call func(ctx context.Context, r *run, ids []string) (map[string]map[string]string, error)
}

// wanted tells whether an enabled policy reads the facet of resources of the type.
func (f *facet) wanted(r *run, resourceType string) bool {
	if f.always || r.full || f.call.do == nil || f.feeds != "" && r.wantsType(f.feeds) {
		return true
	}
	return slices.ContainsFunc(f.paths(), func(path string) bool { return r.wants(resourceType, path) })
}

// wantsType tells whether a policy reads resources of a type.
func (p *plan) wantsType(resourceType string) bool {
	return p.full || len(p.want.Paths[resourceType]) > 0
}

// wants tells whether a policy reads what stands at a path of a type, anything above it or below it.
func (p *plan) wants(resourceType, path string) bool {
	for _, t := range []string{resourceType, providers.AnyType} {
		for _, read := range p.want.Paths[t] {
			if providers.Overlap(read, path) {
				return true
			}
		}
	}
	return false
}

// found is a resource on its way from an answer to the emitter.
type found struct {
	kind     *kind
	answer   object
	id       string
	tags     map[string]string
	pieces   map[string]object
	unread   []providers.Unread
	gaps     []providers.Gap
	children []*found
	// gone tells that the resource went while it was read.
	gone bool
}

// resource makes the resource, unsealed.
func (r *run) resource(f *found) *providers.Resource {
	k := f.kind
	if k.control {
		return r.controlledResource(f)
	}
	properties := k.fields.apply(f.answer)
	k.addTags(properties, f)
	region := r.region
	if k.region != "" {
		region = cmp.Or(text(f.answer, k.region), region)
	}
	resource := &providers.Resource{
		Type: k.name, ID: f.id, Identity: f.id, Name: k.nameOf(f), Region: shape.AWSRegion(k.name, region),
		UID: uidOf(k, f.answer), Ancestors: shape.AWSAncestors(r.id), Tags: f.tags,
	}
	if k.global {
		resource.Region = providers.Global
	}
	unread := slices.Concat(f.unread, neverRead(k.name, properties, true))
	resource.Parts = map[string]providers.Part{providers.Properties: {Value: properties, Unread: unread}}
	for _, name := range slices.Sorted(maps.Keys(f.pieces)) {
		value := f.pieces[name]
		resource.Parts[name] = providers.Part{Value: value, Unread: neverRead(k.name, value, false)}
	}
	return resource
}

func uidOf(k *kind, answer object) string {
	found, _ := asText(get(answer, k.uid)).(string)
	return found
}

// nameOf is short and for people.
func (k *kind) nameOf(f *found) string {
	if name := text(f.answer, k.title); name != "" && k.title != "" {
		return name
	}
	if name := f.tags["Name"]; name != "" && strings.HasPrefix(k.name, "AWS::EC2::") {
		return name
	}
	if arn, ok := shape.ParseARN(f.id); ok {
		return arn.Short()
	}
	return f.id[strings.LastIndexByte(f.id, '/')+1:]
}

// addTags puts the tags where CloudFormation has them too.
func (k *kind) addTags(properties object, f *found) {
	known, ok := shape.CFN(k.name)
	if !ok || known.Tags == "" || !slices.Contains(known.Properties, known.Tags) || len(f.tags) == 0 {
		return
	}
	if known.TagMap {
		tags := object{}
		for key, value := range f.tags {
			tags[key] = value
		}
		properties[known.Tags] = tags
		return
	}
	tags := make([]any, 0, len(f.tags))
	for _, key := range slices.Sorted(maps.Keys(f.tags)) {
		tags = append(tags, object{"Key": key, "Value": f.tags[key]})
	}
	properties[known.Tags] = tags
}

// paths are what the facet tells.
func (f *facet) paths() []string {
	var paths []string
	for _, target := range f.fields.targets() {
		paths = append(paths, "/properties/"+target)
	}
	return paths
}

// unreadFacet notes that what a facet would tell is not known.
func (f *found) unreadFacet(of *facet, class providers.Class) {
	for _, path := range of.paths() {
		f.unread = append(f.unread, providers.Unread{Path: path, Class: class})
	}
	if of.tags {
		f.unreadTags(class)
	}
}

// unreadTags notes that the tags are not known.
func (f *found) unreadTags(class providers.Class) {
	f.unread = append(f.unread, providers.Unread{Path: "/tags", Class: class})
	if known, ok := shape.CFN(f.kind.name); ok && known.Tags != "" {
		f.unread = append(f.unread, providers.Unread{Path: providers.Pointer("/properties", known.Tags), Class: class})
	}
}
