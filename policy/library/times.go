package library

import (
	"errors"
	"strings"
	"time"
)

// layouts are the ways in which clouds write times, after a space between day and time became a T.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", time.DateOnly}

var errNoTime = errors.New("not a time such as 2026-01-31T00:00:00Z")

// Times outside of these years are mistakes, and their distance is more than a duration holds.
const (
	firstYear = 1700
	lastYear  = 2250
)

// ParseTime reads a time in RFC 3339, also with a space for its T or with an offset without a colon,
// and in UTC where it names no zone; or a day, which begins in UTC.
func ParseTime(source string) (time.Time, error) {
	source = strings.TrimSpace(source)
	if len(source) > len(time.DateOnly) && source[len(time.DateOnly)] == ' ' {
		source = source[:len(time.DateOnly)] + "T" + source[len(time.DateOnly)+1:]
	}
	for _, layout := range layouts {
		found, err := time.Parse(layout, source)
		if err != nil {
			continue
		}
		if year := found.Year(); year < firstYear || year > lastYear {
			break
		}
		return found, nil
	}
	return time.Time{}, errNoTime
}

const day = 24 * time.Hour

// AgeDays is how many whole days lie between a time and now, rounded down: -1 for a time that comes
// within a day.
func AgeDays(now, since time.Time) int64 {
	age := now.Sub(since)
	days := age / day
	if age%day < 0 {
		days--
	}
	return int64(days)
}
