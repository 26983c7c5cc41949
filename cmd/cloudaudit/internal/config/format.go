package config

import (
	"errors"
	"fmt"
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a time zone is known or not, whatever the machine has installed
)

func pattern(text string) *regexp.Regexp { return regexp.MustCompile(text) }

func nameFormat() *format {
	return &format{pattern: pattern(`^[a-zA-Z0-9._-]{1,100}$`), want: "a name: use 1 to 100 letters, digits, hyphens, underscores or dots"}
}

func memberFormat() *format {
	return &format{
		pattern: pattern(`^[a-zA-Z0-9._-]{1,100}(/[a-zA-Z0-9._:-]{1,100})*$`),
		want:    "the name of an account, or account/region",
	}
}

func referenceFormat() *format {
	return &format{pattern: reference, want: "a reference: env:NAME, file:/path or cred:name", secret: true}
}

func projectGlobFormat() *format {
	return &format{
		pattern: pattern(`.`), want: "the id of a project, or a pattern such as sys-*",
		check: func(text string) error {
			_, err := path.Match(text, "")
			return plainError(err, "it does not close its bracket")
		},
	}
}

func givenFormat() *format {
	return &format{pattern: pattern(`.`), want: "a value"}
}

func dayFormat() *format {
	return &format{pattern: pattern(`^[1-9][0-9]{0,4}d$`), want: "a number of days such as 90d"}
}

func versionFormat() *format {
	return &format{
		pattern: pattern(`^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)([-+][0-9A-Za-z.+-]+)?$`),
		want:    "a semantic version such as 1.2.3",
	}
}

func durationFormat() *format {
	return &format{
		pattern: pattern(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`), want: "a duration such as 5m",
		check: func(text string) error { _, err := time.ParseDuration(text); return plainError(err, "it is too long") },
	}
}

func momentFormat() *format {
	return &format{
		pattern: pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$`), want: "a day such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z",
		check: func(text string) error {
			_, err := Moment(text)
			return plainError(err, "there is no such day or time")
		},
	}
}

// Moment reads a day, which stands for its end in UTC, or a time as RFC 3339 writes it.
func Moment(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.UTC(), err
}

func zoneFormat() *format {
	return &format{
		pattern: pattern(`^[A-Za-z0-9/_+-]+$`), want: "a time zone such as Europe/Berlin",
		check: func(text string) error { _, err := time.LoadLocation(text); return plainError(err, "no such zone") },
	}
}

func plainError(err error, message string) error {
	if err == nil {
		return nil
	}
	return errors.New(message)
}

func listenFormat() *format {
	return &format{
		pattern: pattern(`:[0-9]{1,5}$`), want: "an address such as 127.0.0.1:8080",
		check: func(text string) error {
			_, port, err := net.SplitHostPort(text)
			if err != nil {
				return errors.New("write an IPv6 address in brackets")
			}
			if n, err := strconv.Atoi(port); err != nil || n > 65535 {
				return errors.New("ports end at 65535")
			}
			return nil
		},
	}
}

func cronFormat() *format {
	return &format{
		pattern: pattern(`^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|@every [0-9a-z.]+|\S+( +\S+){4})$`),
		want:    `a schedule such as "0 */6 * * *", @daily or "@every 6h"`,
		check:   checkCron,
	}
}

// unit is a column of a cron line.
type unit struct {
	name        string
	least, most int
	names       string
}

func checkCron(text string) error {
	if every, ok := strings.CutPrefix(text, "@every "); ok {
		if d, err := time.ParseDuration(every); err != nil || d < time.Minute {
			return errors.New("give a duration of at least one minute")
		}
		return nil
	}
	if strings.HasPrefix(text, "@") {
		return nil
	}
	units := []unit{
		{"minute", 0, 59, ""}, {"hour", 0, 23, ""}, {"day of the month", 1, 31, ""},
		{"month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"}, {"day of the week", 0, 7, "sun mon tue wed thu fri sat"},
	}
	for i, column := range strings.Fields(text) {
		for part := range strings.SplitSeq(column, ",") {
			if !units[i].holds(part) {
				return fmt.Errorf("%q is no %s from %d to %d, nor a range or step of it", part, units[i].name, units[i].least, units[i].most)
			}
		}
	}
	return nil
}

// holds tells whether the part is *, a value or a range, each with or without a step.
func (u unit) holds(part string) bool {
	part, step, stepped := strings.Cut(part, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > u.most) {
		return false
	}
	if part == "*" {
		return true
	}
	from, to, ranged := strings.Cut(part, "-")
	first, ok := u.value(from)
	if !ranged {
		return ok
	}
	last, alsoOK := u.value(to)
	return ok && alsoOK && first <= last
}

func (u unit) value(text string) (int, bool) {
	for i, name := range strings.Fields(u.names) {
		if strings.EqualFold(name, text) {
			return u.least + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= u.least && n <= u.most
}
