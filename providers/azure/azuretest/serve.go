package azuretest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

const graphPath = "/providers/Microsoft.ResourceGraph/resources"

// Call is a call that came.
type Call struct {
	*http.Request
	Body []byte
}

// Name is the path of a call, and of questions to Resource Graph their query.
func (c Call) Name() string {
	if c.URL.Path != graphPath {
		return c.URL.Path
	}
	var q question
	_ = json.Unmarshal(c.Body, &q) // what is no question has no name
	return "graph: " + q.Query
}

// Asked matches calls in whose name the text stands.
func Asked(text string) func(Call) bool {
	return func(c Call) bool { return strings.Contains(strings.ToLower(c.Name()), strings.ToLower(text)) }
}

// Everywhere has a rule answer every call that it matches.
const Everywhere = -1

// rule answers the calls that it matches, a number of times or, with a negative one, always.
type rule struct {
	match  func(Call) bool
	times  int
	answer func(http.ResponseWriter, Call)
}

// Answer has the first calls that match, as many as are told, answered so.
func (c *Cloud) Answer(times int, match func(Call) bool, answer func(http.ResponseWriter, Call)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = append(c.rules, &rule{match, times, answer})
}

// Refuse answers with an error of Azure.
func (c *Cloud) Refuse(times int, match func(Call) bool, status int, code, message string) {
	c.Answer(times, match, func(w http.ResponseWriter, _ Call) { fail(w, status, code, message) })
}

// Say answers with a text.
func (c *Cloud) Say(times int, match func(Call) bool, text string) {
	c.Answer(times, match, func(w http.ResponseWriter, _ Call) { _, _ = io.WriteString(w, text) }) // the client sees what is cut off
}

// Count tells how many calls came in whose name the text stands.
func (c *Cloud) Count(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, name := range c.calls {
		if strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
			n++
		}
	}
	return n
}

// ServeHTTP answers as Azure does.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what is cut off is no question
	call := Call{r, body}
	if r.Header.Get("Authorization") == "" || r.URL.Query().Get("api-version") == "" {
		fail(w, http.StatusUnauthorized, "AuthenticationFailed", "there is no token, or no api-version")
		return
	}
	if answer := c.rule(call); answer != nil {
		answer(w, call)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == graphPath {
		c.graph(w, body)
		return
	}
	c.manager(w, strings.ToLower(r.URL.Path))
}

func (c *Cloud) rule(call Call) func(http.ResponseWriter, Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call.Name())
	for _, r := range c.rules {
		if r.times != 0 && r.match(call) {
			r.times--
			return r.answer
		}
	}
	return nil
}

// manager answers as Resource Manager: with an object, or with a list of those right below the path.
func (c *Cloud) manager(w http.ResponseWriter, path string) {
	if place, asked := strings.CutSuffix(path, "/providers/microsoft.authorization/permissions"); asked {
		actions, given := c.granted[place]
		if !given {
			actions = []string{"*/read"}
		}
		write(w, Row{"value": []Row{{"actions": actions, "notActions": []string{}}}})
		return
	}
	if held := c.held[path]; held != nil {
		write(w, held)
		return
	}
	below := []Row{}
	for id, held := range c.held {
		if under(id, path) {
			below = append(below, held)
		}
	}
	for suffix, properties := range c.alike {
		if strings.HasSuffix(path, "/"+suffix) {
			write(w, object(path, properties))
			return
		}
		if parent, name := cut(suffix); strings.HasSuffix(path, "/"+parent) {
			below = append(below, object(path+"/"+name, properties))
		}
	}
	slices.SortFunc(below, func(a, b Row) int { return -cmp.Compare(text(a, "id"), text(b, "id")) }) // in no order that clients may lean on
	if len(below) == 0 && single(path) {
		fail(w, http.StatusNotFound, "NotFound", "there is no such thing")
		return
	}
	write(w, Row{"value": below})
}

// under tells whether an id stands right below a path.
func under(id, path string) bool {
	rest, below := strings.CutPrefix(id, path+"/")
	return below && !strings.Contains(rest, "/")
}

// single tells whether a path is that of one object: types and names take turns after the provider.
func single(path string) bool {
	rest := path[strings.LastIndex(path, "/providers/")+len("/providers/"):]
	return strings.Count(rest, "/")%2 == 0
}

func cut(path string) (parent, name string) {
	at := strings.LastIndexByte(path, '/')
	return path[:max(at, 0)], path[at+1:]
}

func write(w http.ResponseWriter, answer Row) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the client sees what is cut off
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Row{"error": Row{"code": code, "message": message}}) // the client sees what is cut off
}
