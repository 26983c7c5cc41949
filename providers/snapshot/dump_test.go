package snapshot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/snapshot"
)

var takenAt = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// header is the header of a dump of a scan of Google Cloud that succeeded.
func header() snapshot.DumpHeader {
	return snapshot.DumpHeader{Account: "shop", Cloud: providers.GCP, CloudID: "shop-1", TakenAt: takenAt, Status: "succeeded"}
}

func all[T any](values ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, value := range values {
			if !yield(value, nil) {
				return
			}
		}
	}
}

// everything is coverage of a complete listing of all types.
var everything = snapshot.DumpCoverage{Region: "*", Type: "*", Listing: "complete"}

func dump(t testing.TB, header snapshot.DumpHeader, coverage []snapshot.DumpCoverage, resources ...snapshot.DumpResource) string {
	t.Helper()
	var buffer bytes.Buffer
	if err := snapshot.WriteDump(&buffer, header, all(coverage...), all(resources...)); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

// thing is a resource of a dump.
func thing(resourceType, id string) snapshot.DumpResource {
	return snapshot.DumpResource{Type: resourceType, ID: id, Region: "eu", Parts: map[string]snapshot.DumpPart{"properties": {Body: json.RawMessage(`{"n":1}`)}}}
}

// readDump reads a dump of that content.
func readDump(t testing.TB, settings snapshot.Settings, content string) *result {
	t.Helper()
	settings.Format = snapshot.Dump
	settings.Path = filepath.Join(t.TempDir(), "in.ndjson")
	write(t, settings.Path, content)
	return run(t, settings, providers.Want{})
}

func TestDump_Golden(t *testing.T) {
	t.Parallel()
	coverage := []snapshot.DumpCoverage{
		{Region: "*", Type: "*", Listing: "complete"},
		{Region: "*", Type: "*", Facet: "iamPolicy", Listing: "complete"},
		{Region: "*", Type: "run.googleapis.com/Service", Listing: "incomplete", Class: providers.AccessDenied, Permission: "run.services.list", Place: "gcp.ndjson:7", Reason: "the record is not an object", Gaps: 2},
	}
	full := snapshot.DumpResource{
		Type: "storage.googleapis.com/Bucket", ID: "//storage.googleapis.com/logs", Identity: "//storage.googleapis.com/logs", Name: "logs", Region: "europe-west1",
		UID: "2026-01-01T00:00:00Z", Ancestors: []string{"projects/1", "organizations/2"}, Tags: map[string]string{"team": "shop", "token": providers.RedactedText},
		Updated: takenAt.Add(-time.Hour),
		Parts: map[string]snapshot.DumpPart{
			"properties": {
				Body: json.RawMessage(`{"html":"<&>","env":{"EMPTY":"","MODE":"[redacted]"},"size":12345678901234567890,"plain":"[redacted]"}`),
				Unread: []providers.Unread{
					{Path: "/properties/acl", Class: providers.AccessDenied}, {Path: "/properties/env/MODE", Class: providers.RedactedValue}, {Path: "/tags/token", Class: providers.RedactedValue},
				},
			},
			"iamPolicy": {Body: json.RawMessage(`{"bindings":[]}`), Stale: providers.Timeout},
		},
	}
	gone := thing("storage.googleapis.com/Bucket", "//storage.googleapis.com/gone")
	gone.Missing = providers.AuthExpired
	content := dump(t, header(), coverage, full, gone)
	path := testdata(t, "dump.ndjson")
	if *update {
		write(t, path, content)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), content); diff != "" {
		t.Error(diff)
	}
	got := run(t, snapshot.Settings{Format: snapshot.Dump, Path: path}, providers.Want{})
	if len(got.errs) > 0 {
		t.Error(got.errs)
	}
	golden(t, "dump.ndjson", got.resources)
	gap := providers.Gap{Region: "*", Type: "run.googleapis.com/Service", Class: providers.AccessDenied, Permission: "run.services.list", Place: "gcp.ndjson:7", Reason: "the record is not an object"}
	if diff := cmp.Diff([]providers.Gap{gap, gap}, got.gaps); diff != "" {
		t.Error(diff)
	}
}

// TestDump_RoundTrip dumps what each format gives and reads it back.
func TestDump_RoundTrip(t *testing.T) {
	t.Parallel()
	for cloud, settings := range map[string][]snapshot.Settings{
		providers.GCP:   {{Format: snapshot.GCP, Path: testdata(t, "gcp.ndjson")}},
		providers.Azure: {{Format: snapshot.Azure, Path: testdata(t, "azure.json")}},
		providers.AWS: {
			{Format: snapshot.CloudControl, Path: testdata(t, "cloudcontrol*.*")},
			{Format: snapshot.Config, Path: testdata(t, "config-*.json")},
			{Format: snapshot.Dump, Path: testdata(t, "dump.ndjson")},
		},
	} {
		for _, settings := range settings {
			t.Run(settings.Format, func(t *testing.T) {
				t.Parallel()
				before := run(t, settings, providers.Want{})
				lines := make([]snapshot.DumpResource, len(before.resources))
				for i, resource := range before.resources {
					line, err := snapshot.DumpOf(resource)
					if err != nil {
						t.Fatal(err)
					}
					lines[i] = line
				}
				head := header()
				head.Cloud = cloud
				content := dump(t, head, []snapshot.DumpCoverage{everything}, lines...)
				after := readDump(t, snapshot.Settings{}, content)
				if len(after.gaps) > 0 || len(after.errs) > 0 {
					t.Errorf("gaps %v, errors %v", after.gaps, after.errs)
				}
				for _, r := range slices.Concat(before.resources, after.resources) {
					r.Rank.Scope, r.Rank.Line = "", 0
				}
				if diff := cmp.Diff(before.resources, after.resources); diff != "" || len(before.resources) == 0 {
					t.Error(diff)
				}
			})
		}
	}
}

// TestDump_ReadsItsOwnCoverage writes what is covered, reads it, and compares scope and gaps.
func TestDump_ReadsItsOwnCoverage(t *testing.T) {
	t.Parallel()
	type rows = []snapshot.DumpCoverage
	row := func(region, resourceType, facet, listing string, gaps int) snapshot.DumpCoverage {
		r := snapshot.DumpCoverage{Region: region, Type: resourceType, Facet: facet, Listing: listing, Gaps: gaps}
		if listing != "complete" {
			r.Class = providers.Throttled
		}
		return r
	}
	unpromised := snapshot.DumpCoverage{Region: "*", Type: "a/B", Facet: "acl", Listing: "failed", Class: providers.NotRead}
	for _, c := range []struct {
		name   string
		rows   rows
		types  []string // of the settings
		region string
		holds  string
		whole  string
		gaps   string
		err    string
	}{
		{"all", rows{everything}, nil, "*", "", "", "", ""},
		{"all_with_facet", rows{everything, row("*", "*", "iam", "complete", 0)}, nil, "*", "", "iam", "", ""},
		{"types", rows{row("eu", "a/B", "", "complete", 0), row("eu", "a/C", "", "complete", 0)}, nil, "eu", "a/B a/C", "", "", ""},
		{"regions", rows{row("eu", "a/B", "", "complete", 0), row("us", "a/B", "", "complete", 0)}, nil, "*", "a/B", "", "", ""},
		{"facet_of_all_types", rows{row("eu", "a/B", "", "complete", 0), row("eu", "a/B", "iam", "complete", 0)}, nil, "eu", "a/B", "iam", "", ""},
		{"facet_of_some_types", rows{row("eu", "a/B", "", "complete", 0), row("eu", "a/B", "iam", "complete", 0), row("eu", "a/C", "", "complete", 0)}, nil, "eu", "a/B a/C", "", "", ""},
		{"facet_that_nothing_promised", rows{row("eu", "a/B", "", "complete", 0), unpromised}, nil, "eu", "a/B", "", "", ""},
		{"gap_of_a_type", rows{everything, row("eu", "a/B", "", "incomplete", 1)}, nil, "*", "", "", "eu a/B", ""},
		{"gaps_are_counted", rows{everything, row("eu", "a/B", "", "incomplete", 3)}, nil, "*", "", "", strings.Repeat("eu a/B|", 2) + "eu a/B", ""},
		{"gap_of_anything", rows{row("*", "*", "", "incomplete", 1)}, nil, "*", "", "", "* ", ""},
		{"gap_of_a_facet", rows{everything, row("*", "*", "iam", "incomplete", 0), row("*", "a/B", "iam", "incomplete", 1)}, nil, "*", "", "iam", "*  iam|* a/B iam", ""},
		{"rows_that_follow", rows{row("eu", "a/B", "", "incomplete", 0), row("us", "a/B", "", "incomplete", 1)}, nil, "*", "a/B", "", "us a/B", ""},
		{"rows_that_follow_from_anything", rows{row("eu", "*", "", "incomplete", 1), row("eu", "a/B", "", "incomplete", 0), row("eu", "a/B", "iam", "incomplete", 0)}, nil, "eu", "", "", "eu ", ""},
		{"rows_that_follow_from_nothing", rows{row("eu", "a/B", "", "incomplete", 0), row("eu", "a/C", "", "incomplete", 1)}, nil, "eu", "a/B a/C", "", "eu a/B|eu a/C", ""},
		{"failed_type", rows{row("eu", "a/B", "", "failed", 0), row("eu", "a/C", "", "complete", 0)}, nil, "eu", "a/B a/C", "", "eu a/B", ""},
		{"failed_region", rows{row("eu", "*", "", "failed", 0), row("us", "*", "", "complete", 0)}, nil, "*", "", "", "eu ", ""},
		{"failed_account", rows{row("*", "*", "", "failed", 0)}, nil, "*", "", "", "", "could not read it"},
		{"failed_only_region", rows{row("eu", "*", "", "failed", 0)}, nil, "eu", "", "", "", "could not read it"},
		{"no_coverage", nil, nil, "*", "", "", "* ", ""},
		{"settings_of_one_type", rows{row("eu", "a/B", "", "complete", 0), row("eu", "a/C", "", "incomplete", 1)}, []string{"a/B"}, "eu", "a/B", "", "", ""},
		{"settings_of_any", rows{everything, row("eu", "a/C", "", "incomplete", 1)}, []string{"a/B"}, "*", "a/B", "", "", ""},
		{"settings_of_a_type_that_was_not_listed", rows{row("eu", "a/B", "", "complete", 0)}, []string{"a/X", "a/B"}, "eu", "a/B", "", "* a/X", ""},
		{"settings_of_none_that_was_listed", rows{row("eu", "a/B", "", "complete", 0)}, []string{"a/X"}, "eu", "a/X", "", "* a/X", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := readDump(t, snapshot.Settings{Types: c.types}, dump(t, header(), c.rows))
			var gaps []string
			for _, gap := range got.gaps {
				gaps = append(gaps, strings.TrimSuffix(gap.Region+" "+gap.Type+" "+gap.Facet, " "))
			}
			scope := got.scopes[0]
			if diff := cmp.Diff([]string{c.region, c.holds, c.whole, c.gaps}, []string{scope.Region, strings.Join(scope.Types, " "), strings.Join(scope.Whole, " "), strings.Join(gaps, "|")}); diff != "" {
				t.Error(diff)
			}
			err := got.errs["in.ndjson"]
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			var known *providers.Error
			if err != nil && (!errors.As(err, &known) || known.Class != providers.Throttled) {
				t.Errorf("error %v has lost its class", err)
			}
		})
	}
}

func TestDump_HostileContent(t *testing.T) {
	t.Parallel()
	good := dump(t, header(), []snapshot.DumpCoverage{everything}, thing("a/B", "x"), thing("a/B", "y"))
	lines := strings.SplitAfter(good, "\n")
	replaced := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	const part = `{"properties":{"body":{"n":1}}}`
	for _, c := range []struct {
		name, content string
		resources     int
		gaps          string
		err           string
	}{
		{"good", good, 2, "", ""},
		{"gzip", zipped(t, good), 2, "", ""},
		{"zstandard", zstandard(t, good), 2, "", ""},
		{"no_trailer", strings.Join(lines[:4], ""), 2, "in.ndjson the dump has no trailer", ""},
		{"cut_off_in_a_line", good[:len(good)-90], 1, "in.ndjson:4 the line is no resource of a dump|in.ndjson the dump has no trailer", ""},
		{"only_the_header", lines[0], 0, "in.ndjson the dump has no coverage|in.ndjson the dump has no trailer", ""},
		{"a_line_less", lines[0] + lines[1] + lines[2] + lines[4], 1, "in.ndjson the dump should hold 2 resources and 1 rows of coverage and holds 1 and 1", ""},
		{"a_line_more", lines[0] + lines[1] + lines[2] + lines[2] + lines[3] + lines[4], 3, "in.ndjson the dump should hold 2 resources and 1 rows of coverage and holds 3 and 1", ""},
		{"a_row_less", lines[0] + lines[2] + lines[3] + lines[4], 2, "in.ndjson the dump has no coverage|in.ndjson the dump should hold", ""},
		{"something_after_the_trailer", good + lines[2], 2, "in.ndjson:6 the line comes after the end", ""},
		{"two_dumps", good + good, 2, "in.ndjson:6 the line comes after the end|in.ndjson:7 the line comes|in.ndjson:8 the line comes|in.ndjson:9 the line comes|in.ndjson:10 the line comes", ""},
		{"coverage_late", lines[0] + lines[1] + lines[2] + lines[1] + lines[3] + lines[4], 2, "in.ndjson:4 the line belongs before the resources", ""},
		{"other_line", lines[0] + lines[1] + lines[2] + "{\"record\":\"pl4nted\"}\n" + lines[3] + lines[4], 2, "in.ndjson:4 the line is no record of a dump", ""},
		{"no_json", lines[0] + lines[1] + lines[2] + "{pl4nted}\n" + lines[3] + lines[4], 2, "in.ndjson:4 the line is no record of a dump", ""},
		{"array", "[" + strings.ReplaceAll(strings.TrimSuffix(good, "\n"), "\n", ",\n") + "]", 2, "", ""},
		{"malformed_row", replaced(`"listing":"complete"`, `"listing":"pl4nted"`), 2, "in.ndjson:2 the line is no row of coverage", ""},
		{"row_of_another_kind", replaced(`"region":"*"`, `"region":5`), 2, "in.ndjson:2 the line is no row of coverage", ""},
		{"malformed_trailer", replaced(`"resources":2`, `"resources":"pl4nted"`), 2, "in.ndjson:5 the trailer of the dump is malformed|in.ndjson the dump should hold", ""},
		{"no_id", replaced(`"id":"x"`, `"id":""`), 1, "in.ndjson:3 the resource has no type, id, region or parts", ""},
		{"id_of_another_kind", replaced(`"id":"x"`, `"id":["pl4nted"]`), 1, "in.ndjson:3 the line is no resource of a dump", ""},
		{"nothing_read", replaced(part, `{}`), 2, "", ""},
		{"no_parts", replaced(part, `null`), 1, "in.ndjson:3 the resource has no type, id, region or parts", ""},
		{"no_body", replaced(part, `{"properties":{}}`), 1, "in.ndjson:3 the body of a part is not valid JSON", ""},
		{"deep_body", replaced(`{"n":1}`, strings.Repeat("[", 300)+strings.Repeat("]", 300)), 1, "in.ndjson:3 the body of a part nests too deeply", ""},
		{"name_of_a_part", replaced(part, `{"a/b":{"body":1}}`), 1, "in.ndjson:3 a part of the resource has no proper name", ""},
		{"path_of_another_part", replaced(part, `{"properties":{"body":1,"unread":[{"path":"/facets/iam","class":"timeout"}]}}`), 1, "in.ndjson:3 an unread path lies outside", ""},
		{"path_beside_the_part", replaced(part, `{"properties":{"body":1,"unread":[{"path":"/propertiesX","class":"timeout"}]}}`), 1, "in.ndjson:3 an unread path lies outside", ""},
		{"path_without_class", replaced(part, `{"properties":{"body":1,"unread":[{"path":"/properties/x"}]}}`), 1, "in.ndjson:3 an unread path lies outside", ""},
		{"redacted_where_nothing_is", replaced(part, `{"properties":{"body":1,"unread":[{"path":"/properties/x/y","class":"redacted"}]}}`), 2, "", ""},
		{"a_secret", replaced(`{"n":1}`, `{"password":"pl4nted"}`), 2, "", ""},
		{"failed_scan", replaced(`"succeeded"`, `"failed"`), 2, "", "neither succeeded nor was partial"},
		{"cancelled_scan", replaced(`"succeeded"`, `"cancelled"`), 2, "", "neither succeeded nor was partial"},
		{"empty", "", 0, "", "is empty, which says nothing"},
		{"empty_list", "[]", 0, "", "does not begin with the header of a dump"},
		{"no_header", strings.Join(lines[1:], ""), 0, "", "does not begin with the header of a dump"},
		{"another_format", asset("a"), 0, "", "does not begin with the header of a dump"},
		{"not_an_inventory", "<html>\n", 0, "", "does not begin with the header of a dump"},
		{"newer", replaced(`"version":1`, `"version":2`), 0, "", "has version 2, this program reads up to 1: use a newer one"},
		{"no_version", replaced(`"version":1`, `"version":0`), 0, "", "does not begin with the header of a dump"},
		{"unknown_cloud", replaced(`"cloud":"gcp"`, `"cloud":"pl4nted"`), 0, "", "is of a cloud that this program does not know"},
		{"another_cloud_account", replaced(`"cloudId":"shop-1"`, `"cloudId":"pl4nted"`), 0, "", "is of another cloud account than snapshot.accountId says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := readDump(t, snapshot.Settings{AccountID: "shop-1"}, c.content)
			if len(got.resources) != c.resources {
				t.Errorf("%d resources, want %d", len(got.resources), c.resources)
			}
			var gaps []string
			for _, gap := range got.gaps {
				gaps = append(gaps, gap.Place+" "+gap.Reason)
			}
			want := strings.Split(c.gaps, "|")
			if c.gaps == "" {
				want = nil
			}
			if !slices.EqualFunc(gaps, want, strings.HasPrefix) || strings.Contains(strings.Join(gaps, ""), "pl4nted") {
				t.Errorf("gaps %q, want %q", gaps, want)
			}
			err := got.errs["in.ndjson"]
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "pl4nted")) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			for _, r := range got.resources {
				body, err := providers.FormatValue(r.Parts[providers.Properties].Value)
				if err != nil || strings.Contains(string(body), "pl4nted") {
					t.Errorf("%s, %v", body, err)
				}
			}
		})
	}
}

func TestDump_TypesOutsideOfItsCoverageAreGaps(t *testing.T) {
	t.Parallel()
	content := dump(t, header(), []snapshot.DumpCoverage{{Region: "eu", Type: "a/B", Listing: "complete"}}, thing("a/B", "x"))
	got := readDump(t, snapshot.Settings{}, strings.Replace(content, `"type":"a/B","id"`, `"type":"a/C","id"`, 1))
	if len(got.resources) != 0 || len(got.gaps) != 1 || got.gaps[0].Type != "a/C" {
		t.Errorf("resources %v, gaps %v", got.resources, got.gaps)
	}
}

func TestDump_OfOneCloudPerAccount(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	other := header()
	other.Cloud = providers.Azure
	write(t, filepath.Join(folder, "a.ndjson"), "{}")
	write(t, filepath.Join(folder, "b.ndjson.gz"), zipped(t, dump(t, header(), []snapshot.DumpCoverage{everything}, thing("a/B", "x"))))
	write(t, filepath.Join(folder, "c.ndjson"), dump(t, other, []snapshot.DumpCoverage{everything}, thing("a/B", "y")))
	settings := snapshot.Settings{Format: snapshot.Dump, Path: folder}
	if got := snapshot.CloudOf(t.Context(), settings); got != providers.GCP {
		t.Errorf("the cloud is %q", got)
	}
	given := account(t, settings)
	given.Cloud = providers.GCP
	collectors, err := snapshot.New().Collectors(t.Context(), given, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	got := &result{errs: map[string]error{}}
	for _, c := range collectors {
		got.errs[c.Scope.Name] = c.Collect(t.Context(), got)
	}
	if err := got.errs["c.ndjson"]; err == nil || !strings.Contains(err.Error(), "is of azure-native, the account's other files are of gcp") {
		t.Errorf("got %v", err)
	}
	if got.errs["b.ndjson.gz"] != nil || got.errs["a.ndjson"] == nil || len(got.resources) != 1 {
		t.Errorf("errors %v, %d resources", got.errs, len(got.resources))
	}
}

func TestCloudOf(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.ndjson")
	write(t, path, dump(t, header(), nil))
	for _, c := range []struct{ format, path, want string }{
		{snapshot.GCP, "/no", providers.GCP},
		{snapshot.CloudControl, "/no", providers.AWS},
		{snapshot.Config, "/no", providers.AWS},
		{snapshot.Dump, path, providers.GCP},
		{snapshot.Dump, path + ".gone", ""},
		{snapshot.Dump, filepath.Dir(path), providers.GCP},
	} {
		if got := snapshot.CloudOf(t.Context(), snapshot.Settings{Format: c.format, Path: c.path}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.format, c.path, got, c.want)
		}
	}
}

// TestDump_ReplacedWhileItIsRead holds that a scan never reads another listing than it planned.
func TestDump_ReplacedWhileItIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.ndjson")
	write(t, path, dump(t, header(), []snapshot.DumpCoverage{everything}, thing("a/B", "x")))
	collectors, err := snapshot.New().Collectors(t.Context(), account(t, snapshot.Settings{Format: snapshot.Dump, Path: path}), providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, dump(t, header(), []snapshot.DumpCoverage{{Region: "eu", Type: "a/B", Listing: "complete"}}, thing("a/B", "x")))
	got := &result{}
	if err := collectors[0].Collect(t.Context(), got); err == nil || !strings.Contains(err.Error(), "was replaced while the scan was planned") || len(got.resources) > 0 {
		t.Errorf("got %v and %d resources", err, len(got.resources))
	}
}

func TestDump_StaleIsUnread(t *testing.T) {
	t.Parallel()
	line := thing("a/B", "x")
	line.Parts["acl"] = snapshot.DumpPart{Body: json.RawMessage(`[]`), Stale: providers.Throttled}
	missing := thing("a/B", "y")
	missing.Missing, missing.Parts["acl"] = providers.Timeout, line.Parts["acl"]
	nothing := snapshot.DumpResource{Type: "a/B", ID: "z", Region: "eu", Missing: providers.Timeout}
	got := readDump(t, snapshot.Settings{}, dump(t, header(), []snapshot.DumpCoverage{everything}, line, missing, nothing))
	if len(got.resources) != 3 {
		t.Fatalf("%d resources, gaps %v", len(got.resources), got.gaps)
	}
	want := []map[string][]providers.Unread{
		{"properties": nil, "acl": {{Path: "/facets/acl", Class: providers.Throttled}}},
		{"properties": {{Path: "", Class: providers.Timeout}}, "acl": {{Path: "", Class: providers.Timeout}, {Path: "/facets/acl", Class: providers.Throttled}}},
		{"properties": {{Path: "", Class: providers.Timeout}}},
	}
	for i, r := range got.resources {
		unread := map[string][]providers.Unread{}
		for name, part := range r.Parts {
			unread[name] = part.Unread
		}
		if diff := cmp.Diff(want[i], unread); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWriteDump_Refuses(t *testing.T) {
	t.Parallel()
	fault := errors.New("no more")
	failing := func(yield func(snapshot.DumpResource, error) bool) { yield(snapshot.DumpResource{}, fault) }
	for name, c := range map[string]struct {
		header    snapshot.DumpHeader
		coverage  []snapshot.DumpCoverage
		resources iter.Seq2[snapshot.DumpResource, error]
		want      string
	}{
		"header":    {snapshot.DumpHeader{Cloud: "x"}, nil, all[snapshot.DumpResource](), "cloud \"x\" is unknown\nthe time of the scan is missing\nthe status of the scan is missing"},
		"uncovered": {header(), []snapshot.DumpCoverage{{Region: "eu", Type: "a/B", Listing: "complete"}}, all(thing("a/C", "x")), "the coverage of the scan has no row for type a/C"},
		"facet_is_no_coverage": {header(), []snapshot.DumpCoverage{{Region: "eu", Type: "a/B", Facet: "iam", Listing: "complete"}}, all(thing("a/B", "x")),
			"the coverage of the scan has no row for type a/B"},
		"error": {header(), nil, failing, "no more"},
		"body": {header(), nil, all(snapshot.DumpResource{Parts: map[string]snapshot.DumpPart{"properties": {Body: json.RawMessage("{")}}}),
			"write dump:"},
	} {
		var buffer bytes.Buffer
		err := snapshot.WriteDump(&buffer, c.header, all(c.coverage...), c.resources)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(buffer.String(), "trailer") {
			t.Errorf("%s: %v, wrote %s", name, err, buffer.String())
		}
	}
}

func TestDump_PassesTheContract(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.ndjson")
	write(t, path, dump(t, header(), []snapshot.DumpCoverage{{Region: "eu", Type: "a/B", Listing: "complete"}, {Region: "eu", Type: "a/B", Facet: "acl", Listing: "failed", Class: providers.Timeout}}, thing("a/B", "x")))
	for _, settings := range []snapshot.Settings{
		{Format: snapshot.Dump, Path: path},
		{Format: snapshot.Dump, Path: testdata(t, "dump.ndjson")},
		{Format: snapshot.Dump, Path: testdata(t, "dump.ndjson"), Types: []string{"storage.googleapis.com/Bucket"}},
	} {
		providertest.Exercise(t, snapshot.New(), account(t, settings))
	}
}
