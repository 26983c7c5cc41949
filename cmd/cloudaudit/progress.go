package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"cloudaudit/scanner"
)

// progress shows how far scans are: one line that renews itself on a terminal, and plain lines
// elsewhere, which logs of pipelines keep.
type progress struct {
	mu             sync.Mutex
	out            io.Writer
	live           bool
	quiet, verbose bool
	phase          scanner.Phase
}

func newProgress(out io.Writer, quiet, verbose bool) *progress {
	_, onTerminal := terminal(out)
	live := onTerminal && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb"
	return &progress{out: out, quiet: quiet, verbose: verbose, live: live}
}

// begin tells that an account's scan starts.
func (l *progress) begin(account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase = ""
	if !l.live && l.verbose && !l.quiet {
		fmt.Fprintf(l.out, "%s: scanning\n", account)
	}
}

// notify hears of progress from the scanner.
func (l *progress) notify(now scanner.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet {
		return
	}
	if l.live {
		fmt.Fprintf(l.out, "\r\x1b[K%s: %s", now.Account, stage(now))
		return
	}
	if l.verbose && now.Phase != l.phase && l.phase != "" {
		fmt.Fprintf(l.out, "%s: %s: %s\n", now.Account, now.Phase, stage(now))
	}
	l.phase = now.Phase
}

func stage(now scanner.Progress) string {
	if now.Phase == scanner.Discovering {
		return fmt.Sprintf("%d of %d scopes, %d records, %d gaps", now.ScopesDone, now.Scopes, now.Resources, now.Gaps)
	}
	return fmt.Sprintf("%d of %d judged, %d violations opened, %d resolved", now.Judged, now.Total, now.Opened, now.Resolved)
}

// end tells how an account's scan ended. Warnings are told even when progress is not.
func (l *progress) end(account string, result scanner.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live && !l.quiet {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
	if !l.quiet {
		c := result.Counts
		line := fmt.Sprintf("%s: %s, %d resources, %d opened, %d resolved", account, result.Status, c.Resources, c.Opened, c.Resolved)
		if result.Error != "" {
			line += ": " + result.Error
		}
		fmt.Fprintln(l.out, line)
	}
	if !result.Audited && result.Status != scanner.Failed && result.Status != scanner.Cancelled {
		fmt.Fprintf(l.out, "warning: no policy group audits %s; name it in one under policyGroups\n", account)
	}
}
