package snapshot

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"cloudaudit/providers"
)

// pieces reads all pieces of a stream, with an upper bound to find loops.
func pieces(t *testing.T, in io.Reader, format string, limit, most int) []piece {
	t.Helper()
	// A small buffer makes records cross its borders.
	s := newSplitter(bufio.NewReaderSize(in, 16), layoutOf(format), limit)
	if err := s.start(); err != nil {
		return nil
	}
	var all []piece
	for {
		found, err := s.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		found.data = bytes.Clone(found.data)
		if found.around != nil && found.list == "" && found.fault == "" {
			t.Fatal("a record of an answer is in no list")
		}
		if all = append(all, found); len(all) > most {
			t.Fatalf("%d pieces of %d bytes", len(all), most)
		}
		if len(found.data) > limit || found.data != nil && found.fault != "" {
			t.Fatalf("a piece of %d bytes with fault %q", len(found.data), found.fault)
		}
	}
}

// FuzzSplit looks for loops, for records above the limit, and for pieces that depend on how the
// stream is read.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"{\"a\":1}\n{\"b\":2}\n", `[{"a":1},{"b":[2]}]`, `{"data":[{"a":1}],"skip_token":"x"}`, "{\"a\"\n{\"b\":1}", "x\n[1,}:", "\xef\xbb\xbf{}{}",
		`{"ResourceDescriptions":[{"a":1}],"TypeName":"x"}`, `{"Results":["{}","\"",{}],"QueryInfo":{}}`, `{"configurationItems":[{}],"unprocessedResourceKeys":[{}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{GCP, CloudControl, Config, Dump} {
			most := 2*len(data) + 4
			whole := pieces(t, bytes.NewReader(data), format, 64, most)
			single := pieces(t, iotest.OneByteReader(bytes.NewReader(data)), format, 64, most)
			if len(whole) != len(single) {
				t.Fatalf("%d pieces, or %d when read byte by byte", len(whole), len(single))
			}
			for i := range whole {
				if !bytes.Equal(whole[i].data, single[i].data) || whole[i].line != single[i].line || whole[i].fault != single[i].fault || whole[i].list != single[i].list {
					t.Errorf("piece %d is %q or %q when read byte by byte", i, whole[i].data, single[i].data)
				}
			}
		}
	})
}

// FuzzRecord maps any JSON with the formats of Google Cloud and Azure.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"name":"//a/b","assetType":"a/B","resource":{"data":{"id":"1"}},"iam_policy":{"audit_configs":[]}}`))
	f.Add([]byte(`{"id":"/subscriptions/s","type":"a/b","tags":{"a":1},"properties":{}}`))
	f.Add([]byte(`{"id":"/","type":"a/b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{GCP, Azure} {
			r := reader{file: file{name: "in.json"}, settings: Settings{Format: format}, emit: discard{t}}
			if err := r.take(piece{data: data, line: 1}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzControl maps any JSON as a description of Cloud Control, by itself and in an answer.
func FuzzControl(f *testing.F) {
	f.Add([]byte(`{"TypeName":"AWS::S3::Bucket","Identifier":"x","Properties":"{\"Tags\":[{\"Key\":\"a\"}]}"}`))
	f.Add([]byte(`{"TypeName":"AWS::SNS::Topic","ResourceDescription":{"Identifier":"x","Properties":{"Arn":"arn:aws:s3:::x"}}}`))
	f.Add([]byte(`{"Identifier":"x","Properties":null,"Region":"eu-west-1","AccountId":"1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, around := range []*answer{nil, {members: map[string]any{"TypeName": "AWS::EC2::SecurityGroup"}}} {
			found := piece{data: data, line: 1, around: around}
			if around != nil {
				found.list = descriptions
			}
			emitOne(t, CloudControl, found)
		}
	})
}

// FuzzConfig maps any JSON as an item of AWS Config: by itself, as a row of a query, and in the search
// for deletions.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(item("AWS::EC2::SecurityGroup", "OK", `{"ipPermissions":[{"ipProtocol":"tcp","ipv4Ranges":[{"cidrIp":"x"}],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[]}]}`)))
	f.Add([]byte(item("AWS::S3::Bucket", "OK", `"{\"name\":\"x\"}"`)))
	f.Add([]byte(item("AWS::ECS::TaskDefinition", "ResourceDiscovered", `{"ContainerDefinitions":[{"PortMappings":[{}],"Environment":null}],"Volumes":[[]]}`)))
	f.Add([]byte(item("AWS::IAM::Policy", "ResourceDeleted", `{"policyVersionList":[{"isDefaultVersion":true,"document":"%7B%7D"}]}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		query := &answer{members: map[string]any{"QueryInfo": map[string]any{"SelectFields": []any{map[string]any{"Name": "configuration"}}}}}
		emitOne(t, Config, piece{data: data, line: 1})
		emitOne(t, Config, piece{data: data, line: 1, around: query, list: queryResults})
		search := &deletions{times: map[configKey]time.Time{}}
		if err := search.take(piece{data: data, line: 1}); err != nil {
			t.Fatal(err)
		}
	})
}

func item(resourceType, status, configuration string) string {
	return `{"awsAccountId":"1","resourceType":"` + resourceType + `","resourceId":"x","configurationItemCaptureTime":"2026-01-01T00:00:00Z","configurationItemStatus":"` + status + `",` +
		`"tags":{},"configuration":` + configuration + `,"supplementaryConfiguration":{"BucketVersioningConfiguration":"{\"status\":\"Off\"}"}}`
}

// emitOne maps one record and checks what comes of it.
func emitOne(t *testing.T, format string, found piece) {
	t.Helper()
	r := reader{file: file{name: "in.json"}, settings: Settings{Format: format}, emit: discard{t}}
	if err := r.record(found); err != nil {
		t.Fatal(err)
	}
}

// FuzzDump reads any text behind the header of a dump.
func FuzzDump(f *testing.F) {
	f.Add([]byte(`{"record":"coverage","region":"*","type":"*","listing":"complete"}`+"\n"), []byte(
		`{"record":"resource","type":"a/B","id":"x","region":"eu","parts":{"properties":{"body":{"a":"[redacted]"},"unread":[{"path":"/properties/a","class":"redacted"}],"stale":"timeout"}}}`))
	f.Add([]byte(`{"record":"coverage","region":"eu","type":"a/B","facet":"x","listing":"failed","gaps":3}`+"\n"), []byte(`{"record":"trailer"}`))
	f.Fuzz(func(t *testing.T, coverage, lines []byte) {
		d := dumpReader{reader: reader{file: file{name: "in.json"}, emit: discard{t}}}
		head := `{"record":"header","format":"cloudaudit","version":1,"cloud":"azure-native","status":"succeeded"}`
		if err := d.head(piece{data: []byte(head), line: 1}); err != nil {
			t.Fatal(err)
		}
		if err := d.head(piece{data: coverage, line: 1}); err != nil && !errors.Is(err, errBegun) {
			t.Fatal(err)
		}
		d.planned = d.narrowed()
		if err := d.begin(); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(lines) {
			if err := d.line(piece{data: line, line: 1}); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.finish(); err != nil && d.failure == nil {
			t.Fatal(err)
		}
	})
}

// discard checks what every emitted resource and gap has.
type discard struct{ t *testing.T }

func (d discard) Resource(r *providers.Resource) error {
	if r.Type == "" || r.ID == "" || r.Identity == "" || r.Region == "" {
		d.t.Errorf("resource %+v lacks something", r)
	}
	for name, part := range r.Parts {
		if _, err := providers.FormatValue(part.Value); err != nil || part.Hash == (providers.Hash{}) {
			d.t.Errorf("part %s has no hash or no JSON: %v", name, err)
		}
	}
	return nil
}

func (d discard) Gap(g providers.Gap) error {
	if g.Class == "" || g.Reason == "" || g.Place == "" || g.Region == "" {
		d.t.Errorf("gap %+v", g)
	}
	return nil
}
