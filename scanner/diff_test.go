package scanner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/scanner"
)

var bucket = policy.Identity{Organization: "org", Account: "acc", ResourceType: "T", ResourceID: "r"}

func idOf(pack, name, key string) string {
	identity := bucket
	identity.Pack, identity.Policy, identity.Key = pack, name, key
	return identity.ID()
}

// held is a violation of policy "public" of pack "p" that the given groups report.
func held(key string, groups ...string) scanner.Violation {
	v := scanner.Violation{
		ID: idOf("p", "public", key), Pack: "p", Policy: "public", Key: key,
		Severity: policy.High, State: policy.Open, Triage: policy.TriageOpen, Message: "is public",
	}
	for _, group := range groups {
		v.Rows = append(v.Rows, scanner.Row{Group: group, Level: policy.Mandatory, PackVersion: 1, Message: "is public"})
	}
	return v
}

func resolved(v scanner.Violation, why policy.Resolution) scanner.Violation {
	v.State, v.Resolution, v.Rows = policy.Resolved, why, nil
	return v
}

// judged is the audit of pack "p" for the groups, with these outcomes of "public".
func judged(outcome policy.Outcome, groups ...string) scanner.Judged {
	outcome.Policy = "public"
	audit := &scanner.Audit{Pack: &policy.Pack{
		Name: "p", Version: 1,
		Policies: []policy.Policy{{Name: "public", Severity: policy.High, Message: "is public"}},
	}}
	for _, group := range groups {
		audit.Reporters = append(audit.Reporters, scanner.Reporter{
			Group: group, Levels: map[string]policy.Level{"public": policy.Mandatory},
		})
	}
	return scanner.Judged{Audit: audit, Outcomes: []policy.Outcome{outcome}}
}

func reports(reportedKeys ...string) policy.Outcome {
	outcome := policy.Outcome{Verdict: policy.Violates}
	for _, key := range reportedKeys {
		outcome.Reports = append(outcome.Reports, policy.Report{Key: key})
	}
	return outcome
}

var (
	compliant = policy.Outcome{Verdict: policy.Compliant}
	naught    = policy.Outcome{Verdict: policy.NotApplicable}
	unknown   = policy.Outcome{Verdict: policy.Unknown, Reason: "access_denied"}
)

// TestDiff_ResolvesOnlyWithProof holds design rules 3.1 and 3.5, case by case.
func TestDiff_ResolvesOnlyWithProof(t *testing.T) {
	t.Parallel()
	present := func(s scanner.Subject) scanner.Subject {
		s.Presence, s.Resource = scanner.Present, bucket
		if s.Groups == nil {
			s.Groups = []string{"g"}
		}
		return s
	}
	absent := func(presence scanner.Presence) scanner.Subject {
		return scanner.Subject{Presence: presence, Resource: bucket, Violations: []scanner.Violation{held("", "g")}, Groups: []string{"g"}}
	}
	open := []scanner.Violation{held("", "g")}
	same := func(j scanner.Judged) scanner.Judged { j.Same = true; return j }
	level := func(j scanner.Judged, l policy.Level) scanner.Judged {
		j.Reporters[0].Levels["public"] = l
		return j
	}
	region := func(j scanner.Judged, r string) scanner.Judged {
		j.Reporters[0].Regions = []string{r}
		return j
	}
	silent := func(j scanner.Judged) scanner.Judged {
		j.Silent, j.Outcomes = true, nil
		return j
	}
	without := func(j scanner.Judged) scanner.Judged {
		j.Pack.Policies, j.Outcomes = []policy.Policy{{Name: "other"}}, nil
		return j
	}
	remainder := func(o policy.Outcome) policy.Outcome { o.Remainder = true; return o }

	tests := []struct {
		name    string
		subject scanner.Subject
		want    []string // state/resolution, "unverified", or nothing for no change
	}{
		{"opens", present(scanner.Subject{Judged: []scanner.Judged{judged(reports(""), "g")}}), []string{"open"}},
		{"opens_a_violation_per_key", present(scanner.Subject{Judged: []scanner.Judged{judged(reports("22", "80"), "g")}}), []string{"open", "open"}},
		{"persists", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{judged(reports(""), "g")}}), nil},
		{"fixed_by_compliant", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{judged(compliant, "g")}}), []string{"resolved/fixed"}},
		{"fixed_by_not_applicable", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{judged(naught, "g")}}), []string{"resolved/fixed"}},
		{"unknown_proves_nothing", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{judged(unknown, "g")}}), []string{"open unverified"}},
		{"policy_changed_where_content_is_the_same", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{same(judged(compliant, "g"))}}), []string{"resolved/policy_changed"}},
		{"one_key_fixed", present(scanner.Subject{Violations: []scanner.Violation{held("22", "g"), held("80", "g")}, Judged: []scanner.Judged{judged(reports("80"), "g")}}), []string{"resolved/fixed"}},
		{"a_remainder_keeps_other_keys", present(scanner.Subject{Violations: []scanner.Violation{held("22", "g"), held("80", "g")}, Judged: []scanner.Judged{judged(remainder(reports("80")), "g")}}), []string{"open unverified"}},
		{"disabled", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{level(judged(compliant, "g"), policy.Disabled)}}), []string{"resolved/policy_disabled"}},
		{"disabled_never_opens", present(scanner.Subject{Judged: []scanner.Judged{level(judged(reports(""), "g"), policy.Disabled)}}), nil},
		{"removed_from_the_pack", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{without(judged(compliant, "g"))}}), []string{"resolved/policy_removed"}},
		{"pack_removed_from_the_group", present(scanner.Subject{Violations: open, Dropped: []string{"p"}}), []string{"resolved/policy_removed"}},
		{"group_no_longer_audits", present(scanner.Subject{Violations: open, Dropped: []string{"p"}, Groups: []string{"other"}}), []string{"resolved/account_unassigned"}},
		{"region_filter_excludes", present(scanner.Subject{Region: "eu", Violations: open, Judged: []scanner.Judged{region(judged(reports(""), "g"), "us")}}), []string{"resolved/account_unassigned"}},
		{"broken_pack_proves_nothing", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{silent(judged(naught, "g"))}}), []string{"open unverified"}},
		{"broken_for_one_group_proves_nothing_there", present(scanner.Subject{
			Violations: []scanner.Violation{held("", "g", "h")}, Groups: []string{"g", "h"}, Judged: []scanner.Judged{judged(compliant, "g"), silent(judged(naught, "h"))},
		}), []string{"open unverified"}},
		{"broken_for_another_group_hides_no_proof", present(scanner.Subject{
			Violations: open, Groups: []string{"g", "h"}, Judged: []scanner.Judged{judged(compliant, "g"), silent(judged(naught, "h"))},
		}), []string{"resolved/fixed"}},
		{"broken_leaves_policies_alone_that_it_may_have_no_more", present(scanner.Subject{Violations: open, Judged: []scanner.Judged{silent(without(judged(naught, "g")))}}), []string{"open unverified"}},
		{"pack_not_judged_is_left_alone", present(scanner.Subject{Violations: open}), nil},
		{"one_of_two_groups_stays", present(scanner.Subject{
			Violations: []scanner.Violation{held("", "g", "h")}, Groups: []string{"g"},
			Judged: []scanner.Judged{judged(reports(""), "g")},
		}), []string{"open"}},
		{"gone", absent(scanner.Gone), []string{"resolved/resource_deleted"}},
		{"out_of_scope", absent(scanner.Outside), []string{"resolved/out_of_scope"}},
		{"missing_is_left_alone_until_judged", absent(scanner.Missing), nil},
		{"reopens", present(scanner.Subject{Violations: []scanner.Violation{resolved(held(""), policy.Fixed)}, Judged: []scanner.Judged{judged(reports(""), "g")}}), []string{"open"}},
		{"resolved_stays_resolved", present(scanner.Subject{Violations: []scanner.Violation{resolved(held(""), policy.Fixed)}, Judged: []scanner.Judged{judged(unknown, "g")}}), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, change := range scanner.Diff(tt.subject) {
				text := string(change.State)
				if change.Resolution != "" {
					text += "/" + string(change.Resolution)
				}
				if change.Unverified {
					text += " unverified"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiff_KeepsTriage holds design rule 3.4.
func TestDiff_KeepsTriage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		triage   policy.Triage
		why      policy.Resolution
		was, now string // UIDs
		want     policy.Triage
		restarts bool
	}{
		{"by_design_stays", policy.TriageByDesign, policy.Fixed, "1", "1", policy.TriageByDesign, false},
		{"ignored_stays", policy.TriageIgnored, policy.Fixed, "", "", policy.TriageIgnored, false},
		{"in_progress_becomes_open", policy.TriageInProgress, policy.Fixed, "", "", policy.TriageOpen, false},
		{"not_after_deletion", policy.TriageByDesign, policy.ResourceDeleted, "", "", policy.TriageOpen, true},
		{"not_for_a_recreated_resource", policy.TriageIgnored, policy.Fixed, "1", "2", policy.TriageOpen, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := resolved(held(""), tt.why)
			v.Triage, v.UID = tt.triage, tt.was
			changes := scanner.Diff(scanner.Subject{
				Presence: scanner.Present, Resource: bucket, UID: tt.now, Groups: []string{"g"},
				Violations: []scanner.Violation{v}, Judged: []scanner.Judged{judged(reports(""), "g")},
			})
			if len(changes) != 1 {
				t.Fatalf("got %d changes, want one", len(changes))
			}
			if got := changes[0]; got.Triage != tt.want || got.NewTriage != tt.restarts || got.UID != tt.now {
				t.Errorf("triage %q restarts %v uid %q, want %q %v %q", got.Triage, got.NewTriage, got.UID, tt.want, tt.restarts, tt.now)
			}
		})
	}
}

// TestDiff_ShowsTheStrictestLevel holds design rule 3.5.
func TestDiff_ShowsTheStrictestLevel(t *testing.T) {
	t.Parallel()
	j := judged(reports(""), "a", "b")
	j.Reporters[0].Levels = map[string]policy.Level{"public": policy.Advisory}
	changes := scanner.Diff(scanner.Subject{Presence: scanner.Present, Resource: bucket, Groups: []string{"a", "b"}, Judged: []scanner.Judged{j}})
	if len(changes) != 1 || changes[0].Level != policy.Mandatory || len(changes[0].Rows) != 2 {
		t.Errorf("got %+v, want one violation of two groups at level mandatory", changes)
	}
}
