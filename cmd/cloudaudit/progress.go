package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

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
	listing        []string // as it was told last
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
	l.phase, l.listing = "", nil
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
		fmt.Fprint(l.out, "\r\x1b[K"+l.fit(fmt.Sprintf("%s: %s%s", now.Account, stage(now), listing(now.Listing))))
		return
	}
	if l.verbose {
		l.tell(now)
	}
	l.phase, l.listing = now.Phase, now.Listing
}

// tell prints which scopes have ended, and each new phase.
func (l *progress) tell(now scanner.Progress) {
	for _, scope := range l.listing {
		if !slices.Contains(now.Listing, scope) {
			fmt.Fprintf(l.out, "%s: listed %s (%d of %d scopes)\n", now.Account, scope, now.ScopesDone, now.Scopes)
		}
	}
	if now.Phase != l.phase && l.phase != "" {
		fmt.Fprintf(l.out, "%s: %s: %s\n", now.Account, now.Phase, stage(now))
	}
}

// listing tells what is being listed: the services of each region, or the files.
func listing(scopes []string) string {
	services := map[string][]string{}
	for _, scope := range scopes {
		region, service, _ := strings.Cut(scope, "/")
		services[region] = append(services[region], service)
	}
	var told strings.Builder
	for _, region := range slices.Sorted(maps.Keys(services)) {
		told.WriteString("; " + strings.TrimSpace(region+" "+strings.Join(services[region], ", ")))
	}
	return told.String()
}

// fit cuts a line to the terminal's width, since only whole lines can be renewed.
func (l *progress) fit(line string) string {
	file, onTerminal := terminal(l.out)
	if !onTerminal {
		return line
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && len(line) >= width {
		return text.Trim(line, width-1)
	}
	return line
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
