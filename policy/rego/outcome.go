package rego

import (
	"slices"
	"strings"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// maxMessages bounds how many distinct messages one report lists.
const maxMessages = 50

// findings are what a policy reported.
type findings struct {
	violations []violation
}

type violation struct {
	key      string
	severity policy.Severity
	messages []string
}

// outcome reads the value of a policy's rule: a set or list of messages, or of objects with msg and
// more. Anything else in it is told as text, as an empty message is told in the policy's own words.
func (p *compiled) outcome(value any) policy.Outcome {
	outcome := policy.Outcome{Policy: p.name, Verdict: policy.Compliant}
	if value == nil {
		return outcome
	}
	list, ok := value.([]any)
	if !ok {
		outcome.Verdict, outcome.Reason = policy.Unknown, policy.ReasonError
		outcome.Detail = p.place() + ": the rule gives no set or list of messages"
		return outcome
	}
	f := findings{}
	for _, element := range list {
		f.take(element, p.message)
	}
	return f.outcome(outcome)
}

func (f *findings) take(element any, message string) {
	switch element := element.(type) {
	case string:
		if strings.TrimSpace(element) != "" {
			message = element
		}
		f.report("", message, "")
	case map[string]any:
		f.object(element, message)
	default:
		f.report("", asText(element), "")
	}
}

// object takes a result in Gatekeeper's form, {"msg": …, "details": …}, beside which ours may hold a
// key and a severity.
func (f *findings) object(element map[string]any, message string) {
	text, said := element["msg"].(string)
	if !said {
		text, said = element["message"].(string)
	}
	switch {
	case said && strings.TrimSpace(text) != "":
		message = text
	case !said:
		message = asText(element)
	}
	severity := policy.Severity(textOf(element["severity"]))
	if !severity.Valid() {
		severity = ""
	}
	f.report(textOf(element["key"]), message, severity)
}

func asText(value any) string {
	data, err := providers.FormatValue(value)
	if err != nil {
		return "violated"
	}
	return string(data)
}

// report adds a finding. Those of one key are one violation, as severe as its worst finding.
func (f *findings) report(key, message string, severity policy.Severity) {
	i, found := slices.BinarySearchFunc(f.violations, key, func(v violation, key string) int {
		return strings.Compare(v.key, key)
	})
	if !found {
		f.violations = slices.Insert(f.violations, i, violation{key: key})
	}
	v := &f.violations[i]
	if severity != "" && (v.severity == "" || severity.AtLeast(v.severity)) {
		v.severity = severity
	}
	if len(v.messages) < maxMessages && !slices.Contains(v.messages, message) {
		v.messages = append(v.messages, message)
	}
}

// outcome turns findings into the outcome of a policy that is otherwise what is given.
func (f *findings) outcome(otherwise policy.Outcome) policy.Outcome {
	if len(f.violations) == 0 {
		return otherwise
	}
	outcome := otherwise
	outcome.Remainder = otherwise.Verdict == policy.Unknown
	outcome.Verdict = policy.Violates
	outcome.Reports = make([]policy.Report, len(f.violations))
	for i, v := range f.violations {
		outcome.Reports[i] = policy.Report{Key: v.key, Message: strings.Join(v.messages, "; "), Severity: v.severity}
	}
	return outcome
}
