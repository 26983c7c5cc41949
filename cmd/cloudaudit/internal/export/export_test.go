package export_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/cmd/cloudaudit/internal/export"
)

type base struct {
	ID     string `json:"id"`
	hidden int
}

type row struct {
	base
	Message string            `json:"message"`
	Groups  []string          `json:"groups"`
	Tags    map[string]string `json:"tags"`
	Count   *int              `json:"count"`
	Secret  string            `json:"-"`
}

func rows(list ...row) export.Rows {
	return func(yield func(any, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func two() export.Rows {
	n := 3
	return rows(
		row{base: base{"a", 1}, Message: "<b> & \"c\"\nd", Groups: []string{"x", "y"}, Tags: map[string]string{"k": "v", "a": "b"}, Count: &n, Secret: "s"},
		row{base: base{"b", 2}, Message: "=1+1", Groups: []string{}},
	)
}

func TestWrite_Forms(t *testing.T) {
	t.Parallel()
	columns := export.Columns(reflect.TypeFor[row]())
	for name, test := range map[string]struct {
		format, want string
		rows         export.Rows
	}{
		"json": {"json", "[\n" +
			`{"id":"a","message":"<b> & \"c\"\nd","groups":["x","y"],"tags":{"a":"b","k":"v"},"count":3}` + ",\n" +
			`{"id":"b","message":"=1+1","groups":[],"tags":null,"count":null}` + "\n]\n", two()},
		"json_of_nothing": {"json", "[]\n", rows()},
		"ndjson": {"ndjson", `{"id":"a","message":"<b> & \"c\"\nd","groups":["x","y"],"tags":{"a":"b","k":"v"},"count":3}` + "\n" +
			`{"id":"b","message":"=1+1","groups":[],"tags":null,"count":null}` + "\n", two()},
		"ndjson_of_nothing": {"ndjson", "", rows()},
		"csv":               {"csv", "id,message,groups,tags,count\na,\"<b> & \"\"c\"\"\nd\",x y,a=b k=v,3\nb,'=1+1,,,\n", two()},
		"csv_of_nothing":    {"csv", "id,message,groups,tags,count\n", rows()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := export.Write(&out, test.format, columns, test.rows); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrite_StopsAtErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	rows := func(yield func(any, error) bool) { _ = yield(row{}, nil) && yield(nil, broken) }
	for _, format := range export.Formats() {
		if err := export.Write(&strings.Builder{}, format, nil, rows); !errors.Is(err, broken) {
			t.Errorf("%s: got %v", format, err)
		}
		if err := export.Write(full{}, format, []string{"id"}, two()); !errors.Is(err, errFull) {
			t.Errorf("%s: a full disk gives %v", format, err)
		}
	}
	if err := export.Write(&strings.Builder{}, "xml", nil, rows); err == nil || !strings.Contains(err.Error(), "use json, ndjson, csv") {
		t.Errorf("xml: got %v", err)
	}
}

var errFull = errors.New("disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzCSV holds that no text is taken for a formula and that every text can be read back.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"=1+1", "+x", "-1", "@a", "\tx", "\rx", "plain", "a,\"b\"\nc", "'quoted"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		var out strings.Builder
		if err := export.Write(&out, "csv", []string{"message"}, rows(row{Message: message})); err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 2 && records[1][0] != "" && strings.ContainsAny(records[1][0][:1], "=+-@") {
			t.Errorf("%q becomes the formula %q", message, records[1][0])
		}
		out.Reset()
		if err := export.Write(&out, "json", nil, rows(row{Message: message})); err != nil || !json.Valid([]byte(out.String())) {
			t.Errorf("%q gives no JSON: %v", message, err)
		}
	})
}
