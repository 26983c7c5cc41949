package packs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
	"cloudaudit/providers/providertest"
	"cloudaudit/providers/shape"
	"cloudaudit/providers/snapshot"
)

// benchNow is the clock of the sessions that openSession opens.
var benchNow = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// madeUp gives the resources of a made-up inventory, read as a scan reads them and put together.
func madeUp(t testing.TB, cloud, format string, size int) []*providers.Resource {
	t.Helper()
	folder := t.TempDir()
	if err := (providertest.Inventory{Cloud: cloud, Size: size, Seed: 1}).Write(folder); err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]any{"format": format, "path": folder})
	if err != nil {
		t.Fatal(err)
	}
	collectors, err := snapshot.New().Collectors(context.Background(), providers.Account{Settings: settings}, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	read := &inventory{t: t, resources: map[string]*providers.Resource{}}
	for _, c := range collectors {
		if err := c.Collect(context.Background(), read); err != nil {
			t.Fatalf("file %s: %v", filepath.Base(c.Scope.Name), err)
		}
	}
	var resources []*providers.Resource
	for _, r := range read.resources {
		resources = append(resources, r)
	}
	return resources
}

// TestMadeUp_HasEveryFault holds the made-up inventories to the packs of their clouds: there every
// policy of resources finds faults, and resources without them, and nothing is unknown. A policy that
// needs what the export cannot hold is excused, as long as it shows: something is unknown, or there is
// nothing to judge.
func TestMadeUp_HasEveryFault(t *testing.T) {
	t.Parallel()
	for _, b := range loadAll(t) {
		verdicts := judgeMadeUp(t, b)
		for _, p := range b.pack.Policies {
			v := verdicts[p.Name]
			excused := b.Cloud == providers.AWS && beyondCloudControl(p) && (v[policy.Unknown] > 0 || len(v) == 0)
			if p.Kind == policy.OnAccount || excused {
				continue
			}
			if v[policy.Violates] == 0 || v[policy.Compliant] == 0 || v[policy.Unknown] > 0 {
				t.Errorf("%s: %v", p.Name, v)
			}
		}
	}
}

// judgeMadeUp counts the verdicts of each policy over the made-up inventory of the pack's cloud.
func judgeMadeUp(t *testing.T, b builtin) map[string]map[policy.Verdict]int {
	t.Helper()
	formats := map[string]string{providers.AWS: snapshot.CloudControl, providers.GCP: snapshot.GCP, providers.Azure: snapshot.Azure}
	// A policy without tags to ask for asks for nothing.
	wanted := map[string]map[string]any{providers.AWS: {"resource-required-tags": map[string]any{"tags": []string{"owner"}}}}
	whole := []string{"iamPolicy", "orgPolicy", "accessPolicy"} // what has no record of these has none
	account := &providers.Account{Cloud: b.Cloud, CloudID: "111122223333"}
	session, verdicts := openSession(t, b, wanted[b.Cloud]), map[string]map[policy.Verdict]int{}
	for _, r := range madeUp(t, b.Cloud, formats[b.Cloud], 6_000) {
		outcomes, err := session.Evaluate(context.Background(), asInput(account, r, whole))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if verdicts[o.Policy] == nil {
				verdicts[o.Policy] = map[policy.Verdict]int{}
			}
			verdicts[o.Policy][o.Verdict]++
		}
	}
	return verdicts
}

// beyondCloudControl tells that a policy reads what Cloud Control never gives: a type that is none of
// CloudFormation's, what our provider adds under _aws from the services' own interfaces, or a property
// that is taken and not given back.
func beyondCloudControl(p policy.Policy) bool {
	return slices.ContainsFunc(vendorReads(p), func(read [2]string) bool {
		known, ok := shape.CFN(read[0])
		return !ok || within(read[1], "/properties/_aws") || slices.ContainsFunc(known.Hidden, func(path []string) bool {
			return within(read[1], "/properties/"+strings.Join(path, "/"))
		})
	})
}

// TestMadeUp_IsCloudFormations holds the made-up inventory of AWS to the registry: it has the names of
// properties from there, and none that Cloud Control keeps to itself.
func TestMadeUp_IsCloudFormations(t *testing.T) {
	t.Parallel()
	wrong := map[string]bool{}
	for _, r := range madeUp(t, providers.AWS, snapshot.CloudControl, 3_000) {
		known, ok := shape.CFN(r.Type)
		if !ok {
			wrong[r.Type] = true
		}
		properties, _ := r.Parts[providers.Properties].Value.(map[string]any)
		for name := range properties {
			hidden := slices.ContainsFunc(known.Hidden, func(path []string) bool { return len(path) == 1 && path[0] == name })
			if hidden || !slices.Contains(known.Properties, name) {
				wrong[r.Type+" "+name] = true
			}
		}
	}
	for name := range wrong {
		t.Errorf("Cloud Control gives no %s", name)
	}
}

// TestPlain_SaysTheSame holds the checks in Go to the pack that they are compared with.
func TestPlain_SaysTheSame(t *testing.T) {
	t.Parallel()
	session := openSession(t, foundations(t), nil)
	for _, r := range madeUp(t, providers.GCP, snapshot.GCP, 6_000) {
		want, err := session.Evaluate(context.Background(), policy.Input{Resource: r})
		if err != nil {
			t.Fatal(err)
		}
		if d := diff.Diff(want, judgePlain(r, benchNow)); d != "" {
			t.Fatalf("%s (-CEL +Go):\n%s", r.ID, d)
		}
	}
}

func foundations(t testing.TB) builtin {
	t.Helper()
	all := loadAll(t)
	return all[slices.IndexFunc(all, func(b builtin) bool { return b.Name == "gcp-foundations" })]
}

// asset is a resource as text: its data and, if it has any, its IAM policy.
type asset struct {
	resource  *providers.Resource
	data, iam []byte
}

// assets gives resources of GCP with the text of their parts, so that a benchmark can decode and
// judge them.
func assets(b *testing.B) []asset {
	b.Helper()
	resources := madeUp(b, providers.GCP, snapshot.GCP, 5_000)
	slices.SortFunc(resources, func(a, b *providers.Resource) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	list := make([]asset, len(resources))
	for i, r := range resources {
		list[i].resource = r
		for name, part := range r.Parts {
			text, err := providers.FormatValue(part.Value)
			if err != nil {
				b.Fatal(err)
			}
			if name == providers.Properties {
				list[i].data = text
			} else {
				list[i].iam = text
			}
		}
	}
	return list
}

// decode gives the resource with its parts decoded anew.
func (a asset) decode() (*providers.Resource, error) {
	r := *a.resource
	r.Parts = make(map[string]providers.Part, 2)
	for name, text := range map[string][]byte{providers.Properties: a.data, "iamPolicy": a.iam} {
		if text == nil {
			continue
		}
		value, err := providers.ParseValue(text)
		if err != nil {
			return nil, err
		}
		r.Parts[name] = providers.Part{Value: value}
	}
	return &r, nil
}

// BenchmarkPack sets the whole way of 5000 resources through a pack beside the same checks in Go,
// and beside decoding alone. Goals: cel at most 1.5 times the time of go, nomatch at most 1.5 times
// that of decode.
func BenchmarkPack(b *testing.B) {
	all := assets(b)
	gcp := openSession(b, foundations(b), nil)
	azure := openSession(b, loadAll(b)[0], nil)
	evaluate := func(session policy.Session) func(*providers.Resource) ([]policy.Outcome, error) {
		return func(r *providers.Resource) ([]policy.Outcome, error) {
			return session.Evaluate(context.Background(), policy.Input{Resource: r})
		}
	}
	for _, way := range []struct {
		name  string
		judge func(*providers.Resource) ([]policy.Outcome, error)
	}{
		{"decode", func(*providers.Resource) ([]policy.Outcome, error) { return nil, nil }},
		{"nomatch", evaluate(azure)},
		{"go", func(r *providers.Resource) ([]policy.Outcome, error) { return judgePlain(r, benchNow), nil }},
		{"cel", evaluate(gcp)},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			meter := providertest.Start()
			for b.Loop() {
				for _, a := range all {
					r, err := a.decode()
					if err == nil {
						_, err = way.judge(r)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			meter.Report(b, len(all), "resource")
		})
	}
}

// BenchmarkPackWorkers decodes and judges by one goroutine and by two. Goal: two do 1.8 times as
// much.
func BenchmarkPackWorkers(b *testing.B) {
	all := assets(b)
	session := openSession(b, foundations(b), nil)
	for name, workers := range map[string]int{"1": 1, "2": 2} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var wait sync.WaitGroup
				chunks := make(chan []asset, workers)
				for range workers {
					wait.Go(func() {
						for chunk := range chunks {
							for _, a := range chunk {
								r, err := a.decode()
								if err == nil {
									_, err = session.Evaluate(context.Background(), policy.Input{Resource: r})
								}
								if err != nil {
									b.Error(err)
								}
							}
						}
					})
				}
				for chunk := range slices.Chunk(all, 64) {
					chunks <- chunk
				}
				close(chunks)
				wait.Wait()
			}
			b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "resources/s")
		})
	}
}
