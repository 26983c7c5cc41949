package rego_test

import (
	"testing"
)

// TestLibrary_Ages holds what Rego has beside the functions of every language: a call and its value a
// row. A call that is undefined has no value.
func TestLibrary_Ages(t *testing.T) {
	t.Parallel()
	const undefined = "undefined"
	for call, want := range map[string]string{
		`age.seconds("2025-12-31T23:59:00Z")`: `60`,
		`age.seconds("2026-01-01T00:00:01Z")`: `-1`,
		`age.seconds("yesterday")`:            undefined,
		`age.seconds(7)`:                      undefined,
		`age.older_than("2025-12-01", 31)`:    undefined,
		`age.older_than("2025-12-01", 30)`:    `true`,
		`age.within("2026-01-31", 30)`:        `true`,
		`age.within("2026-02-01", 30)`:        undefined,
		`age.within("2020-02-01", 30)`:        `true`,
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			rules := "package p\n\nimport data.cloudaudit.age\n\ngot := " + call + `

deny contains sprintf("%v", [got])

defined if got == got

deny contains "undefined" if not defined
`
			outcome := evaluate(t, open(t, rules, nil), resource(t, `{}`))
			if len(outcome.Reports) != 1 || outcome.Reports[0].Message != want {
				t.Errorf("got %+v, want %s", outcome, want)
			}
		})
	}
}
