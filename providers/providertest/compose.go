package providertest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"cloudaudit/providers"
)

// kind is a type of the catalogue.
type kind struct {
	name     string
	location string
	id, body text
	// roles and bindings make the record of its IAM policy, if it has one.
	roles    []string
	bindings []text
}

// catalogue holds a cloud's kinds, each as often as it weighs.
type catalogue []*kind

// catalogues reads the embedded files, by cloud.
var catalogues = sync.OnceValue(func() map[string]catalogue {
	all := map[string]catalogue{}
	for cloud, name := range map[string]string{providers.AWS: "aws.txt", providers.GCP: "gcp.txt", providers.Azure: "azure.txt"} {
		data, err := inventories.ReadFile("inventory/" + name)
		if err != nil {
			panic(err) // it is embedded
		}
		all[cloud] = parse(string(data))
	}
	return all
})

// parse reads a catalogue. It is the author's to get right, and a test's to see that it is.
func parse(data string) (c catalogue) {
	var last *kind
	var body strings.Builder
	end := func() {
		if last != nil {
			last.body = compile(body.String())
		}
		body.Reset()
	}
	for line := range strings.Lines(data) {
		roles, isRoles := strings.CutPrefix(line, "  iam ")
		binding, isBinding := strings.CutPrefix(line, "  binding ")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case isRoles:
			last.roles = strings.Fields(roles)
		case isBinding:
			last.bindings = append(last.bindings, compile(strings.TrimSpace(binding)))
		case strings.HasPrefix(line, " "):
			body.WriteString(strings.TrimSpace(line))
		default:
			end()
			var weight int
			var id string
			last = &kind{}
			if _, err := fmt.Sscan(line, &weight, &last.name, &last.location, &id); err != nil {
				panic(fmt.Sprintf("catalogue: %q: %v", line, err))
			}
			last.id = compile(id)
			for range weight {
				c = append(c, last)
			}
		}
	}
	end()
	return c
}

// text is a text with marks: plain pieces and marks in turn.
type text []func(*writer)

// compile takes a text with marks apart.
func compile(source string) (t text) {
	for {
		before, rest, found := strings.Cut(source, "<")
		t = append(t, func(w *writer) { w.out = append(w.out, before...) })
		if !found {
			return t
		}
		var name string
		name, source, _ = strings.Cut(rest, ">")
		t = append(t, mark(name))
	}
}

// mark gives what writes the value of a mark.
func mark(name string) func(*writer) {
	if choices, fault := strings.CutPrefix(name, "!"); fault {
		good, bad, _ := strings.Cut(choices, "|")
		return func(w *writer) {
			if w.content.Float64() < Faults {
				w.out = append(w.out, bad...)
			} else {
				w.out = append(w.out, good...)
			}
		}
	}
	if choices := strings.Split(name, "|"); len(choices) > 1 {
		return func(w *writer) { w.out = append(w.out, choices[w.content.IntN(len(choices))]...) }
	}
	if low, high, isRange := span(name); isRange {
		return func(w *writer) { w.out = strconv.AppendInt(w.out, low+w.content.Int64N(high-low+1), 10) }
	}
	if write := values[name]; write != nil {
		return write
	}
	panic("catalogue: there is no mark " + name)
}

func span(name string) (low, high int64, ok bool) {
	first, last, _ := strings.Cut(name, "-")
	low, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	high, err = strconv.ParseInt(last, 10, 64)
	return low, high, err == nil
}

// values writes the marks without choices.
var values = map[string]func(*writer){
	"name":         func(w *writer) { w.format("%s-%s-%d", words[w.own%8], words[8+w.own/8%8], w.number) },
	"own":          func(w *writer) { w.format("own-%d", w.number) },
	"ownnumber":    func(w *writer) { w.format("7%011d", w.number) },
	"project":      func(w *writer) { w.format("%s-%d", words[w.place%8], w.place) },
	"number":       func(w *writer) { w.format("6%011d", w.place) },
	"region":       func(w *writer) { w.out = append(w.out, w.region()...) },
	"zone":         (*writer).zone,
	"subscription": func(w *writer) { w.format("0d404722-eb29-453b-a974-%012d", w.place/8) },
	"group":        func(w *writer) { w.format("%s-%d", words[w.place%8], w.place) },
	"version":      func(w *writer) { w.format("%d", w.version) },
	// A multiple of an odd number is another one for each resource, and does not look like a count.
	"serial": func(w *writer) { w.format("0%016x", uint64(w.number)*0x9e3779b97f4a7c15) },
	"id":     func(w *writer) { w.format("%d", 1e18+w.identity.Int64N(8e18)) },
	"uuid": func(w *writer) {
		a, b := w.identity.Uint64(), w.identity.Uint64()
		w.format("%08x-%04x-4%03x-a%03x-%012x", a>>32, a&0xffff, a>>16&0xfff, b>>52, b&0xffffffffffff)
	},
	"time": func(w *writer) {
		r := w.identity.Uint32()
		w.format("202%d-%02d-%02dT%02d:%02d:%02d.%03dZ", 1+r%5, 1+r>>3%12, 1+r>>7%28, r>>12%24, r>>17%60, r>>23%60, r%1000)
	},
	"hex": func(w *writer) { w.format("%016x", w.content.Uint64()) },
	"ip": func(w *writer) {
		w.format("10.%d.%d.%d", w.content.IntN(256), w.content.IntN(256), w.content.IntN(256))
	},
}

var (
	words = []string{
		"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor",
		"api", "batch", "cart", "edge", "feed", "index", "orders", "web",
	}
	regions = map[string][]string{
		providers.AWS:   {"eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2", "eu-north-1"},
		providers.GCP:   {"europe-west1", "europe-west3", "us-east1", "us-central1", "asia-east1", "europe-north1"},
		providers.Azure: {"westeurope", "northeurope", "germanywestcentral", "eastus", "westus2", "swedencentral"},
	}
)

// perPlace is about how many resources share a project, or a resource group.
const perPlace = 500

// writer composes one record after the other.
type writer struct {
	inventory Inventory
	out       []byte

	number, place, own, version int
	// identity makes up what stays the same when a resource changes, content the rest.
	identity, content *rand.Rand
	sources           [2]*rand.PCG
}

func newWriter(v Inventory) *writer {
	w := &writer{inventory: v, sources: [2]*rand.PCG{{}, {}}}
	w.identity, w.content = rand.New(w.sources[0]), rand.New(w.sources[1])
	return w
}

// begin turns to a resource and chooses its kind. Each has sources of its own, so that any part of
// an inventory can be written by itself.
func (w *writer) begin(number int, c catalogue) *kind {
	w.out = w.out[:0]
	w.sources[0].Seed(w.inventory.Seed, uint64(number))
	w.number, w.version = number, 0
	chosen := c[w.identity.IntN(len(c))]
	w.own, w.place = w.identity.IntN(1<<16), w.identity.IntN(1+w.inventory.Size/perPlace)
	w.sources[1].Seed(^w.inventory.Seed, uint64(number))
	for version := 1; version <= w.inventory.Version; version++ {
		if w.content.Float64()*100 < w.inventory.Changed {
			w.version = version
		}
	}
	w.sources[1].Seed(w.inventory.Seed+uint64(w.version)+1, uint64(number))
	return chosen
}

func (w *writer) format(form string, args ...any) { w.out = fmt.Appendf(w.out, form, args...) }

func (w *writer) region() string { return regions[w.inventory.Cloud][w.own%6] }

// zone writes one of three zones of the region: europe-west1-b, or eu-west-1b.
func (w *writer) zone() {
	hyphen := "-"
	if w.inventory.Cloud == providers.AWS {
		hyphen = ""
	}
	w.format("%s%s%c", w.region(), hyphen, 'b'+rune(w.own/8%3))
}

func (w *writer) text(t text) {
	for _, piece := range t {
		piece(w)
	}
}

// resource writes a record as the cloud's inventory has it.
func (w *writer) resource(k *kind) {
	switch w.inventory.Cloud {
	case providers.Azure:
		w.row(k)
	case providers.AWS:
		w.description(k)
	default:
		w.asset(k)
	}
}

// asset writes an asset of Cloud Asset Inventory.
func (w *writer) asset(k *kind) {
	service, kind, _ := strings.Cut(k.name, "/")
	w.head(k)
	w.format(`,"resource":{"version":"v1","discoveryDocumentUri":"https://%s/$discovery/rest?version=v1","discoveryName":%q,`, service, kind)
	w.format(`"parent":"//cloudresourcemanager.googleapis.com/projects/6%011d","location":"`, w.place)
	w.location(k)
	w.out = append(w.out, `","data":`...)
	w.text(k.body)
	w.out = append(w.out, '}')
	w.tail()
}

// policy writes the record of a resource's IAM policy.
func (w *writer) policy(k *kind) {
	if len(k.roles)+len(k.bindings) == 0 {
		return
	}
	w.head(k)
	w.out = append(w.out, `,"iamPolicy":{"version":1,"etag":"BwYhJ0c=","bindings":[`...)
	for i, binding := range k.bindings {
		w.comma(i)
		w.text(binding)
	}
	for i, role := range k.roles {
		w.comma(len(k.bindings) + i)
		w.binding(role)
	}
	w.out = append(w.out, "]}"...)
	w.tail()
}

// binding gives a role to service accounts and, where it has a fault, to everybody.
func (w *writer) binding(role string) {
	w.format(`{"role":%q,"members":["serviceAccount:app-%d@shop.iam.gserviceaccount.com"`, role, w.content.IntN(1000))
	for range w.content.IntN(3) {
		w.format(`,"serviceAccount:%s-%d@shop.iam.gserviceaccount.com"`, words[w.content.IntN(8)], w.content.IntN(1000))
	}
	if w.content.Float64() < Faults {
		w.out = append(w.out, `,"allUsers","user:ann@example.com"`...)
	}
	w.out = append(w.out, "]}"...)
}

// comma separates what is not the first of a list.
func (w *writer) comma(position int) {
	if position > 0 {
		w.out = append(w.out, ',')
	}
}

func (w *writer) head(k *kind) {
	w.out = append(w.out, `{"name":"`...)
	w.text(k.id)
	w.format(`","assetType":%q`, k.name)
}

func (w *writer) tail() {
	w.format(`,"ancestors":["projects/6%011d","folders/%d","organizations/482913507721"],"updateTime":"2026-%02d-%02dT00:00:00.%06dZ"}`,
		w.place, 318840226500+w.place%16, 1+w.version/28, 1+w.version%28, w.number%1_000_000)
}

func (w *writer) location(k *kind) {
	if k.location == providers.Global {
		w.out = append(w.out, providers.Global...)
		return
	}
	values[k.location](w)
}

// row writes a row of Resource Graph.
func (w *writer) row(k *kind) {
	w.out = append(w.out, `{"id":"`...)
	w.text(k.id)
	name := string(w.out[strings.LastIndexByte(string(w.out), '/')+1:])
	w.format(`","name":%q,"type":%q,"tenantId":"c6332806-385b-4884-ad8b-b3c41e71c495","location":"`, name, strings.ToLower(k.name))
	w.location(k)
	w.out = append(w.out, `","resourceGroup":"`...)
	values["group"](w)
	w.out = append(w.out, `","subscriptionId":"`...)
	values["subscription"](w)
	w.out = append(w.out, `",`...)
	w.text(k.body)
	w.format(`,"tags":{"rev":"r%d","env":%q,"owner":%q},"plan":null,"identity":null,"zones":null,"extendedLocation":null}`,
		w.version, words[w.own%3], words[8+w.own%8])
}

// description writes what Cloud Control says of a resource, with the names that its answers have
// around it. The properties are JSON in a text.
func (w *writer) description(k *kind) {
	w.format(`{"TypeName":%q,"Identifier":"`, k.name)
	w.text(k.id)
	if k.location != providers.Global {
		w.out = append(w.out, `","Region":"`...)
		w.location(k)
	}
	w.out = append(w.out, `","AccountId":"111122223333","Properties":`...)
	begin := len(w.out)
	w.text(k.body)
	w.out = strconv.AppendQuote(w.out[:begin], string(w.out[begin:]))
	w.out = append(w.out, '}')
}
