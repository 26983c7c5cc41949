package azure

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"cloudaudit/providers"
)

const (
	graphCall    = "Microsoft.ResourceGraph/resources/read"
	graphVersion = "2022-10-01"
	// pageSize is the most rows that Resource Graph gives at once.
	pageSize = 1000
)

// question is a query of Resource Graph: over subscriptions or a management group, or else over all of the
// tenant that may be read.
type question struct {
	Subscriptions    []string        `json:"subscriptions,omitempty"`
	ManagementGroups []string        `json:"managementGroups,omitempty"`
	Query            string          `json:"query"`
	Options          questionOptions `json:"options"`
}

type questionOptions struct {
	ResultFormat string `json:"resultFormat"`
	Top          int    `json:"$top"`
	SkipToken    string `json:"$skipToken,omitempty"`
}

// page is an answer of Resource Graph.
type page struct {
	TotalRecords    int               `json:"totalRecords"`
	ResultTruncated string            `json:"resultTruncated"`
	SkipToken       string            `json:"$skipToken"`
	Data            []json.RawMessage `json:"data"`
	// limited tells that there were more subscriptions than Resource Graph looks into.
	limited bool
}

// ordered makes pages of a query stable.
func ordered(query string) string { return query + " | order by id asc" }

// pages asks for all pages of a query and hands on their rows. It fails where the rows that were handed on
// may not be all.
func (s *session) pages(ctx context.Context, q question, take func(rows []json.RawMessage) error) error {
	q.Options = questionOptions{ResultFormat: "objectArray", Top: pageSize}
	reading := reading{seen: map[string]bool{}}
	for {
		answer, err := s.page(ctx, q)
		if err != nil && reading.mayRestart(q, err) {
			q.Options.SkipToken = ""
			continue
		}
		if err != nil {
			return err
		}
		if err := take(answer.Data); err != nil {
			return err
		}
		if err := reading.check(answer); err != nil {
			return &callError{graphCall, err}
		}
		if q.Options.SkipToken = answer.SkipToken; q.Options.SkipToken == "" {
			return nil
		}
	}
}

func (s *session) page(ctx context.Context, q question) (page, error) {
	var answer page
	ask := func() (http.Header, error) {
		return s.send(ctx, http.MethodPost, s.endpoint()+graphPath+"?api-version="+graphVersion, q, &answer)
	}
	header, err := ask()
	if cutOff(err) && ctx.Err() == nil {
		header, err = ask()
	}
	if err != nil {
		return page{}, &callError{graphCall, err}
	}
	answer.limited = strings.EqualFold(header.Get("x-ms-tenant-subscription-limit-hit"), "true")
	return answer, nil
}

// cutOff tells whether the connection ended within an answer. The SDK tries everything else again, but not
// a POST, which for all that it knows changes something.
func cutOff(err error) bool {
	var final interface{ NonRetriable() }
	var known *providers.Error
	return errors.As(err, &final) && !errors.As(err, &known)
}

// reading is what is known of a query while its pages come.
type reading struct {
	rows int
	// least is the smallest number of rows that was announced.
	least     int
	announced bool
	limited   bool
	restarted bool
	seen      map[string]bool
}

// mayRestart tells whether the query may begin anew, which it may once: what led to the page is not known
// any more. What was handed on comes again, which does no harm: it is the same.
func (r *reading) mayRestart(q question, err error) bool {
	if q.Options.SkipToken == "" || status(err) != http.StatusBadRequest || r.restarted {
		return false
	}
	*r = reading{restarted: true, seen: map[string]bool{}}
	return true
}

// check looks for signs that an answer is not, or will not be, all there is.
func (r *reading) check(answer page) error {
	if !r.announced || answer.TotalRecords < r.least {
		r.least, r.announced = answer.TotalRecords, true
	}
	r.rows += len(answer.Data)
	r.limited = r.limited || answer.limited
	token := answer.SkipToken
	switch {
	case token != "" && r.seen[token]:
		return failure(providers.Failure, "Resource Graph leads back to an earlier page")
	case token != "":
		r.seen[token] = true
		return nil
	case strings.EqualFold(answer.ResultTruncated, "true"):
		return failure(providers.Failure, "Resource Graph cut its answer off")
	case r.limited:
		return failure(providers.Failure, "there are more subscriptions than Resource Graph looks into at once")
	case r.rows < r.least:
		return failure(providers.Failure, "Resource Graph gave %d rows of %d", r.rows, r.least)
	}
	return nil
}

// rows gives all rows of a query that has few.
func (s *session) rows(ctx context.Context, q question) ([]map[string]any, error) {
	var all []map[string]any
	err := s.pages(ctx, q, func(rows []json.RawMessage) error {
		for _, data := range rows {
			row, err := anObject(graphCall, data)
			if err != nil {
				return err
			}
			all = append(all, row)
		}
		return nil
	})
	return all, err
}
