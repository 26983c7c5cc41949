// Package gcptest serves inventories as the Cloud Asset API does, over gRPC on this machine, for tests.
package gcptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Sizes of pages, as documented.
const (
	defaultPage = 100
	mostPage    = 1000
)

// Server is the Cloud Asset API. It pages as the real one does, and is safe for concurrent use.
type Server struct {
	assetpb.UnimplementedAssetServiceServer

	// Endpoint is its address: 127.0.0.1:PORT.
	Endpoint string

	mu      sync.Mutex
	feed    Feed
	rules   []*rule
	calls   []*assetpb.ListAssetsRequest
	strange []string
	numbers map[string]string
	short   bool
	pages   int
	cursors map[string]*cursor
}

// rule answers the calls that it matches, a number of times or, with a negative one, always.
type rule struct {
	match  func(*assetpb.ListAssetsRequest) bool
	times  int
	answer Answer
}

// Answer answers a call in the server's place. Page gives what the server would answer.
type Answer func(ctx context.Context, page func() (*assetpb.ListAssetsResponse, error)) (*assetpb.ListAssetsResponse, error)

// New starts a server, which ends with the test.
func New(tb testing.TB, feed Feed) *Server {
	tb.Helper()
	listen := net.ListenConfig{}
	listener, err := listen.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Endpoint: listener.Addr().String(), feed: feed, numbers: map[string]string{}, cursors: map[string]*cursor{}}
	server := grpc.NewServer()
	assetpb.RegisterAssetServiceServer(server, s)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	tb.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			tb.Error(err)
		}
		for _, c := range s.cursors {
			c.stop()
		}
	})
	return s
}

// Serve replaces what is served. Listings that are under way go on with what they began with.
func (s *Server) Serve(feed Feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed = feed
}

// Project makes a project known by its id, beside its number.
func (s *Server) Project(id, number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers["projects/"+id] = "projects/" + number
}

// Unknown makes types unknown.
func (s *Server) Unknown(types ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strange = types
}

// ShortPages leaves some pages half full, and some empty, though more follow.
func (s *Server) ShortPages() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.short = true
}

// Answer has calls answered otherwise: the first so many that match, all with a negative number. Rules that
// came first count first.
func (s *Server) Answer(match func(*assetpb.ListAssetsRequest) bool, times int, answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &rule{match, times, answer})
}

// Refuse has calls refused with a code, and with the details that Google Cloud adds to it.
func (s *Server) Refuse(match func(*assetpb.ListAssetsRequest) bool, times int, code codes.Code, reason string, metadata map[string]string) {
	refusal := Refusal(code, reason, metadata)
	s.Answer(match, times, func(context.Context, func() (*assetpb.ListAssetsResponse, error)) (*assetpb.ListAssetsResponse, error) {
		return nil, refusal
	})
}

// Refusal is an error as Google Cloud gives it, with a secret in its text that nobody should repeat.
func Refusal(code codes.Code, reason string, metadata map[string]string) error {
	of := status.New(code, "request by token ya29.secret was refused")
	if reason != "" {
		if detailed, err := of.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "googleapis.com", Metadata: metadata}); err == nil {
			of = detailed
		}
	}
	if code == codes.ResourceExhausted {
		if detailed, err := of.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)}); err == nil {
			of = detailed
		}
	}
	return of.Err()
}

// Calls gives the requests that came, in their order, those that were refused as well.
func (s *Server) Calls() []*assetpb.ListAssetsRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ListAssets answers a call.
func (s *Server) ListAssets(ctx context.Context, request *assetpb.ListAssetsRequest) (*assetpb.ListAssetsResponse, error) {
	answer := s.note(request)
	page := func() (*assetpb.ListAssetsResponse, error) { return s.page(request) }
	if answer != nil {
		return answer(ctx, page)
	}
	return page()
}

// note takes note of a call, and gives the answer of the rule that it meets, if it meets one.
func (s *Server) note(request *assetpb.ListAssetsRequest) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, proto.CloneOf(request))
	for _, r := range s.rules {
		if r.times != 0 && r.match(request) {
			r.times--
			return r.answer
		}
	}
	return nil
}

var parents = regexp.MustCompile(`^(projects|folders|organizations)/[a-z0-9:.-]+$`)

// page gives the page that is asked for, or refuses what the real API refuses.
func (s *Server) page(request *assetpb.ListAssetsRequest) (*assetpb.ListAssetsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !parents.MatchString(request.GetParent()):
		return nil, status.Error(codes.InvalidArgument, "parent")
	case request.GetReadTime() != nil && request.GetReadTime().AsTime().After(time.Now()):
		return nil, status.Error(codes.InvalidArgument, "read_time")
	case slices.ContainsFunc(request.GetAssetTypes(), func(t string) bool { return slices.Contains(s.strange, t) }):
		return nil, status.Error(codes.InvalidArgument, "asset_types")
	}
	at, err := s.cursor(request)
	if err != nil {
		return nil, err
	}
	assets, more := at.take(s.size(request))
	response := &assetpb.ListAssetsResponse{ReadTime: request.GetReadTime(), Assets: assets}
	if more {
		s.pages++
		response.NextPageToken = fmt.Sprintf("page-%d", s.pages)
		s.cursors[response.GetNextPageToken()] = at
	} else {
		at.stop()
	}
	return response, nil
}

// size is how many assets the page gets.
func (s *Server) size(request *assetpb.ListAssetsRequest) int {
	size := int(request.GetPageSize())
	if size <= 0 {
		size = defaultPage
	}
	size = min(size, mostPage)
	switch {
	case s.short && s.pages%5 == 3:
		return 0
	case s.short && s.pages%2 == 1:
		return size / 2
	}
	return size
}

// cursor gives where the listing stands. A token is good for one page, of the listing that it is of.
func (s *Server) cursor(request *assetpb.ListAssetsRequest) (*cursor, error) {
	about := strings.Join([]string{request.GetParent(), request.GetContentType().String(), strings.Join(request.GetAssetTypes(), ","), request.GetReadTime().String()}, "|")
	if request.GetPageToken() == "" {
		return s.begin(request, about), nil
	}
	at := s.cursors[request.GetPageToken()]
	if at == nil || at.about != about {
		return nil, status.Error(codes.InvalidArgument, "page_token")
	}
	delete(s.cursors, request.GetPageToken())
	return at, nil
}

func (s *Server) begin(request *assetpb.ListAssetsRequest, about string) *cursor {
	parent := request.GetParent()
	if number := s.numbers[parent]; number != "" {
		parent = number
	}
	return newCursor(about, s.feed(request.GetContentType()), func(a *assetpb.Asset) bool {
		return slices.Contains(a.GetAncestors(), parent) &&
			(len(request.GetAssetTypes()) == 0 || slices.Contains(request.GetAssetTypes(), a.GetAssetType()))
	})
}
