package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"cloudaudit/providers"
	"cloudaudit/providers/snapshot"
)

// asset is a record whose name tells which one it is.
func asset(name string) string {
	return fmt.Sprintf(`{"name":"//pubsub.googleapis.com/projects/p/topics/%s","assetType":"pubsub.googleapis.com/Topic","resource":{"data":{"n":1}}}`, name)
}

// pretty is the same over several lines.
func pretty(name string) string {
	return strings.NewReplacer(`{`, "{\n  ", `,`, ",\n  ", `}`, "\n}").Replace(asset(name))
}

func zipped(t testing.TB, content string) string {
	t.Helper()
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

func zstandard(t testing.TB, content string, options ...zstd.EOption) string {
	t.Helper()
	var buffer bytes.Buffer
	w, err := zstd.NewWriter(&buffer, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

func utf16LE(text string) string {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

func TestStream_Layouts(t *testing.T) {
	t.Parallel()
	a, b, c := asset("a"), asset("b"), asset("c")
	long := strings.Repeat(" ", 300<<10)
	for _, test := range []struct {
		name, content string
		want          string   // names of the resources
		gaps          []string // line and beginning of the reason
		err           string
	}{
		{"ndjson", a + "\n" + b + "\n" + c + "\n", "a b c", nil, ""},
		{"ndjson_without_last_newline", a + "\n" + b, "a b", nil, ""},
		{"windows_lines", a + "\r\n" + b + "\r\n", "a b", nil, ""},
		{"blank_lines", "\n\n" + a + "\n\n" + b + "\n", "a b", nil, ""},
		{"byte_order_mark", "\ufeff" + a + "\n" + b, "a b", nil, ""},
		{"array", "[" + a + "," + b + "]", "a b", nil, ""},
		{"array_of_lines", "[\n" + a + ",\n" + b + "\n]\n", "a b", nil, ""},
		{"pretty_array", "[\n" + pretty("a") + ",\n" + pretty("b") + "\n]", "a b", nil, ""},
		{"arrays_in_a_row", "[" + a + "]\n[" + b + "][" + c + "]", "a b c", nil, ""},
		{"empty_array", "[]\n", "", nil, ""},
		{"one_object", a, "a", nil, ""},
		{"objects_in_a_row", a + b + " " + c, "a b c", nil, ""},
		{"pretty_objects", pretty("a") + "\n" + pretty("b"), "a b", nil, ""},
		{"answer", `{"count":2,"data":[` + a + "," + b + `],"skip_token":null,"total_records":2}`, "a b", nil, ""},
		{"answer_of_assets", `{"readTime":"x","assets":[` + a + `]}`, "a", nil, ""},
		{"answer_of_values", `{"value":[` + a + `],"nextLink":""}`, "a", nil, ""},
		{"pretty_answer", "{\n  \"data\": [\n" + pretty("a") + ",\n" + pretty("b") + "\n  ],\n  \"x\": {\"y\": [1]}\n}\n", "a b", nil, ""},
		{"answers_as_pages", `{"value":[` + a + `],"nextLink":"https://x"}` + "\n" + `{"value":[` + b + `]}`, "a b", nil, ""},
		{"answer_with_both_lists", `{"data":[` + a + `],"value":[` + b + `]}`, "a b", nil, ""},
		{"empty_answer", `{"data":[]}`, "", nil, ""},
		{"space_longer_than_the_buffer", a + "\n" + long + b + "\n", "a b", nil, ""},
		{"missing_page", `{"value":[` + a + `],"nextLink":"https://x"}`, "a", []string{"1 the answer names a next page"}, ""},
		{"missing_page_named_first", `{"nextPageToken":"x","assets":[` + a + `]}`, "a", []string{"1 the answer names a next page"}, ""},

		{"bad_line", a + "\n{\"name\": pl4nted}\n" + b + "\n", "a b", []string{"2 the record is not valid JSON at byte 10"}, ""},
		{"cut_off_line", a + "\n" + b[:40] + "\n" + c + "\n", "a c", []string{"2 the record is not valid JSON"}, ""},
		{"cut_off_first_line", a[:40] + "\n" + b + "\n" + c + "\n", "b c", []string{"1 the record is not closed"}, ""},
		{"two_on_a_line", a + "\n" + b + c + "\n", "a", []string{"2 the record holds more than one JSON value"}, ""},
		{"other_lines", a + "\nWARNING: pl4nted\nmore\n" + b + "\n5\n", "a b", []string{"2 the line begins neither", "5 the line begins neither"}, ""},
		{"not_an_inventory", "<html>\n<p>{</p>\n</html>\n", "", []string{"1 the line begins neither"}, ""},
		{"bad_element", "[" + a + `,{"name":},` + b + "]", "a b", []string{"1 the record is not valid JSON"}, ""},
		{"odd_elements", "[" + a + ",5,\"x\",[" + b + "],null," + c + "]", "a c", []string{
			"1 the list holds a value", "1 the list holds a value", "1 the list holds a value", "1 the list holds a value"}, ""},
		{"stray_brace", "[" + a + "}," + b + "]", "a b", []string{"1 the list holds a stray character"}, ""},
		{"cut_off_array", "[" + a + ",\n" + b, "a b", []string{"2 the file ends inside of a list"}, ""},
		{"cut_off_element", "[" + a + ",\n" + b[:40], "a", []string{"2 the file ends inside of a record"}, ""},
		{"cut_off_answer", `{"data":[` + a + `],"skip_tok`, "a", []string{"1 the file ends inside of an answer"}, ""},
		{"cut_off_answer_value", `{"data":[` + a + `],"skip_token":`, "a", []string{"1 the file ends inside of an answer"}, ""},
		{"cut_off_after_answer", `{"data":[` + a + `]`, "a", []string{"1 the file ends inside of a list"}, ""},
		{"cut_off_object", pretty("a") + "\n" + pretty("b")[:50], "a", []string{"10 the file ends inside of a record"}, ""},
		{"malformed_answer", `{"data":[` + a + `] pl4nted` + "\n" + b + "\n", "a b", []string{"1 the answer around the records is malformed"}, ""},
		{"answer_without_colon", `{"data":[` + a + `],"x" 1}` + "\n" + b + "\n", "a b", []string{"1 the answer around the records is malformed"}, ""},
		{"too_large", a + "\n" + strings.Replace(b, `"n":1`, `"n":"`+strings.Repeat("x", 2000)+`"`, 1) + "\n" + c + "\n", "a c", []string{"2 the record is larger"}, ""},
		{"too_large_in_array", "[" + strings.Replace(a, `"n":1`, `"n":"`+strings.Repeat("x", 2000)+`"`, 1) + "," + b + "]", "b", []string{"1 the record is larger"}, ""},
		{"too_deep", a + "\n" + strings.Replace(b, `"n":1`, `"n":`+strings.Repeat("[", 300)+strings.Repeat("]", 300), 1) + "\n" + c, "a c", []string{"2 the record nests too deeply"}, ""},
		{"no_type", `{"name":"//a.googleapis.com/b"}`, "", []string{"1 the record has no asset type"}, ""},
		{"no_name", `{"assetType":"a/B","name":"pl4nted"}`, "", []string{"1 a/B the record has no full resource name"}, ""},
		{"odd_data", `{"assetType":"a/B","name":"//a/b","resource":{"data":[]}}`, "", []string{"1 a/B the resource's data is not an object"}, ""},
		{"odd_policy", `{"assetType":"a/B","name":"//a/b","iamPolicy":"pl4nted"}`, "", []string{"1 a/B a policy of the record has the wrong type"}, ""},

		{"gzip", zipped(t, a+"\n"+b+"\n"), "a b", nil, ""},
		{"gzip_members", zipped(t, a+"\n") + zipped(t, b+"\n"), "a b", nil, ""},
		{"gzip_cut_off", zipped(t, a+"\n"+b+"\n")[:60], "", nil, "is cut off: export it again"},
		{"gzip_garbage_after", zipped(t, a+"\n"+b+"\n") + "garbage", "a b", nil, "export it again"},
		{"zstandard", zstandard(t, a+"\n"+b+"\n"), "a b", nil, ""},
		{"zstandard_frames", zstandard(t, a+"\n") + zstandard(t, b+"\n"), "a b", nil, ""},
		{"zstandard_cut_off", zstandard(t, a+"\n"+b+"\n")[:60], "", nil, "is cut off: export it again"},
		{"zstandard_window", zstandard(t, strings.Repeat(a+"\n", 400_000), zstd.WithWindowSize(64<<20)), "", nil, "compress it with a lower level"},
		{"empty", "", "", nil, "is empty, which says nothing"},
		{"only_space", " \n\n", "", nil, "is empty, which says nothing"},
		{"utf16", utf16LE(a), "", nil, "is in UTF-16: write it in UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "in.json")
			write(t, path, test.content)
			got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: path, MaxRecordBytes: 1000}, providers.Want{})
			var found []string
			for _, r := range got.resources {
				found = append(found, r.Name)
			}
			if diff := cmp.Diff(test.want, strings.Join(found, " ")); diff != "" {
				t.Error(diff)
			}
			if len(got.gaps) != len(test.gaps) {
				t.Errorf("gaps %v, want %v", got.gaps, test.gaps)
			}
			for i, gap := range got.gaps {
				shown := strings.TrimPrefix(gap.Place, "in.json:") + " " + gap.Type + " " + gap.Reason
				if shown = strings.ReplaceAll(shown, "  ", " "); i < len(test.gaps) && !strings.HasPrefix(shown, test.gaps[i]) || strings.Contains(shown, "pl4nted") {
					t.Errorf("gap %q, want %q", shown, test.gaps[i])
				}
			}
			err := got.errs["in.json"]
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

func TestStream_ManyFaultsAreSummedUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.json")
	write(t, path, strings.Repeat("{\"x\":1}\n", 1500)+asset("a")+"\n")
	got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: path}, providers.Want{})
	if len(got.gaps) != 1001 || len(got.resources) != 1 {
		t.Fatalf("%d gaps, %d resources", len(got.gaps), len(got.resources))
	}
	if last := got.gaps[1000]; last.Place != "in.json" || last.Reason != "500 more records could not be read: is snapshot.format right?" {
		t.Errorf("last gap %+v", last)
	}
}

func TestStream_LinesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.json")
	write(t, path, "[\n\n"+pretty("a")+",\n"+pretty("b")+"\n]\n"+asset("c")+"\n")
	got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: path}, providers.Want{})
	var lines []int
	for _, r := range got.resources {
		lines = append(lines, r.Rank.Line)
	}
	height := strings.Count(pretty("a"), "\n") + 1
	if diff := cmp.Diff([]int{3, 3 + height, 4 + 2*height}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestNumbers_KeepTheirDigits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.json")
	write(t, path, strings.Replace(asset("a"), `"n":1`, `"p":123456789012,"n":1234567890123456789,"e":1e400,"d":0.10`, 1))
	got := run(t, snapshot.Settings{Format: snapshot.GCP, Path: path}, providers.Want{})
	body, err := providers.FormatValue(got.resources[0].Parts[providers.Properties].Value)
	if want := `{"d":0.10,"e":1e400,"n":1234567890123456789,"p":123456789012}`; err != nil || string(body) != want {
		t.Errorf("%s, %v, want %s", body, err, want)
	}
}
