package rego

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"cloudaudit/policy"
)

const (
	// maxTime bounds the evaluation of one policy on one resource.
	maxTime = 2 * time.Second
	// maxAccountTime bounds that of an account policy on its inventory.
	maxAccountTime = 20 * time.Second
	// maxLate is how often a policy may run out of time in a session. After that it is not run any
	// more: a scan is not to wait for it at each of its resources.
	maxLate = 10
)

// evaluation is the state of judging one resource or inventory.
type evaluation struct {
	session *session
	ctx     context.Context //nolint:containedctx // of the one call that uses this state
	stop    func() bool
	cancel  topdown.Cancel
	cache   topdown.VirtualCache
	timer   *time.Timer
	// tracer watches; there is none in scans.
	tracer topdown.QueryTracer
}

func newEvaluation(ctx context.Context, s *session) *evaluation {
	e := &evaluation{session: s, ctx: ctx, cache: topdown.NewVirtualCache()}
	if s.tally != nil {
		e.tracer = s.tally.counter()
	}
	e.renew()
	return e
}

// renew makes a new way to stop the evaluator, since what was stopped stays so.
func (e *evaluation) renew() {
	if e.stop != nil {
		e.stop()
	}
	cancel := topdown.NewCancel()
	e.cancel = cancel
	e.stop = context.AfterFunc(e.ctx, cancel.Cancel)
	e.timer = time.AfterFunc(time.Hour, cancel.Cancel)
	e.timer.Stop()
}

// refresh renews what a timer stopped in the moment after an evaluation.
func (e *evaluation) refresh() {
	if e.cancel.Cancelled() {
		e.renew()
	}
}

func (e *evaluation) end() {
	e.stop()
	e.timer.Stop()
}

// judge evaluates one policy on one resource.
func (e *evaluation) judge(p *enabled, s *subject) policy.Outcome {
	if outcome, decided := e.before(p, s); decided {
		return outcome
	}
	reads := s.hides(p.facts)
	value, asked, err := e.whole(p, s, len(reads) == 0)
	switch {
	case asked == nil && err == nil:
		return p.outcome(value)
	case asked != nil || len(reads) > 0 && !e.cancel.Cancelled() && !isConflict(err):
		return e.partly(p, s, asked, reads)
	}
	return e.failed(p, err)
}

// whole evaluates one policy on all that is known of a resource.
func (e *evaluation) whole(p *enabled, s *subject, indexed bool) (value any, asked *gap, err error) {
	shared.RLock()
	defer shared.RUnlock()
	c := call{input: s.root, cache: e.cache, indexed: indexed}
	if s.format == admission {
		c.input, c.cache = withParameters(s.root, p.parameters), topdown.NewVirtualCache()
	}
	defer e.begin(e.session.limit)()
	value, asked, err = e.watched(p.query, c)
	if asked != nil || err != nil {
		e.cache = topdown.NewVirtualCache() // what broke off may have left half a value
	}
	return value, asked, err
}

// begin lets the time run, and gives what stops it.
func (e *evaluation) begin(limit time.Duration) (stop func() bool) {
	e.refresh()
	e.timer.Reset(limit)
	return e.timer.Stop
}

// before decides what needs no evaluation.
func (e *evaluation) before(p *enabled, s *subject) (policy.Outcome, bool) {
	unknown := policy.Outcome{Policy: p.name, Verdict: policy.Unknown}
	switch {
	case p.facts.foreign != "" && !(p.facts.foreign == optionsKey && s != nil && s.shadowed(optionsKey)):
		unknown.Reason, unknown.Detail = policy.ReasonNotCovered, "the policy reads "+p.facts.foreign+", which no discovered resource has"
	case p.late.Load() >= e.session.patience:
		unknown.Reason, unknown.Detail = policy.ReasonDeadline, p.place()+": ran out of time too often in this scan"
	case e.ctx.Err() != nil:
		unknown.Reason, unknown.Detail = policy.ReasonDeadline, p.place()+": no time left"
	default:
		return policy.Outcome{}, false
	}
	return unknown, true
}

// failed tells of an evaluation that gave no value. The text of an error may quote the resource, so
// only its kind and place are told.
func (e *evaluation) failed(p *enabled, err error) policy.Outcome {
	outcome := policy.Outcome{Policy: p.name, Verdict: policy.Unknown, Reason: policy.ReasonError}
	if e.cancel.Cancelled() {
		if e.ctx.Err() == nil {
			p.late.Add(1)
		}
		e.renew()
		outcome.Reason, outcome.Detail = policy.ReasonDeadline, p.place()+": no time left"
		return outcome
	}
	place, kind := p.place(), "evaluation error"
	var fault *topdown.Error
	if errors.As(err, &fault) {
		if fault.Location != nil {
			place = placeOf(fault.Location)
		}
		if isConflict(err) {
			kind = "the rule gives several values at once"
		}
	}
	if errors.Is(err, errTooLarge) {
		kind = "a value would be too large"
	}
	outcome.Detail = place + ": " + kind
	return outcome
}

func isConflict(err error) bool {
	var fault *topdown.Error
	return errors.As(err, &fault) && fault.Code == topdown.ConflictErr
}

// place names where the policy's rule begins.
func (p *compiled) place() string { return placeOf(p.facts.location()) }

func placeOf(at *ast.Location) string {
	if at == nil {
		return "the policy"
	}
	return fmt.Sprintf("%s:%d:%d", at.File, at.Row, at.Col)
}
