package policy

import "context"

// Tracer is an Engine that can tell how it came to an outcome.
type Tracer interface {
	// Trace judges one resource by one policy, as a session with these options would, and gives the
	// outcome with the steps that led to it.
	Trace(ctx context.Context, pack *Pack, options SessionOptions, name string, input Input) (Trace, error)
}

// Trace is an outcome and how it came about.
type Trace struct {
	Outcome Outcome `json:"outcome"`
	// Steps stand in the order of the policy's text, parts before what they are part of.
	Steps []Step `json:"steps"`
}

// Step is an expression, or a part of one, with what it gave.
type Step struct {
	// Place is "file:line:column" in the pack.
	Place string `json:"place"`
	// Of says what the expression is to the policy: "match", "variable NAME", "validation 1", "message".
	Of string `json:"of"`
	// Depth is 0 for a whole expression, and more the deeper its part lies.
	Depth      int    `json:"depth"`
	Expression string `json:"expression"`
	// Value is what it gave, as JSON, shortened; or "unknown: " and the unread path with its class, or
	// "error: " and what was wrong. It is empty for what was never asked for.
	Value string `json:"value"`
}

// maxShown is how much of a value is shown, in letters.
const maxShown = 200

// Shorten cuts a value off that is too long to be shown.
func Shorten(value string) string {
	if letters := []rune(value); len(letters) > maxShown {
		return string(letters[:maxShown]) + "…"
	}
	return value
}
