package scanner

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudaudit/providers"
)

// resumeFor is how old a scan may be that is gone on with. What an older one read may have changed
// since.
const resumeFor = 6 * time.Hour

// errOutdated tells that a scan which was left cannot be gone on with, so that a new one has to
// begin.
var errOutdated = errors.New("the scanning process ended before the scan did, and what it scanned by has changed since")

// resume takes over what the scan did before its process ended (design rule 3.10): its finished
// scopes count if it is young and judges by the same packs, configs and settings as then. In a new
// scan it notes what it judges by.
func (r *run) resume(ctx context.Context) error {
	digest := r.plan.digest(r.scan.Account)
	left := r.scan.Left
	if left == nil || left.Plan == "" { // before that nothing is listed
		return r.Store.Plan(ctx, r.scan, digest)
	}
	if left.Plan != digest || r.Now().Sub(r.scan.StartedAt) > resumeFor {
		return errOutdated
	}
	r.result.Counts = left.Counts
	r.log(ctx, "info", "", fmt.Sprintf("goes on after an interruption, with %d scopes listed already", len(left.Scopes)))
	return nil
}

// digest identifies what a scan judges by, and what it lists.
func (p *plan) digest(account providers.Account) string {
	lines := []string{account.Provider, string(account.Settings)}
	for _, audit := range p.audits {
		lines = append(lines, audit.Pack.Digest+" "+audit.ConfigDigest+" "+audit.revision)
	}
	lines = append(lines, p.broken...)
	slices.Sort(lines[2:])
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
}

// finished gives the result of a scope that the scan listed before its process ended. What such a
// scope held may have been replaced since; then it is listed once more.
func (r *run) finished(ctx context.Context, scope providers.Scope) (result ScopeResult, done bool, err error) {
	if r.scan.Left == nil {
		return ScopeResult{}, false, nil
	}
	at := slices.IndexFunc(r.scan.Left.Scopes, func(s ScopeResult) bool { return s.Scope.Name == scope.Name })
	if at < 0 {
		return ScopeResult{}, false, nil
	}
	result = r.scan.Left.Scopes[at]
	if result.Scope.Revision != scope.Revision {
		return ScopeResult{}, false, r.Store.Reopen(ctx, r.scan, scope.Name)
	}
	return result, true, nil
}
