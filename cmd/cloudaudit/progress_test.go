package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/scanner"
)

// TestProgress_NamesRegionsAndServices holds what a terminal shows of scopes that are being listed, and
// what the log of a pipeline does.
func TestProgress_NamesRegionsAndServices(t *testing.T) {
	t.Parallel()
	steps := []scanner.Progress{
		{Account: "prod", Phase: scanner.Discovering, Scopes: 3, Listing: []string{"eu-west-1/ec2", "global/iam", "eu-west-1/s3"}},
		{Account: "prod", Phase: scanner.Discovering, Scopes: 3, ScopesDone: 1, Resources: 7, Listing: []string{"global/iam", "eu-west-1/s3"}},
		{Account: "prod", Phase: scanner.Judging, Scopes: 3, ScopesDone: 3, Judged: 1, Total: 7},
	}
	for name, tt := range map[string]struct {
		progress *progress
		want     string
	}{
		"terminal": {&progress{live: true}, "\r\x1b[Kprod: 0 of 3 scopes, 0 records, 0 gaps; eu-west-1 ec2, s3; global iam" +
			"\r\x1b[Kprod: 1 of 3 scopes, 7 records, 0 gaps; eu-west-1 s3; global iam" +
			"\r\x1b[Kprod: 1 of 7 judged, 0 violations opened, 0 resolved"},
		"verbose": {&progress{verbose: true}, "prod: scanning\nprod: listed eu-west-1/ec2 (1 of 3 scopes)\n" +
			"prod: listed global/iam (3 of 3 scopes)\nprod: listed eu-west-1/s3 (3 of 3 scopes)\n" +
			"prod: evaluate: 1 of 7 judged, 0 violations opened, 0 resolved\n"},
		"plain": {&progress{}, ""},
		"quiet": {&progress{live: true, verbose: true, quiet: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			l := tt.progress
			l.out = &out
			l.begin("prod")
			for _, now := range steps {
				l.notify(now)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}
