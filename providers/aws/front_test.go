package aws_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// front stands before the emulator and answers some calls itself, over the wire as AWS would.
type front struct {
	*httptest.Server

	mu    sync.Mutex
	rules []*rule
	// seen are the calls that came, as match names them.
	seen []string
}

// rule answers the calls that it matches, a number of times or, with a negative one, always.
type rule struct {
	match  func(call) bool
	times  int
	answer func(http.ResponseWriter, call)
}

// call is a request to AWS, with the service and region that its signature names.
type call struct {
	*http.Request
	service, region string
	body            string
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request`)

// newFront makes a front, and a client whose account is read through it.
func newFront(t *testing.T, c client) (*front, client) {
	t.Helper()
	target, err := url.Parse(c.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := readCall(r)
		if answer := f.rule(asked); answer != nil {
			answer(w, asked)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	c.endpoint = f.URL
	return f, c
}

func readCall(r *http.Request) call {
	body, _ := io.ReadAll(r.Body) // what is cut off matches no rule
	r.Body = io.NopCloser(bytes.NewReader(body))
	asked := call{Request: r, body: string(body)}
	if found := scope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		asked.region, asked.service = found[1], found[2]
	}
	return asked
}

func (f *front) rule(asked call) func(http.ResponseWriter, call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, asked.name())
	for _, r := range f.rules {
		if r.times != 0 && r.match(asked) {
			r.times--
			return r.answer
		}
	}
	return nil
}

// count tells how many calls of a name came.
func (f *front) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, seen := range f.seen {
		if seen == name {
			n++
		}
	}
	return n
}

// name is the call's operation, or its method and path for services whose APIs are resources.
func (c call) name() string {
	if target := c.Header.Get("X-Amz-Target"); target != "" {
		return c.service + " " + target[strings.LastIndexByte(target, '.')+1:]
	}
	if values, err := url.ParseQuery(c.body); err == nil && values.Get("Action") != "" {
		return c.service + " " + values.Get("Action")
	}
	return c.service + " " + c.Method + " " + c.URL.RequestURI()
}

// named matches calls whose name is, or begins with, this one.
func called(name string) func(call) bool {
	return func(c call) bool { return strings.HasPrefix(c.name(), name) }
}

// in matches all calls to a region.
func inRegion(region string) func(call) bool {
	return func(c call) bool { return c.region == region && c.service != "sts" }
}

// refuse answers with an error of AWS, in the form of the service's protocol.
func (f *front) refuse(times int, match func(call) bool, status int, code, message string) {
	f.add(times, match, func(w http.ResponseWriter, c call) {
		switch {
		case c.service == "ec2":
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>1</RequestID></Response>`, code, message)
		case c.service == "s3":
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
		case strings.Contains(c.body, "Action="):
			w.WriteHeader(status)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, message)
		default:
			w.Header().Set("X-Amzn-Errortype", code)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
		}
	})
}

// say answers the first call with the first text, and so on; the last text is for all that come after.
func (f *front) say(match func(call) bool, texts ...string) {
	n := 0
	f.add(-1, match, func(w http.ResponseWriter, _ call) {
		f.mu.Lock()
		text := texts[min(n, len(texts)-1)]
		n++
		f.mu.Unlock()
		_, _ = io.WriteString(w, text) // the client sees what is cut off
	})
}

func (f *front) add(times int, match func(call) bool, answer func(http.ResponseWriter, call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &rule{match: match, times: times, answer: answer})
}
