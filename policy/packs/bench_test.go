package packs_test

import (
	"context"
	"encoding/json"
	"os"
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

// madeUpFormats are those of the made-up inventories, by cloud.
var madeUpFormats = map[string]string{
	providers.AWS: snapshot.CloudControl, providers.GCP: snapshot.GCP, providers.Azure: snapshot.Azure,
}

// madeUp gives the resources of a made-up inventory, read as a scan reads them and put together.
func madeUp(t testing.TB, cloud string, size int) []*providers.Resource {
	t.Helper()
	read := &inventory{t: t, resources: map[string]*providers.Resource{}}
	readMadeUp(t, cloud, size, read)
	var resources []*providers.Resource
	for _, r := range read.resources {
		resources = append(resources, r)
	}
	return resources
}

func readMadeUp(t testing.TB, cloud string, size int, emit providers.Emitter) {
	t.Helper()
	folder := t.TempDir()
	if err := (providertest.Inventory{Cloud: cloud, Size: size, Seed: 1}).Write(folder); err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]any{"format": madeUpFormats[cloud], "path": folder})
	if err != nil {
		t.Fatal(err)
	}
	collectors, err := snapshot.New().Collectors(context.Background(), providers.Account{Settings: settings}, providers.Want{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range collectors {
		if err := c.Collect(context.Background(), emit); err != nil {
			t.Fatalf("file %s: %v", filepath.Base(c.Scope.Name), err)
		}
	}
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
	// A policy without tags to ask for asks for nothing.
	wanted := map[string]map[string]any{providers.AWS: {"resource-required-tags": map[string]any{"tags": []string{"owner"}}}}
	whole := []string{"iamPolicy", "orgPolicy", "accessPolicy"} // what has no record of these has none
	account := &providers.Account{Cloud: b.Cloud, CloudID: "111122223333"}
	session, verdicts := openSession(t, b, wanted[b.Cloud]), map[string]map[policy.Verdict]int{}
	for _, r := range madeUp(t, b.Cloud, 6_000) {
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
	for _, r := range madeUp(t, providers.AWS, 3_000) {
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
	for _, r := range madeUp(t, providers.GCP, 6_000) {
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
	unread    []providers.Unread
}

// assets reads a made-up inventory into text, so that a benchmark can decode and judge it. Of the
// resources themselves nothing stays.
type assets struct {
	b    *testing.B
	byID map[string]*asset
}

// Resource takes a resource or parts of one.
func (a *assets) Resource(r *providers.Resource) error {
	known := a.byID[r.Type+r.Identity]
	if known == nil {
		known = &asset{}
		a.byID[r.Type+r.Identity] = known
	}
	for name, part := range r.Parts {
		text, err := providers.FormatValue(part.Value)
		if err != nil {
			return err
		}
		known.unread = append(known.unread, part.Unread...)
		if name != providers.Properties {
			known.iam = text
			continue
		}
		shell := *r
		shell.Parts = nil
		known.data, known.resource = text, &shell
	}
	return nil
}

// Gap takes note of what could not be read: nothing of it.
func (a *assets) Gap(gap providers.Gap) error {
	a.b.Errorf("gap of %s at %s: %s", gap.Type, gap.Place, gap.Reason)
	return nil
}

// readAssets gives as many resources of the cloud, in an order that mixes their types as accounts do.
func readAssets(b *testing.B, cloud string, size int) []asset {
	b.Helper()
	read := &assets{b, map[string]*asset{}}
	readMadeUp(b, cloud, size, read)
	list := make([]asset, 0, len(read.byID))
	for _, a := range read.byID {
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b asset) int { return strings.Compare(a.resource.ID, b.resource.ID) })
	return list
}

// decode gives the resource with its parts decoded anew, as policies are given it.
func (a asset) decode() (policy.Input, error) {
	r := *a.resource
	r.Parts = make(map[string]providers.Part, 2)
	for name, text := range map[string][]byte{providers.Properties: a.data, "iamPolicy": a.iam} {
		if text == nil {
			continue
		}
		value, err := providers.ParseValue(text)
		if err != nil {
			return policy.Input{}, err
		}
		r.Parts[name] = providers.Part{Value: value}
	}
	return policy.Input{Resource: &r, Unread: a.unread}, nil
}

// benchSize is how many resources benchmarks judge: the first of CLOUDAUDIT_BENCH_SIZES.
func benchSize(b *testing.B) int {
	b.Helper()
	return providertest.Sizes(b, os.Getenv("CLOUDAUDIT_BENCH_SIZES"))[0]
}

// BenchmarkPack sets the whole way of resources through each built-in pack beside decoding alone, and for
// one pack beside the same checks in Go. Goals: cel at most 1.5 times the time of go, nomatch, which is
// the pack of another cloud, at most 1.5 times that of decode.
func BenchmarkPack(b *testing.B) {
	all := loadAll(b)
	for i, pack := range all {
		b.Run(pack.Name, func(b *testing.B) {
			resources := readAssets(b, pack.Cloud, benchSize(b))
			benchWay(b, "decode", resources, func(policy.Input) error { return nil })
			benchWay(b, "nomatch", resources, evaluating(openSession(b, all[(i+1)%len(all)], nil)))
			benchWay(b, "cel", resources, evaluating(openSession(b, pack, nil)))
			if pack.Cloud == providers.GCP {
				benchWay(b, "go", resources, func(input policy.Input) error {
					judgePlain(input.Resource, benchNow)
					return nil
				})
			}
		})
	}
}

func evaluating(session policy.Session) func(policy.Input) error {
	return func(input policy.Input) error {
		_, err := session.Evaluate(context.Background(), input)
		return err
	}
}

// benchWay decodes all resources and does something with each.
func benchWay(b *testing.B, name string, resources []asset, do func(policy.Input) error) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		meter := providertest.Start()
		for b.Loop() {
			for _, a := range resources {
				input, err := a.decode()
				if err == nil {
					err = do(input)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		meter.Report(b, len(resources), "resource")
	})
}

// BenchmarkPackWorkers decodes and judges by one goroutine and by two. Goal: two do 1.8 times as
// much.
func BenchmarkPackWorkers(b *testing.B) {
	all := readAssets(b, providers.GCP, benchSize(b))
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
								input, err := a.decode()
								if err == nil {
									_, err = session.Evaluate(context.Background(), input)
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
