package snapshot_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

func TestCloudControl_Golden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cloudcontrol.ndjson", "cloudcontrol-answers.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, snapshot.Settings{Format: snapshot.CloudControl, Path: testdata(t, name), AccountID: "111111111111", Region: "eu-west-1"}, providers.Want{})
			if len(got.gaps) != 0 || len(got.errs) != 0 {
				t.Errorf("gaps %v, errors %v", got.gaps, got.errs)
			}
			golden(t, name, got.resources)
		})
	}
}

// read gives what a file of that content holds: the resources' ids and the gaps.
func read(t *testing.T, settings snapshot.Settings, content string) (ids, gaps []string, got *result) {
	t.Helper()
	settings.Path = filepath.Join(t.TempDir(), "in.json")
	write(t, settings.Path, content)
	got = run(t, settings, providers.Want{})
	for _, r := range got.resources {
		ids = append(ids, r.ID)
	}
	for _, gap := range got.gaps {
		gaps = append(gaps, strings.TrimSpace(strings.TrimPrefix(gap.Place, "in.json:")+" "+gap.Type+" "+string(gap.Class)+": "+gap.Reason))
	}
	return ids, gaps, got
}

func TestCloudControl_Layouts(t *testing.T) {
	t.Parallel()
	const (
		one   = `{"TypeName":"AWS::New::Thing","Identifier":"a","Properties":"{}"}`
		inner = `{"Identifier":"a","Properties":"{}"},{"Identifier":"b","Properties":{}}`
	)
	for _, c := range []struct {
		name, content string
		ids, gaps     []string
	}{
		{"lines", one + "\n" + strings.ReplaceAll(one, `"a"`, `"b"`) + "\n", []string{"a", "b"}, nil},
		{"array", "[" + one + "]", []string{"a"}, nil},
		{"one_answer", `{"TypeName":"AWS::New::Thing","ResourceDescription":{"Identifier":"a","Properties":"{}"}}`, []string{"a"}, nil},
		{"type_before_the_list", `{"TypeName":"AWS::New::Thing","ResourceDescriptions":[` + inner + `]}`, []string{"a", "b"}, nil},
		{"type_behind_the_list", `{"ResourceDescriptions":[` + inner + `],"TypeName":"AWS::New::Thing"}`, []string{"a", "b"}, nil},
		{"pages", `{"ResourceDescriptions":[` + inner + `],"TypeName":"AWS::New::Thing"}` + "\n" + `{"TypeName":"AWS::New::Thing","ResourceDescriptions":[]}`, []string{"a", "b"}, nil},
		{"answers_in_a_row", `{"ResourceDescriptions":[{"Identifier":"a"}],"TypeName":"AWS::New::Thing"}{"ResourceDescriptions":[{"Identifier":"b"}],"TypeName":"AWS::New::Thing"}`, []string{"a", "b"}, nil},
		{"type_of_the_record", `{"ResourceDescriptions":[` + one + `]}`, []string{"a"}, nil},
		{"no_resources", `{"TypeName":"AWS::New::Thing","ResourceDescriptions":[]}`, nil, nil},
		{"no_type", `{"ResourceDescriptions":[` + inner + `]}`, nil, []string{
			"1  decode: the record has no type name such as AWS::S3::Bucket, and the answer around it names none",
			"1  decode: the record has no type name such as AWS::S3::Bucket, and the answer around it names none",
		}},
		{"type_of_another_cloud", `{"TypeName":"pl4nted","Identifier":"a"}`, nil, []string{"1  decode: the record has no type name such as AWS::S3::Bucket, and the answer around it names none"}},
		{"no_identifier", `{"TypeName":"AWS::New::Thing","Properties":"{}"}`, nil, []string{"1 AWS::New::Thing decode: the record has no identifier"}},
		{"properties_of_another_kind", `{"TypeName":"AWS::New::Thing","Identifier":"a","Properties":[]}`, nil, []string{
			"1 AWS::New::Thing decode: the record's properties are neither an object nor the JSON of one"}},
		{"properties_that_are_no_json", `{"TypeName":"AWS::New::Thing","Identifier":"a","Properties":"{pl4nted"}`, nil, []string{
			"1 AWS::New::Thing decode: the record's properties are neither an object nor the JSON of one"}},
		{"deep_properties", `{"TypeName":"AWS::New::Thing","Identifier":"a","Properties":"{\"a\":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}"}`, nil, []string{
			"1 AWS::New::Thing decode: the record's properties are neither an object nor the JSON of one"}},
		{"another_account", strings.Replace(one, "{", `{"AccountId":"222222222222",`, 1), nil, []string{
			"1 AWS::New::Thing decode: the record belongs to another account than snapshot.accountId: give each account its own files"}},
		{"missing_page", `{"TypeName":"AWS::New::Thing","ResourceDescriptions":[` + inner + `],"NextToken":"x"}`, []string{"a", "b"}, []string{
			"1  decode: the answer names a next page that is not in the file: append the remaining pages"}},
		{"cut_off", `{"ResourceDescriptions":[` + inner, nil, []string{
			"1  decode: the record has no type name such as AWS::S3::Bucket, and the answer around it names none",
			"1  decode: the record has no type name such as AWS::S3::Bucket, and the answer around it names none",
			"1  decode: the file ends inside of a list: it is cut off",
		}},
		{"odd_element", `{"TypeName":"AWS::New::Thing","ResourceDescriptions":["x",` + inner + `]}`, []string{"a", "b"}, []string{"1  decode: the list holds a value that is not an object"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ids, gaps, _ := read(t, snapshot.Settings{Format: snapshot.CloudControl, AccountID: "111111111111"}, c.content)
			for i := range ids {
				ids[i] = strings.TrimPrefix(ids[i], "AWS::New::Thing/")
			}
			if diff := cmp.Diff(c.ids, ids); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.gaps, gaps); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCloudControl_ListsProveNoAbsence tells what is read of a list from what get-resource gives.
func TestCloudControl_ListsProveNoAbsence(t *testing.T) {
	t.Parallel()
	unread := func(content string) bool {
		_, _, got := read(t, snapshot.Settings{Format: snapshot.CloudControl}, content)
		for _, u := range got.resources[0].Parts[providers.Properties].Unread {
			if u.Path == "/properties/KmsMasterKeyId" {
				return u.Class == providers.NotRead
			}
		}
		return false
	}
	if !unread(`{"TypeName":"AWS::SNS::Topic","ResourceDescriptions":[{"Identifier":"a","Properties":"{}"}]}`) {
		t.Error("a property that a list lacks counts as absent")
	}
	if unread(`{"TypeName":"AWS::SNS::Topic","ResourceDescription":{"Identifier":"a","Properties":"{}"}}`) {
		t.Error("a property that a resource lacks counts as unread")
	}
}

func TestConfig_Golden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"config-snapshot.json", "config-api.json", "config-query.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, snapshot.Settings{Format: snapshot.Config, Path: testdata(t, name), AccountID: "111111111111"}, providers.Want{})
			if len(got.gaps) != 0 || len(got.errs) != 0 {
				t.Errorf("gaps %v, errors %v", got.gaps, got.errs)
			}
			golden(t, name, got.resources)
		})
	}
}
