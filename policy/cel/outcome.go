package cel

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// maxMessages bounds how many distinct messages one report lists.
const maxMessages = 50

// judge evaluates one policy.
func (e *evaluation) judge(p *enabled) policy.Outcome {
	e.start(p)
	f := findings{}
	applies := true
	if p.condition != nil {
		switch value := e.run(p.condition); value {
		case types.True:
		case types.False:
			return policy.Outcome{Policy: p.name, Verdict: policy.NotApplicable}
		default:
			applies = false
			f.miss(e.why(p.condition, value))
		}
	}
	if applies {
		for i := range p.validations {
			e.validate(&p.validations[i], &f)
		}
	}
	return f.outcome(p.name)
}

func (e *evaluation) validate(c *check, f *findings) {
	if c.forEach == nil {
		e.validateOne(c, f)
		return
	}
	value := e.run(c.forEach)
	list, ok := value.(traits.Lister)
	if !ok {
		f.miss(e.why(c.forEach, value))
		return
	}
	for it := list.Iterator(); it.HasNext() == types.True; {
		e.item = it.Next()
		e.validateOne(c, f)
	}
	e.item = nil
}

func (e *evaluation) validateOne(c *check, f *findings) {
	switch value := e.run(c.expression); value {
	case types.True:
		return
	case types.False:
	default:
		f.miss(e.why(c.expression, value))
		return
	}
	key := ""
	if c.key != nil {
		value := e.run(c.key)
		text, ok := value.(types.String)
		if !ok { // a violation that cannot be told from others is not reported as another
			f.miss(e.why(c.key, value))
			return
		}
		key = string(text)
	}
	f.report(key, e.message(c))
}

// message says what is wrong, in the words of the first source that has any.
func (e *evaluation) message(c *check) string {
	if c.messageExpression != nil {
		if text, ok := e.run(c.messageExpression).(types.String); ok && strings.TrimSpace(string(text)) != "" {
			return string(text)
		}
	}
	if c.message != "" {
		return c.message
	}
	return e.policy.message
}

// gap is why something has no verdict.
type gap struct{ reason, detail string }

// explained is an error of a variable, on its way through the expressions that use it.
type explained struct{ gap }

// Error implements error.
func (e *explained) Error() string { return e.detail }

// rank orders gaps: unread paths say most, then deadlines, then errors.
func (g gap) rank() int {
	switch g.reason {
	case policy.ReasonError:
		return 2
	case policy.ReasonDeadline:
		return 1
	}
	return 0
}

// findings are what the validations of a policy said.
type findings struct {
	violations []violation
	gap        *gap
}

type violation struct {
	key      string
	messages []string
}

func (f *findings) miss(g gap) {
	if f.gap == nil || g.rank() < f.gap.rank() || g.rank() == 0 && f.gap.rank() == 0 && g.detail < f.gap.detail {
		f.gap = &g
	}
}

func (f *findings) report(key, message string) {
	i, found := slices.BinarySearchFunc(f.violations, key, func(v violation, key string) int {
		return strings.Compare(v.key, key)
	})
	if !found {
		f.violations = slices.Insert(f.violations, i, violation{key: key})
	}
	v := &f.violations[i]
	if len(v.messages) < maxMessages && !slices.Contains(v.messages, message) {
		v.messages = append(v.messages, message)
	}
}

func (f *findings) outcome(name string) policy.Outcome {
	outcome := policy.Outcome{Policy: name, Verdict: policy.Compliant}
	if f.gap != nil {
		outcome.Verdict, outcome.Reason, outcome.Detail = policy.Unknown, f.gap.reason, f.gap.detail
	}
	if len(f.violations) == 0 {
		return outcome
	}
	outcome.Verdict, outcome.Remainder = policy.Violates, f.gap != nil
	outcome.Reports = make([]policy.Report, len(f.violations))
	for i, v := range f.violations {
		outcome.Reports[i] = policy.Report{Key: v.key, Message: strings.Join(v.messages, "; ")}
	}
	return outcome
}

// why explains a value that is not the one wanted of an expression.
func (e *evaluation) why(p *program, value ref.Val) gap {
	switch value := value.(type) {
	case *types.Unknown:
		return e.unread(value)
	case *types.Err:
		return e.fault(p, value)
	}
	return gap{policy.ReasonError, p.at(1, 0) + ": the expression gives another type than wanted"}
}

// unread gives class and path of what an unknown value depended on: of several the smallest path.
func (e *evaluation) unread(unknown *types.Unknown) gap {
	best := gap{reason: string(providers.Failure)}
	for i, id := range unknown.IDs() {
		g := e.source(id)
		if i == 0 || g.detail < best.detail {
			best = g
		}
	}
	return best
}

func (e *evaluation) source(id int64) gap {
	switch id {
	case decodeID:
		return gap{string(providers.Decode), e.find(func(value any) bool {
			number, ok := value.(json.Number)
			return ok && types.IsUnknown(e.session.adapter.number(number))
		})}
	case redactedID:
		return gap{string(providers.RedactedValue), e.find(func(value any) bool {
			redacted, ok := value.(providers.Redacted)
			return ok && !redacted.Empty
		})}
	}
	if id < 1 || id > int64(len(e.input.Unread)) {
		return gap{reason: string(providers.Failure)}
	}
	unread := e.input.Unread[id-1]
	return gap{string(unread.Class), unread.Path}
}

// find gives the first place of a value that is wanted: its path, and the resource it is of if an
// account is judged.
func (e *evaluation) find(wanted func(any) bool) string {
	if e.inventory == nil {
		path, _ := pathOf(e.fields, "", wanted)
		return path
	}
	for _, resourceType := range slices.Sorted(maps.Keys(e.inventory)) {
		resources, _ := e.inventory[resourceType].([]any)
		for _, resource := range resources {
			if open, ok := resource.(openMap); ok {
				resource = map[string]any(open)
			}
			if path, found := pathOf(resource, "", wanted); found {
				fields, _ := resource.(map[string]any)
				id, _ := fields["id"].(string)
				return resourceType + " " + id + " " + path
			}
		}
	}
	return ""
}

// fault explains an error without quoting a value of the resource, as the library's own text may.
func (e *evaluation) fault(p *program, fault *types.Err) gap {
	var cancelled interpreter.EvalCancelledError
	var known *explained
	switch {
	case errors.As(fault, &known):
		return known.gap
	case errors.As(fault, &cancelled):
		return gap{policy.ReasonCost, p.at(1, 0) + ": the expression costs more than " + strconv.Itoa(p.limit)}
	case errors.Is(fault, interpreter.InterruptError{}), errors.Is(fault, context.Canceled), errors.Is(fault, context.DeadlineExceeded):
		return gap{policy.ReasonDeadline, p.at(1, 0) + ": no time left"}
	}
	place := p.checked.SourceInfo().GetStartLocation(fault.NodeID())
	return gap{policy.ReasonError, p.at(place.Line(), place.Column()) + ": " + p.describe(fault)}
}

// kinds are the errors that may be named. What follows them in the library's text may be a value.
var kinds = []string{
	"no such key", "no such overload", "index out of bounds", "division by zero", "modulus by zero",
	"integer overflow", "unsigned integer overflow", "type conversion error", "no such attribute",
	"optional.none() dereference", "no such field",
}

func (p *program) describe(fault *types.Err) string {
	var refused *refusal
	if errors.As(fault, &refused) {
		return refused.Error()
	}
	message := fault.Error()
	for _, kind := range kinds {
		_, rest, found := strings.Cut(message, kind)
		if !found {
			continue
		}
		if key := strings.TrimPrefix(rest, ": "); kind == "no such key" && key != "" && strings.Contains(p.source.string, key) {
			return kind + " " + strconv.Quote(key) // the author wrote it
		}
		return kind
	}
	return "evaluation error"
}

// at names a place of the expression.
func (p *program) at(line, column int) string {
	if line < 1 {
		line, column = 1, 0
	}
	text, _, _ := strings.Cut(p.source.fault(line, column, "\n").Error(), ": \n")
	return text
}
