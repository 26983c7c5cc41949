package gcp

import (
	"encoding/json"
	"time"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// resourceOf maps an asset. What is told besides says why it cannot be understood; the resource tells no
// more than its type then.
func resourceOf(asset *assetpb.Asset) (*providers.Resource, string) {
	record, fault := recordOf(asset)
	if fault != "" {
		return &providers.Resource{Type: asset.GetAssetType()}, fault
	}
	return shape.CAIResource(record, "")
}

// recordOf writes an asset as exports have it. Its data, which is nearly all of it, is written straight
// from the message; JSON in between would take several times as long.
func recordOf(asset *assetpb.Asset) (map[string]any, string) {
	record := map[string]any{"name": asset.GetName(), "assetType": asset.GetAssetType(), "ancestors": texts(asset.GetAncestors())}
	if updated := asset.GetUpdateTime(); updated != nil {
		record["updateTime"] = updated.AsTime().Format(time.RFC3339Nano)
	}
	if resource := asset.GetResource(); resource != nil {
		data, ok := plainObject(resource.GetData(), 0)
		if !ok {
			return nil, "the resource's data nests too deeply or holds what is no number"
		}
		record["resource"] = map[string]any{"location": resource.GetLocation(), "data": data}
	}
	for name, policy := range policiesOf(asset) {
		value, ok := plainMessage(policy)
		if !ok {
			return nil, "a policy of the asset cannot be read"
		}
		record[name] = value
	}
	if policies := asset.GetOrgPolicy(); len(policies) > 0 {
		listed := make([]any, len(policies))
		for i, policy := range policies {
			value, ok := plainMessage(policy)
			if !ok {
				return nil, "a policy of the asset cannot be read"
			}
			listed[i] = value
		}
		record["orgPolicy"] = listed
	}
	return record, ""
}

// policiesOf gives the policies that an asset has, by the names that exports have for them.
func policiesOf(asset *assetpb.Asset) map[string]proto.Message {
	policies := map[string]proto.Message{}
	if policy := asset.GetIamPolicy(); policy != nil {
		policies["iamPolicy"] = policy
	}
	if policy := asset.GetAccessPolicy(); policy != nil {
		policies["accessPolicy"] = policy
	}
	if level := asset.GetAccessLevel(); level != nil {
		policies["accessLevel"] = level
	}
	if perimeter := asset.GetServicePerimeter(); perimeter != nil {
		policies["servicePerimeter"] = perimeter
	}
	return policies
}

// plainMessage writes a message as the API's JSON has it.
func plainMessage(message proto.Message) (any, bool) {
	data, err := protojson.Marshal(message)
	if err != nil {
		return nil, false
	}
	value, err := providers.ParseValue(data)
	return value, err == nil
}

func texts(list []string) []any {
	values := make([]any, len(list))
	for i, text := range list {
		values[i] = text
	}
	return values
}

// plainObject writes a struct as decoded JSON, and reports false for what JSON cannot hold.
func plainObject(object *structpb.Struct, depth int) (map[string]any, bool) {
	if depth > providers.MaxDepth {
		return nil, false
	}
	plain := make(map[string]any, len(object.GetFields()))
	for key, field := range object.GetFields() {
		value, ok := plainValue(field, depth+1)
		if !ok {
			return nil, false
		}
		plain[key] = value
	}
	return plain, true
}

func plainValue(value *structpb.Value, depth int) (any, bool) {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_StringValue:
		return kind.StringValue, true
	case *structpb.Value_BoolValue:
		return kind.BoolValue, true
	case *structpb.Value_NumberValue:
		return plainNumber(kind.NumberValue)
	case *structpb.Value_StructValue:
		return plainObject(kind.StructValue, depth)
	case *structpb.Value_ListValue:
		return plainList(kind.ListValue, depth)
	}
	return nil, true
}

func plainList(list *structpb.ListValue, depth int) ([]any, bool) {
	if depth > providers.MaxDepth {
		return nil, false
	}
	plain := make([]any, len(list.GetValues()))
	for i, element := range list.GetValues() {
		value, ok := plainValue(element, depth+1)
		if !ok {
			return nil, false
		}
		plain[i] = value
	}
	return plain, true
}

// plainNumber writes a number as exports do, and reports false for what is none in JSON.
func plainNumber(number float64) (json.Number, bool) {
	text, err := json.Marshal(number)
	return json.Number(text), err == nil
}
