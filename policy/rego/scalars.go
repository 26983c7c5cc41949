package rego

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// nanoseconds reads a time as clouds write it (RFC 3339, with a space for the T, or a day alone in
// UTC) and gives it since 1970, as the evaluator's clock does.
func nanoseconds(texts []string) (any, error) {
	t, err := parseTime(texts[0])
	return json.Number(strconv.FormatInt(t.UnixNano(), 10)), err
}

func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			if t.Year() < 1700 || t.Year() > 2250 {
				break // beyond what nanoseconds count
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("not a time")
}

// wholeDays gives the days from a time to the clock's, rounded down.
func wholeDays(arguments []any) (any, error) {
	clock, ok := arguments[0].(json.Number)
	text, isText := arguments[1].(string)
	if !ok || !isText {
		return nil, fmt.Errorf("not a time")
	}
	now, err := clock.Int64()
	if err != nil {
		return nil, err
	}
	then, err := parseTime(text)
	if err != nil {
		return nil, err
	}
	const day = int64(24 * time.Hour)
	since := now - then.UnixNano()
	days := since / day
	if since%day < 0 {
		days--
	}
	return int(days), nil
}

// compareVersions gives -1, 0 or 1 as the first version is older, the same or newer. Versions are
// numbers between dots, hyphens or underscores, after any letters (v1.27.3, TLS1_2, 1.27.3-gke.100);
// a missing number is 0, and letters between numbers make a version older than without them
// (1.2-beta before 1.2).
func compareVersions(texts []string) (any, error) {
	a, err := versionParts(texts[0])
	if err != nil {
		return nil, err
	}
	b, err := versionParts(texts[1])
	if err != nil {
		return nil, err
	}
	for i := range max(len(a), len(b)) {
		if c := comparePart(partAt(a, i), partAt(b, i)); c != 0 {
			return c, nil
		}
	}
	return 0, nil
}

// versionPart is a number, or letters before one.
type versionPart struct {
	number uint64
	text   string
}

func partAt(parts []versionPart, i int) versionPart {
	if i < len(parts) {
		return parts[i]
	}
	return versionPart{}
}

// comparePart puts letters before the end of a version, and that with zeros before numbers.
func comparePart(a, b versionPart) int {
	if (a.text == "") != (b.text == "") {
		if a.text != "" {
			return -1
		}
		return 1
	}
	return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.number, b.number))
}

func versionParts(text string) ([]versionPart, error) {
	text = strings.TrimLeft(strings.ToLower(strings.TrimSpace(text)), "abcdefghijklmnopqrstuvwxyz ._-")
	text, _, _ = strings.Cut(text, "+") // what was built does not count
	var parts []versionPart
	for field := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == ' ' }) {
		split := strings.IndexFunc(field, func(r rune) bool { return r < '0' || r > '9' })
		if split < 0 {
			split = len(field)
		}
		if split > 0 {
			number, err := strconv.ParseUint(field[:split], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("not a version")
			}
			parts = append(parts, versionPart{number: number})
		}
		if split < len(field) {
			parts = append(parts, versionPart{text: field[split:]})
		}
	}
	if len(parts) == 0 || parts[0].text != "" {
		return nil, fmt.Errorf("not a version")
	}
	return parts, nil
}
