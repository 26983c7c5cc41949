// Command cloudaudit audits cloud accounts: it reads their resources, judges them by policy packs
// and keeps what it found in one SQLite file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		received := <-signals
		signal.Stop(signals) // a second one ends the program at once
		cancel(signalled{received})
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// signalled is why the program's context ended.
type signalled struct{ os.Signal }

func (s signalled) Error() string { return s.String() }

// run is the whole program: it runs the command that args name and gives the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetIn(stdin)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" {
		fmt.Fprintln(stderr, "cloudaudit:", err)
	}
	var exit *exitError
	var received signalled
	switch {
	case err == nil:
		return exitDone
	case errors.As(context.Cause(ctx), &received):
		return exitSignal(received.Signal)
	case errors.As(err, &exit):
		return exit.code
	}
	return exitFailed
}
