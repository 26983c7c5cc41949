package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudaudit/cmd/cloudaudit/internal/config"
)

// atFlag is the flag of a moment in the past.
type atFlag struct{ text string }

func (f *atFlag) add(command *cobra.Command) {
	f.named(command, "at", "as it was at this time: "+momentHelp)
}

func (f *atFlag) named(command *cobra.Command, name, help string) {
	command.Flags().StringVar(&f.text, name, "", help)
}

const momentHelp = "2026-01-31T12:00:00Z, 2026-01-31 for the end of that day (UTC), or 36h or 7d ago"

// time reads the flag; no time if it was not given. The end of a day that is not over is now.
func (f *atFlag) time(name string) (time.Time, error) {
	if f.text == "" {
		return time.Time{}, nil
	}
	now := time.Now()
	if ago, ok := duration(f.text); ok {
		return now.Add(-ago), nil
	}
	at, err := config.Moment(f.text)
	if err != nil {
		return time.Time{}, usage(fmt.Errorf("--%s %s: use %s", name, f.text, momentHelp))
	}
	if at.After(now) && at.Sub(now) <= 24*time.Hour && len(f.text) == len(time.DateOnly) {
		return now, nil
	}
	return at, nil
}

// duration reads 36h, or 7d for days.
func duration(text string) (time.Duration, bool) {
	if count, isDays := strings.CutSuffix(text, "d"); isDays {
		days, err := strconv.ParseUint(count, 10, 16)
		return time.Duration(days) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}
