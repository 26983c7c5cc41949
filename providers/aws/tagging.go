package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"cloudaudit/providers/shape"
)

// tagged reads the tags of resources through the tagging API, which takes a hundred ARNs at once where
// the services themselves want a call for each resource. It may lag behind them by moments.
var tagged = &tagging{most: 100, call: func(ctx context.Context, r *run, arns []string) (map[string]map[string]string, error) {
	client := resourcegroupstaggingapi.NewFromConfig(r.configOf("tagging"))
	tags := map[string]map[string]string{}
	l := &listing{
		sections: []section{{items: "ResourceTagMappingList[]"}}, token: "PaginationToken",
		call: ask(func(ctx context.Context, _ *run, _ object, token *string) (*resourcegroupstaggingapi.GetResourcesOutput, error) {
			return client.GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{ResourceARNList: arns, PaginationToken: token})
		}),
	}
	return tags, r.pages(ctx, l, nil, func(_ *kind, items []object) error {
		for _, o := range items {
			tags[text(o, "ResourceARN")], _ = shape.AWSTags(get(o, "Tags"))
		}
		return nil
	})
}}

// taggedBy reads the tags of resources one by one, with a call that gets the resource's id.
func taggedBy(path string, call asked) *tagging {
	return &tagging{most: 1, call: func(ctx context.Context, r *run, ids []string) (map[string]map[string]string, error) {
		answer, err := call.do(ctx, r, object{"id": ids[0]}, nil)
		if err != nil {
			return nil, err
		}
		tags, _ := shape.AWSTags(get(plainObject(answer), path))
		return map[string]map[string]string{ids[0]: tags}, nil
	}}
}

// taggedMany reads the tags of up to most resources at once, with a call that gets their ids as
// names. The answers have the id and the tags at paths below each item.
func taggedMany(most int, items, id, path string, call asked) *tagging {
	return &tagging{most: most, call: func(ctx context.Context, r *run, ids []string) (map[string]map[string]string, error) {
		wanted := make([]any, len(ids))
		for i := range ids {
			wanted[i] = ids[i]
		}
		tags := map[string]map[string]string{}
		l := &listing{sections: []section{{items: items}}, call: call}
		return tags, r.pages(ctx, l, object{itemNames: wanted}, func(_ *kind, found []object) error {
			for _, o := range found {
				tags[text(o, id)], _ = shape.AWSTags(get(o, path))
			}
			return nil
		})
	}}
}
