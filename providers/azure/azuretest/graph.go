package azuretest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// question is what Resource Graph is asked.
type question struct {
	Subscriptions    []string
	ManagementGroups []string
	Query            string
	Options          struct {
		ResultFormat string
		Top          int    `json:"$top"`
		SkipToken    string `json:"$skipToken"`
	}
}

// graph answers a question, a page of it.
func (c *Cloud) graph(w http.ResponseWriter, body []byte) {
	var q question
	if err := json.Unmarshal(body, &q); err != nil || q.Options.ResultFormat != "objectArray" {
		fail(w, http.StatusBadRequest, "BadRequest", "the question is none")
		return
	}
	asked := q.Query + strings.Join(q.Subscriptions, " ")
	rows, known := c.found[asked]
	if !known {
		var fault string
		if rows, fault = c.find(q); fault != "" {
			fail(w, http.StatusBadRequest, "InvalidQuery", fault)
			return
		}
		c.found[asked] = rows
	}
	at, _ := strconv.Atoi(strings.TrimPrefix(q.Options.SkipToken, "row-"))
	to := min(at+min(c.Top, q.Options.Top), len(rows))
	answer := Row{"totalRecords": len(rows), "count": to - at, "resultTruncated": "false", "data": rows[at:to]}
	if to < len(rows) {
		answer["$skipToken"] = "row-" + strconv.Itoa(to)
	}
	w.Header().Set("X-Ms-User-Quota-Remaining", "14")
	w.Header().Set("X-Ms-User-Quota-Resets-After", "00:00:05")
	write(w, answer)
}

// Steps of queries that are understood.
var (
	typeIn  = regexp.MustCompile(`^where type in~ \(('[a-z./]+'(?:, '[a-z./]+')*)\)$`)
	typeIs  = regexp.MustCompile(`^where type =~ '([a-z./]+)'$`)
	butIs   = regexp.MustCompile(`^where not\(properties\.(\w+) =~ '(\w+)'\)$`)
	butIn   = regexp.MustCompile(`^where not\(properties\.(\w+) in~ \('(\w+)', '(\w+)'\)\)$`)
	nowhere = "where isempty(subscriptionId)"
)

// find gives the rows that a query asks for, or says why not.
func (c *Cloud) find(q question) (rows []Row, fault string) {
	steps := strings.Split(q.Query, " | ")
	for _, row := range c.rows[steps[0]] {
		if c.within(q, row) {
			rows = append(rows, row)
		}
	}
	for _, step := range steps[1:] {
		switch {
		case step == "order by id asc":
			slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(text(a, "id"), text(b, "id")) })
		case step == "summarize count() by type":
			rows = summarize(rows)
		default:
			keep := filter(step)
			if keep == nil {
				return nil, "it does not understand " + step
			}
			rows = slices.DeleteFunc(rows, func(row Row) bool { return !keep(row) })
		}
	}
	return rows, ""
}

// within tells whether a row belongs to what is asked about.
func (c *Cloud) within(q question, row Row) bool {
	return len(q.Subscriptions) == 0 || slices.ContainsFunc(q.Subscriptions, func(id string) bool { return strings.EqualFold(id, text(row, "subscriptionId")) })
}

func filter(step string) func(Row) bool {
	property := func(row Row, name string) string {
		properties, _ := row["properties"].(Row)
		return text(properties, name)
	}
	if step == nowhere {
		return func(row Row) bool { return text(row, "subscriptionId") == "" }
	}
	if found := typeIn.FindStringSubmatch(step); found != nil {
		return func(row Row) bool { return strings.Contains(found[1], "'"+text(row, "type")+"'") }
	}
	if found := typeIs.FindStringSubmatch(step); found != nil {
		return func(row Row) bool { return text(row, "type") == found[1] }
	}
	if found := butIs.FindStringSubmatch(step); found != nil {
		return func(row Row) bool { return !strings.EqualFold(property(row, found[1]), found[2]) }
	}
	if found := butIn.FindStringSubmatch(step); found != nil {
		return func(row Row) bool {
			value := property(row, found[1])
			return !strings.EqualFold(value, found[2]) && !strings.EqualFold(value, found[3])
		}
	}
	return nil
}

func summarize(rows []Row) []Row {
	counts := map[string]int{}
	for _, row := range rows {
		counts[text(row, "type")]++
	}
	sums := make([]Row, 0, len(counts))
	for kind, count := range counts {
		sums = append(sums, Row{"type": kind, "count_": count})
	}
	return sums
}
