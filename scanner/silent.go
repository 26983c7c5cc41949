package scanner

import (
	"cloudaudit/policy"
	"cloudaudit/providers"
)

// silence makes the audit of a group by a pack that cannot run as the group applies it. All that its
// policies would say is unknown, whichever of them the group's config may have turned off.
func (p *plan) silence(pack *policy.Pack, applied policy.Applied, fault error) *auditing {
	config := policy.Reconciled{}
	for _, rule := range pack.Policies {
		config[rule.Name] = policy.Setting{Level: policy.Advisory}
	}
	audit := p.audit(pack, config, applied.Config.UnusableDigest())
	audit.fault = fault
	return audit
}

// silent is what is said of the account by a pack that cannot run, or whose engine cannot see accounts.
func (a *auditing) silent() []policy.Outcome {
	var names []string
	for _, p := range a.Pack.Policies {
		if p.Kind == policy.OnAccount && a.Config.Enabled(p.Name) {
			names = append(names, p.Name)
		}
	}
	if a.session == nil {
		return unknown(names, policy.ReasonNoPack)
	}
	return unknown(names, policy.ReasonNotCovered)
}

// lastContent is what was judged when the pack last could run: until it can again, that is what tells
// whether the resource or the pack is why an outcome differs.
func (a *auditing) lastContent(verdicts []HeldVerdict) (content providers.Hash) {
	for _, v := range verdicts {
		if v.Pack == a.Pack.Name && (content == providers.Hash{} || v.ConfigDigest == a.ConfigDigest) {
			content = v.Content
		}
	}
	return content
}
