package main

import (
	"os"
	"syscall"
)

// Exit codes, as `cloudaudit scan --help` tells them.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitViolations = 3
	exitPartial    = 4
)

// exitSignal is the code after a signal: 130 for an interrupt, 143 for SIGTERM.
func exitSignal(received os.Signal) int {
	if number, ok := received.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return exitFailed
}

// exitError ends the program with a code. Its error, if any, is printed first.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks a mistake in how the program was called or configured.
func usage(err error) error { return &exitError{exitUsage, err} }
