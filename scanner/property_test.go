package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cloudaudit/policy"
	"cloudaudit/policy/cel"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/scanner"
	"cloudaudit/store"
)

// overAccount are policies over the account: one of all of it, one of each thing.
const overAccount = `---
name: few-public
kind: account
severity: low
description: Few are public.
validations:
  - {expression: '!inventory("T").exists(t, t.properties.?public.orValue(false) == true && "all" in t.facets.?iam.?members.orValue([]))', message: public}
  - {forEach: 'inventory("U")', expression: item.properties.?n.orValue(0) < 3, message: three, key: item.id}
`

// The packs that the property draws from: each has versions that differ in what they find.
var packVersions = [][]string{{
	publicRule + overAccount,
	publicRule + overAccount + "---\nname: small\nseverity: low\ndescription: n is small.\nmatch: {types: [T]}\nconfigSchema:\n  properties:\n    most: {type: integer, default: 2}\n" +
		"validations:\n  - expression: resource.properties.n <= params.most\n    messageExpression: '\"n is \" + string(resource.properties.n)'\n",
	"name: no-public\nseverity: critical\ndescription: Nothing is public.\nmatch: {types: [T, U]}\nvalidations:\n" +
		"  - {expression: resource.properties.public != true, message: is public}\n  - {expression: resource.properties.n != 3, message: is three, key: '\"three\"'}\n",
}, {
	"name: members\nseverity: medium\ndescription: Nobody is a member.\nmatch: {types: [T, U]}\nvalidations:\n" +
		"  - {expression: '!has(resource.facets.iam) || !(\"all\" in resource.facets.iam.members)', message: everybody is a member}\n",
	"name: tagged\nseverity: low\ndescription: Has an owner.\nvalidations:\n  - {expression: has(resource.tags.owner), message: has no owner}\n" +
		"---\nname: fresh\nseverity: low\ndescription: Is young.\nmatch: {types: [U]}\nvalidations:\n" +
		"  - {expression: 'now < timestamp(\"2026-01-01T00:06:00Z\")', message: is old}\n",
}}

// world is everything that a scan's outcome depends on.
type world struct {
	narrow bool                   // two things that are in both scopes more often than not
	things map[string]*thingState // by "scope type id"
	gaps   []providers.Gap        // of scope a
	failed bool                   // scope b
	packs  [2]int                 // version of each
	groups [2]groupState
	// exceptions are one of a few each, 0 is none.
	exceptions [2]int
	// broken packs cannot run.
	broken [2]bool
	// leaves is whether the account leaves the configuration and comes back, ages whether what is past
	// is pruned, before the next scan.
	leaves, ages bool
}

type thingState struct {
	public, n int // 0 is absent
	region    string
	owner     bool
	unread    bool // the path of public
	iam       int  // 0 is absent, 1 nobody, 2 everybody
	updated   int
}

type groupState struct {
	region string // a filter, "" for the whole account
	packs  [2]int // 0 is not applied, else a config
}

func newWorld(narrow bool) *world {
	return &world{narrow: narrow, things: map[string]*thingState{}, groups: [2]groupState{{packs: [2]int{1, 1}}, {}}}
}

// disturb changes one thing.
func (w *world) disturb(t *rapid.T) {
	pick := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	what, kinds, ids := []int{0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 8, 9, 10, 11}, []string{"T", "U"}, 2
	if w.narrow {
		what, kinds, ids = []int{0, 1, 6, 7, 7, 7, 7, 7, 9, 10}, []string{"T"}, 1
	}
	switch what[pick("what", len(what)-1)] {
	case 0:
		w.gaps = nil
		for range pick("gaps", 2) {
			w.gaps = append(w.gaps, providers.Gap{
				Region: providers.Anywhere, Type: []string{"", "T", "U"}[pick("gap type", 2)], Facet: []string{"", "iam"}[pick("gap facet", 1)],
				Class: providers.AccessDenied, Place: "here", Reason: "denied",
			})
		}
	case 1:
		w.failed = !w.failed
	case 2:
		w.packs[pick("pack", 1)] = pick("version", 1)
	case 3:
		w.packs[0] = pick("version", 2)
	case 4:
		w.groups[pick("group", 1)].packs[pick("pack", 1)] = pick("config", 4)
	case 5:
		w.groups[1].region = []string{"", "r1", "r2"}[pick("region", 2)]
	case 6:
		keys := slices.Sorted(maps.Keys(w.things))
		if len(keys) > 0 {
			delete(w.things, keys[pick("victim", len(keys)-1)])
		}
	case 8:
		w.exceptions[pick("exception", 1)] = pick("scope", 4)
	case 9:
		w.leaves = true
	case 10:
		w.ages = true
	case 11:
		w.broken[pick("broken", 1)] = pick("cannot run", 1) == 1
	default:
		key := fmt.Sprintf("%s %s %d", []string{"a", "b"}[pick("scope", 1)], kinds[pick("type", len(kinds)-1)], pick("id", ids))
		w.things[key] = &thingState{
			public: pick("public", 2), n: pick("n", 3), region: []string{"r1", "r2", ""}[pick("where", 2)], owner: pick("owner", 1) == 1,
			unread: pick("unread", 5) == 0, iam: pick("iam", 2), updated: pick("updated", 2),
		}
	}
}

func (w *world) resource(key string) (string, *providers.Resource) {
	var scope, kind, id string
	if _, err := fmt.Sscan(key, &scope, &kind, &id); err != nil {
		panic(err)
	}
	s, properties := w.things[key], map[string]any{"id": id}
	if s.public > 0 {
		properties["public"] = s.public == 2
	}
	if s.n > 0 {
		properties["n"] = number(s.n)
	}
	main := providers.Part{Value: properties}
	if s.unread {
		main.Unread = []providers.Unread{{Path: "/properties/public", Class: providers.AccessDenied}}
	}
	r := &providers.Resource{
		Type: kind, ID: id, Name: id, Region: s.region, Parts: map[string]providers.Part{providers.Properties: main},
		Rank: providers.Rank{Scope: scope, Line: 1},
	}
	if s.updated > 0 {
		r.Rank.Updated = time.Date(2025, 1, s.updated, 0, 0, 0, 0, time.UTC)
	}
	if s.owner {
		r.Tags = map[string]string{"owner": "ann"}
	}
	if s.iam > 0 {
		r.Parts["iam"] = providers.Part{Value: map[string]any{"members": []any{[]string{"", "ann", "all"}[s.iam]}}}
	}
	return scope, r
}

// listings gives what the provider lists.
func (w *world) listings() []providertest.Listing {
	var of = map[string][]*providers.Resource{}
	for _, key := range slices.Sorted(maps.Keys(w.things)) {
		scope, resource := w.resource(key)
		of[scope] = append(of[scope], resource)
	}
	a, b := scope("a", of["a"]...), scope("b", of["b"]...)
	for _, gap := range w.gaps {
		a.Events = append(a.Events, providertest.Event{Gap: &gap})
	}
	if w.failed {
		b.Events, b.Err = b.Events[:len(b.Events)/2], &providers.Error{Class: providers.Throttled, Err: errors.New("throttled")}
	}
	return []providertest.Listing{a, b}
}

// clear tells whether nothing is in doubt, so that no violation stays open for want of a proof.
func (r *rig) clear(t failing, w *world) bool {
	doubts := r.rows(t, `SELECT 1 FROM verdicts WHERE unknowns > 0 UNION ALL SELECT 1 FROM account_verdicts WHERE unknowns > 0
		UNION ALL SELECT 1 FROM violations WHERE unverified_seq IS NOT NULL`)
	return len(w.gaps) == 0 && !w.failed && len(doubts) == 0
}

// declared gives packs and groups.
func (w *world) declared(t failing, r *rig) store.Declared {
	packs := r.packs(t, packVersions[0][w.packs[0]], packVersions[1][w.packs[1]])
	d := declared(packs)
	d.Groups = nil
	for i, g := range w.groups {
		group := policy.Group{Name: fmt.Sprintf("g%d", i), Entity: policy.Accounts, Mode: policy.Audit, Accounts: []string{account}}
		if g.region != "" {
			group.Accounts = []string{account + "/" + g.region}
		}
		for p, config := range g.packs {
			if config > 0 {
				group.Packs = append(group.Packs, policy.Applied{Name: packs[p].Name, Config: w.config(packs[p], config)})
			}
		}
		d.Groups = append(d.Groups, group)
	}
	for i, n := range w.exceptions {
		if n > 0 {
			d.Exceptions = append(d.Exceptions, exception(fmt.Sprintf("e%d", i), n))
		}
	}
	return d
}

// exception is one of a few: by policy, by tag, of one resource until some time, of what no resource is.
func exception(name string, n int) policy.Exception {
	soon := time.Date(2026, 1, 1, 0, 3, 30, 0, time.UTC)
	e := policy.Exception{Name: name, Owner: "ann", Reason: "known"}
	switch n {
	case 1:
		e.Scope.Policies = []string{"no-public", "small"}
	case 2:
		e.Scope.Tags = map[string]string{"owner": "a*"}
	case 3:
		e.Scope.Resources, e.Expires = []string{"1"}, &soon
	default:
		e.Scope.Packs, e.Scope.Resources = []string{"pack0"}, []string{"none"}
	}
	return e
}

// pass lets happen what happens between two scans.
func (w *world) pass(t failing, r *rig) {
	d := w.declared(t, r)
	if w.leaves {
		gone := d
		gone.Accounts, gone.Groups = nil, nil
		r.declare(t, gone)
	}
	r.declare(t, d)
	if w.ages {
		r.now = r.now.Add(25 * time.Hour)
		if err := r.store.Prune(context.Background(), store.Retention{ScanLogs: time.Hour, Intervals: time.Hour, AuditLog: time.Hour}); err != nil {
			t.Fatalf("prune: %v", err)
		}
	}
	w.leaves, w.ages = false, false
}

// config is one of a few: levels alone, a policy that is off, a property.
func (w *world) config(pack *policy.Pack, n int) policy.Config {
	switch n {
	case 4:
		return policy.Config{"nosuch": {Level: policy.Mandatory}} // with which the pack cannot run
	case 2:
		return policy.Config{pack.Policies[0].Name: {Level: policy.Disabled}}
	case 3:
		if _, has := pack.Policy("small"); has {
			return policy.Config{"small": {Level: policy.Mandatory, Properties: map[string]any{"most": 1}}}
		}
		return policy.Config{policy.AllPolicies: {Level: policy.Mandatory}}
	}
	return nil
}

func number(n int) any {
	value, err := providers.ParseValue(fmt.Append(nil, n))
	if err != nil {
		panic(err)
	}
	return value
}

// state is what the store says of the account, without what depends on when it was found out.
func (r *rig) state(t failing) map[string][]string {
	accounts, err := r.store.Accounts(context.Background(), store.Access{}, time.Time{})
	if err != nil || len(accounts) != 1 {
		t.Fatalf("accounts %v, %v", accounts, err)
	}
	score := accounts[0].Score
	return map[string][]string{
		"score": {fmt.Sprint(score.Violating, score.Compliant, score.Unknown, score.Excused)},
		"excused": r.rows(t, `SELECT v.id, e.name FROM violation_exceptions l JOIN exceptions e ON e.key = l.exception_key JOIN violations v ON v.key = l.violation_key
			WHERE l.to_at IS NULL AND e.removed_at IS NULL AND v.state = 'open' ORDER BY 1, 2`),
		"violations": r.rows(t, `SELECT v.id, v.policy, v.violation_key, v.severity, v.level, v.message, v.unverified_seq IS NOT NULL,
			(SELECT GROUP_CONCAT(n) FROM (SELECT g.group_name || '/' || g.level || '/' || g.message AS n FROM violation_groups g
				WHERE g.violation_key = v.key AND g.to_seq IS NULL ORDER BY 1)) FROM violations v WHERE v.state = 'open' ORDER BY 1`),
		"verdicts": r.rows(t, `SELECT r.type, r.identity, v.pack, v.pack_digest, v.config_digest, v.region, v.content, v.judged, v.outcomes, v.unknowns
			FROM verdicts v JOIN resources r ON r.key = v.resource_key ORDER BY 1, 2, 3, 4, 5`),
		"counters":  r.rows(t, `SELECT region, type, pack, pack_digest, config_digest, policy, outcome, number FROM verdict_counts ORDER BY 1, 2, 3, 4, 5, 6, 7`),
		"account":   r.rows(t, `SELECT pack, pack_digest, config_digest, outcomes, content FROM account_verdicts ORDER BY 1, 2, 3`),
		"resources": r.rows(t, `SELECT type, identity, region, tags, missing_class FROM resources WHERE gone_seq IS NULL ORDER BY 1, 2`),
		"parts": r.rows(t, `SELECT r.type, r.identity, p.part, p.hash, p.unread, p.stale_class FROM parts p JOIN resources r ON r.key = p.resource_key
			WHERE p.to_seq IS NULL ORDER BY 1, 2, 3`),
	}
}

// beside makes a rig on another file that sees the same world at the same time.
func (r *rig) beside(t failing, path string) *rig {
	other := &rig{path: path, fake: providertest.New(), engine: r.engine, now: r.now.Add(-time.Minute), workers: 1}
	other.open(t)
	return other
}

func (r *rig) look(t failing, w *world) scanner.Result {
	r.fake.Set(w.listings()...)
	r.broken = w.broken
	result, err := r.scan(context.Background(), t)
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return result
}

// TestRule3_9_IncrementalEqualsFull holds design rule 3.9: after any sequence of changes a scan that
// judges only what changed leaves the same state as one that judges everything; where nothing is in
// doubt that is also the state of a new store; and the counters are what a recount gives.
func TestRule3_9_IncrementalEqualsFull(t *testing.T) {
	t.Parallel()
	engine := cel.New()
	folder := t.TempDir()
	var files atomic.Int64
	for name, narrow := range map[string]bool{"much": false, "one thing in two scopes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				r := &rig{path: emptyStore(t, filepath.Join(folder, fmt.Sprintf("%d.db", files.Add(1)))), fake: providertest.New(), engine: engine,
					now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), workers: 2}
				r.open(t)
				defer r.close(t)
				w := newWorld(narrow)
				for step := range rapid.IntRange(2, 6).Draw(t, "steps") {
					for range rapid.IntRange(1, 4).Draw(t, "changes") {
						w.disturb(t)
					}
					w.pass(t, r)
					r.look(t, w)
					state := r.state(t)
					r.holds(t, w, state, fmt.Sprintf("%s-%d", r.path, step))
				}
			})
		})
	}
}

// holds compares the state with that of a full scan and, if the world is clear, of a new store.
func (r *rig) holds(t failing, w *world, state map[string][]string, copied string) {
	ctx := context.Background()
	if faults, err := r.store.Check(ctx); err != nil || len(faults) > 0 {
		t.Fatalf("check: %v, %v", faults, err)
	}
	if err := r.store.Backup(ctx, copied); err != nil {
		t.Fatalf("copy: %v", err)
	}
	full := r.beside(t, copied)
	defer full.close(t)
	full.full = true
	if c := full.look(t, w).Counts; c.Added+c.Changed+c.Removed+c.Opened+c.Resolved > 0 {
		t.Fatalf("a full scan changed something: %+v", c)
	}
	if diff := cmp.Diff(full.state(t), state); diff != "" {
		t.Fatalf("incremental differs from full (-full +incremental):\n%s", diff)
	}
	if !r.clear(t, w) {
		return
	}
	fresh := r.beside(t, emptyStore(t, copied+"-new"))
	defer fresh.close(t)
	fresh.declare(t, w.declared(t, fresh))
	fresh.look(t, w)
	if diff := cmp.Diff(fresh.state(t), state); diff != "" {
		t.Fatalf("incremental differs from a new store (-new +incremental):\n%s", diff)
	}
}
