package aws

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// controlled are the services that read, through Cloud Control, the types that the settings name and
// that have no reader of their own: one for global types, one for the others.
func (p *plan) controlled() []*service {
	var regional, global []*listing
	for _, name := range p.settings.CloudControlTypes {
		switch l := controlled(name); {
		case p.reads(name):
			p.logger().Warn("type has a reader of its own and is not read through Cloud Control", "type", name)
		case shape.AWSGlobal(name):
			global = append(global, l)
		default:
			regional = append(regional, l)
		}
	}
	return []*service{
		{name: "cloudcontrol", client: "cloudcontrol", listings: regional},
		{name: "cloudcontrol", client: "cloudcontrol", global: true, listings: global},
	}
}

// reads tells whether a type has a reader of its own.
func (p *plan) reads(resourceType string) bool {
	return slices.ContainsFunc(services, func(s *service) bool {
		return slices.ContainsFunc(s.listings, func(l *listing) bool { return slices.Contains(l.types(&plan{full: true}), resourceType) })
	})
}

func (r *run) cloudcontrol() *cloudcontrol.Client { return cloudcontrol.NewFromConfig(r.config()) }

// controlled lists a type through Cloud Control and reads each resource by a call of its own: what a
// listing says of a resource may be less than there is.
func controlled(name string) *listing {
	return &listing{
		items: "ResourceDescriptions[]",
		call: ask(func(ctx context.Context, r *run, _ object, token *string) (*cloudcontrol.ListResourcesOutput, error) {
			return r.cloudcontrol().ListResources(ctx, &cloudcontrol.ListResourcesInput{TypeName: &name, NextToken: token})
		}),
		prepare: func(r *run, _, o object) object {
			properties, _ := document(o["Properties"]).(object)
			o["Properties"] = properties
			o["id"] = r.controlID(name, text(o, "Identifier"), properties)
			return o
		},
		kind: &kind{name: name, id: "{id}", control: true, facets: []*facet{{
			name: "control", always: true, keep: true,
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*cloudcontrol.GetResourceOutput, error) {
				return r.cloudcontrol().GetResource(ctx, &cloudcontrol.GetResourceInput{TypeName: &name, Identifier: sdk.String(text(o, "Identifier"))})
			}),
		}}},
	}
}

// controlID is the id of a resource: its ARN if it tells one, else the type, where it is, and its
// identifier, which is unique in a region only.
func (r *run) controlID(name, identifier string, properties object) string {
	id := shape.CFNID(name, identifier, properties)
	if own := name + "/" + identifier; id == own {
		return strings.Join([]string{name, r.id, r.region, identifier}, "/")
	}
	return id
}

// controlledResource makes the resource out of what Cloud Control describes.
func (r *run) controlledResource(f *found) *providers.Resource {
	record := shape.CFNRecord{Type: f.kind.name, Identifier: text(f.answer, "Identifier"), Region: r.region, Account: r.id, Partial: true}
	record.Properties, _ = f.answer["Properties"].(object)
	if described, read := get(f.answer, "ResourceDescription.Properties").(string); read {
		record.Properties, _ = document(described).(object)
		record.Partial = false
	}
	resource := record.Resource()
	resource.ID, resource.Identity = f.id, f.id
	return resource
}
