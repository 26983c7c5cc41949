package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	accessanalyzertypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// filled makes a value of a type in which every member is set: texts are "1", which conversions to
// numbers take as well, lists and maps have one element.
func filled(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth > 12 { // types that hold themselves
		return v
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString("1")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(filled(t.Elem(), depth+1))
	case reflect.Slice:
		v.Set(reflect.Append(v, filled(t.Elem(), depth+1)))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.ValueOf("key").Convert(t.Key()), filled(t.Elem(), depth+1))
	case reflect.Struct:
		fillStruct(v, depth)
	case reflect.Interface:
		fillUnion(v)
	}
	return v
}

func fillStruct(v reflect.Value, depth int) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
		return
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
			v.Field(i).Set(filled(field.Type, depth+1))
		}
	}
}

// fillUnion sets the unions that fields read.
func fillUnion(v reflect.Value) {
	if member := reflect.ValueOf(&accessanalyzertypes.AnalyzerConfigurationMemberUnusedAccess{}); member.Type().AssignableTo(v.Type()) && v.NumMethod() > 0 {
		member.Elem().Field(0).Set(filled(member.Elem().Field(0).Type(), 0))
		v.Set(member)
	}
	if v.NumMethod() == 0 {
		v.Set(reflect.ValueOf("1"))
	}
}

// local are the types of what listings without a call of their own list.
var local = map[string]any{
	"AWS::S3::Bucket": s3types.Bucket{}, "AWS::Organizations::Account": orgtypes.Account{}, "AWS::Organizations::Policy": orgtypes.PolicySummary{},
}

// answersSaid are members of answers whose keys or values mean something.
var answersSaid = map[reflect.Type]object{
	reflect.TypeFor[sns.GetTopicAttributesOutput](): {"Attributes": attributes(
		"ArchivePolicy", "ContentBasedDeduplication", "DisplayName", "FifoThroughputScope", "FifoTopic", "HTTPFailureFeedbackRoleArn",
		"HTTPSuccessFeedbackRoleArn", "HTTPSuccessFeedbackSampleRate", "KmsMasterKeyId", "Owner", "Policy", "SignatureVersion", "TracingConfig")},
	reflect.TypeFor[sqs.GetQueueAttributesOutput](): {"Attributes": attributes(sqstypes.QueueAttributeName("").Values()...)},
}

// itemsSaid are the same for items of listings.
var itemsSaid = map[string]object{"AWS::EC2::FlowLog": {"ResourceId": "vpc-1"}}

func attributes[Name ~string](names ...Name) object {
	o := object{}
	for _, name := range names {
		o[string(name)] = "1"
	}
	return o
}

// sample is everything that the fields of a kind can make.
type sample struct {
	kind *kind
	// answer is an item as the API lists it, properties and pieces what is made of it and of the
	// answers about it.
	answer     object
	properties object
	pieces     map[string]object
}

// samples makes a sample of every kind.
func samples(t *testing.T) []sample {
	t.Helper()
	r := &run{plan: &plan{session: &session{id: "123456789012", partition: "aws"}, full: true}, region: "eu-west-1"}
	var all []sample
	for _, s := range services {
		for _, l := range s.listings {
			all = append(all, samplesOf(t, r, l, nil)...)
		}
	}
	slices.SortFunc(all, func(a, b sample) int { return strings.Compare(a.kind.name, b.kind.name) })
	return all
}

func samplesOf(t *testing.T, r *run, l *listing, parent object) []sample {
	t.Helper()
	var all []sample
	for _, s := range l.all() {
		o := itemOf(t, r, l, s, parent)
		maps.Copy(o, itemsSaid[s.kind.name])
		if l.prepare != nil {
			o = l.prepare(r, parent, o)
		}
		one := sample{kind: s.kind, answer: maps.Clone(o), pieces: map[string]object{}}
		for _, f := range s.kind.facets {
			said := o
			if f.call.do != nil {
				said = plainObject(filled(f.call.answer, 0).Interface())
				maps.Copy(said, answersSaid[f.call.answer])
			}
			one.pieces[providers.Piece(f.name)] = f.fields.apply(said)
			if f.keep || f.tags {
				maps.Copy(o, said)
			}
		}
		one.properties = s.kind.fields.apply(o)
		all = append(all, one)
		for _, child := range s.kind.children {
			all = append(all, samplesOf(t, r, child, o)...)
		}
	}
	return all
}

func itemOf(t *testing.T, r *run, l *listing, s section, parent object) object {
	t.Helper()
	if example, known := local[s.kind.name]; known {
		return plainObject(filled(reflect.TypeOf(example), 0).Interface())
	}
	if l.local != nil {
		if parent == nil { // the status of a region: its members are what the function gives
			o := object{}
			for _, target := range s.kind.fields.targets() {
				o[target] = true
			}
			return o
		}
		items, err := l.local(context.Background(), r, parent)
		if err != nil || len(items) != 1 {
			t.Fatalf("%s: lists %v, %v", s.kind.name, items, err)
		}
		return items[0]
	}
	answer, path := l.call.answer, s.items
	if l.describe.do != nil {
		answer, path = l.describe.answer, l.described
	}
	items := objects(plainObject(filled(answer, 0).Interface()), path, l.key)
	if len(items) != 1 {
		t.Fatalf("%s: nothing stands at %q of %v", s.kind.name, path, answer)
	}
	return items[0]
}

// published is what CloudFormation's registry says of a type.
type published struct {
	Paths map[string]string `json:"paths"`
	Tags  string            `json:"tags"`
}

func readPublished(t *testing.T) map[string]published {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "cfn-properties.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]published
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// walk gives the paths of all members, in the published notation, and whether each is a container.
func walk(value any, at string, into map[string]string) {
	switch v := value.(type) {
	case object:
		into[at] = "object"
		for key, child := range v {
			walk(child, strings.TrimPrefix(at+"."+key, "."), into)
		}
	case []any:
		into[at] = "array"
		for _, child := range v {
			walk(child, at+"[]", into)
		}
	default:
		into[at] = "scalar"
	}
}

// joined is the sample as policies see it.
func (s sample) joined() object {
	resource := providers.Resource{Parts: map[string]providers.Part{providers.Properties: {Value: clone(s.properties)}}}
	for name, piece := range s.pieces {
		resource.Parts[name] = providers.Part{Value: clone(piece)}
	}
	resource.Join()
	properties, _ := resource.Parts[providers.Properties].Value.(object)
	return properties
}

func clone(value any) any {
	data, err := providers.FormatValue(value)
	if err != nil {
		panic(err)
	}
	copied, err := providers.ParseValue(data)
	if err != nil {
		panic(err)
	}
	return copied
}

// TestFields_AreCloudFormations holds everything that the fields can make against the published names.
// What is published and not made is listed in data/unread.txt, from which the provider marks it as
// unread.
func TestFields_AreCloudFormations(t *testing.T) {
	t.Parallel()
	schemas := readPublished(t)
	var unread strings.Builder
	unread.WriteString(unreadHeader)
	for _, s := range samples(t) {
		schema, known := schemas[s.kind.name]
		if !known {
			if _, registered := shape.CFN(s.kind.name); registered && !unlisted[s.kind.name] {
				t.Errorf("testdata/cfn-properties.json lacks %s", s.kind.name)
			}
			continue
		}
		properties := s.joined()
		delete(properties, Extra)
		paths := map[string]string{}
		walk(properties, "", paths)
		delete(paths, "")
		if schema.Tags != "" { // which are put there from the resource's tags
			paths[schema.Tags] = schema.Paths[schema.Tags]
		}
		for _, fault := range schema.faults(paths) {
			t.Errorf("%s: %s", s.kind.name, fault)
		}
		if lacking := schema.lacking(paths); len(lacking) > 0 {
			fmt.Fprintf(&unread, "\n%s\n", s.kind.name)
			for _, path := range lacking {
				fmt.Fprintln(&unread, path)
			}
		}
	}
	golden(t, filepath.Join("data", "unread.txt"), unread.String())
}

// unlisted are types of the registry of which no properties are at hand.
var unlisted = map[string]bool{
	"AWS::CloudWatch::CompositeAlarm": true, "AWS::Config::ConfigurationRecorder": true, "AWS::Config::DeliveryChannel": true,
}

const unreadHeader = `# Properties that CloudFormation's registry (August 2026) has of a type and that no call of this package
# tells, level below level of what one does ("*" for any element of a list). Where the object that could
# hold them is there, they are unread: that they are missing means nothing. A test writes this file.
`

// faults are paths that are not published, or are of another kind there.
func (p published) faults(paths map[string]string) []string {
	var all []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		kind, known := p.Paths[path]
		switch {
		case !known && !p.beyond(path):
			all = append(all, fmt.Sprintf("%s is no property of CloudFormation", path))
		case known && paths[path] == "array" && !strings.Contains(kind, "array") && kind != "any" && kind != "object":
			all = append(all, fmt.Sprintf("%s is a list, and %s in CloudFormation", path, kind))
		case known && paths[path] == "object" && kind != "array" && !strings.Contains(kind, "object") && kind != "map" && kind != "any" && kind != "string":
			all = append(all, fmt.Sprintf("%s is an object, and %s in CloudFormation", path, kind))
		case known && paths[path] == "scalar" && kind == "array":
			all = append(all, fmt.Sprintf("%s is no list, as in CloudFormation", path))
		}
	}
	return all
}

// beyond tells whether a path lies below what is published to its end: maps, documents, and everything
// below the third level, where objects are cut off.
func (p published) beyond(path string) bool {
	if strings.Count(path, ".") > 2 {
		return true
	}
	for {
		at := strings.LastIndexAny(path, ".[")
		if at < 0 {
			return false
		}
		path = path[:at]
		if _, known := p.Paths[path]; known {
			return len(p.below(path)) == 0
		}
	}
}

// below are the published members of a path.
func (p published) below(path string) []string {
	var all []string
	for candidate := range p.Paths {
		rest, ok := strings.CutPrefix(candidate, path)
		if rest = strings.TrimPrefix(rest, "[]"); ok && strings.HasPrefix(rest, ".") && !strings.Contains(rest[1:], ".") && !strings.HasSuffix(rest, "[]") {
			all = append(all, candidate)
		}
	}
	return all
}

// lacking are the published paths that are not made, where what is above them is.
func (p published) lacking(paths map[string]string) []string {
	var all []string
	for path := range p.Paths {
		if strings.HasSuffix(path, "[]") || paths[path] != "" {
			continue
		}
		at := strings.LastIndexByte(path, '.')
		if at >= 0 {
			if paths[path[:at]] != "object" {
				continue
			}
		}
		all = append(all, strings.ReplaceAll(strings.ReplaceAll(path, "[]", ".*"), ".", "/"))
	}
	slices.Sort(all)
	return all
}

// golden compares text with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if Update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), written anew with -update:\n%s", file, diff)
	}
}

// TestFields_MakeWhatTheyMade compares what the fields of each kind make of an answer in which
// everything is set with a file.
func TestFields_MakeWhatTheyMade(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		t.Run(strings.ReplaceAll(s.kind.name, "::", "-"), func(t *testing.T) {
			t.Parallel()
			parts := object{providers.Properties: s.properties}
			for name, piece := range s.pieces {
				parts[name] = piece
			}
			data, err := providers.FormatValue(parts)
			if err != nil {
				t.Fatal(err)
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, data, "", " "); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "fields", strings.ReplaceAll(s.kind.name, "::", "-")+".json"), indented.String()+"\n")
		})
	}
}
