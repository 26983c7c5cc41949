package main

import (
	"bufio"
	"context"
	"iter"

	"github.com/spf13/cobra"

	"cloudaudit/providers/snapshot"
	"cloudaudit/store"
)

func (p *program) resourcesExport() *cobra.Command {
	return p.asking(about{
		use: "export ACCOUNT", short: "Write an account's inventory in the format that snapshots read",
		long: "export writes the resources of an account as its last scan left them, with what was unread and how\n" +
			"completely it was read: a partial inventory stays partial where it is read again, by an account with\n" +
			"provider snapshot and format cloudaudit. Secrets were redacted before they were stored.",
		example: "  cloudaudit resources export shop-gcp | gzip > shop-gcp.ndjson.gz",
	}, cobra.ExactArgs(1), func(ctx context.Context, s *store.Store, args []string) error {
		return s.Dump(ctx, everything, args[0], func(dump store.Dump) error {
			out := bufio.NewWriter(p.stdout)
			header := snapshot.DumpHeader{
				Account: dump.Account, Cloud: dump.Cloud, CloudID: dump.CloudID, TakenAt: dump.StartedAt, Status: string(dump.Status),
			}
			if err := snapshot.WriteDump(out, header, dumpCoverage(dump), dumpLines(dump)); err != nil {
				return err
			}
			return out.Flush()
		})
	})
}

func dumpCoverage(dump store.Dump) iter.Seq2[snapshot.DumpCoverage, error] {
	return func(yield func(snapshot.DumpCoverage, error) bool) {
		for _, c := range dump.Coverage {
			line := snapshot.DumpCoverage{
				Region: c.Region, Type: c.Type, Facet: c.Facet, Listing: string(c.Listing),
				Class: c.Class, Permission: c.Permission, Place: c.Place, Reason: c.Reason, Gaps: c.Gaps,
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

func dumpLines(dump store.Dump) iter.Seq2[snapshot.DumpResource, error] {
	return func(yield func(snapshot.DumpResource, error) bool) {
		for r, err := range dump.Resources {
			if !yield(dumpLine(r), err) || err != nil {
				return
			}
		}
	}
}

func dumpLine(r store.DumpedResource) snapshot.DumpResource {
	line := snapshot.DumpResource{
		Type: r.Type, ID: r.ID, Name: r.Name, Region: r.Region, UID: r.UID, Ancestors: r.Ancestors, Tags: r.Tags,
		Updated: r.Rank.Updated, Missing: r.Missing, Parts: map[string]snapshot.DumpPart{},
	}
	if r.Identity != r.ID {
		line.Identity = r.Identity
	}
	for _, part := range r.Stored {
		line.Parts[part.Name] = snapshot.DumpPart{Body: part.Body, Unread: part.Unread, Stale: part.Stale}
	}
	return line
}
