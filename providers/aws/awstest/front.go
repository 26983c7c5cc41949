package awstest

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

// Front stands before the emulator and answers some calls itself, over the wire as AWS would.
type Front struct {
	*httptest.Server

	mu    sync.Mutex
	rules []*rule
	// seen are the calls that came, as match names them.
	seen []string
}

// rule answers the calls that it matches, a number of times or, with a negative one, always.
type rule struct {
	match  func(Call) bool
	times  int
	answer func(http.ResponseWriter, Call)
}

// Call is a request to AWS, with the service and region that its signature names.
type Call struct {
	*http.Request
	Service, Region string
	Body            string
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request`)

// NewFront makes a front, and an account that is read through it.
func NewFront(tb testing.TB, a Account) (*Front, Account) {
	tb.Helper()
	target, err := url.Parse(a.Endpoint)
	if err != nil {
		tb.Fatal(err)
	}
	f := &Front{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := readCall(r)
		if answer := f.rule(asked); answer != nil {
			answer(w, asked)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	tb.Cleanup(f.Close)
	a.Endpoint = f.URL
	return f, a
}

func readCall(r *http.Request) Call {
	body, _ := io.ReadAll(r.Body) // what is cut off matches no rule
	r.Body = io.NopCloser(bytes.NewReader(body))
	asked := Call{Request: r, Body: string(body)}
	if found := scope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		asked.Region, asked.Service = found[1], found[2]
	}
	return asked
}

func (f *Front) rule(asked Call) func(http.ResponseWriter, Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, asked.Name())
	for _, r := range f.rules {
		if r.times != 0 && r.match(asked) {
			r.times--
			return r.answer
		}
	}
	return nil
}

// Count tells how many calls of a name came.
func (f *Front) Count(name string) int {
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

// Name is the call's operation, or its method and path for services whose APIs are resources.
func (c Call) Name() string {
	if target := c.Header.Get("X-Amz-Target"); target != "" {
		return c.Service + " " + target[strings.LastIndexByte(target, '.')+1:]
	}
	if values, err := url.ParseQuery(c.Body); err == nil && values.Get("Action") != "" {
		return c.Service + " " + values.Get("Action")
	}
	return c.Service + " " + c.Method + " " + c.URL.RequestURI()
}

// Called matches calls whose name is, or begins with, this one.
func Called(name string) func(Call) bool {
	return func(c Call) bool { return strings.HasPrefix(c.Name(), name) }
}

// InRegion matches all calls to a region.
func InRegion(region string) func(Call) bool {
	return func(c Call) bool { return c.Region == region && c.Service != "sts" }
}

// Refuse answers with an error of AWS, in the form of the service's protocol.
func (f *Front) Refuse(times int, match func(Call) bool, status int, code, message string) {
	f.Add(times, match, func(w http.ResponseWriter, c Call) {
		switch {
		case c.Service == "ec2":
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>1</RequestID></Response>`, code, message)
		case c.Service == "s3":
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
		case strings.Contains(c.Body, "Action="):
			w.WriteHeader(status)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, message)
		default:
			w.Header().Set("X-Amzn-Errortype", code)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
		}
	})
}

// Say answers the first Call with the first text, and so on; the last text is for all that come after.
func (f *Front) Say(match func(Call) bool, texts ...string) {
	n := 0
	f.Add(-1, match, func(w http.ResponseWriter, _ Call) {
		f.mu.Lock()
		text := texts[min(n, len(texts)-1)]
		n++
		f.mu.Unlock()
		_, _ = io.WriteString(w, text) // the client sees what is cut off
	})
}

// Add has the first calls that match, as many as are told, or all with a negative number, answered so.
func (f *Front) Add(times int, match func(Call) bool, answer func(http.ResponseWriter, Call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &rule{match: match, times: times, answer: answer})
}
