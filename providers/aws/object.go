package aws

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudaudit/providers"
)

// object is a decoded JSON object: what an API answered, under the names of its members, or what
// becomes of it.
type object = map[string]any

// plain turns an answer of the SDK into decoded JSON: an object for each structure, with the members
// that are set. It renames nothing; what CloudFormation calls them is the fields' business.
func plain(answer any) any {
	if o, already := answer.(object); already {
		return o
	}
	return plainValue(reflect.ValueOf(answer))
}

// plainObject is plain for a structure.
func plainObject(answer any) object {
	o, _ := plain(answer).(object)
	return o
}

var timeType = reflect.TypeFor[time.Time]()

func plainValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plainValue(v.Elem())
	case reflect.Interface:
		return plainUnion(v)
	case reflect.Struct:
		if v.Type() == timeType {
			moment, _ := v.Interface().(time.Time)
			return moment.UTC().Format(time.RFC3339Nano)
		}
		return plainStruct(v)
	case reflect.Slice:
		return plainSlice(v)
	case reflect.Map:
		return plainMap(v)
	}
	return plainScalar(v)
}

func plainScalar(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return number(v.Int())
	case reflect.Float32, reflect.Float64:
		return json.Number(strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits()))
	}
	return nil
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// plainUnion gives the one member of a union as an object.
func plainUnion(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	member := v.Elem()
	for member.Kind() == reflect.Pointer {
		member = member.Elem()
	}
	if member.Kind() != reflect.Struct { // decoded JSON within an answer of ours
		return member.Interface()
	}
	_, name, isMember := strings.Cut(member.Type().Name(), "Member")
	if !isMember || member.Kind() != reflect.Struct {
		return nil
	}
	return object{name: plainValue(member.FieldByName("Value"))}
}

// plainStruct gives the members that are set. An enumeration's empty text is not.
func plainStruct(v reflect.Value) any {
	o := object{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		value := plainValue(v.Field(i))
		if value == nil || value == "" && v.Field(i).Kind() == reflect.String {
			continue
		}
		o[field.Name] = value
	}
	return o
}

func plainSlice(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = plainValue(v.Index(i))
	}
	return list
}

func plainMap(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	o := object{}
	for entries := v.MapRange(); entries.Next(); {
		o[entries.Key().String()] = plainValue(entries.Value())
	}
	return o
}

// get follows a path of keys and gives nil where it ends. A key that ends in "[]" holds a list, whose
// elements the rest of the path is followed in; elements without it are left out.
func get(value any, path string) any {
	if path == "" {
		return value
	}
	key, rest, _ := strings.Cut(path, ".")
	key, isList := strings.CutSuffix(key, "[]")
	o, _ := value.(object)
	value = o[key]
	if !isList {
		return get(value, rest)
	}
	list, ok := value.([]any)
	if !ok {
		return nil
	}
	found := []any{}
	for _, element := range list {
		switch inner := get(element, rest).(type) {
		case nil:
		case []any:
			if rest != "" {
				found = append(found, inner...)
				continue
			}
			found = append(found, inner)
		default:
			found = append(found, inner)
		}
	}
	return found
}

// text gives the text at a path, empty if there is none.
func text(value any, path string) string {
	found, _ := get(value, path).(string)
	return found
}

// list gives the list at a path, nil if there is none.
func list(value any, path string) []any {
	found, _ := get(value, path).([]any)
	return found
}

// document opens a policy document, which the APIs give as a string of JSON, IAM percent-encoded. A
// text that is none stays as it is.
func document(value any) any {
	source, isText := value.(string)
	if !isText {
		return value
	}
	if strings.HasPrefix(source, "%7B") {
		if decoded, err := url.QueryUnescape(source); err == nil {
			source = decoded
		}
	}
	if parsed, err := providers.ParseValue([]byte(source)); err == nil {
		return parsed
	}
	// API Gateway escapes the quotes of a document once more.
	if unescaped, err := strconv.Unquote(`"` + source + `"`); err == nil {
		if parsed, err := providers.ParseValue([]byte(unescaped)); err == nil {
			return parsed
		}
	}
	return value
}

// numeric reads a number that an API gives as text.
func numeric(value any) any {
	source, _ := value.(string)
	if n, err := strconv.ParseInt(source, 10, 64); err == nil {
		return number(n)
	}
	return value
}

// truth reads a boolean that an API gives as text.
func truth(value any) any {
	source, _ := value.(string)
	if b, err := strconv.ParseBool(source); err == nil {
		return b
	}
	return value
}

// is tells whether a value is one of the texts.
func is(texts ...string) func(any) any {
	return func(value any) any {
		source, isText := value.(string)
		if !isText {
			return nil
		}
		return slices.Contains(texts, source)
	}
}

// items unwraps CloudFront's lists, which are objects of Quantity and Items.
func items(value any) any {
	o, isObject := value.(object)
	if !isObject {
		return value
	}
	if found, there := o["Items"]; there {
		return found
	}
	if _, counted := o["Quantity"]; counted {
		return []any{}
	}
	return nil
}

// asText writes a number as text.
func asText(value any) any {
	if n, isNumber := value.(json.Number); isNumber {
		return n.String()
	}
	return value
}

// sorted orders a list whose order says nothing and may be another one each time.
func sorted(value any) any {
	values, isList := value.([]any)
	if !isList {
		return value
	}
	slices.SortStableFunc(values, func(a, b any) int {
		left, _ := providers.FormatValue(a) // decoded JSON can be written
		right, _ := providers.FormatValue(b)
		return bytes.Compare(left, right)
	})
	return values
}

// documents opens a document in each member of a list of named policies.
func documents(name, source string) fields {
	return join(as("PolicyName", name), by("PolicyDocument", source, document))
}

// orFalse gives false where there is nothing.
func orFalse(value any) any {
	if value == nil {
		return false
	}
	return value
}
