package cel_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

const tracedRule = `name: ports
severity: high
match: {types: [T], condition: resource.properties.on}
configSchema: {properties: {port: {type: integer, default: 22}}}
variables:
  - {name: open, expression: 'resource.properties.ports.filter(p, p == params.port)'}
validations:
  - expression: size(variables.open) == 0 || resource.properties.secret == "x"
    messageExpression: '"port " + string(params.port) + " is open"'
`

// TestTrace shows every part of a policy with what it gave: values, what was unread, what was never
// asked for.
func TestTrace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		properties string
		unread     []providers.Unread
		want       []string
	}{
		"violation": {`{"on": true, "ports": [22, 80], "secret": "y"}`, nil, []string{
			"violation",
			"match 0 resource.properties.on = true",
			"variable open 1 resource.properties.ports = [22,80]",
			"variable open 0 resource.properties.ports.filter(p, p == params.port) = [22]",
			"validation 1 2 size(variables.open) = 1",
			"validation 1 1 size(variables.open) == 0 = false",
			`validation 1 2 resource.properties.secret = "y"`,
			`validation 1 1 resource.properties.secret == "x" = false`,
			`validation 1 0 size(variables.open) == 0 || resource.properties.secret == "x" = false`,
			"validation 1 message 3 params.port = 22",
			`validation 1 message 2 string(params.port) = "22"`,
			`validation 1 message 1 "port " + string(params.port) = "port 22"`,
			`validation 1 message 0 "port " + string(params.port) + " is open" = "port 22 is open"`,
		}},
		"not_applicable": {`{"on": false}`, nil, []string{
			"not_applicable",
			"match 0 resource.properties.on = false",
			"variable open 1 resource.properties.ports = ",
			"variable open 0 resource.properties.ports.filter(p, p == params.port) = ",
		}},
		"unknown": {`{"on": true, "ports": [22]}`, []providers.Unread{{Path: "/properties/secret", Class: providers.AccessDenied}}, []string{
			"unknown",
			"validation 1 2 resource.properties.secret = unknown: /properties/secret access_denied",
			`validation 1 0 size(variables.open) == 0 || resource.properties.secret == "x" = unknown: /properties/secret access_denied`,
		}},
		"error": {`{"on": true}`, nil, []string{
			"unknown",
			"variable open 0 resource.properties.ports.filter(p, p == params.port) = error: policies.yaml:",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pack, engine := load(t, tracedRule)
			value, err := providers.ParseValue([]byte(test.properties))
			if err != nil {
				t.Fatal(err)
			}
			config, err := policy.Reconcile(pack, nil)
			if err != nil {
				t.Fatal(err)
			}
			trace, err := engine.Trace(context.Background(), pack, policy.SessionOptions{Config: config, Now: time.Now()}, "ports", policy.Input{
				Resource: &providers.Resource{Type: "T", Parts: map[string]providers.Part{providers.Properties: {Value: value}}}, Unread: test.unread,
			})
			if err != nil {
				t.Fatal(err)
			}
			got := []string{string(trace.Outcome.Verdict)}
			for _, s := range trace.Steps {
				if !strings.HasPrefix(s.Place, "policies.yaml:") {
					t.Errorf("place %q", s.Place)
				}
				got = append(got, s.Of+" "+string(rune('0'+s.Depth))+" "+s.Expression+" = "+s.Value)
			}
			if name == "violation" {
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				return
			}
			all := strings.Join(got, "\n")
			for _, want := range test.want {
				if !strings.Contains(all, want) {
					t.Errorf("want %s in\n%s", want, all)
				}
			}
		})
	}
}
